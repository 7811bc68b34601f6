#!/usr/bin/perl

# Accounts have numbers of their own in a store, those of the configuration, and
# others yet in the zone of a machine.  After a reload that names them in another
# order a query that is refused counts for the account that it was sent with.
#
# Seen failing: with jm_queue_query_denied() for what is in the zone.

use strict;
use warnings;

use lib 't/lib';

BEGIN { $ENV{JIMENG_STORE} = 1 }

use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Metrics;
use Jimeng::Test::Queue;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $t = Jimeng::Test->new(with_queue(
    account => 'concurrency 2;',
    accounts => [ b => 'concurrency 2;', c => 'concurrency 2;' ],
    emulator => { seconds => 0.1, concurrency => 2, accounts => {
        b => { concurrency => 2 }, c => { concurrency => 2 } } },
    server => <<'EOS',
        location /b/ { jimeng_pass /_volcengine; jimeng_accounts b; }
        location /c/ { jimeng_pass /_volcengine; jimeng_accounts c; }
        location = /metrics { jimeng_metrics; }
EOS
));

sub denials {
    my %found = map { $_ => account_of($t, $_)->{query_denials} } qw(main b c);
    return \%found;
}

# A query of that account's is refused.
sub refused {
    my ($name) = @_;
    my @request = $t->generation({ prompt => "a query for $name" });
    my $before = denials()->{$name};

    $request[1] =~ s{^/v1}{/$name};
    $t->emulator->fault({ on => 'query', do => 'answer', status => 403,
        body => '{"ResponseMetadata":{"RequestId":"x","Error":{"Code":'
                . '"AccessDenied","CodeN":100013,"Message":"no"}}}' });

    is($t->request(@request)->status, 200, "$name: the next is not");
    return is(denials()->{$name}, $before + 1, "$name: that is counted");
}

refused('b');
my $found = denials();
is($found->{main}, 0, 'none of another one');
is($found->{c}, 0, 'nor of the other');

# The same zone, and the same store.
$t->reload(accounts => [ c => 'concurrency 2;', b => 'concurrency 2;' ]);

is(denials()->{b}, $found->{b}, 'as before, though b comes last now');
refused('c');
is(denials()->{b}, $found->{b}, 'and those of c are of c');

my $all = scrape($t);
my ($metric) = grep { /quer/ && /denials/ && /account="c"/ } keys %$all;
is($all->{$metric}, denials()->{c}, 'so are the metrics: ' . $metric);

$t->done;
