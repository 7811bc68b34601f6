#!/usr/bin/perl

# A store that is away: stopped, killed, started again with and without what it
# knew, full, a replica, with another password.  A line in the log when it goes
# and one when it is back; calls have no answer, and what is told is kept.
#
# Seen failing: "in order", with what is told put before what waits; "OOM: told
# in the end", with what is told freed when its connection is lost; "no more than
# 4 MB", with a look at the new one's size alone; "a connection is not made to a
# replica", without a look at INFO's role.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Store;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my ($redis, $t);

# Lines that say that it is away, and that it is back.
sub lines {
    my @lines = $t->error_log =~ /jimeng: (redis:\S+ is (?:away|back).*)/g;
    return map { s/^redis:\S+ is //r } @lines;
}

sub begin {
    my ($url, %opt) = @_;
    $t = store_test("$url timeout=1s", %opt);
    return;
}


# ---- stopped, and started again with what it knew

$redis = Jimeng::Redis->new(appendonly => 1);
begin($redis->url);
reachable($t);
$t->log_like(qr/\[notice\] .* has appendonly "yes" and maxmemory-policy /
             . '"noeviction", it keeps what it is told', 'it keeps');

is(call($t, qw(FCALL put 1 list 0)), 'integer 1', 'it works');

my $hanging = start_call($t, qw(BLPOP none 0));
wait_for(sub { $redis->command(qw(CLIENT LIST)) =~ /cmd=blpop/ }, 'asked');
$redis->stop;
is($hanging->response->body, 'nothing', 'a call without an answer');
unreachable($t);
is(call($t, qw(FCALL put 1 list x)), 'away', 'calls are refused');

tell($t, qw(FCALL put 1 list), $_) for 1 .. 50;
is(store($t)->{pending}, 50, 'what is told is kept');
cmp_ok(store($t)->{pending_bytes}, '>', 50 * 40, 'its bytes are counted');

$redis->start;

# As soon as there is a connection.
my $first = wait_for(sub {
    my $answer = call($t, qw(FCALL put 1 list last));
    $answer eq 'away' ? undef : $answer;
}, 'it is back');
is($first, 'integer 52', 'what was kept is told first');
is_deeply($redis->command(qw(LRANGE list 0 -1)), [ 0 .. 50, 'last' ],
          'and in order');
reachable($t);
is(store($t)->{pending}, 0, 'nothing waits any more');

my @lines = lines();
is(scalar @lines, 2, 'a line, and one more') or diag(join "\n", @lines);
like($lines[0], qr/^away: (?:it closed|the connection broke)/, 'it is away');
like($lines[1], qr/^back after \d+ s/, 'it is back');
$t->log_unlike(qr/\[crit\]|connect\(\)/, 'and no other');
$t->finish;


# ---- killed, and it has forgotten everything

$redis = Jimeng::Redis->new;
begin($redis->url);
reachable($t);
$redis->kill;
unreachable($t);
$redis->start;
reachable($t);
is(call($t, qw(FCALL echo 0 x)), 'string x', 'the library is there again');
is(() = $t->error_log =~ /has appendonly/g, 1,
   'what the server keeps is not said again');


# ---- there is an end to what is kept

$redis->stop;
unreachable($t);
my $value = 'x' x 7000;
tell($t, 'FCALL', 'put', 1, 'many', $value) for 1 .. 650;
my $store = store($t);
cmp_ok($store->{pending_bytes}, '<=', 4 * 1024 * 1024, 'no more than 4 MB');
cmp_ok($store->{pending}, '>', 550, 'most of it is kept');
is($store->{pending} + $store->{dropped}, 650, 'the rest is counted');
is(() = $t->error_log =~ /is not told all that it should be/g, 1,
   'and logged once');
$redis->start;
wait_for(sub { eval { $redis->command(qw(LLEN many)) } == $store->{pending} },
         'it is told what was kept');
wait_for(sub { store($t)->{pending_bytes} == 0 }, 'there is room again');
$t->finish;


# ---- nobody there at the start

my $port = $redis->port;
$redis->stop;
begin("redis://127.0.0.1:$port");
unreachable($t);
$t->log_like(qr/\[error\] .* is away: there is no connection to it /
             . '\(111: Connection refused\)', 'why');
$redis->start;
reachable($t);
is_deeply([ map { s/ \(.*| after .*//r } lines() ],
          [ 'away: there is no connection to it', 'back' ], 'two lines');


# ---- full

$redis->command(qw(CONFIG SET maxmemory 1));
is(call($t, qw(FCALL put 1 list x)), 'nothing', 'OOM: no answer');
$t->log_like(qr/is away: it has no memory left: raise its maxmemory \(OOM\)/);
unreachable($t);
is(call($t, qw(FCALL put 1 list x)), 'nothing', 'it is asked again');
tell($t, qw(FCALL put 1 oom), $_) for 1 .. 3;
wait_for(sub { (() = $redis->command(qw(INFO commandstats))
                 =~ /fcall:.*failed_calls=|rejected_calls=(?:[5-9]|\d\d)/g) },
         'it is told again and again');
is(store($t)->{pending}, 3, 'and kept');
$redis->command(qw(CONFIG SET maxmemory 0));
wait_for(sub { $redis->command(qw(LLEN oom)) >= 3 }, 'OOM: told in the end');
reachable($t);
is(call($t, qw(FCALL echo 0 x)), 'string x', 'OOM is over');
is_deeply($redis->command(qw(LRANGE oom 0 -1)), [ 1 .. 3 ], 'in order');
is(scalar(lines()), 4, 'OOM: two lines more') or diag(join "\n", lines());


# ---- a replica

my $master = Jimeng::Redis->new;
$master->command(qw(FUNCTION LOAD), $redis->command(qw(FUNCTION LIST WITHCODE))
                                    ->[0][7]);
$redis->command('REPLICAOF', '127.0.0.1', $master->port);
wait_for(sub { call($t, qw(FCALL put 1 list x)) ne 'integer 1' },
         'a replica has no answer');
$t->log_like(qr/is away: it is a replica: "jimeng_store" has to name/,
             'a connection is not made to a replica');
wait_for(sub { call($t, qw(FCALL put 1 list x)) eq 'away' },
         'calls are refused');
tell($t, qw(FCALL put 1 promoted x));
$redis->command(qw(REPLICAOF NO ONE));
reachable($t);
wait_for(sub { $redis->command(qw(LLEN promoted)) == 1 }, 'a master again');
$master->stop;


# ---- another password

$t->secret('first-password', 'second-password');
my $log = () = lines();
$redis->command(qw(CONFIG SET requirepass first-password));
$redis->{password} = 'first-password';
my @clients = $redis->clients;
$redis->command(qw(CLIENT KILL ID), $_) for @clients;
$t->log_like(qr/is away: it wants a password/, 'NOAUTH');
unreachable($t);
$t->log_like(qr/\(messages\) is away: it wants a password/, 'messages, too');

$t->write_file('password', "second-password\n");
$t->reload(http => 'jimeng_zone shared:1m; jimeng_store ' . $redis->url
                   . ' password=file:%%DIR%%/password;');
$t->log_like(qr/is away: it refuses the user and password/, 'WRONGPASS');

$t->write_file('password', "first-password\n");
$t->reload;
reachable($t);
is(call($t, qw(FCALL echo 0 x)), 'string x', 'the right one');

$redis->command('CONFIG', 'SET', 'requirepass', '');
$t->write_file('password', "second-password\n");
$t->reload;
$t->log_like(qr/is away: it has no password, but "jimeng_store" sends one/,
             'one too many');
unreachable($t);


# ---- a user of its own, another database, a socket

$redis->command(qw(ACL SETUSER alice on >first-password ~* &* +@all -info
                   -config));
$t->write_file('password', "first-password\n");
$t->reload(http => 'jimeng_zone shared:1m; jimeng_store redis://alice@'
                   . '127.0.0.1:' . $redis->port
                   . '/7 password=file:%%DIR%%/password;');
reachable($t);
is(call($t, qw(FCALL put 1 user x)), 'integer 1', 'a user');
$redis->command(qw(SELECT 7));
is($redis->command(qw(LLEN user)), 1, 'a database');
is(store($t)->{version}, undef, 'INFO is forbidden');
is(store($t)->{appendonly}, undef, 'CONFIG is forbidden');

$redis->command(qw(ACL SETUSER alice -fcall));
is(call($t, qw(FCALL put 1 user x)), 'nothing', 'NOPERM');
$t->log_like(qr/is away: its user may not do what this module does/);

$t->reload(http => 'jimeng_zone shared:1m; jimeng_store unix:'
                   . $redis->socket . ':3;');
reachable($t);
is(call($t, qw(FCALL put 1 unix x)), 'integer 1', 'a socket');
$redis->command(qw(SELECT 3));
is($redis->command(qw(LLEN unix)), 1, 'its database');

$t->reload(http => 'jimeng_zone shared:1m; jimeng_store unix:'
                   . $redis->socket . ':99;');
$t->log_like(qr/is away: it has no database of the number/, 'no such database');
$t->reload(http => 'jimeng_zone shared:1m; jimeng_store unix:'
                   . $redis->socket . '.not;');
$t->log_like(qr/is away: there is no connection to it \(2: No such file/,
             'no such socket');

$t->done;
