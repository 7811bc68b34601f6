#!/usr/bin/perl

# Which service makes a model is asked of the store once for a request of a model
# that both make, and not at all for one of a model that one makes.  While the
# store is away the first gets the same error as all others.

use strict;
use warnings;

use lib 't/lib';

BEGIN { $ENV{JIMENG_STORE} = 1 }

use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error);

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $t = with_ark();
my $redis = $t->{store};

# The functions that were called for a request that was answered.
sub called {
    my ($model) = @_;

    $redis->command(qw(SLOWLOG RESET));
    is($t->generate({ model => $model, prompt => "a mill, $model" })->status,
       200, "$model: a picture");

    return map { $_->[3][1] =~ /^jimeng1_(\w+)$/ ? $1 : () }
           grep { $_->[3][0] eq 'FCALL' }
           @{ $redis->command(qw(SLOWLOG GET 1000)) };
}

$redis->command(qw(CONFIG SET slowlog-log-slower-than 0));
$redis->command(qw(CONFIG SET slowlog-max-len 1000));

for my $case ([ 'doubao-seedream-4-0-250828', 1, 'both services' ],
              [ 'jimeng_t2i_v31', 0, 'one service' ])
{
    my ($model, $asks, $name) = @$case;
    my @calls = called($model);

    is(scalar(grep { $_ eq 'open' } @calls), 1, "$name: it is opened");
    is(scalar(grep { $_ eq 'service' } @calls), $asks, "$name: asked for");
}

$redis->stop;
is_error($t, $t->generate({ model => 'doubao-seedream-4-0-250828',
                            prompt => 'a mill in the fog' }),
         'away', code => 'service_unavailable');
is(scalar($t->emulator->calls), 1, 'away: nobody is asked');

$redis->start;
$t->done;
