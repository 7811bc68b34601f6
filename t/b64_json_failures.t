#!/usr/bin/perl

# What goes wrong with the query for the pictures themselves.  While nothing of
# them was handed on it is repeated, three queries at most; when that does not
# help the task has failed: an ordinary error, or one of a reply's "errors".
# After the first byte of a picture the connection is cut: no client takes half
# of it for a whole one.  The task is not submitted again in any case.
#
# Seen failing:
# - "in the middle" of every kind but "not base64", with a picture that has
#   begun taken for one of which nothing went on, in
#   ngx_http_jimeng_data_asked();
# - "a code after the picture" and "an answer without its end", without
#   JM_EVENT_DONE there;
# - "three queries", with four of them;
# - "the first of two is empty", without "empty" there;
# - "not base64 from the first character" in the version that ended the
#   client's connection with it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;

use constant BYTES => 1_000_000;

my $t = Jimeng::Test->new(
    strict => 1, http2 => 1, poll_interval => '20ms',
    http => 'lingering_close off;', emulator => { seconds => 0.03 },
    proxy => 'proxy_read_timeout 700ms;',
    server => <<'EOT',
        location /off/ { jimeng_pass /_off; }
        location = /_off {
            internal;
            proxy_pass http://volcengine/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host visual.volcengineapi.com;
            proxy_read_timeout 700ms;
            proxy_buffering off;
            client_max_body_size 0;
        }
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
        }
EOT
);

my $prompts = 0;
my $lane = 'v1';

sub prompt { 'a crane ' . $prompts . '.' }

sub request_of {
    my ($words, $fields) = @_;

    $prompts++;
    my ($method, $path, @rest) = $t->generation({
        prompt => prompt() . $words, response_format => 'b64_json', %$fields,
    });
    return ($method, $path =~ s{^/v1}{/$lane}r, @rest);
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

sub results { $t->results(prompt()) }

# Makes a request with these faults for its queries of the result.
sub with {
    my ($faults, $words, $fields) = @_;

    $t->emulator->fault({ on => 'result', times => 1, %$_ }) for @$faults;
    my $r = $t->request(request_of($words // ' [[bytes=' . BYTES . ']]',
                                   $fields // {}));
    $t->emulator->clear_faults if @$faults;
    return $r;
}

sub is_whole {
    my ($r, $name, $n, $queries) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($rest, @pictures) = pictures($r->body);
    is($r->status, 200, "$name: status") or diag(substr $r->body, 0, 500);
    ok($r->complete, "$name: complete");
    is(join(' ', @pictures),
       join(' ', map { noise_of($_, BYTES) }
                 split /, /, $t->logged($r)->{jimeng_task_id} // ''),
       "$name: pictures");
    is(ref $rest, 'HASH', "$name: JSON");
    is(scalar submits(), $n, "$name: submits");
    is(scalar results(), $queries, "$name: queries for results");
    return;
}

# The connection was cut in the middle of the n-th picture; what came is right.
sub is_cut {
    my ($r, $name, $queries, $n, $submits) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: status");
    ok(!$r->complete, "$name: cut");
    is($r->error, 'closed', "$name: by closing it");

    my @ids = split /, /, $t->logged($r)->{jimeng_task_id} // '';
    my $expected = join '"},{"b64_json":"',
                   map { noise_text($_, BYTES) } @ids[0 .. $n - 1];
    my $got = $r->body =~ s/\A.*?"b64_json":"//sr;

    # What follows the last picture.
    $got =~ s/"[^"]*\z// or $got =~ s/",?\{?\z//;
    $got =~ s/"\},\{\z//;
    ok(substr($expected, 0, length $got) eq $got, "$name: what came is right")
        or diag(length($got), ' ', substr $got, -50);
    is(scalar results(), $queries, "$name: queries for results");
    is(scalar submits(), $submits // $n, "$name: submits");
    is($t->logged($r)->{jimeng_status}, 'succeed', "$name: \$jimeng_status");
    return;
}


my %answer = (
    500 => { do => 'answer', status => 500,
             body => envelope(undef, code => 50500, status => 50500) },
    429 => { do => 'answer', status => 429,
             body => envelope(undef, code => 50429, status => 50429) },
);

# Nothing of a picture comes of these.
my @before = (
    [ '50500', $answer{500} ],
    [ '50429', $answer{429} ],
    [ '502, no JSON', { do => 'answer', status => 502, body => '<html>' } ],
    [ '200, no JSON', { do => 'answer', status => 200, body => '<html>' } ],
    [ '200, nothing', { do => 'answer', status => 200, body => '' } ],
    [ 'not done', { do => 'answer', status => 200, body => envelope({
        status => 'generating', image_urls => undef,
        binary_data_base64 => undef }) } ],
    [ 'reset', { do => 'reset' } ],
    [ 'drop', { do => 'drop' } ],
    [ 'cut in the header', { do => 'cut', bytes => 40 } ],
    [ 'cut before the first character', { do => 'cut', body_bytes => 25 } ],
    [ 'time-out', { do => 'delay', seconds => 1 } ],
    [ 'null', { do => 'alter', null => 1 } ],
    [ 'no picture', { do => 'alter', pictures => 0 } ],
    [ 'an empty picture', { do => 'alter', empty => 1 } ],
    [ 'not base64 from the first character',
      { do => 'alter', spoil => 0 } ],
);


# ---- once or twice, then it is well

for my $case (@before) {
    my ($name, $fault) = @$case;

    is_whole(with([ $fault ]), "$name, once", 1, 2);
    next if $name eq 'time-out';
    is_whole(with([ { %$fault, times => 2 } ]), "$name, twice", 1, 3);
}

is_whole(with([ map { $_->[1] } @before[0, 6] ], undef, { n => 2 }),
         'two faults, two tasks', 2, 4);


# ---- for good: an ordinary error

for my $case (@before) {
    my ($name, $fault) = @$case;
    next if $name eq 'time-out';

    my $r = with([ { %$fault, times => -1 } ]);
    my ($id) = ids();

    is_error($t, $r, "$name, for good", code => 'upstream_error',
             no_retry => 1, task_id => qr/^$id\z/,
             upstream_code => $name =~ /^(50\d+)$/ ? $1 : undef);
    is(scalar results(), 3, "$name, for good: three queries");
    is(scalar submits(), 1, "$name, for good: one submit");
}

# What is final is not asked for again.
my $refused = with([ { do => 'answer', status => 400, times => -1,
    body => envelope(undef, code => 50511, status => 50511) } ]);
is_error($t, $refused, '50511, for good', code => 'content_policy_violation',
         upstream_code => 50511, no_retry => 1, task_id => qr/^\d+\z/);
is(scalar results(), 1, '50511, for good: one query');

# One of several: the others' pictures are whole.
for my $index (0 .. 2) {
    my $name = "number $index of three, for good";
    my $r = with([ { do => 'reset', times => 3, skip => $index } ], undef,
                 { n => 3 });
    my ($rest, @pictures) = pictures($r->body);
    my @ids = split /, /, $t->logged($r)->{jimeng_task_id} // '';

    is($r->status, 200, "$name: status") or diag($r->body);
    ok($r->complete, "$name: complete");
    is(join(' ', @pictures),
       join(' ', map { noise_of($_, BYTES) }
                 map { $ids[$_] } grep { $_ != $index } 0 .. 2),
       "$name: the others");
    is_deeply([ map { [ @$_{qw(index code)} ] } @{ $rest->{errors} || [] } ],
              [ [ $index, 'upstream_error' ] ], "$name: errors");
    is($rest->{usage}{generated_images}, 3,
       "$name: all of them were made, and billed");
    is($t->upstream_ids($rest->{task_id}), join(', ', @ids),
       "$name: task_id");
    is(scalar submits(), 3, "$name: three submits");
    is(scalar results(), 5, "$name: five queries for results");
}

my $all = with([ { do => 'reset', times => -1 } ], undef, { n => 2 });
is_error($t, $all, 'two of two, for good', code => 'upstream_error',
         no_retry => 1, task_id => qr/^\d+, \d+\z/);
is(scalar submits(), 2, 'two of two, for good: two submits');
is(scalar results(), 6, 'two of two, for good: six queries for results');


# ---- in the middle

my @middle = (
    [ 'cut', { do => 'cut', body_bytes => 500_000 } ],
    [ 'cut at the end of it', { do => 'cut', body_bytes => 1_333_370 } ],
    [ 'silence', { do => 'stall', body_bytes => 500_000, seconds => 1 } ],
    [ 'not base64', { do => 'alter', spoil => 500_000 } ],
);

for my $place ('v1', 'off') {
    $lane = $place;

    for my $case (@middle) {
        my ($name, $fault) = @$case;
        $name = "$name, /$place/";

        is_cut(with([ $fault ]), $name, 1, 1);
        is_cut(with([ { %$fault, skip => 1 } ], undef, { n => 3 }),
               "$name, the second of three", 2, 2, 3);
    }

    is_cut(with([ { do => 'alter', code => 50500 } ],
                ' [[late]] [[bytes=' . BYTES . ']]'),
           "a code after the picture, /$place/", 1, 1);

    # Cut after the text: the pictures are whole, the answer is not.
    my $r = with([ { do => 'cut', body_bytes => 1_333_460 } ]);
    ok(!$r->complete, "an answer without its end, /$place/: cut");
    is(scalar submits(), 1, "an answer without its end, /$place/: one submit");
}

$lane = 'v1';

is_whole(with([ { do => 'reset', times => 2, skip => 1 } ], undef,
              { n => 3 }), 'the second of three, twice', 3, 5);


# ---- HTTP/2: the stream is reset, the connection goes on

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
$t->emulator->fault({ on => 'result', %{ $middle[0][1] } });
my $stream = $h2->start(request_of(' [[bytes=' . BYTES . ']]', {}));
my $answer = $h2->response($stream);
is($answer->{status}, 200, 'HTTP/2: status');
ok(defined $answer->{reset}, 'HTTP/2: the stream is reset');
cmp_ok(length $answer->{body}, '<', BYTES, 'HTTP/2: in the middle');

$stream = $h2->start(request_of(' [[bytes=5000]]', {}));
$answer = $h2->response($stream);
my (undef, @pictures) = pictures($answer->{body});
ok(!defined $answer->{reset}, 'HTTP/2: another stream of the connection');
is("@pictures", noise_of((ids())[0], 5000), 'HTTP/2: has its picture');

$t->emulator->fault({ on => 'result', times => 3, do => 'reset' });
$stream = $h2->start(request_of(' [[bytes=5000]]', {}));
$answer = $h2->response($stream);
is($answer->{status}, 502, 'HTTP/2: for good: an ordinary error');
ok(!defined $answer->{reset}, 'HTTP/2: for good: with its end');


# ---- more pictures than there were links, and fewer

my $r = with([ { do => 'alter', pictures => 2 } ]);
ok(!$r->complete || ref((pictures($r->body))[0]) eq 'HASH',
   'two pictures for one link: the reply is whole, or cut');

$r = with([ { do => 'alter', pictures => 2 } ],
          ' [[pictures=3]] [[bytes=5000]]', { force_single => \0 });
ok(!$r->complete || ref((pictures($r->body))[0]) eq 'HASH',
   'two pictures for three links: the reply is whole, or cut');


# The second may not be handed on in the place of the first.
$r = with([ { do => 'alter', empty => 1 } ], ' [[pictures=2]] [[bytes=5000]]', {
    sequential_image_generation => 'auto',
    sequential_image_generation_options => { max_images => 1 },
});
ok(!$r->complete || (pictures($r->body))[1] eq noise_of((ids())[0], 5000, 0),
   'the first of two is empty: it is asked for again, or cut');


# ---- failures before there is a result are as ever

for my $case (
    [ 'refused at submit', ' [[50413]]', 'content_policy_violation', 50413 ],
    [ 'refused at the end', ' [[50512]]', 'content_policy_violation', 50512,
      task_id => qr/^\d+\z/ ],
    [ 'failed', ' [[50520]]', 'upstream_error', 50520, no_retry => 1,
      task_id => qr/^\d+\z/ ],
) {
    my ($name, $words, $code, $upstream, @more) = @$case;

    is_error($t, with([], $words), $name, code => $code,
             upstream_code => $upstream, @more);
    is(scalar results(), 0, "$name: no result is asked for");
}

$lane = 'short';
$t->emulator->fault({ on => 'query', times => -1, do => 'answer',
    status => 200, body => envelope({ status => 'generating',
        image_urls => undef, binary_data_base64 => undef }) });
$r = with([]);
is_error($t, $r, 'the deadline', code => 'generation_timeout', no_retry => 1,
         task_id => qr/^\d+\z/);
is(scalar results(), 0, 'the deadline: no result is asked for');

$t->emulator->clear_faults;
$lane = 'v1';
is_whole(with([]), 'and all is well', 1, 1);

$t->done;
