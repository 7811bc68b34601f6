#!/usr/bin/perl

# Prometheus itself, as Debian has it, and its increase(): what it says of a
# start and of a reload is what was asked, the first of its kind included.
#
# Seen failing: "Prometheus has 0", and increase() of errors, without
# ngx_http_jimeng_series_init_module().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Prometheus;

Jimeng::Test::Prometheus::needed();

my $t = with_keys(
    [ 'alice' ], emulator => { seconds => 0 },
    server => 'location = /metrics { jimeng_metrics; }',
);

my $p = Jimeng::Test::Prometheus->start($t);

# The value of a query's only series, or of none.
sub value {
    my ($query) = @_;
    my $found = ($p->ask('query', query => $query) // return)->{result};

    return @$found == 1 ? $found->[0]{value}[1] : undef;
}

sub requests {
    my ($client, $result) = @_;
    return qq(jimeng_requests_total{client="$client",)
           . qq(model="jimeng_t2i_v40",result="$result"});
}

sub images {
    my ($client) = @_;
    return qq(jimeng_images_total{client="$client",)
           . q(model="jimeng_t2i_v40",account="main"});
}

# It has seen so many.
sub seen {
    my ($n, $metric) = @_;
    wait_for { ($n) == (value($metric) // -1) } "Prometheus has $n of $metric";
    return;
}

# increase() goes on to the window's end as it was: that is less than a quarter.
sub increased {
    my ($n, $metric) = @_;
    my $value = value("increase(${metric}[5m])") // 'nothing';

    ok($value =~ /^[\d.]+\z/ && $value >= $n - 0.01 && $value < 1.25 * $n,
       "increase() of $metric") or diag("$value in place of $n");
    return;
}

sub client {
    my ($name) = @_;
    my $good = requests($name, 'succeed');
    my $bad = requests($name, 'content_policy_violation');

    seen(0, $_) for $good, $bad;

    generate_as($t, $name, { prompt => "$name $_" }) for 1 .. 20;
    generate_as($t, $name, { prompt => "$name $_ [[50413]]" }) for 1 .. 7;

    seen(20, $good);
    seen(7, $bad);
    seen(20, images($name));

    increased(20, $good);
    increased(7, $bad);
    increased(20, images($name));
    return;
}

client('alice');
increased(7, 'jimeng_tasks_total{account="main",'
             . 'result="content_policy_violation"}');
increased(7, 'jimeng_upstream_codes_total{account="main",code="50413"}');
increased(7, 'jimeng_submit_outcomes_total{account="main",'
             . 'outcome="refused"}');

set_clients($t, 'alice', 'bob');
$t->reload;
client('bob');

$p->stop;
$t->done;
