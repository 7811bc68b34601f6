#!/usr/bin/perl

# conf-examples/prometheus-rules.yml: promtool takes it, each alert is seen
# firing, alone, and not firing just below, none fires for a gateway that is
# idle, and all that the rules name is in the metrics of one that runs.
#
# Seen failing: each alert, with another threshold on either side of its own,
# with no "for" and with a longer one, without each of its gates, and with a
# label that it does not have; its metrics, with "slots_lose" and with a result
# that there is not; "idle", with >= in place of == and without its gate.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Metrics;
use Jimeng::Test::Process qw(slurp);

use constant { MINUTES => 60, FIRES_AT => 30 };

my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
my $file = Jimeng::Test::Nginx::root() . '/conf-examples/prometheus-rules.yml';
my %rule = slurp($file) =~ /^      - alert: (\w+)\n(.*?)(?=^      - |\z)/msg;
my %expr = map { $_ => $rule{$_} =~ /^ +expr: (.*?)\n +(?:for|labels):/ms }
           keys %rule;

my $json = JSON::PP->new->canonical;
my @target = (job => 'jimeng', instance => 'gateway:9145');


# ---- series that fire an alert, and some that do not

sub account { return qq(jimeng_$_[0]\{account="main"}) }
sub codes {
    my ($code, $account) = @_;
    $account //= 'main';
    return qq(jimeng_upstream_codes_total{account="$account",code="$code"});
}

sub zone    { return qq(jimeng_zone_bytes{state="$_[0]"}) }
sub submits { return 'jimeng_upstream_seconds_count{call="submit",'
                     . 'model="jimeng_t2i_v40",account="main"}' }
sub tasks   { return qq(jimeng_tasks_total{account="main",result="$_[0]"}) }

sub requests {
    my ($result, $model) = @_;
    return 'jimeng_requests_total{client="alice",model="'
           . ($model // 'jimeng_t2i_v40') . qq(",result="$result"});
}

# Exchanges of a kind, or waits, of which so many a minute take longer.
sub buckets {
    my ($metric, $labels, $le, $fast, $slow, $above) = @_;
    my $all = $fast + $slow;

    return map { (qq(${metric}_bucket{$labels) . qq(le="$_->[0]"})
                  => "0+$_->[1]x" . MINUTES) }
               [ $le, $fast ], [ $above, $all ], [ '+Inf', $all ];
}

# Two accounts have a half each.
sub halves {
    my ($metric, $labels, $le, $fast, $slow, $above) = @_;

    return map { buckets($metric, "${labels}model=\"jimeng_t2i_v40\","
                                  . "account=\"$_\",", $le, $fast / 2,
                         $slow / 2, $above) } qw(main more);
}

sub waits { return halves('jimeng_queue_seconds', '', '60', @_, '120') }

sub calls {
    my ($call, @counts) = @_;
    return halves('jimeng_upstream_seconds', qq(call="$call",), '5', @counts,
                  '10');
}

# So much for so many minutes, and nothing before and after.
sub once {
    my ($value, $minutes) = @_;
    return "0x9 ${value}x" . ($minutes - 1) . ' 0x50';
}

# A counter that goes up in a single minute.
sub jump { return "0x9 $_[0]x50" }

sub steadily { return "0+$_[0]x" . MINUTES }
sub always   { return "$_[0]x" . MINUTES }

my %main = (account => 'main');

# alert => [ labels, series that fire it, name => series that do not, ... ]
my %case = (
    JimengDown => [
        {}, { up => always(0) },
        'up' => { up => always(1) },
        'a scrape fails' => { up => '1x9 0 1x50' },
    ],
    JimengRestartsOften => [
        {}, { codes(10000) => join ' ', '0+5x3', ('0+5x3') x 4, '20+0x40' },
        'three starts'
            => { codes(10000) => join ' ', ('0+5x3') x 4, '20+0x40' },
    ],
    JimengAccountAside => [
        { %main }, { account('account_aside_seconds') => always(120) },
        'for 10 s, once' => { account('account_aside_seconds') => once(10, 1) },
        'never' => { account('account_aside_seconds') => always(0) },
    ],
    JimengSubmitsDenied => [
        { %main }, { account('denials_total') => steadily(1),
                     account('account_aside_seconds') => always(0) },
        'once' => { account('denials_total') => jump(3),
                    account('account_aside_seconds') => always(0) },
        'none' => { account('denials_total') => always(7),
                    account('account_aside_seconds') => always(0) },
    ],
    JimengQueriesDenied => [
        { %main }, { account('query_denials_total') => steadily(1) },
        'as a key is replaced' => { account('query_denials_total') => jump(6) },
        'none' => { account('query_denials_total') => always(7) },
    ],
    JimengNoSubmits => [
        { %main }, { account('queue_waiting') => always(1),
                     account('submits_total') => always(7) },
        'they go on' => { account('queue_waiting') => always(4),
                          account('submits_total') => steadily(1) },
        'nobody waits' => { account('queue_waiting') => always(0),
                            account('submits_total') => always(7) },
    ],
    JimengQueueNearlyFull => [
        { %main }, { account('queue_waiting') => always(81),
                     account('queue_places') => always(100) },
        'room' => { account('queue_waiting') => always(80),
                    account('queue_places') => always(100) },
        'full for a while' => { account('queue_waiting') => once(100, 4),
                                account('queue_places') => always(100) },
        'no places' => { account('queue_waiting') => always(0),
                         account('queue_places') => always(0) },
    ],
    JimengQueueSlow => [
        {}, { waits(80, 20) },
        'not so many' => { waits(91, 9) },
        'none' => { waits(0, 0) },
    ],
    JimengTooBusy => [
        {}, { requests('concurrency_limit_exceeded') => steadily(6),
              requests('succeed') => steadily(94),
              requests('succeed', '') => steadily(900) },
        'not so many' => { requests('concurrency_limit_exceeded')
                               => steadily(5),
                           requests('concurrency_limit_exceeded', '')
                               => steadily(50),
                           requests('succeed') => steadily(96) },
        'once' => { requests('concurrency_limit_exceeded') => jump(50),
                    requests('succeed') => steadily(1) },
    ],
    JimengSlotsLost => [
        { %main }, { account('slots_lost') => always(1),
                     account('submits_total') => steadily(1) },
        'once' => { account('slots_lost') => once(2, 9),
                    account('submits_total') => steadily(1) },
        'nobody needs it' => { account('slots_lost') => always(2),
                               account('submits_total') => always(7) },
    ],
    JimengLoadRefused => [
        { %main }, { account('refusals_total') => steadily(21),
                     account('submits_total') => steadily(79) },
        'not so many' => { account('refusals_total') => steadily(20),
                           account('submits_total') => steadily(81) },
        'once' => { account('refusals_total') => jump(50),
                    account('submits_total') => steadily(1) },
    ],
    JimengTasksFail => [
        { %main }, { tasks('upstream_error') => steadily(6),
                     tasks('succeed') => steadily(94) },
        'not so many' => { tasks('upstream_error') => steadily(5),
                           tasks('succeed') => steadily(96) },
        'others' => { tasks('upstream_error') => always(7),
                      tasks('content_policy_violation') => steadily(50),
                      tasks('succeed') => steadily(50) },
        'one, the only one' => { tasks('upstream_error') => jump(1),
                                 tasks('succeed') => always(0) },
    ],
    JimengAnswersLost => [
        {}, { codes('none') => steadily(6), codes(10000) => steadily(94) },
        'not so many' => { codes('none') => steadily(5),
                           codes(10000) => steadily(96) },
        'others' => { codes('none') => always(7), codes(50500) => steadily(9) },
        'one, the only one' => { codes('none') => jump(1),
                                 codes(10000) => always(0) },
    ],
    JimengTasksTimeOut => [
        { %main }, { tasks('generation_timeout') => steadily(6),
                     tasks('succeed') => steadily(94) },
        'not so many' => { tasks('generation_timeout') => steadily(5),
                           tasks('succeed') => steadily(96) },
        'one, the only one' => { tasks('generation_timeout') => jump(1),
                                 tasks('succeed') => always(0) },
    ],
    JimengUpstreamSlow => [
        { call => 'query' }, { calls('query', 80, 20), calls('submit', 99, 1) },
        'not so many' => { calls('query', 91, 9), calls('submit', 91, 9) },
        'pictures as base64' => { calls('result', 0, 50) },
        'none' => { calls('query', 0, 0) },
    ],
    JimengClientLimited => [
        { client => 'alice' },
        { requests('rate_limit_exceeded') => steadily(30),
          requests('insufficient_quota') => steadily(30),
          requests('succeed') => steadily(50) },
        'half of them' => { requests('rate_limit_exceeded') => steadily(25),
                            requests('insufficient_quota') => steadily(25),
                            requests('succeed') => steadily(51) },
        'for a while' => { requests('rate_limit_exceeded')
                               => '0+0x9 0+9x9 81+0x40',
                           requests('succeed') => steadily(1) },
        'no client of ours' => {
            map { (requests(@$_) =~ s/alice//r => steadily(9)) }
                [ 'rate_limit_exceeded', '' ] },
    ],
    JimengInternalErrors => [
        {}, { requests('internal_error') => steadily(1) },
        'once' => { requests('internal_error') => jump(5) },
        'none' => { requests('internal_error') => always(7) },
    ],
    JimengReloadRefused => [
        {}, { jimeng_config_reloads_refused_total => '0x26 1x33' },
        'long ago' => { jimeng_config_reloads_refused_total => always(3) },
    ],
    JimengZoneNearlyFull => [
        {}, { zone('free') => always(99_000), zone('used') => always(901_000),
              submits() => steadily(1) },
        'room' => { zone('free') => always(101_000),
                    zone('used') => always(899_000), submits() => steadily(1) },
        'nobody comes' => { zone('free') => always(9_000),
                            zone('used') => always(991_000),
                            submits() => always(7) },
    ],
);

# What more is to fire an alert, with its labels.
my @more = (
    [ 'JimengUpstreamSlow', 'submits', { call => 'submit' },
      { calls('submit', 80, 20) } ],
    [ 'JimengZoneNearlyFull', 'but for the places of queues', {},
      { zone('free') => always(201_000), zone('used') => always(799_000),
        submits() => steadily(1), account('queue_places') => always(100) } ],
    [ 'JimengAccountAside', 'which is told once', { %main },
      { account('denials_total') => steadily(1),
        account('account_aside_seconds') => '280 20 140 0 200' . ' 0 200' x 40,
      } ],
);

is(join(' ', sort keys %case), join(' ', sort keys %rule),
   'each alert has a case');


# ---- what the rules say

for my $alert (sort keys %rule) {
    my $labels = { @target, %{ $case{$alert}[0] } };
    my ($severity) = $rule{$alert} =~ /^ +severity: (\w+)$/m;
    my @used = $rule{$alert} =~ /\$labels\.(\w+)/g;

    like($alert, qr/^Jimeng[A-Z]\w+\z/, "$alert: its name");
    like($severity, qr/^(?:critical|warning|info)\z/, "$alert: its severity");
    like($rule{$alert}, qr/^ +summary: '.{20,}'\n +description: >-\n/m,
         "$alert: a summary and a description");
    is(join(' ', grep { !exists $labels->{$_} } @used), '',
       "$alert: the labels that it speaks of");
    unlike($expr{$alert} =~ s/resets\([^)]*\)|max_over_time\([^)]*\)//gr,
           qr/\[(?!5m\])/, "$alert: rates over 5 minutes");
}


# ---- a gateway

my $t = with_keys([ 'alice', 'bob rate=1r/h' ], emulator => { seconds => 0 },
                  account => 'concurrency 2; queue 10;',
                  server => 'location = /metrics { jimeng_metrics; }');

generate_as($t, 'alice', { prompt => $_ }) for 'one', 'two', 'no [[50413]]';
generate_as($t, 'bob', { prompt => $_ }) for 'one', 'two', 'three';

my $all = settled($t, 6);
my %shown;

for (keys %$all) {
    my ($name, $labels) = /^(\w+)(?:\{(.*)\})?\z/;
    my %labels = ($labels // '') =~ /(\w+)="([^"]*)"/g;

    $shown{"$name " . join ' ', sort keys %labels}++;
    $shown{"$name $_ $labels{$_}"}++ for keys %labels;
    $shown{$name}++;
}

for my $alert (sort keys %expr) {
    my @missing;

    while ($expr{$alert} =~ /\b(jimeng_\w+)(?:\{([^}]*)\})?/g) {
        my ($name, $matchers) = ($1, $2 // '');

        push @missing, $name unless $shown{$name};

        while ($matchers =~ /(\w+)=~?"([^"]*)"/g) {
            my $label = $1;
            push @missing, grep { !$shown{$_} }
                           map { "$name $label $_" } split /\|/, $2;
        }
    }

    is(join(', ', @missing), '', "$alert: its metrics are shown");
}

# Series of the cases are such as there are.
my %made = map { %$_ } (map { my (undef, @series) = @$_;
                              grep { ref } @series } values %case),
                       map { $_->[3] } @more;

is(join(', ', grep { my ($name, $labels) = /^(\w+)(.*)/;
                     my @names = $labels =~ /(\w+)="/g;
                     $name ne 'up' && !$shown{"$name @{[ sort @names ]}"} }
              sort keys %made), '', 'series of the cases');


# ---- promtool

sub with_target {
    my ($series) = @_;
    my ($name, $labels) = $series =~ /^(\w+)(?:\{(.*)\})?\z/;

    return "$name\{" . join(',', 'job="jimeng"', 'instance="gateway:9145"',
                            defined $labels ? $labels : ()) . '}';
}

# At a minute these labels of an alert, or none, are all that fires.
sub firing {
    my ($minute, $alert, $labels) = @_;
    my %labels = (@target, alertname => $alert, alertstate => 'firing',
                  severity => $alert && $rule{$alert} =~ /severity: (\w+)/,
                  %{ $labels // {} });

    return {
        expr => 'ALERTS{alertstate="firing"}', eval_time => "${minute}m",
        exp_samples => [ $labels ? {
            labels => 'ALERTS{' . join(',', map { qq($_="$labels{$_}") }
                                           sort keys %labels) . '}',
            value => 1 } : () ],
    };
}

sub promtool {
    my ($name, $series, @expected) = @_;
    my $tests = $t->write_file('rules_test.yml', $json->encode({
        rule_files => [ $file ],
        tests => [ {
            interval => '1m', promql_expr_test => \@expected,
            input_series => [ map { { series => with_target($_),
                                      values => $series->{$_} } }
                              sort keys %$series ],
        } ],
    }));

    my $said = `"$promtool" test rules "$tests" 2>&1`;
    ok($? == 0, $name) or diag($said);
    return;
}

sub fires {
    my ($name, $alert, $labels, $series) = @_;
    promtool("$name: fires", $series, firing(1),
             firing(FIRES_AT, $alert, $labels));
    return;
}

SKIP: {
    skip('promtool is in Debian\'s package prometheus', 1) unless $promtool;

    my $said = `"$promtool" check rules "$file" 2>&1`;
    like($said, qr/SUCCESS: @{[ scalar keys %rule ]} rules found/,
         'promtool takes them');

    my @never = map { firing($_) } 1 .. MINUTES;

    for my $alert (sort keys %case) {
        my ($labels, $series, @quiet) = @{ $case{$alert} };

        fires($alert, $alert, $labels, $series);

        while (my ($name, $less) = splice @quiet, 0, 2) {
            promtool("$alert: $name: does not", $less, @never);
        }
    }

    fires("$_->[0], $_->[1]", @$_[0, 2, 3]) for @more;

    promtool('a gateway that is idle',
             { up => always(1), map { $_ => always($all->{$_}) } keys %$all },
             @never);
}

$t->done;
