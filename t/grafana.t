#!/usr/bin/perl

# conf-examples/grafana.json: every expression of the dashboard is asked of
# Prometheus itself, as Debian has it, which has scraped a gateway that serves,
# waits, fails and repeats; each has data, and the labels of its legend.
#
# Seen failing: with a metric that there is not, with a label that it does not
# have, with the quantile of a histogram in which nothing is, and with a panel
# on top of another.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Prometheus;

Jimeng::Test::Prometheus::needed();

my $dashboard = JSON::PP::decode_json(
    slurp(Jimeng::Test::Nginx::root() . '/conf-examples/grafana.json'));

my $t = with_keys(
    [ 'alice images=100/d concurrency=9 rate=600r/m', 'bob' ],
    workers => 2, emulator => { seconds => 0.3, concurrency => 1 },
    account => 'concurrency 1; queue 20;',
    http => 'jimeng_model jimeng-4.0 jimeng_t2i_v40 price=0.22;',
    server => 'location = /metrics { jimeng_metrics; }',
);

my $p = Jimeng::Test::Prometheus->start($t);

# As Grafana does it; so many scrapes lie in its shortest range.
sub filled {
    my ($expr) = @_;
    my %value = (__rate_interval => '1m', __range => '5m', client => '.*',
                 model => '.*', account => '.*');

    return $expr =~ s/\$(\w+)/$value{$1} \/\/ die "\$$1 is not there\n"/ger;
}

sub numbers {
    my ($found) = @_;
    return grep { $_->{value}[1] ne 'NaN' } @$found;
}


# ---- a gateway that has something to tell

wait_for {
    my $found = $p->ask('query', query => 'jimeng_slots');
    return $found && @{ $found->{result} };
} 'Prometheus has scraped it';

my $n = 0;

sub order {
    my ($client, $trigger, %more) = @_;
    return request_as($t, $client, "a dashboard, $trigger " . ++$n,
                      { model => 'jimeng-4.0' }, \%more);
}

my @again = order('alice', '', 'Idempotency-Key' => 'once');
my @x = map { $t->start_request(@$_) }
        (\@again, [ order('bob', '') ], [ order('alice', '[[50511]]') ],
         [ order('bob', '') ]);

$_->response for @x;
is($t->request(@again)->status, 200, 'a repeat');

# the waiting are seen by a scrape, too
my @waiting = map { $t->start_request(order('alice', '[[seconds=3]]')) } 1, 2;


# ---- the dashboard

my (%ids, @places);

for my $panel (@{ $dashboard->{panels} }) {
    my ($title, $place) = @$panel{qw(title gridPos)};

    ok(!$ids{ $panel->{id} }++, "$title: its id");
    cmp_ok($place->{x} + $place->{w}, '<=', 24, "$title: it fits");
    is(scalar(grep { overlap($_, $place) } @places), 0,
       "$title: it lies on no other");
    push @places, $place;

    for my $target (@{ $panel->{targets} // [] }) {
        is($target->{datasource}{uid}, '${datasource}',
           "$title: the datasource is chosen");
        has_data($title, $target);
    }
}

sub overlap {
    my ($one, $other) = @_;
    return $one->{x} < $other->{x} + $other->{w}
           && $other->{x} < $one->{x} + $one->{w}
           && $one->{y} < $other->{y} + $other->{h}
           && $other->{y} < $one->{y} + $one->{h};
}

sub has_data {
    my ($title, $target) = @_;
    my $expr = filled($target->{expr});
    my @found;

    wait_for {
        my $data = $p->ask('query', query => $expr);
        @found = $data ? numbers($data->{result}) : ();
        return scalar @found;
    } "$title: there are data" or diag($expr);

    my @labels = $target->{legendFormat} =~ /\{\{(\w+)\}\}/g;
    my ($whole) = grep {
        my $series = $_;
        !grep { !exists $series->{metric}{$_} } @labels;
    } @found;

    ok($whole, "$title: the labels of its legend (@labels)");
    return;
}

for my $variable (@{ $dashboard->{templating}{list} }) {
    next if $variable->{type} ne 'query';

    my ($metric, $label) = $variable->{query}{query}
                           =~ /^label_values\((\w+), (\w+)\)\z/
        or die "a variable's query: $variable->{query}{query}\n";

    wait_for {
        my $names = $p->ask("label/$label/values", 'match[]' => $metric);
        return $names && @$names;
    } "\$$variable->{name}: there are names";
}

$_->response for @waiting;
$p->stop;

$t->done;
