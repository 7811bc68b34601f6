#!/usr/bin/perl

# jimeng_store with fallback=local: while the store does not answer the node's
# own zone decides about new requests, with its part of each account. What began
# in one store ends there: nothing is paid for twice, no slot is lost.
#
# Seen failing: "no third upstream", "half as many submits", without
# ngx_http_jimeng_zone_divide();
# "a repeat when the store is back" without jm_either_knows();
# "a repeat after a reload" with a salt that only its worker knows; "one line"
# with a line by each worker.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my ($redis, $t);
my $n = 0;

sub store_of {
    return 'jimeng_store ' . $redis->url . ' fallback=local timeout=300ms;';
}


sub node {
    my (%opt) = @_;

    return Jimeng::Test->new(with_queue(
        account => 'concurrency 4;', http => store_of(),
        emulator => { seconds => 0.3 }, %opt,
    ));
}


# Another machine, with the same upstream.
sub beside {
    my ($first, %opt) = @_;
    return node(emulator => 0,
                upstream => '127.0.0.1:' . $first->emulator->port, %opt);
}


sub prompt { "a bridge in the fog, $_[0], " . ++$n }

sub keyed { of($_[0], 'one', headers => { 'Idempotency-Key' => $_[1] }) }

# As this worker, or one of them, sees it.
sub reachable {
    my ($node) = @_;
    return $node->request('GET', '/status')->json->{store}{reachable};
}

sub entries { scalar @{ $redis->command('KEYS', '{jimeng}:e*') } }

sub lines {
    my ($node, $text) = @_;
    return scalar(() = $node->error_log =~ /$text/g);
}

my $begins = qr/\[error\] .*redis:\S+ does not answer, this node decides alone/;
my $ends = qr/\[warn\] .*redis:\S+ answers again, and decides about new/;

# Each node has been told of so many.
sub nodes_seen {
    my ($count) = @_;
    return wait_for {
        my %says = @{ $redis->command('HGETALL', '{jimeng}:N') };
        keys %says == $count;
    } "$count nodes are there";
}


# ---- two nodes, and a store that hangs

$redis = Jimeng::Redis->new(appendonly => 1);
$t = node(
    workers => 2, emulator => { seconds => 0.3, concurrency => 4 },
    http => store_of() . 'jimeng_accounts main;',
    accounts => [ interval => 'concurrency 9; interval 200ms;',
                  rate => 'concurrency 9; rate 300r/m;' ],
    server => join ' ', map {
        "location /$_/ { jimeng_pass /_volcengine; jimeng_accounts $_; }"
    } qw(interval rate),
);
my $other = beside($t);

is($_->request(of(prompt('both'), 'one'))->status, 200, 'with a store')
    for $t, $other;
is(entries(), 2, 'which has both');
nodes_seen(2);

# A worker learns of it when it says that it lives, a second later at most.
my $since = time;
wait_for { time - $since > 1.5 } 'and are known to each other';

$redis->signal('STOP');
my @pids = $t->workers;

my @x = map { ask($t, $pids[$_ % 2], of(prompt('alone'), "client $_")) } 1 .. 8;
is(statuses(@x), join(' ', (200) x 8), 'a store that hangs: all are served');
is($t->emulator->accounts->{main}{most}, 2, 'no third upstream, and two');
is(account_of($t)->{concurrency}, 2, 'half of its slots');
is(lines($t, $begins), 1, 'one line that it begins');
$t->log_like(qr/one of 2 that there were/, 'which says of how many');

for my $account (qw(interval rate)) {
    @x = map { $t->start_request(of(prompt('paced'), "client $_",
                                    path => "/$account")) } 1 .. 4;
    is(statuses(@x), join(' ', (200) x 4), "$account: all are served");

    my @times = map { $_->{time} }
                grep { $_->{account} eq $account } $t->submits;
    cmp_ok($times[-1] - $times[0], '>=', 3 * 0.4 - 0.25,
           "$account: half as many submits");
}

@x = map {
    ( $t->start_request(of(prompt('both'), "client $_")),
      $other->start_request(of(prompt('both'), "client $_")) )
} 1 .. 4;
is(statuses(@x), join(' ', (200) x 8), 'and on both nodes');
is($t->emulator->accounts->{main}{most}, 4, 'no more than one node has');
is(scalar busy_rows($t), 0, 'nothing was refused for load');
is(lines($other, $begins), 1, 'one line of the other node');

$redis->signal('CONT');
wait_for { lines($_, $ends) } 'it is back' for $t, $other;
is(entries(), 2, 'it has learned nothing of what began meanwhile');
is($t->request(of(prompt('back'), 'one'))->status, 200, 'a new request');
is(entries(), 3, 'is the store\'s at once');
is(account_of($t)->{concurrency}, 4, 'with all slots');

$since = time;
wait_for { time - $since > 1.5 } 'every worker has renewed itself';
is(lines($t, $ends), 1, 'one line that it ends');
is(lines($t, $begins), 1, 'and none that it begins again');
$other->finish;


# ---- killed, and started again with what it knew

$t->finish;
$redis = Jimeng::Redis->new(appendonly => 1);
$t = node(account => 'concurrency 1;');

my $far = prompt('began far');
my $near = prompt('began near');
my $far_x = $t->start_request(keyed("$far [[seconds=2]]", 'far key'));
wait_for { grep { defined $_->{task_id} }
           submits_of($t, "$far [[seconds=2]]") } 'a task runs';

my $waits = prompt('waits far');
my $waits_x = $t->start_request(of($waits, 'two'));
queued($t, 1);

$redis->kill;
wait_for { !reachable($t) } 'the store is away';

my $near_x = $t->start_request(keyed("$near [[seconds=4]]", 'near key'));
wait_for { grep { defined $_->{task_id} }
           submits_of($t, "$near [[seconds=4]]") } 'another begins at once';
is(scalar submits_of($t, $waits), 0, 'but not what waits for the store');

my $again = $t->start_request(keyed("$near [[seconds=4]]", 'near key'));

is_picture($t, $far_x->response, "$far [[seconds=2]]",
           'a task that began before');
is(scalar submits_of($t, $waits), 0, 'its slot is the store\'s');

$redis->start;
wait_for { reachable($t) } 'it is back';

is_picture($t, $waits_x->response, $waits, 'what waited for the store');
is(account_of($t)->{running}, 0, 'every slot of the store is free');
is($redis->command('HLEN', '{jimeng}:A'), 1, 'it is the store that says so');

my $repeat = $t->start_request(keyed("$near [[seconds=4]]", 'near key'));
is_picture($t, $near_x->response, "$near [[seconds=4]]",
           'a task that began alone');
is_picture($t, $again->response, "$near [[seconds=4]]", 'its repeat meanwhile');
is_picture($t, $repeat->response, "$near [[seconds=4]]",
           'a repeat when the store is back');
is_picture($t, $t->request(keyed("$near [[seconds=4]]", 'near key')),
           "$near [[seconds=4]]", 'and one when it is over');
is_picture($t, $t->request(keyed("$far [[seconds=2]]", 'far key')),
           "$far [[seconds=2]]", 'a repeat of what began before');
is(scalar accepted($t), 3, 'nothing was paid for twice');


# ---- ids that clients have

sub async {
    my ($prompt) = @_;
    my $x = $t->request(of($prompt, 'one', async => \1));
    return $x->json->{task_id};
}

# What the client of an id gets; waits for its end.
sub retrieved {
    my ($id) = @_;
    return $t->request('GET', "/v1/images/generations/$id?wait=10s",
                       { Authorization => 'Bearer one' });
}

my $far_async = prompt('async far');
my $near_async = prompt('async near');
my $far_id = async("$far_async [[seconds=1]]");
$redis->kill;
wait_for { !reachable($t) } 'the store is away';
my $near_id = async("$near_async [[seconds=3]]");

is_picture($t, retrieved($far_id), "$far_async [[seconds=1]]",
           'by an id of the store\'s, while it is away');
$redis->start;
wait_for { reachable($t) } 'it is back';
is_picture($t, retrieved($near_id), "$near_async [[seconds=3]]",
           'by an id of this node\'s, when it is back');
free($t);


# ---- a reload meanwhile, and accounts that have other places then

$redis->kill;
wait_for { !reachable($t) } 'the store is away';
my $kept = prompt('before a reload');
is_picture($t, $t->request(keyed($kept, 'kept key')), $kept, 'served alone');
my $line = lines($t, $begins);

$t->reload;
is_picture($t, $t->request(keyed($kept, 'kept key')), $kept,
           'a repeat after a reload');
my $new = prompt('after a reload');
is_picture($t, $t->request(of($new, 'one')), $new, 'and what is new');
is(lines($t, $begins), $line, 'it is not logged again');

# What a killed worker had begun is found by the next one, wherever it asks.
$t->allow_log(qr/exited on signal 9/);
my $lost = prompt('of a killed worker');
my $lost_x = $t->start_request(keyed("$lost [[seconds=3]]", 'lost key'));
wait_for { grep { defined $_->{task_id} }
           submits_of($t, "$lost [[seconds=3]]") } 'it runs';
$t->kill_worker;
$lost_x->abort;
my $found_x = $t->start_request(keyed("$lost [[seconds=3]]", 'lost key'));

$redis->start;
wait_for { reachable($t) } 'it is back';
wait_for { lines($t, $ends) == $line } 'which is logged once';

is_picture($t, $found_x->response, "$lost [[seconds=3]]",
           'a repeat of what a killed worker had begun');
is_picture($t, $t->request(keyed("$lost [[seconds=3]]", 'lost key')),
           "$lost [[seconds=3]]", 'and another one, later');
free($t);
$t->finish;


# ---- a store that was never there, and accounts whose numbers have gaps

$redis->stop;

my $extra = 'jimeng_account extra { access_key AKLTextra;'
            . ' secret_key c2VjcmV0LWV4dHJh==; concurrency 1; }';

$t = node(
    account => 'concurrency 3;', accounts => [ second => 'concurrency 1;' ],
    server => 'location /second/ { jimeng_accounts second;'
              . ' jimeng_pass /_volcengine; }',
);
$t->secret('c2VjcmV0LWV4dHJh==');

@x = map { $t->start_request(of(prompt('never'), "client $_")) } 1 .. 9;
is(statuses(@x), join(' ', (200) x 9), 'a store that was never there');
cmp_ok($t->emulator->accounts->{main}{most}, '<=', 3, 'no slot too many');
is($t->emulator->accounts->{second}{most}, 1, 'nor on another account');
$t->log_like(qr/has seen no other one yet, and takes all of each account/,
             'it says that it knows of nobody');

# The new account comes before the others in the configuration.
$t->reload(http => "$extra " . $t->{http});
$redis->start;
wait_for { reachable($t) } 'there it is';

my $held = prompt('on the second');
my $held_x = $t->start_request(of("$held [[seconds=2]]", 'one',
                                  path => '/second'));
wait_for { (account_of($t, 'second')->{running} // 0) == 1 }
    'it runs on the account that was asked for';
is(account_of($t, 'main')->{running}, 0, 'and on no other');
is(account_of($t, 'extra')->{concurrency}, 1, 'a new one is there, too');
is_picture($t, $held_x->response, "$held [[seconds=2]]", 'its picture');
is($t->emulator->accounts->{second}{accepted} > 0, 1, 'of that account');
free($t, $_) for 'main', 'second';

$t->done;
