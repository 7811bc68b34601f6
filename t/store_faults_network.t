#!/usr/bin/perl

# A store behind a network that is slow, and one that closes connections all the
# time: with each call its answer may be lost, and what it did is undone or
# found by a repeat.  Nothing is paid twice, and nothing is left behind.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Delay;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Queue qw(accepted free);
use Time::HiRes qw(time);

use constant {
    CLIENTS => 12,
    TASKS   => 3,       # at a time
    ROUNDS  => 3,
};

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $redis = Jimeng::Redis->new;
my $net = Jimeng::Test::Delay->new($redis->port);

my $t = with_keys(
    [ map { "client$_ images=1000/d concurrency=9" } 1 .. CLIENTS ],
    workers => 2, account => 'concurrency ' . TASKS . ';',
    http => 'jimeng_store redis://127.0.0.1:' . $net->port . ' timeout=3s;',
    server => 'location = /status { jimeng_status; access_log off; }',
);
my @pids = $t->workers;

sub request {
    my ($i, $name) = @_;
    return request_as($t, "client$i", "a road in fog, $name, $i", {},
                      { 'Idempotency-Key' => "$name, $i" });
}

sub status { ask($t, $_[0], 'GET', '/status', {}, undef)->response->json }

# It is there, and has been told all.
sub told {
    return wait_for {
        2 == grep { $_->{reachable} && !$_->{pending} }
             map { status($_)->{store} } @pids;
    } 'it has been told all';
}

# Each has its picture, which was paid once; all is as if nobody had come.
sub is_clean {
    my ($name, $pictures) = @_;
    my %used = map { $_ => $pictures } 1 .. CLIENTS;

    # the one that was told to come again
    $used{1}++ if $name ne 'slow';

    for my $i (1 .. CLIENTS) {
        is_picture($t, ask($t, $pids[$i % 2], request($i, $name))->response,
                   "a road in fog, $name, $i", "$name, $i");
        used($t, "client$i", images => [ $used{$i}, 0 ], concurrency => 0);
    }

    free($t);

    my @most = sort { $a <=> $b } map { $_->{running} } accepted($t);
    cmp_ok($most[-1], '<=', TASKS, "$name: no more tasks at a time");
    return;
}


# ---- slow

$net->set(0.05);

wait_for {
    2 == grep { status($_)->{store}{latency} >= 0.09 } @pids;
} 'it is slow';

my @started = map { ask($t, $pids[$_ % 2], request($_, 'slow')) } 1 .. CLIENTS;
is($_->response->status, 200, 'slow: a picture') for @started;
$t->log_unlike(qr/is away/, 'slow: it is not away');
is_clean('slow', 1);
$net->set(0);


# ---- no answer to whether it may be submitted, which is a no

$net->set(0, 2);
my $x = ask($t, $pids[0], request(1, 'no answer'));

# The store has given it a slot, and the worker is not told that any more.
wait_for { @{ $redis->command('KEYS', '{jimeng}:p*') } } 'it has a slot';
$redis->command(qw(CLIENT KILL ID), $_) for $redis->clients;

is_refused($t, $x->response, 'no answer', code => 'service_unavailable',
           after => [ 1, 60 ]);
is(scalar submits_of($t, 'a road in fog, no answer, 1'), 0,
   'no answer: it is not submitted');

$net->set(0);
told();
is_picture($t, ask($t, $pids[$_], request(1, 'no answer'))->response,
           'a road in fog, no answer, 1', "no answer: again, $_") for 0, 1;
free($t);


# ---- its connections are closed, over and over, with answers under way

$net->set(0.02);

my %answer;
my $closed = 0;
my ($next, $end) = (0, time + 15);

sub close_one {
    my ($list) = $redis->command(qw(CLIENT LIST TYPE normal));
    my @busy = grep { !/cmd=client/ } split /\n/, $list;
    my ($id) = (@busy ? $busy[rand @busy] : '') =~ /^id=(\d+)/ or return 0;

    return eval { $redis->command(qw(CLIENT KILL ID), $id) };
}

@started = map { [ $_, 1, ask($t, $pids[$_ % 2], request($_, 'closing 1')) ] }
           1 .. CLIENTS;

# Who is told to come again does, at once.
while (@started) {
    if (time > $next && time < $end) {
        $next = time + 0.3;
        $closed += close_one();
    }

    my ($i, $round, $x) = @{ shift @started };

    if (!$x->{buffer} && !IO::Select->new($x->socket)->can_read(0.01)) {
        push @started, [ $i, $round, $x ];
        next;
    }

    my $status = $x->response->status;
    $answer{$status}++;
    next if $status != 503 && $round++ == ROUNDS;

    push @started, [ $i, $round, ask($t, $pids[rand 2],
                                     request($i, "closing $round")) ];
}

$net->set(0);
cmp_ok($closed, '>=', 10, 'closing: connections');
is_deeply([ sort keys %answer ], [ 200, 503 ],
          'closing: a picture, or come again');
is($answer{200}, CLIENTS * ROUNDS, 'closing: each has all');

told();

is_clean("closing $_", 1 + ROUNDS) for 1 .. ROUNDS;

$t->done;
