#!/usr/bin/perl

# A repeat that waits for what another request has submitted waits on while the
# store is away: to say that nothing was ordered would be wrong.
#
# Seen failing: all, with the first look that had no answer told as 503.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Jimeng::Redis;
use Jimeng::Test;
use Time::HiRes qw(time);

use constant {
    SUBMIT => 5,        # seconds until the submit is answered
    AWAY   => 2.5,      # that the store is away: two looks, a second apart
};

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $redis = Jimeng::Redis->new(appendonly => 1);
my $t = Jimeng::Test->new(
    http => "jimeng_zone shared:1m; jimeng_store ${\ $redis->url }"
            . ' timeout=300ms;',
    emulator => { seconds => 0.2 }, proxy => 'proxy_read_timeout 20s;',
);

sub looks {
    return scalar grep { ($_->[3][1] // '') =~ /_look$/ }
           @{ $redis->command('SLOWLOG', 'GET', -1) };
}

sub answered {
    my ($request) = @_;
    return scalar IO::Select->new($request->socket)->can_read(0);
}

$redis->command(qw(CONFIG SET slowlog-log-slower-than 0));
$redis->command(qw(CONFIG SET slowlog-max-len 10000));

my %key = ('Idempotency-Key' => 'one request');

$t->emulator->fault({ on => 'submit', do => 'delay', seconds => SUBMIT });

my $one = $t->start_generate({ prompt => 'a task' }, \%key);
wait_for(sub { $t->submits('a task') == 1 }, 'it is being submitted');

my $looks = looks();
my $other = $t->start_generate({ prompt => 'a task' }, \%key);
wait_for(sub { looks() > $looks }, 'the repeat waits for it');

$redis->stop;
my $began = time;

$t->log_like(qr/redis:\S+ is away/, 'the store is away');
wait_for(sub { answered($other) || time - $began > AWAY }, 'two looks');
ok(!answered($other), 'the repeat is not answered meanwhile');
ok(!answered($one), 'nor is the first');

$redis->start;

my ($first, $second) = map { $_->response } $one, $other;

is($first->status, 200, 'the first has its picture') or diag($first->body);
is($second->status, 200, 'and so has the repeat') or diag($second->body);
is($second->json->{data}[0]{url}, $first->json->{data}[0]{url},
   'which is the same');
is(scalar $t->submits('a task'), 1, 'of one task');

$t->done;
