#!/usr/bin/perl

# What a job costs a store on Redis, in calls: one task that is asked for twice
# makes five, with a client's limits, too, and one more for a rate.  They are
# what the server counts, but for those by which a worker says that it lives,
# and for the numbers that it gets by the thousand.
#
# Seen failing: with a look at what is new, and with one for orphans where there
# are none: six each.

use strict;
use warnings;

BEGIN { $ENV{JIMENG_STORE} = 1 }

use lib 't/lib';
use IO::Socket::UNIX;
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Keys;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $t = with_keys(
    [ 'alice', 'bob concurrency=2 images=50/d budget=50/d',
      'carol concurrency=2 images=50/d rate=60r/m' ],
    account => 'concurrency 2;', emulator => { seconds => 0.3 },
    poll_interval => '200ms',
);

my $redis = $t->{store};

# All that the server is asked for, one a line.
my $monitor = IO::Socket::UNIX->new(Peer => $redis->socket)
    or die "redis-server: $!\n";

print $monitor "MONITOR\r\n";
<$monitor>;

# The calls since the last time, as the server counts them, and their names: of
# one with several parts those of all.  Its answer says how many there were when
# the question came, which is itself one of the lines.
my ($marks, $last) = (0);

sub calls {
    my $mark = 'mark' . ++$marks;
    my ($all) = $redis->command('INFO', 'commandstats', $mark)
                =~ /^cmdstat_fcall:calls=(\d+)/m;
    my @calls;

    while (my $line = <$monitor>) {
        last if $line =~ /"$mark"/;
        next if $line =~ /^\+\S+ \[\d+ lua\]/;

        my ($name, $args) = $line =~ /"FCALL" "jimeng1_(\w+)"(.*)/ or next;
        my @parts = $args =~ /"(sent|ended|release|leave|billed|undo|fetched
                                |over|quit|bury|query_denied)"/gx;

        push @calls, $name eq 'many' ? join('+', @parts) : $name;
    }

    my $n = $all - ($last // $all);

    $last = $all;
    return ($n, @calls);
}

calls();

sub job {
    my ($client, $name, @expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $queries = () = $t->queries;
    my ($n, @calls) = (0);

    calls();
    is(generate_as($t, $client)->status, 200, "$name: a picture");
    is(scalar(() = $t->queries) - $queries, 2, "$name: two queries");

    wait_for(sub {
        my ($more, @more) = calls();

        $n += $more;
        push @calls, @more;
        return scalar grep { /ended\z/ } @calls;
    }, "$name: closed");

    my @job = grep { !/^(?:renew|serials)\z/ } @calls;

    is($n - (@calls - @job), scalar @expected,
       "$name: calls that the server has counted");
    is("@job", "@expected", "$name: these");
    return;
}


my @usual = (qw(open place sent over), 'billed+ended');

job('alice', 'no limits', @usual);
job('bob', 'limits', @usual);
job('carol', 'a rate, too', 'rate', @usual);

$t->done;
