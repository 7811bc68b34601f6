#!/usr/bin/perl

# concurrency=: a client's requests that are not over, in all workers: those
# whose client waits, async ones, and those that were left.
#
# Seen failing: with one request more than the limit, with requests that are
# over when their client has its reply or never, and with repeats that count.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of wait_submits);
use Jimeng::Test::Pictures qw(noise_of pictures);
use Jimeng::Test::Sse;

my $prompts = 0;

my $t = with_keys(
    [ 'alice concurrency=2', 'bob concurrency=1', 'carol' ],
    workers => 2, emulator => { seconds => 1 },
    http => 'lingering_close off;',
);

my ($one, $other) = $t->workers;

sub prompt { "a dune in the wind, $_[0], " . ++$prompts }

# Nothing of one's client's goes, on either worker, and nothing is submitted.
sub is_full {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $pid ($one, $other) {
        my $prompt = prompt("$name, over");
        my $r = ask($t, $pid, request_as($t, $client, $prompt))->response;

        is_refused($t, $r, "$name: over", code => 'rate_limit_exceeded',
                   after => [ 1, 60 ]);
        is(scalar submits_of($t, $prompt), 0, "$name: no submit");
    }

    return;
}


# ---- two that wait, one in each worker

my $prompt = prompt('two');
my @two = map { ask($t, $_, request_as($t, 'alice', $prompt)) } $one, $other;
wait_submits($t, $prompt, 2);
is_full('alice', 'two');
is(usage($t, 'alice')->{concurrency}{used}, 2, 'two: usage');
is(usage($t, 'carol')->{concurrency}, undef, 'no limit: none in usage');
is(generate_as($t, 'bob')->status, 200, 'another client is served');
is(join(' ', map { $_->response->status } @two), '200 200', 'two pictures');
used($t, 'alice', concurrency => 0);
is(generate_as($t, 'alice')->status, 200, 'then the next');
used($t, 'alice', concurrency => 0);

my @many = map {
    ask($t, $_ % 2 ? $one : $other, request_as($t, 'carol', $prompt))
} 1 .. 6;
is(join(' ', map { $_->response->status } @many), '200 ' x 5 . 200,
   'no limit: as many as there are');


# ---- one request, whatever it asks for

for my $case (
    [ 'three pictures', { n => 3 }, 3 ], [ 'a stream', { stream => \1 } ],
    [ 'data', { response_format => 'b64_json' } ],
    [ 'async', { async => \1 } ],
) {
    my ($name, $fields, $n) = @$case;

    $prompt = prompt($name);
    my $x = ask($t, $one, request_as($t, 'bob', $prompt, $fields));
    my $r = $fields->{async} ? $x->response : undef;
    wait_submits($t, $prompt, $n);
    is_full('bob', $name);
    $r //= $x->response;
    like($r->status, qr/^20[02]\z/, "$name: it is served");
    used($t, 'bob', concurrency => 0);
}


# ---- one that was left

for my $fields ({}, { stream => \1 }) {
    my $name = 'left' . ($fields->{stream} ? ', a stream' : '');
    my $left = () = $t->error_log =~ /client closed connection/g;

    $prompt = prompt($name);
    my $x = ask($t, $one, request_as($t, 'bob', $prompt, $fields));
    wait_submits($t, $prompt);
    $x->reset;
    wait_for { $left < (() = $t->error_log =~ /client closed connection/g) }
        "$name: it is noticed";
    is_full('bob', $name);
    used($t, 'bob', concurrency => 0);
    is($t->emulator->state->{running}, 0, "$name: when its task is over");
}


# ---- what gives it back at once

my %over = (
    'no JSON' => [ '{', 400 ],
    'a bad field' => [ '{"n":0}', 400 ],
    'an unknown model' => [ '{"prompt":"a dune","model":"x"}', 404 ],
    'refused words' => [ '{"prompt":"a dune [[50413]]"}', 400 ],
    'refused access' => [ '{"prompt":"a dune [[50400]]"}', 502 ],
);

for my $name (sort keys %over) {
    my ($body, $status) = @{ $over{$name} };
    is($t->post_raw($body, bearer('bob'))->status, $status, $name);
    is(usage($t, 'bob')->{concurrency}{used}, 0, "$name: it is over");
}

# A body that does not come.
my @request = request_as($t, 'bob', prompt('half a body'), {},
                         { 'Content-Length' => 999 });
my $half = $t->start_request(@request);
is(usage($t, 'bob')->{concurrency}{used}, 0, 'half a body: no request yet');
is(generate_as($t, 'bob')->status, 200, 'half a body: another is served');
used($t, 'bob', concurrency => 0);
$half->abort;


# ---- a repeat that joins its first try

$prompt = prompt('joined');
my @joined = request_as($t, 'bob', $prompt, {},
                        { 'Idempotency-Key' => 'joined' });
my $first = ask($t, $one, @joined);
wait_submits($t, $prompt);
my @repeats = map { ask($t, $_, @joined) } $one, $other;
is_full('bob', 'joined');
is(join(' ', map { $_->response->status } $first, @repeats), '200 200 200',
   'joined: all of them are served');
is(scalar submits_of($t, $prompt), 1, 'joined: one submit');
used($t, 'bob', concurrency => 0);
is(ask($t, $other, @joined)->response->status, 200, 'joined: later, too');
is(scalar submits_of($t, $prompt), 1, 'joined: one submit');

# The repeat is what is left of it: it goes on, and counts.
$prompt = prompt('the first leaves');
@joined = request_as($t, 'bob', $prompt, {}, { 'Idempotency-Key' => $prompt });
$first = ask($t, $one, @joined);
wait_submits($t, $prompt);
my $repeat = ask($t, $other, @joined);
$first->reset;
is_full('bob', 'the first leaves');
is($repeat->response->status, 200, 'the first leaves: the repeat is served');
used($t, 'bob', concurrency => 0);

# Other requests are not for the limit.
$prompt = prompt('other requests');
my $x = ask($t, $one, request_as($t, 'bob', $prompt, { async => \1 }));
my $id = $x->response->json->{task_id};
is($t->request('GET', "/v1/$_", bearer('bob'))->status, 200, "GET $_")
    for 'models', 'usage', "images/$id?wait=5s";
used($t, 'bob', concurrency => 0);


# ---- a reload: the old worker's requests count

$prompt = prompt('reload');
my $old = ask($t, $one, request_as($t, 'bob', $prompt));
wait_submits($t, $prompt);
$t->signal('HUP');
wait_for { my @now = $t->workers('staying'); @now == 2
           && !grep { $_ == $one || $_ == $other } @now } 'new workers';
($one, $other) = $t->workers('staying');
is_full('bob', 'reload');
is($old->response->status, 200, 'reload: it is served');
used($t, 'bob', concurrency => 0);

$t->done;
