#!/usr/bin/perl

# jimeng_status: accounts, clients, the zone and the workers as JSON.  And both
# reports where there are more clients than there are series.
#
# Seen failing: the last part, without JM_METRICS_REQUESTS in
# jm_metrics_make(), and of it, with a report of 16 MB at most, or without
# ngx_http_jimeng_keys_sort().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys qw(bearer set_clients);
use Jimeng::Test::Metrics;
use Jimeng::Test::Directive;
use Jimeng::Test::Process qw(poll);

my $zone = 'jimeng_zone shared:10m;';


# ---- the directive

my $d = Jimeng::Test::Directive->new('jimeng_status');

sub config {
    my ($line) = @_;
    return (http => $zone, server => "location = /s { $line }");
}

$d->accepts('a location', config('jimeng_status;'));

for my $context ([ 'http', http => 'jimeng_status;' ],
                 [ 'server', server => 'jimeng_status;' ])
{
    my ($name, %conf) = @$context;
    $d->refuses("not in $name",
                '"jimeng_status" directive is not allowed here', %conf);
}

$d->refuses('an argument',
            'invalid number of arguments in "jimeng_status" directive',
            config('jimeng_status on;'));
$d->refuses('duplicate', '"jimeng_status" directive is duplicate',
            config('jimeng_status; jimeng_status;'));
$d->refuses('with jimeng_metrics',
            '"jimeng_status" directive is one too many: a location has '
            . '"jimeng_status" or "jimeng_metrics"',
            config('jimeng_metrics; jimeng_status;'));
$d->refuses('with jimeng_pass',
            '"jimeng_status" needs a location of its own, without '
            . '"jimeng_pass"',
            config('jimeng_pass /_volcengine; jimeng_status;'));
$d->refuses('without a zone',
            '"jimeng_status" needs a "jimeng_zone", where what it shows is '
            . 'counted', server => 'location = /s { jimeng_status; }');
$d->test->finish;


# ---- what it shows

my $account = 'access_key env:VOLC_ACCESSKEY; secret_key env:VOLC_SECRETKEY;';

my $t = Jimeng::Test->new(
    start => 0, workers => 2, emulator => { seconds => 0.5 },
    http => "$zone jimeng_account plain { $account }",
    account => 'concurrency 2; queue 10;',
    location => 'jimeng_accounts main; jimeng_keys %%DIR%%/keys;',
    server => <<'EOT',
        location = /status { jimeng_status; }
        location /plain/ {
            jimeng_pass /_volcengine;
            jimeng_accounts plain;
        }
EOT
);

set_clients($t, 'alice rate=60r/h concurrency=4 images=100/d', 'bob');
my $began = time;
$t->start;

my $r = $t->request('GET', '/status');

is($r->status, 200, 'a report');
is($r->header('Content-Type'), 'application/json', 'its type');
is($t->request('HEAD', '/status')->status, 200, 'HEAD');
is($t->request('POST', '/status', {}, 'x')->status, 405, 'POST');

my $status = $r->json;
like($status->{version}, qr/^\d+\.\d+\.\d+\z/, 'the module');
like($status->{nginx}, qr/^\d+\.\d+\.\d+\z/, 'nginx');
cmp_ok($status->{time}, '>=', $began, 'the time');

my $shown = $status->{zone};
is($shown->{name}, 'shared', 'zone: name');
is($shown->{size}, 10 * 1024 * 1024, 'zone: size');
is($shown->{used} + $shown->{free}, $shown->{size}, 'zone: used and free');
is($shown->{ledger_entries}, 0, 'zone: nothing was asked yet');

is_deeply([ sort map { $_->{pid} } @{ $status->{workers} } ],
          [ sort $t->workers ], 'workers: pids');
is_deeply([ sort map { $_->{worker} } @{ $status->{workers} } ], [ 0, 1 ],
          'workers: numbers');
ok(!(grep { $_->{started} < $began || $_->{started} > time }
          @{ $status->{workers} }), 'workers: since when');

my %none = (average_time => 0, rest => 0, aside => 0, running => 0, lost => 0,
            waiting => 0, submits => 0, refusals => 0, denials => 0,
            query_denials => 0);
my %slots = (concurrency => 2, effective => 2, queue => 10);

sub named {
    my ($list, $name) = @_;
    my @found = grep { $_->{name} eq $name } @$list;
    return @found == 1 ? $found[0] : { found => scalar @found };
}

is_deeply(named($status->{accounts}, 'main'),
          { name => 'main', %slots, %none,
            tasks => { succeeded => 0, failed => 0 } }, 'an account');
is_deeply(named($status->{accounts}, 'plain'),
          { name => 'plain', tasks => { succeeded => 0, failed => 0 } },
          'and one without slots');

my @waiting = map {
    $t->start_generate({ prompt => "a heron $_" }, bearer('alice'))
} 1 .. 3;

wait_for(sub {
    $status = $t->request('GET', '/status')->json;
    my $main = named($status->{accounts}, 'main');
    return $main->{running} == 2 && $main->{waiting} == 1;
}, 'two run, and one waits');

my $limits = named($status->{clients}, 'alice')->{limits};

is_deeply($limits->{concurrency}, { limit => 4, used => 3 },
          'a client: three run');
is_deeply($limits->{requests}, { limit => 60, period => 3600,
          remaining => 57 }, 'a client: its rate');
is($limits->{images}{reserved}, 3, 'a client: its pictures');
is_deeply(named($status->{clients}, 'bob'), { name => 'bob', images => 0,
          requests => { succeeded => 0, failed => 0 }, limits => {} },
          'a client without limits');

is($_->response->status, 200, 'a picture') for @waiting;
is($t->generate({ prompt => 'a heron [[50413]]' }, bearer('alice'))->status,
   400, 'one that was refused');
is($t->request('POST', '/plain/images/generations',
               { 'Content-Type' => 'application/json' },
               '{"prompt":"a heron","n":2}')->status, 200,
   'pictures by the other account');

poll(sub {
    $status = $t->request('GET', '/status')->json;
    my $n = 0;
    $n += $_->{requests} for @{ $status->{workers} };
    return $n == 5;
}, 10);

my $main = named($status->{accounts}, 'main');
cmp_ok(delete $main->{average_time}, '>=', 0.5, 'the average of a task');
is_deeply($main, { name => 'main', %slots, map({ ($_ => 0) } grep {
          $_ ne 'average_time' } keys %none), submits => 3,
          tasks => { succeeded => 3, failed => 1 } }, 'the account, after it');
is_deeply(named($status->{accounts}, 'plain')->{tasks},
          { succeeded => 2, failed => 0 }, 'and the other');

my $alice = named($status->{clients}, 'alice');
my $reset = delete $alice->{limits}{images}{reset_at};

is_deeply($alice, { name => 'alice', images => 3,
          requests => { succeeded => 3, failed => 1 },
          limits => {
              requests => { limit => 60, period => 3600, remaining => 56 },
              concurrency => { limit => 4, used => 0 },
              images => { limit => 100, period => 86400, used => 3,
                          reserved => 0, remaining => 97 } } }, 'a client');
is($reset % 86400, 0, 'a client: a day ends');
cmp_ok($reset, '>', time, 'a client: later');
is_deeply(named($status->{clients}, ''), { name => '', images => 2,
          requests => { succeeded => 1, failed => 0 } }, 'one without a key');
is($status->{zone}{ledger_entries}, 4, 'zone: what was made');
unlike($t->request('GET', '/status')->body, qr/heron|sk-test|AKLT/,
       'no prompt, no key');
$t->finish;


# ---- more clients than series

my $n = 2100;

$t = Jimeng::Test->new(
    start => 0, emulator => 0, http => "$zone keepalive_requests 10000;",
    location => 'jimeng_keys %%DIR%%/keys;',
    server => 'location = /status { jimeng_status; } '
              . 'location = /metrics { jimeng_metrics; }',
);

set_clients($t, map { "client-$_" } 1 .. $n);
$t->start;

# Of so many clients none has a series that is there before it is counted.
my $born = keys %{ only(scrape($t), 'jimeng_requests_total') };
my ($x, $good);

for my $i (1 .. $n) {
    $x = $t->start_request('GET', '/v1/models', bearer("client-$i"), undef,
                           keepalive => 1, $x ? (on => $x) : ());
    $good++ if $x->response->status == 200;
}

is($good, $n, 'each of them is served');

my $all = settled($t, $n);
my $requests = counted($all, 'jimeng_requests_total');
my $other = 'client="other",model="other",result="succeed"';
my $over = $n - (2048 - $born);

is(delete $requests->{$other}, $over, 'what is over is "other"');
is(scalar keys %$requests, $n - $over, 'all others have a series');
ok(!(grep { $_ != 1 } values %$requests), 'of one request each');
is_clean($t, 'clean with as many');

$status = $t->request('GET', '/status')->json;
is(scalar @{ $status->{clients} }, $n + 1, 'all clients are listed, and other');
is(named($status->{clients}, 'other')->{requests}{succeeded}, $over,
   'with what is over');

$t->finish;


# ---- as many clients as a company may have, and one of them in two files

$n = 60_000;

$t = Jimeng::Test->new(
    start => 0, emulator => 0, http => 'jimeng_zone shared:64m;',
    server => 'location = /status { jimeng_status; } '
              . 'location /two/ { jimeng_keys %%DIR%%/two; '
              . 'jimeng_pass /_volcengine; }',
    location => 'jimeng_keys %%DIR%%/keys;',
);

$limits = 'rate=1000r/h concurrency=10 images=1000/d';
my @names = map { sprintf 'client-%s-of-the-company', $_ } 1 .. $n;

rename set_clients($t, "$names[0] $limits"), $t->dir . '/two';
set_clients($t, map { "$_ $limits" } @names);
$t->start;

$r = $t->request('GET', '/status');
is($r->status, 200, 'a report of all of them') or diag($r->body);
is_deeply([ $r->body =~ /"name":"(client-[^"]+)"/g ],
          [ sort @names ], 'by their names, and each of them once');

$t->done;
