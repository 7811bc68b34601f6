#!/usr/bin/perl

# Two nginx with a store, as two machines have them, and one dies with tasks
# running.  Until its lease is over nobody knows: a repeat on the other one,
# with a mark or without, joins what was ordered, and nothing is paid twice.  A
# client that does send the same twice, to both, does not wait for that.
#
# Seen failing: "after n s, no mark", by a second submit each, without the look
# at heard() in twin() of jm_ledger_open.lua.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Restart;
use Time::HiRes qw(sleep time);

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $LEASE = 15;

my $redis = Jimeng::Redis->new;
my %both = (
    workers => 2, account => 'concurrency 20;', poll_interval => '100ms',
    http => 'jimeng_store unix:' . $redis->socket . ';',
);

my $t = Jimeng::Test->new(with_ledger(
    %both, strict => 1, emulator => { seconds => 4, concurrency => 20 }));
my $other = Jimeng::Test->new(with_ledger(
    %both, emulator => 0, upstream => '127.0.0.1:' . $t->emulator->port));

sub request {
    my ($prompt, $mark) = @_;
    return $t->generation({ prompt => $prompt }, $mark);
}


# ---- both live: it is two requests

my $prompt = 'a harbour, twice';
my $x = $t->start_request(request($prompt));
wait_submits($t, $prompt);

my $begun = time;
my $again = $other->start_request(request($prompt));
wait_submits($t, $prompt, 2);
cmp_ok(time - $begun, '<', 3, 'sent twice: it is soon known that both live');
is($_->response->status, 200, 'sent twice: a picture') for $x, $again;


# ---- one dies

my %marks = (
    'no mark' => [ {}, {} ],
    'a key' => [ map { { 'Idempotency-Key' => 'of a harbour' } } 1, 2 ],
    'a retry' => [ {}, { 'x-stainless-retry-count' => 1 } ],
);
my @cases = ([ 0.1, 'no mark' ], [ 0.5, 'no mark' ], [ 0.5, 'a key' ],
             [ 0.5, 'a retry' ], [ 1.2, 'no mark' ], [ 2, 'no mark' ],
             [ 6, 'no mark' ]);

for my $case (@cases) {
    my ($after, $mark) = @$case;

    push @$case, "a harbour, after $after s, $mark";
    push @$case, $t->start_request(request($case->[2], $marks{$mark}[0]));
}

for my $case (@cases) {
    wait_for { queries_of($t, $case->[2]) } "$case->[2]: it runs";
}

$t->allow_log(qr/exited on signal 9/);
my $died = time;
stop_nginx($t, 'KILL');

for my $case (@cases) {
    my ($after, $mark, $prompt) = @$case;
    my $left = $died + $after - time;

    sleep $left if $left > 0;
    push @$case, $other->start_request(request($prompt, $marks{$mark}[1]));
}

for my $case (@cases) {
    my ($after, $mark, $prompt, undef, $x) = @$case;
    my $name = "after $after s, $mark";

    is_picture($t, $x->response, $prompt, $name);
    is(submits_of($t, $prompt), 1, "$name: paid once");
}

cmp_ok(time - $died, '<', $LEASE + 4, 'none has waited for longer');


# ---- it is there again, and what was joined is not owed any more

start_nginx($t);
is($t->request(request($cases[0][2]))->status, 200, 'the same once more');
is(submits_of($t, $cases[0][2]), 2, 'is a new one');

$other->finish;
$t->done;
