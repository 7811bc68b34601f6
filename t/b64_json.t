#!/usr/bin/perl

# response_format b64_json: each task is awaited with queries for links, then
# asked once more for the pictures themselves, which go into the reply as they
# come, the tasks in their order.  Whatever the upstream, nginx's buffers and
# the connection do to the text, the bytes of the pictures are the same.
#
# Seen failing: [[escape]] and [[wrap=...]], without ngx_memmove() in
# ngx_http_jimeng_pass_text(); "max_images", with a limit in
# ngx_http_jimeng_deliver_limit() that is that of the task.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Uncompress::Gunzip qw(gunzip);
use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Schema qw(look_of usage_of);

my $t;
my $prompts = 0;

sub start_with {
    my (%opt) = @_;

    return $t = Jimeng::Test->new(
        strict => 1, poll_interval => '20ms', emulator => { seconds => 0.03 },
        %opt, http => 'lingering_close off;' . ($opt{http} // ''),
    );
}

sub prompt { 'a heron ' . $prompts . '.' }

# Arguments of request(); the words are for the emulator.
sub request_of {
    my ($words, $fields, $headers) = @_;

    $prompts++;
    return $t->generation({
        prompt => prompt() . $words, response_format => 'b64_json', %$fields,
    }, $headers);
}

# Of the request that was begun last.
sub submits { $t->submits(prompt()) }

sub rows_of {
    my ($form) = @_;
    return grep { $_->{form} eq $form } $t->queries(prompt());
}

# A whole reply: pictures of these numbers of bytes, one of each task, or of
# one task when "group" is given.  Returns the rest of the reply.
sub is_good {
    my ($r, $name, $bytes, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $body = $more{body} // $r->body;
    is($r->status, 200, "$name: status") or diag(substr $body, 0, 500);
    ok($r->complete, "$name: complete");

    my ($rest, @pictures) = pictures($body);
    my @ids = split /, /, $t->logged($r)->{jimeng_task_id} // '';
    my @expected = $more{group}
        ? map { noise_of($ids[0], $bytes->[$_], $_) } 0 .. $#$bytes
        : map { noise_of($ids[$_], $bytes->[$_], 0) } 0 .. $#$bytes;

    is(join("\n", @pictures), join("\n", @expected), "$name: the pictures");

    if (ref $rest ne 'HASH') {
        fail("$name: JSON");
        diag(substr($body, 0, 200), ' ... ', substr $body, -200);
        return {};
    }

    is_deeply($rest->{data}, [ map { { b64_json => '' } } @$bytes ],
              "$name: data");
    return $rest;
}

sub good {
    my ($name, $words, $fields, $bytes, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $r = $t->request(request_of($words, $fields, $more{headers}),
                        %{ $more{opt} || {} });
    return (is_good($r, $name, $bytes, %more), $r);
}


start_with(http2 => 1);


# ---- one picture: the reply, and what was asked of the upstream

my ($rest, $r) = good('one picture', ' [[bytes=3000]]',
                      { size => '2048x2048' }, [ 3000 ]);
my ($id) = map { $_->{task_id} } submits();

is($t->upstream_ids(delete $rest->{task_id}), $id, 'one picture: task_id');
like(delete $rest->{created}, qr/^\d{10}\z/, 'one picture: created');
is_deeply($rest, {
    model => 'jimeng_t2i_v40', task_status => 'succeed',
    data => [ { b64_json => '' } ], look_of(size => '2048x2048'),
    usage => usage_of(1),
}, 'one picture: the rest of the reply');
is($r->header('Content-Type'), 'application/json', 'one picture: type');
is($r->header('Transfer-Encoding'), 'chunked', 'one picture: in chunks');
is($r->header('Content-Length'), undef, 'one picture: no length');
like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}$/,
     'one picture: X-Request-Id');

is(scalar submits(), 1, 'one picture: one submit');
ok(rows_of('url') > 0, 'one picture: awaited with queries for links');
is(join(' ', map { $_->{json}{req_json} } rows_of('base64')),
   '{"return_url":false}', 'one picture: then asked for it, once');
is((rows_of('base64'))[0]{n}, ($t->emulator->journal)[-1]{n},
   'one picture: that was the last');

my $row = $t->logged($r);
is_deeply([ @$row{qw(jimeng_status jimeng_code jimeng_images)} ],
          [ 'succeed', 10000, 1 ], 'one picture: variables');


# ---- watermark and metadata are those of the last query

for my $fields (
    {}, { watermark => \1 },
    { watermark => { position => 2, logo_text_content => 'a "cat", 猫' } },
    { aigc_meta => { producer_id => 'p', propagate_id => 'q' } },
    { watermark => \0, model => 'doubao-seedream-4-0-250828' },
    { model => 'doubao-seedream-4-0-250828' },
) {
    my $name = 'form ' . JSON::PP->new->canonical->encode($fields);

    good($name, ' [[bytes=100]]', $fields, [ 100 ]);
    my ($links) = map { $_->{json}{req_json} } rows_of('url');
    is((rows_of('base64'))[0]{json}{req_json},
       $links =~ s/"return_url":true/"return_url":false/r, $name);
}


# ---- several tasks, in order; one at a time

for my $n (2, 3, 10) {
    ($rest, $r) = good("n $n", ' [[bytes=40000]]', { n => $n },
                       [ (40000) x $n ]);
    is_deeply($rest->{usage}, usage_of($n), "n $n: usage");
    is(scalar submits(), $n, "n $n: submits");
    is(join(', ', map { $_->{json}{task_id} } rows_of('base64')),
       $t->logged($r)->{jimeng_task_id}, "n $n: asked once each, in order");
}

$t->emulator->fault({ on => 'result', times => 3, do => 'delay',
                      seconds => 0.3 });
good('slow results', ' [[bytes=500]]', { n => 3 }, [ (500) x 3 ]);
my @times = map { $_->{time} } rows_of('base64');
cmp_ok($times[1] - $times[0], '>=', 0.29, 'slow results: one after the other');
cmp_ok($times[2] - $times[1], '>=', 0.29, 'slow results: and the third');


# ---- part failures

$t->emulator->fault({ on => 'submit', skip => 1, do => 'answer',
    status => 400, body => envelope(undef, code => 50413) });
$r = $t->request(request_of(' [[bytes=2000]]', { n => 3 }));
($rest, my @pictures) = pictures($r->body);
my @ids = split /, /, $t->logged($r)->{jimeng_task_id} // '';
my ($failed) = grep { $ids[$_] eq '-' } 0 .. $#ids;

is($r->status, 200, 'one was refused: status');
is(join(' ', @pictures),
   join(' ', map { noise_of($_, 2000) } grep { $_ ne '-' } @ids),
   'one was refused: the pictures of the others, in order');
is_deeply([ map { @$_{qw(index code)} } @{ $rest->{errors} } ],
          [ $failed, 'content_policy_violation' ],
          'one was refused: errors');
is($rest->{usage}{generated_images}, 2, 'one was refused: usage');
is(scalar rows_of('base64'), 2, 'one was refused: two results');

# The first that is asked for.
$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      body => envelope(undef, code => 50511) });
$r = $t->request(request_of(' [[bytes=2000]]', { n => 3 }));
($rest, @pictures) = pictures($r->body);
my ($bad) = map { $_->{json}{task_id} } grep { $_->{fault} } rows_of('url');
@ids = split /, /, $t->logged($r)->{jimeng_task_id} // '';
($failed) = grep { $ids[$_] eq $bad } 0 .. $#ids;
is(join(' ', @pictures),
   join(' ', map { noise_of($_, 2000) } grep { $_ ne $bad } @ids),
   'one fails: the pictures of the others, in order');
is_deeply([ map { @$_{qw(index code)} } @{ $rest->{errors} } ],
          [ $failed, 'content_policy_violation' ], 'one fails: errors');
is($t->upstream_ids($rest->{task_id}), join(', ', @ids), 'one fails: task_id');
is(scalar(grep { $_->{json}{task_id} eq $bad } rows_of('base64')), 0,
   'one fails: its result is not asked for');


# ---- retries

$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      body => envelope(undef, code => 50511) });
$r = $t->request(request_of(' [[bytes=2000]]', { retries => 1 }));
($rest, @pictures) = pictures($r->body);
is(scalar submits(), 2, 'a retry: two submits');
is(join(' ', @pictures), noise_of((submits())[1]{task_id}, 2000),
   'a retry: the picture of the second');
is(join(' ', map { $_->{json}{task_id} } rows_of('base64')),
   (submits())[1]{task_id}, 'a retry: only its result is asked for');


# ---- groups

my @auto = (sequential_image_generation => 'auto', watermark => \0);

for my $case ([ undef, 5 ], [ 1, 1 ], [ 3, 3 ], [ 15, 5 ]) {
    my ($max, $handed) = @$case;
    my $name = 'a group, max_images ' . ($max // 'absent');

    ($rest) = good($name, ' [[pictures=5]] [[bytes=7000]]', {
        @auto, sequential_image_generation_options => { max_images => $max },
    }, [ (7000) x $handed ], group => 1);
    is($rest->{usage}{generated_images}, 5, "$name: usage counts all");
    is(scalar submits(), 1, "$name: one submit");
    is(scalar rows_of('base64'), 1, "$name: one result");
}

good('a group, force_single false', ' [[pictures=4]] [[bytes=100]]',
     { force_single => \0 }, [ (100) x 4 ], group => 1);


# ---- sizes: every kind of padding, around nginx's buffers

good("$_ bytes", " [[bytes=$_]]", {}, [ $_ ])
    for 24 .. 27, 2900 .. 2905, 4095, 4096, 4097, 24_500, 65_536, 196_607,
        1_000_000, 3_000_001;


# ---- clients

my $x = $t->start_request(request_of(' [[bytes=70000]]', {}), keepalive => 1);
is_good($x->response, 'a kept connection', [ 70000 ]);
$x = $t->start_request(request_of(' [[bytes=1000]]', {}), on => $x);
is_good($x->response, 'a kept connection, again', [ 1000 ]);

$r = $t->request(request_of(' [[bytes=90000]]', { n => 2 }),
                 version => '1.0');
is_good($r, 'HTTP/1.0', [ 90000, 90000 ]);
is($r->header('Transfer-Encoding'), undef, 'HTTP/1.0: no chunks');
is($r->header('Content-Length'), undef, 'HTTP/1.0: no length');

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @streams = map {
    $h2->start(request_of(" [[bytes=$_]]", { n => 2 }));
} 900_000, 30;

for my $i (0, 1) {
    my $bytes = (900_000, 30)[$i];
    my $answer = $h2->response($streams[$i]);
    ($rest, @pictures) = pictures($answer->{body});
    my %known = map { noise_of($_->{task_id}, $bytes) => 1 }
                grep { $_->{json}{prompt} =~ /\[\[bytes=$bytes\]\]/ }
                $t->submits;
    is($answer->{status}, 200, "HTTP/2, $bytes: status");
    ok($answer->{over} && !defined $answer->{reset}, "HTTP/2, $bytes: ends");
    is(scalar(grep { $known{$_} } @pictures), 2, "HTTP/2, $bytes: pictures");
}

my @many = map { $t->start_request(request_of(' [[bytes=300000]]', {})) }
           1 .. 10;
is_good($_->response, 'ten at once', [ 300_000 ]) for @many;

$t->finish;


# ---- what nginx does to an answer, and how the upstream writes it

for my $case (
    [ 'buffered', '' ],
    [ 'small buffers', 'proxy_buffer_size 4k; proxy_buffers 2 4k;'
                       . 'proxy_busy_buffers_size 4k;' ],
    [ 'not buffered', 'proxy_buffering off; proxy_buffer_size 1k;' ],
) {
    my ($how, $proxy) = @$case;
    start_with(proxy => $proxy);

    good("$how: three", ' [[bytes=500000]]', { n => 3 }, [ (500_000) x 3 ]);
    good("$how: $_", " [[bytes=50000]] $_", {}, [ 50000 ])
        for '[[escape]]', '[[wrap=76]]', '[[wrap=1]]',
            '[[escape]] [[wrap=5]]', '[[late]]', '[[chunked]]';
    good("$how: $_", " [[bytes=900]] $_", {}, [ 900 ])
        for '[[pieces=7]]', '[[pieces=13]] [[escape]] [[wrap=4]]',
            '[[pieces=10]] [[chunked]]';
    good("$how: a group, $_", " [[pictures=3]] [[bytes=5000]] $_",
         { force_single => \0 }, [ (5000) x 3 ], group => 1)
        for '[[pieces=100]]', '[[escape]] [[late]]';
    good("$how: Result", ' [[bytes=9000]] [[result]]', {}, [ 9000 ]);

    is($t->emulator->state->{connections}, 3,
       "$how: connections are used again");
    $t->finish;
}


# ---- gzip

start_with(http => 'gzip on; gzip_types application/json;'
                   . 'gzip_min_length 0; gzip_http_version 1.0;');
$r = $t->request(request_of(' [[bytes=1000000]]', { n => 2 },
                            { 'Accept-Encoding' => 'gzip' }));
is($r->header('Content-Encoding'), 'gzip', 'gzip: it is packed');
gunzip \$r->body, \my $body;
is_good($r, 'gzip', [ 1_000_000, 1_000_000 ], body => $body);

$t->done;
