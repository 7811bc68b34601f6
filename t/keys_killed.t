#!/usr/bin/perl

# A worker is killed: what its requests held of their clients' limits is given
# back, and what was used stays used.
#
# Seen failing without jm_quota_reap().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of);

my $prompts = 0;

my $t = with_keys(
    [ 'alice concurrency=2 images=10/d', 'bob images=4/d rate=9r/h',
      'carol concurrency=1' ],
    workers => 2, emulator => { seconds => 1 }, strict => 0,
);
$t->allow_log(qr/worker process \d+ exited on signal 9/);

sub prompt { "a cave by the sea, $_[0], " . ++$prompts }

for my $round (1 .. 3) {
    my ($one, $other) = $t->workers('staying');
    my $prompt = prompt("round $round");
    my @requests = map { my ($pid, $name, $n) = @$_;
        ask($t, $pid, $t->generation({ prompt => $prompt, n => $n },
                                     bearer($name)))
    } [ $one, 'alice', 1 ], [ $other, 'alice', 2 ], [ $one, 'bob', 2 ],
      [ $one, 'carol', 1 ];

    wait_for { submits_of($t, $prompt) == 6 } "round $round: submitted";
    is(generate_as($t, 'alice')->status, 429, "round $round: alice is full");
    is(generate_as($t, 'carol')->status, 429, "round $round: carol is full");

    my $used = 2 * ($round - 1);
    used($t, 'alice', concurrency => 2, images => [ $used, 3 ]);
    used($t, 'bob', images => [ 0, 2 ]);

    ok($t->kill_worker($one), "round $round: a worker is killed");
    used($t, 'alice', concurrency => 0, images => [ $used + 2, 0 ]);
    used($t, 'bob', images => [ 0, 0 ]);
    used($t, 'carol', concurrency => 0);
    is(join(' ', map { $_->response->status } @requests), '0 200 0 0',
       "round $round: the other worker's is served");
}

is(generate_as($t, 'carol')->status, 200, 'the next is served');
is(generate_as($t, 'alice', { n => 4 })->status, 200, 'as many as are left');
is(generate_as($t, 'alice')->json->{error}{code}, 'insufficient_quota',
   'and no more');
is(usage($t, 'bob')->{requests}{remaining}, 6, 'the rate is not given back');


# ---- all of them at once, while nobody looks

my $prompt = prompt('all');
my @workers = $t->workers('staying');
my @all = map { ask($t, $_, $t->generation({ prompt => $prompt, n => 2 },
                                           bearer('bob'))) } @workers;
wait_for { submits_of($t, $prompt) == 4 } 'all: submitted';
is(generate_as($t, 'bob')->status, 429, 'all: it is full');
$t->kill_worker($_) for @workers;
used($t, 'bob', images => [ 0, 0 ]);
is(generate_as($t, 'bob', { n => 4 })->status, 200, 'all: given back');


# ---- and a reload while a worker of before lives

$prompt = prompt('reload');
my ($pid) = $t->workers('staying');
my $x = ask($t, $pid, $t->generation({ prompt => $prompt }, bearer('carol')));
wait_for { submits_of($t, $prompt) } 'reload: submitted';
$t->signal('HUP');
wait_for { my @now = $t->workers('staying');
           @now == 2 && !grep { $_ == $pid } @now } 'reload: new workers';
is(usage($t, 'carol')->{concurrency}{used}, 1, 'reload: it is held');
kill 'KILL', $pid;
used($t, 'carol', concurrency => 0);
is($x->response->status, 0, 'reload: the old worker is killed');
is(generate_as($t, 'carol')->status, 200, 'reload: given back');

$t->done;
