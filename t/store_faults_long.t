#!/usr/bin/perl

# A store that hangs for longer than a process may be silent before it is taken
# for dead: none of those that could not say that they live is.
#
# Seen failing: "waits", without forgive_silence().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::StoreFault;
use Time::HiRes qw(time);

use constant LEASE => 15;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $redis = Jimeng::Redis->new;
my $f = Jimeng::Test::StoreFault->new('long', $redis->url, timeout => '3s',
                                      hangs => 1);

$f->before;

my $end = time + LEASE + 2;

$redis->signal('STOP');
$f->during;
wait_for { time > $end } 'a lease is over', LEASE + 5;
$redis->signal('CONT');
$f->after;
$f->finish;

done_testing();
