#!/usr/bin/perl

# Two nodes and a Redis, both with conf-examples/two-nodes.conf: an account's
# slots, the queue, the ledger, limits and usage are the same on each of them.
# What a node that is killed had runs on, and is nobody's: a repeat on the other
# one joins it.
#
# Seen failing: "nodes: ..." without the names of nodes; "back: two nodes of two
# processes" and "back: its slot is free" without burying what was killed.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Example qw(internal rewrite);
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart qw(start_nginx stop_nginx);

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $password = 'the-password-of-redis';
my $redis = Jimeng::Redis->new(appendonly => 1, password => $password);
my $example = slurp(Jimeng::Test::Nginx::root() . '/conf-examples/two-nodes.conf');

# What README says that a user needs.
my $readme = slurp(Jimeng::Test::Nginx::root() . '/README.md');
my ($rights) = $readme =~ /`(~\{jimeng\}:\* [^`]*)`/ or die 'README has no rights';
$redis->command(qw(ACL SETUSER gateway on), ">$password", split ' ', $rights);

my @keys = map { "sk-of-$_" } qw(alice bob);


# A machine with the example's configuration; the second one has the first's
# upstream.
sub node {
    my ($first) = @_;
    my $conf = rewrite($example);
    my $port = $redis->port;

    $conf =~ s{redis://127\.0\.0\.1:6379/0}{redis://gateway\@127.0.0.1:$port/0}
        or die 'the example has no store';
    $conf =~ s{worker_processes auto;}{worker_processes 2;} or die 'no workers';
    $conf =~ s{(jimeng_timeout 240s;)}{$1 jimeng_poll_interval 100ms;} or die;

    if ($first) {
        my $upstream = $first->emulator->port;
        $conf =~ s/%%EMULATOR_PORT%%/$upstream/g;
    }

    my $t = Jimeng::Test->new(
        start => 0, conf => $conf, workers => 2,
        emulator => $first ? 0 : { seconds => 0.3, concurrency => 2 },
    );

    $t->write_file('access_key', $t->access_key . "\n");
    $t->write_file('secret_key', $t->secret_key . "\n");
    $t->write_file('task_secret', "a secret that seals ids, of some bytes\n");
    $t->write_file('redis_password', "$password\n");
    $t->write_file('keys', join '', map { sha256_hex("sk-of-$_->[0]") . "  $_->[1]\n" }
        [ alice => 'alice images=100/d concurrency=3' ], [ bob => 'bob' ]);
    $t->secret(@keys, $password);
    $t->write_file($_, slurp(Jimeng::Test::Nginx::root() . "/conf-examples/$_"))
        for 'ark.conf';
    internal($t, plain => 1);

    my ($rc, $said) = $t->test_config;
    is($rc, 0, 'two-nodes.conf: nginx -t') or diag($said);

    return $t->start;
}


my $one = node();
my $two = node($one);

sub as { return { Authorization => "Bearer sk-of-$_[0]", @_[1 .. $#_] } }

sub status {
    my ($t) = @_;
    return $t->request('GET', '/status', {}, undef, port => 'private')->json;
}

sub calls { $one->emulator->submits($_[0]) }

# so many processes of each node
sub alive {
    my ($t) = @_;
    return join ' ', sort map { $_->{processes} } @{ status($t)->{store}{nodes} };
}


# ---- what an operator sees

for my $t ($one, $two) {
    wait_for { alive($t) eq '2 2' } 'nodes: two, with two processes each';
    my $store = status($t)->{store};

    is($store->{reachable}, 1, 'nodes: the store is reached');
    is($store->{appendonly}, 'yes', 'nodes: it keeps what it is told');

    for my $node (@{ $store->{nodes} }) {
        like($node->{name}, qr{^[^:]+:.*/nginx\.conf\z}, 'nodes: a name');
        like($node->{version}, qr/^\d+\.\d+\.\d+\z/, 'nodes: its version');
        cmp_ok($node->{age}, '<', 15, 'nodes: it lives');
    }

    my $metrics = $t->request('GET', '/metrics', {}, undef, port => 'private')->body;
    like($metrics, qr/^jimeng_store_up 1$/m, 'metrics: the store');
    is(scalar(() = $metrics =~ /^jimeng_node_processes\{node="[^"]+"\} 2$/mg), 2,
       'metrics: both nodes');
}


# ---- slots and the queue

my @waiting = map {
    ($one, $two)[$_ % 2]->start_generate({ prompt => "a kite, the $_. [[seconds=1]]" },
                                         as(qw(alice bob)[$_ % 2]))
} 1 .. 6;

is($_->response->status, 200, 'queue: a picture') for @waiting;
is(scalar(grep { ($_->{running} // 0) > 2 } calls()), 0,
   'queue: never a third task upstream');
is(scalar(grep { $_->{code} != 10000 } calls()), 0, 'queue: and no submit is refused');


# ---- the ledger, ids, cancelling, usage

my $key = 'the same on both';
my $r = $one->generate({ prompt => 'a heron' }, as('alice', 'Idempotency-Key' => $key));
my $again = $two->generate({ prompt => 'a heron' }, as('alice', 'Idempotency-Key' => $key));

is($r->status, 200, 'ledger: a picture');
is_deeply($again->json->{data}, $r->json->{data}, 'ledger: the same on the other node');
is(scalar(calls('a heron')), 1, 'ledger: submitted once');

my $async = $one->generate({ prompt => 'a pond', async => \1 }, as('alice'));
my $id = $async->json->{task_id};

wait_for {
    my $seen = $two->request('GET', "/v1/images/$id", as('alice'))->json;
    ($seen->{task_status} // '') eq 'succeed';
} 'ids: an id of one is good on the other';

is_error($two, $two->request('GET', "/v1/images/$id", as('bob')),
         "ids: its owner's alone", code => 'task_not_found');

my @running = map {
    ($one, $two)[$_ % 2]->start_generate({ prompt => "a mill, $_ [[seconds=3]]" }, as('bob'))
} 1, 2;
wait_for { calls('a mill') == 2 } 'cancel: both slots are taken';

my $waits = $one->generate({ prompt => 'a barn', async => \1 }, as('alice'))->json;
is($waits->{task_status}, 'pending', 'cancel: it waits');
is($waits->{position}, 1, 'cancel: as the first');

my $canceled = $two->request('DELETE', "/v1/images/$waits->{task_id}", as('alice'));
is($canceled->status, 200, 'cancel: on the other node') or diag($canceled->body);
is($canceled->json->{error}{code}, 'canceled', 'cancel: it is taken out');
is($one->request('GET', "/v1/images/$waits->{task_id}", as('alice'))->json
       ->{error}{code}, 'canceled', 'cancel: as the first node says');
$_->response for @running;
is(scalar(calls('a barn')), 0, 'cancel: nothing was submitted');

for my $t ($one, $two) {
    is($t->request('GET', '/v1/usage', as('alice'))->json->{images}{used}, 5,
       'usage: what a client had on both');
}


# ---- a node is killed

my %task = (prompt => 'a lighthouse [[seconds=3]]');
my $lost = $one->start_generate(\%task, as('alice', 'Idempotency-Key' => 'lost'));
wait_for { calls('a lighthouse') }
    'killed: it is submitted';

stop_nginx($one, 'KILL');
$r = $two->generate(\%task, as('alice', 'Idempotency-Key' => 'lost',
                               'x-stainless-retry-count' => 1));
is($r->status, 200, 'killed: a repeat on the other node') or diag($r->body);
is(scalar(calls('a lighthouse')), 1, 'killed: joins the task');

start_nginx($one);
wait_for { alive($two) eq '2 2' } 'back: two nodes of two processes';
wait_for { status($two)->{accounts}[0]{running} == 0 } 'back: its slot is free';
is($one->generate({ prompt => 'a jetty' }, as('bob'))->status, 200, 'back: a picture');

my $prompts = join ' ', map { $_ // '' } @{ $redis->command('KEYS', '*') };
unlike($prompts, qr/sk-of|alice|bob/, 'no name and no key is a key of Redis');

my $kept = join ' ', map {
    my $type = $redis->command('TYPE', $_);
    $type eq 'string' ? $redis->command('GET', $_)
    : $type eq 'hash' ? @{ $redis->command('HGETALL', $_) } : ();
} @{ $redis->command('KEYS', '*') };
unlike($kept, qr/sk-of|alice|bob|lighthouse|heron|\Q@{[ $one->secret_key ]}\E/,
       'no name, prompt or secret is in it');

$_->finish for $one, $two;
$redis->stop;
done_testing();
