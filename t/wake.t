#!/usr/bin/perl

# How workers wake each other, whatever tells them of events: a slot that comes
# free goes to a worker that waits, within less than the second after which it
# would look by itself.  Over reloads a number of a worker is that of two, and
# there are no more descriptors than before.
#
# Seen failing with nobody woken, with a worker that does not look at what is new
# to it, and with descriptors that are made anew at each reload.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

use constant RUNNERS => 6;

# Runners in the workers $at, one after another; each is over long before the
# next one would look for itself.
sub relay {
    my ($t, $name, @at) = @_;
    my $holder = hold($t, 2);
    my $submits = $t->submits;
    my @runners = map {
        ask($t, $at[ $_ % @at ], of("a relay, $name, $_", "team"))
    } 1 .. RUNNERS;

    queued($t, RUNNERS);
    return ($holder, $submits, @runners);
}

sub is_quick {
    my ($t, $name, $holder, $submits, @runners) = @_;

    is(statuses(@runners), join(' ', (200) x RUNNERS), "$name: all are served");

    my @times = map { $_->{time} } ($t->submits)[ $submits .. $submits + 5 ];
    my $took = $times[-1] - $times[0];

    cmp_ok($took, '<', 2.5, "$name: none waits for its own timer")
        or diag(join ' ', map { sprintf '%.2f', $_ - $times[0] } @times);

    $holder->response;
    return free($t);
}

# eventfds that a process has
sub descriptors {
    my ($pid) = @_;
    return scalar grep { (readlink($_) // '') =~ /eventfd/ }
                  glob "/proc/$pid/fd/*";
}


for my $method (qw(epoll poll select)) {
    my %with = (events => "use $method;", module => 0);
    my ($code) = Jimeng::Test->test_config(%with);

    SKIP: {
        skip "this nginx has no $method", 1 if $code;
        try($method);
    }
}

sub try {
    my ($method) = @_;
    my $t = Jimeng::Test->new(with_queue(
        workers => 3, strict => 1, poll_interval => '20ms',
        events => "use $method;", http => 'lingering_close off;',
        emulator => { seconds => 0.04, concurrency => 1 },
    ));

    is_quick($t, $method, relay($t, $method, $t->workers));
    return $t->finish;
}


# ---- reloads

my $t = Jimeng::Test->new(with_queue(
    workers => 2, strict => 1, poll_interval => '20ms',
    emulator => { seconds => 0.04, concurrency => 1 },
    http => 'lingering_close off;',
));
my $master = $t->{nginx}->process->pid;
my $before = descriptors($master);

is($before, 2, 'the master has one for each worker');

my @old = $t->workers;
my @runners = relay($t, 'reloaded', @old);
$t->reload;
is_quick($t, 'those in old workers', @runners);
wait_for { !grep { kill 0, $_ } @old } 'the old workers leave';

$t->reload for 1 .. 3;
is(descriptors($master), $before, 'four reloads: no more descriptors');

$t->{workers} = 4;
$t->reload(location => 'jimeng_timeout 100s;');
is(descriptors($master), 4, 'more workers: one for each');
is_quick($t, 'workers that were added',
         relay($t, 'added', $t->workers('staying')));

$t->{workers} = 1;
$t->reload(location => 'jimeng_timeout 101s;');
is_quick($t, 'one worker', relay($t, 'one', $t->workers('staying')));

$t->reload(location => 'jimeng_timeout 102s;', account => '');
is(descriptors($master), 4, 'fewer workers: none is closed');
$t->done;
