#!/usr/bin/perl

# A slot that comes free is used at once by whoever is next, in whichever worker
# that waits.  Each waiter here is in another worker than the one before it, so
# that a slot that waited for anybody's timer (a second) would be seen.
#
# Seen failing: with an ngx_http_jimeng_wake() that wakes its own worker only,
# and with a worker that does not look at what is new to it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

use constant WAITERS => 20;

for my $workers (1, 4) {
    my $t = Jimeng::Test->new(with_queue(
        workers => $workers, strict => 1, poll_interval => '20ms',
        emulator => { seconds => 0.04, concurrency => 1 },
    ));

    my @pids = $t->workers;
    connect_workers($t, WAITERS, @pids);

    my $holder = hold($t, 3);
    my @waiting = map {
        ask($t, $pids[ $_ % @pids ], of("a relay, runner $_", 'team'))
    } 1 .. WAITERS;
    queued($t, WAITERS);

    is(statuses(@waiting), join(' ', (200) x WAITERS),
       "$workers workers: all are served");

    my @submits = $t->submits;
    my $took = $submits[-1]{time} - $submits[1]{time};

    is(scalar @submits, 1 + WAITERS, "$workers workers: one submit each");
    cmp_ok($took, '<', WAITERS * 0.3,
           "$workers workers: a slot is not left unused")
        or diag(join ' ', map {
            sprintf '%.2f', $submits[$_]{time} - $submits[ $_ - 1 ]{time}
        } 2 .. $#submits);
    $holder->response;
    free($t);
    $t->finish;
}


# ---- by what frees it: refused, left, failed

my $t = Jimeng::Test->new(with_queue(
    workers => 2, poll_interval => '20ms',
    emulator => { seconds => 0.04, concurrency => 1 },
    http => 'lingering_close off;',
));
my ($one, $other) = $t->workers;
connect_workers($t, 12, $one, $other);

for my $kind ([ 'refused', '[[50413]]', 400 ], [ 'failed', '[[50511]]', 400 ])
{
    my ($name, $trigger, $status) = @$kind;
    my $holder = hold($t, 1);
    my @waiting = map {
        (ask($t, $one, of("a relay, $name $_ $trigger", 'team')),
         ask($t, $other, of("a relay, after $name $_", 'team')))
    } 1 .. 5;
    queued($t, 10);
    $holder->response;

    my $begin = time;
    is(statuses(@waiting), join(' ', ("$status 200") x 5), "$name: answers");
    cmp_ok(time - $begin, '<', 4, "$name: the next one has the slot at once");
}

free($t);
$t->done;
