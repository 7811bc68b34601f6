#!/usr/bin/perl

# Failures of a stream: before its header they are ordinary errors, with their
# status; after it they are events.  What fails while others come is said with
# the last picture, which waits for it, or in Ark's dialect in events at the
# end; what fails within a picture's base64 cuts the connection.
#
# Seen failing: "before", with a header that does not wait for the first task
# in ngx_http_jimeng_stream_step(); "in the middle", with a picture that has
# begun asked for again; "some", with a picture that does not wait in
# ngx_http_jimeng_deliver_task().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope pending);
use Jimeng::Test::Errors qw(is_error type_of);
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Schema qw(usage_of);
use Jimeng::Test::Sse;

my $t = Jimeng::Test->new(
    strict => 1, http2 => 1, poll_interval => '20ms',
    http => 'lingering_close off;', emulator => { seconds => 0.15 },
    proxy => 'proxy_read_timeout 2s;',
    server => <<'EOT',
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 800ms;
        }
        location /beats/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1200ms;
            jimeng_heartbeat 100ms;
        }
        location /off/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1200ms;
            jimeng_heartbeat off;
        }
EOT
);

my $prompts = 0;
my $lane = 'v1';
my $ark = 'doubao-seedream-4-0-250828';
my $failed = 'image_generation.partial_failed';

sub prompt { 'an egret ' . $prompts . '.' }

sub request_of {
    my ($words, $fields) = @_;

    $prompts++;
    my ($method, $path, @rest) = $t->generation({
        stream => \1, prompt => prompt() . $words, %{ $fields || {} } });
    return ($method, $path =~ s{^/v1}{/$lane}r, @rest);
}

sub begin {
    return Jimeng::Test::Sse->new($t->start_request(request_of(@_)));
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

sub results { $t->results(prompt()) }

sub answered {
    my ($code, $status) = @_;
    return (do => 'answer', status => $status // 400, body => envelope(undef,
            code => $code, status => $code, message => 'Risk Not Pass'));
}

# A stream that has come to nothing: one event, with the envelope of an error,
# and with the id of the tasks when "task" is given.
sub is_error_event {
    my ($sse, $name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($sse->status, 200, "$name: status");
    my @events = $sse->all;
    is(join(' ', map { $_->{event} } @events), 'error', "$name: one event");
    ok($sse->complete, "$name: complete");
    is($sse->strange, '', "$name: nothing else");

    my $json = @events ? $events[-1]{json} : {};
    my $message = ref $json->{error} eq 'HASH' ? $json->{error}{message} : '';
    my %error = (
        message => $message, type => type_of($want{code}), param => undef,
        code => $want{code},
    );

    $error{upstream_code} = $want{upstream_code}
        if defined $want{upstream_code};

    my %json = %$json;
    $error{task_id} = $json{task_id} if defined $json{task_id};

    is($t->upstream_ids(delete $json{task_id}),
       $want{task} ? $t->logged($sse)->{jimeng_task_id} : undef,
       "$name: task_id");
    is_deeply(\%json, {
        error => \%error, code => $want{code}, message => $message,
    }, "$name: the envelope");
    like($message, qr/\A[A-Z"].{20,}\.\z/, "$name: a message");
    is(Jimeng::Test::Errors::internals($t, bless { headers => $sse->headers,
        body => $events[-1]{data} // '' }, 'Jimeng::Test::Http::Response'),
       '', "$name: nothing of the inside");
    is($t->logged($sse)->{jimeng_status}, 'failed', "$name: \$jimeng_status");
    return;
}


# ---- before the header

for my $case (
    [ 'a bad value', '', { size => '0x0' }, code => 'invalid_request',
      param => 'size' ],
    [ 'an unknown model', '', { model => 'dall-e-9' },
      code => 'model_not_found', param => 'model' ],
    [ 'stream is no boolean', '', { stream => 'yes' },
      code => 'invalid_request', param => 'stream' ],
    [ 'refused', ' [[50413]]', {}, code => 'content_policy_violation',
      upstream_code => 50413 ],
    [ 'three refused', ' [[50413]]', { n => 3 },
      code => 'content_policy_violation', upstream_code => 50413 ],
    [ 'refused, Ark', ' [[50412]]', { model => $ark },
      code => 'content_policy_violation', upstream_code => 50412 ],
    [ 'access', ' [[50400]]', {}, code => 'upstream_auth_failed',
      upstream_code => 50400, no_retry => 1 ],
) {
    my ($name, $words, $fields, @want) = @$case;
    my $sse = begin($words, $fields);
    is_error($t, $sse->response, "before: $name", @want);
}

$t->emulator->fault({ on => 'submit', do => 'drop' });
is_error($t, begin('')->response, 'before: lost', code => 'upstream_error',
         no_retry => 1);
is(scalar submits(), 1, 'before: lost: one submit');

$t->emulator->fault({ do => 'refuse' });
is_error($t, begin('')->response, 'before: no connection',
         code => 'upstream_error');
$t->emulator->clear_faults;

# Refused for load until the deadline: without a heartbeat nothing was sent.
$lane = 'off';
is_error($t, begin(' [[50430]]')->response, 'before: busy',
         code => 'upstream_rate_limited', upstream_code => 50430);

# With one, it was.
$lane = 'beats';
my $sse = begin(' [[50430]]');
is_error_event($sse, 'busy, with heartbeats', code => 'upstream_rate_limited',
               upstream_code => 50430);
cmp_ok(scalar $sse->comments, '>=', 3, 'busy, with heartbeats: comments');

$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 0.5 });
$sse = begin(' [[50413]]');
is_error_event($sse, 'refused late', code => 'content_policy_violation',
               upstream_code => 50413);
$lane = 'v1';


# ---- after it: nothing came

for my $dialect ({}, { model => $ark, watermark => \0 }) {
    for my $format ('url', 'b64_json') {
        my $name = join ', ', 'after', $dialect->{model} // (), $format;
        my %fields = (%$dialect, response_format => $format);

        $sse = begin(' [[50512]]', \%fields);
        is_error_event($sse, "$name: refused", upstream_code => 50512,
            code => 'content_policy_violation', task => 1);

        $sse = begin(' [[50520]]', \%fields);
        is_error_event($sse, "$name: failed", upstream_code => 50520,
            code => 'upstream_error', task => 1);

        $sse = begin(' [[not_found]]', \%fields);
        is_error_event($sse, "$name: lost", task => 1,
            code => 'upstream_error');
    }
}

$sse = begin(' [[50512]]', { n => 3 });
is_error_event($sse, 'after: three refused', upstream_code => 50512,
               code => 'content_policy_violation', task => 1);

$lane = 'short';
$t->emulator->fault({ on => 'query', times => -1, do => 'answer',
                      status => 200, body => pending() });
$sse = begin('');
is_error_event($sse, 'after: the deadline',
               code => 'generation_timeout', task => 1);
is(scalar submits(), 1, 'after: the deadline: one submit');
$t->emulator->clear_faults;

$t->emulator->fault({ on => 'query', times => -1, do => 'reset' });
$sse = begin('');
is_error_event($sse, 'after: the upstream is gone',
               code => 'generation_timeout', task => 1);
$t->emulator->clear_faults;
$lane = 'v1';


# ---- some came

# The place of a task among those of the request.
sub index_of {
    my ($sse, $id) = @_;
    my @ids = split /, /, $t->logged($sse)->{jimeng_task_id} // '';
    return (grep { $ids[$_] eq $id } 0 .. $#ids)[0];
}

sub ids_in_order { split /, /, $t->logged($_[0])->{jimeng_task_id} // '' }

for my $dialect ({}, { model => $ark, watermark => \0 }) {
    my @names = $dialect->{model}
        ? ((('image_generation.partial_succeeded') x 2),
           $failed, 'image_generation.completed', '')
        : (('image_generation.completed') x 2);
    my $name = 'some, ' . ($dialect->{model} // 'OpenAI');

    for my $format ('url', 'b64_json') {
        for my $when ('submit', 'end') {
            my $name = "$name, $format, $when";
            my %fields = (%$dialect, n => 3, response_format => $format);
            # At the end: the first that is asked for.
            $t->emulator->fault($when eq 'submit'
                ? { on => 'submit', skip => 1, answered(50413) }
                : { on => 'query', answered(50512) });

            $sse = begin(' [[bytes=2000]]', \%fields);
            my @events = $sse->all;

            my %mine = map { $_ => 1 } ids();
            my ($lost) = $when eq 'submit' ? '-'
                : map { $_->{json}{task_id} }
                      grep { $_->{fault} && $mine{ $_->{json}{task_id} } }
                      $t->queries;
            is(join(' ', sort map { $_->{event} } @events),
               join(' ', sort @names), "$name: events");
            ok($sse->complete, "$name: complete");

            my $index = index_of($sse, $lost);
            my $error;

            if ($dialect->{model}) {
                my ($event) = grep { $_->{event} eq $failed } @events;
                my %json = %{ ($event || {})->{json} || {} };
                $error = delete $json{error};
                delete $json{created};
                is_deeply(\%json, { type => $failed, image_index => $index,
                                    model => 'jimeng_t2i_v40' },
                          "$name: what failed");
                is_deeply([ map { $_->{json}{usage}, $_->{event} }
                                $events[-2] ],
                          [ usage_of(2), 'image_generation.completed' ],
                          "$name: usage");

            } else {
                is($events[0]{json}{errors}, undef, "$name: not at first");
                my $errors = $events[1]{json}{errors} || [];
                is(scalar @$errors, 1, "$name: at the end");
                $error = $errors->[0] || {};
                is(delete $error->{index}, $index, "$name: what failed");
            }

            like(delete $error->{message} // '', qr/\A[A-Z"].{20,}\.\z/,
                 "$name: message");
            is_deeply($error, { code => 'content_policy_violation' },
                      "$name: code");

            my $row = $t->logged($sse);
            is("$row->{jimeng_status} $row->{jimeng_images}", 'succeed 2',
               "$name: variables");
            is(scalar submits(), 3, "$name: submits");
        }
    }
}


# One that fails when the others are done is told all the same: the last of them
# has waited for it.
for my $format ('url', 'b64_json') {
    my $name = "late, $format";

    $sse = begin(' [[bytes=2000]] [[seconds=1]]',
                 { n => 3, response_format => $format });
    wait_for { 3 == (() = submits()) } "$name: all are submitted";
    my ($late) = ids();
    $t->emulator->fault({ on => 'query', task => $late, times => 80,
                          do => 'answer', status => 200, body => pending() });
    $t->emulator->fault({ on => 'query', task => $late, answered(50512) });

    my @events = $sse->all;
    is(scalar @events, 2, "$name: the others' pictures");
    cmp_ok($events[0]{time}, '<', $events[1]{time} - 0.2,
           "$name: the first did not wait");
    is($events[0]{json}{errors}, undef, "$name: and tells nothing");
    is_deeply([ map { $_->{index} } @{ $events[1]{json}{errors} || [] } ],
              [ index_of($sse, $late) ], "$name: the last tells what failed");
    ok($sse->complete, "$name: complete");
    $t->emulator->clear_faults;
}


# ---- the query for the pictures themselves

my @b64 = (response_format => 'b64_json');

for my $case ([ 'reset', do => 'reset' ], [ '50500', answered(50500, 500) ],
              [ 'null', do => 'alter', null => 1 ])
{
    my ($name, @fault) = @$case;

    $t->emulator->fault({ on => 'result', times => 2, @fault });
    $sse = begin(' [[bytes=100000]]', { @b64 });
    my @events = $sse->all;
    is($events[0]{picture}, noise_of(ids(), 100_000), "$name, twice");
    is(scalar results(), 3, "$name, twice: three queries");

    $t->emulator->fault({ on => 'result', times => 3, @fault });
    $sse = begin(' [[bytes=100000]]', { @b64 });
    @events = $sse->all;
    is(join(' ', map { $_->{event} } @events), 'error', "$name, for good");
    is($events[0]{json}{error}{code}, 'upstream_error',
       "$name, for good: code");
    is($t->upstream_ids($events[0]{json}{task_id}), (ids())[0],
       "$name, for good: task_id");
    ok($sse->complete, "$name, for good: complete");
    is(scalar results(), 3, "$name, for good: three queries");
    is(scalar submits(), 1, "$name, for good: one submit");
    $t->emulator->clear_faults;
}

# One of three, for good: it is told with the last of the others, unless it is
# itself what the last would have been.
for my $skip (0, 2) {
    my $name = 'one of three, ' . ($skip ? 'the last' : 'the first');

    $t->emulator->fault({ on => 'result', skip => $skip, times => 3,
                          do => 'reset' });
    $sse = begin(' [[bytes=1000]]', { @b64, n => 3 });
    my @events = $sse->all;
    my $errors = $skip ? undef : $events[1]{json}{errors};

    ok($sse->complete, "$name: complete");
    is(join(' ', map { $_->{event} } @events), 'image_generation.completed '
       . 'image_generation.completed' . ($skip ? ' error' : ''),
       "$name: events");
    is(($skip ? $events[2]{json}{error} : $errors->[0])->{code},
       'upstream_error', "$name: code");
    is($t->upstream_ids($events[2]{json}{error}{task_id}),
       join(', ', ids_in_order($sse)), "$name: task_id") if $skip;
    is(scalar submits(), 3, "$name: submits");
    $t->emulator->clear_faults;
}

for my $case ([ 'cut', do => 'cut', body_bytes => 500_000 ],
              [ 'not base64', do => 'alter', spoil => 500_000 ])
{
    my ($name, @fault) = @$case;

    $t->emulator->fault({ on => 'result', @fault });
    $sse = begin(' [[bytes=1000000]]', { @b64 });
    is(scalar(() = $sse->all), 0, "$name in the middle: no event");
    ok(!$sse->complete, "$name in the middle: cut");
    like($sse->strange, qr/\Aevent: image_generation.completed\ndata: \{/,
         "$name in the middle: an event had begun");
    is(scalar submits(), 1, "$name in the middle: one submit");
    is(scalar results(), 1, "$name in the middle: one query");
}

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
$t->emulator->fault({ on => 'result', do => 'cut', body_bytes => 500_000 });
my $stream = $h2->start(request_of(' [[bytes=1000000]]', { @b64 }));
my $answer = $h2->response($stream);
is($answer->{status}, 200, 'HTTP/2: status');
ok(defined $answer->{reset}, 'HTTP/2: the stream is reset');
$stream = $h2->start(request_of(' [[50512]]'));
$answer = $h2->response($stream);
like($answer->{body}, qr/^event: error\ndata: \{.*\}\n\n\z/m,
     'HTTP/2: an event of an error');
ok(!defined $answer->{reset}, 'HTTP/2: and its end');

$t->done;
