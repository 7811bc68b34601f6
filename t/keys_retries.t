#!/usr/bin/perl

# What was refused for a client's limits costs nothing, and is not remembered:
# its repeat is served as a request of its own, and never with a picture that
# was asked for, and delivered, before.
#
# Seen failing with requests over a rate that are refused before the ledger has
# heard of them; "at once", with a client's limits looked at before it is known
# whether it has left.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask connect_workers is_picture links submits_of
                            wait_submits);

my $prompts = 0;

my $t = with_keys(
    [ 'alice concurrency=1', 'bob images=1/d', 'carol rate=1r/s',
      'dave models=jimeng_t2i_v31' ],
    workers => 2, emulator => { seconds => 0.6 },
);

my ($one, $other) = $t->workers;

sub prompt { "a kite above the field, $_[0], " . ++$prompts }

# With a key, or with the count of a repeat.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
);

sub request {
    my ($client, $how, $prompt, $count, $key) = @_;
    return $t->generation({ prompt => $prompt },
                          { %{ bearer($client) },
                            %{ $repeat{$how}->($key // $prompt, $count) } });
}


for my $how (sort keys %repeat) {

    # One that was delivered before.
    my $prompt = prompt("concurrency, $how");
    my $first = ask($t, $one, request('alice', $how, $prompt, 0, 'a'))
                ->response;
    is($first->status, 200, "concurrency, $how: a picture");
    used($t, 'alice', concurrency => 0);

    my $busy = prompt('busy');
    my $x = ask($t, $one, $t->generation({ prompt => $busy },
                                         bearer('alice')));
    wait_for { submits_of($t, $busy) } "concurrency, $how: another runs";
    is(ask($t, $_, request('alice', $how, $prompt, 0, 'b'))->response->status,
       429, "concurrency, $how: refused") for $one, $other;
    is($x->response->status, 200, "concurrency, $how: it is over");
    used($t, 'alice', concurrency => 0);

    my $again = ask($t, $other, request('alice', $how, $prompt, 1, 'b'))
                ->response;
    is($again->status, 200, "concurrency, $how: the repeat");
    isnt(links($again), links($first), "concurrency, $how: a new picture");
    is(scalar submits_of($t, $prompt), 2, "concurrency, $how: two submits");
    used($t, 'alice', concurrency => 0);
}


# A budget of more, after a reload.
my $prompt = prompt('images');
is(generate_as($t, 'bob')->status, 200, 'images: a picture');
is(ask($t, $one, request('bob', 'key', $prompt, 0))->response->json->{code},
   'insufficient_quota', 'images: refused') for 1, 2;
set_clients($t, 'alice concurrency=1', 'bob images=2/d', 'carol rate=1r/s',
            'dave');
is(ask($t, $one, request('dave', 'key', $prompt, 0))->response->status, 403,
   'a model: refused');
$t->reload;
($one, $other) = $t->workers('staying');
is(ask($t, $one, request($_, 'key', $prompt, 1))->response->status, 200,
   "and then it is served: $_") for 'bob', 'dave';
is(scalar submits_of($t, $prompt), 2, 'one submit for each');


# ---- a rate

$prompt = prompt('a rate');

my $try = sub {
    return ask($t, $other, request('carol', 'count', $prompt, $_[0]))
           ->response;
};

my $first = $try->(0);
is($first->status, 200, 'a rate: a picture');
wait_for { $try->(0)->status == 429 } 'a rate: refused';
my $submits = submits_of($t, $prompt);
my $again;
wait_for { ($again = $try->(1))->status != 429 } 'a rate: a while later';
is($again->status, 200, 'a rate: the repeat');
isnt(links($again), links($first), 'a rate: a new picture');
is(scalar submits_of($t, $prompt), $submits + 1, 'a rate: one submit more');


# ---- one at a time, and its worker has not noticed that it has left

$prompt = prompt('[[seconds=1]] at once');
my @request = $t->generation({ prompt => $prompt }, bearer('alice'));
connect_workers($t, 1, $one, $other);
my $x = ask($t, $one, @request);
wait_submits($t, $prompt);

kill 'STOP', $one;
$x->abort;
$again = ask($t, $other, @request);
$t->log_like(qr/seen whether it goes on/, 'at once: it is waited for');
kill 'CONT', $one;

is_picture($t, $again->response, $prompt, 'at once');
used($t, 'alice', concurrency => 0);

$t->done;
