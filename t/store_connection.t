#!/usr/bin/perl

# The connections of jimeng_store: calls, what is told, messages, and a server
# that hangs.  No worker waits for it, nor does one that is to leave.
#
# Seen failing: "a call without an answer", without its handler called in
# ngx_http_jimeng_kept_expire(); "calls are refused at once", without a look at
# "silent"; "the old workers have left" and "nginx leaves", with a timer that is
# not cancelable; the log, without ngx_http_jimeng_kept_stop() ("open socket");
# "it is loaded again", without ngx_http_jimeng_redis_again(); and under
# AddressSanitizer the log, with commands that are not freed.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Store;
use Time::HiRes qw(time);

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $redis = Jimeng::Redis->new;
my $t = store_test($redis->url . ' timeout=1s', workers => 2);

reachable($t);


# ---- calls

is(call($t, qw(FCALL echo 0 x)), 'string x', 'a text');
is(call($t, qw(FCALL put 1 list a)), 'integer 1', 'a number');
is(call($t, qw(LRANGE list 0 -1)), 'type 2 of 1', 'an array');
is(call($t, qw(GET none)), 'type 4 of 0', 'nil');
like(call($t, qw(FCALL fail 0)), qr/^error ERR .*it fails/, 'an error');
is(call($t, 'ECHO', 'a%0D%0Ab'), "string a\r\nb", 'CR and LF');

$redis->command('SET', 'large', 'x' x 3_000_000);
is(length(call($t, qw(GET large))), 4096, 'a large answer');
is(call($t, qw(STRLEN large)), 'integer 3000000', 'and one after it');

my @calls = map { start_call($t, 'FCALL', 'echo', 0, $_) } 1 .. 300;
is_deeply([ map { $_->response->body } @calls ],
          [ map { "string $_" } 1 .. 300 ], '300 at a time');

my $store = store($t);

is($store->{name}, $redis->url, 'status: name');
like($store->{version}, qr/^\d+\.\d+\.\d+\z/, 'status: version');
is($store->{appendonly}, 'no', 'status: appendonly');
is($store->{maxmemory_policy}, 'noeviction', 'status: maxmemory-policy');
cmp_ok($store->{latency}, '>', 0, 'status: latency is known');
cmp_ok($store->{latency}, '<', 0.5, 'status: latency is in seconds');
cmp_ok($store->{since}, '<=', time, 'status: since');
is($store->{pending}, 0, 'status: nothing waits');
is($store->{dropped}, 0, 'status: nothing was dropped');

my @warned = $t->error_log =~ /(\[warn\] .* has appendonly "no" .*)/g;
is(scalar @warned, 1, 'one worker says that the server forgets');

is(scalar(my @clients = $redis->clients), 4, 'two connections a worker');


# ---- what is told

tell($t, qw(FCALL put 1 told), $_) for 1 .. 20;
wait_for(sub { $redis->command(qw(LLEN told)) == 20 }, 'all is told');
wait_for(sub { store($t)->{pending} == 0 }, 'and taken');

tell($t, qw(FCALL fail 0));
$t->log_like(qr/\[error\] .* did not take what it was told: "ERR user_function/,
             'an error of what is told is logged');
wait_for(sub { store($t)->{pending} == 0 }, 'and it is not told again');


# ---- messages

is(call($t, qw(FCALL tell 1 {jimeng}:probe hello)), 'integer 2',
   'both workers listen');

my %seen;
wait_for(sub { $seen{messages($t)} = 1; grep { /hello/ } keys %seen },
         'a message');

my ($subscriber) = $redis->command(qw(CLIENT LIST TYPE pubsub)) =~ /id=(\d+)/;
$redis->command(qw(CLIENT KILL ID), $subscriber);

wait_for(sub { $redis->command(qw(PUBSUB NUMSUB {jimeng}:probe))->[1] == 2 },
         'subscribed again');
wait_for(sub { messages($t) =~ /missed.*missed/s }, 'and that is said');
$t->log_like(qr/\(messages\) is away: it closed the connection/,
             'one that was lost is logged');
$t->log_like(qr/\(messages\) is back/, 'and when it is back');
unlike($t->error_log, qr/redis:\S+ is away/, 'calls are not away');


# ---- the library is gone

$redis->command(qw(FUNCTION FLUSH));
@calls = map { start_call($t, 'FCALL', 'echo', 0, $_) } 1 .. 50;
is_deeply([ map { $_->response->body } @calls ],
          [ map { "string $_" } 1 .. 50 ], 'it is loaded again');
is(call($t, qw(FCALL none 0)), 'error ERR Function not found',
   'a function that is in no library');


# ---- it hangs

sub away { scalar(() = $t->error_log =~ /redis:\S+ is away/g) }

my $before = away();
$redis->signal('STOP');

my $began = time;
my $hanging = start_call($t, qw(FCALL echo 0 late));
my $slowest = 0;

for (1 .. 20) {
    my $start = time;
    is($t->request('GET', '/alive')->body, 'alive', 'another is answered')
        if $_ == 1;
    $t->request('GET', '/alive') if $_ > 1;
    $slowest = time - $start if time - $start > $slowest;
}

cmp_ok($slowest, '<', 0.3, 'another request is answered meanwhile');
is($hanging->response->body, 'nothing', 'a call without an answer');
cmp_ok(time - $began, '>=', 0.95, 'not before its time');
cmp_ok(time - $began, '<', 5, 'in time');

# One of the two workers may not have noticed yet.
wait_for(sub { 2 == grep { call($t, qw(FCALL echo 0 x)) eq 'away' } 1 .. 2 },
         'calls are refused at once', 6);
unreachable($t);
tell($t, qw(FCALL put 1 hung), $_) for 1 .. 5;
wait_for(sub { store($t)->{pending_bytes} > 0 }, 'it is kept');

wait_for(sub { away() - $before == 2 }, 'each worker says that it is away');
call($t, qw(FCALL echo 0 x)) for 1 .. 4;
is(away() - $before, 2, 'and once');
like($t->error_log, qr/\[error\] .* is away: it does not answer in time/,
     'and why');

$redis->signal('CONT');
wait_for(sub { $redis->command(qw(LLEN hung)) == 5 }, 'and told');

for (1 .. 5) {
    reachable($t);
    like(call($t, 'FCALL', 'echo', 0, $_), qr/^(?:string $_|away)\z/,
         'no answer is another call\'s');
}

wait_for(sub { 2 <= (() = $t->error_log =~ /redis:\S+ is back after \d+ s/g) },
         'each worker says that it is back');


# ---- reload and end, while it hangs

$redis->signal('STOP');
my @hanging = map { start_call($t, qw(FCALL echo 0 x)) } 1 .. 4;
wait_for(sub { call($t, qw(FCALL echo 0 x)) ne 'string x' }, 'it hangs');
$_->response for @hanging;

my @old = $t->workers;
$began = time;
$t->reload;
wait_for(sub { my %now = map { $_ => 1 } $t->workers; !grep { $now{$_} } @old },
         'the old workers have left');
cmp_ok(time - $began, '<', 5, 'they were not held up');

is(call($t, qw(FCALL echo 0 x)), 'away', 'the new ones have no connection');
$redis->signal('CONT');
reachable($t);
wait_for(sub { call($t, qw(FCALL echo 0 x)) eq 'string x' }, 'it works');

$redis->signal('STOP');
tell($t, qw(FCALL put 1 last x));
$began = time;
ok($t->nginx->quit(20), 'nginx leaves');
cmp_ok(time - $began, '<', 5, 'it is not held up either');
$redis->signal('CONT');

wait_for(sub { $redis->command(qw(LLEN last)) == 1 },
         'what was told before is done');
wait_for(sub { !(my @left = $redis->clients) }, 'no connection is left');

$t->done;
