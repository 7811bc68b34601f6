#!/usr/bin/perl

# What the access log, jimeng_metrics and jimeng_status have of Ark's calls.
#
# Seen failing: codes by their names, which all were "other"; the time of a task
# that has no id, which was 0; and the code in the log, which was empty.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Ark;
use Jimeng::Test::Metrics;

my $v45 = 'doubao-seedream-4-5-251128';
my $ark = 'account="ark"';

my $t = with_ark(
    strict => 1, emulator => { seconds => 0.1 }, ark => { seconds => 0.3 },
    location => 'jimeng_timeout 2s;',
    http => "lingering_close off; jimeng_model jimeng-4.5 $v45 provider=ark "
            . 'price=0.25; jimeng_model jimeng-4.0 jimeng_t2i_v40 price=0.22;',
    server => 'location = /metrics { jimeng_metrics; access_log off; }'
              . 'location = /status { jimeng_status; access_log off; }',
    log => [ map { "jimeng_$_" } qw(requested_model size n join billed cost
             tries task queue_time upstream_request_id) ],
);

sub ask {
    my ($prompt, %fields) = @_;
    return $t->generate({ model => 'jimeng-4.5', prompt => $prompt,
                          %fields });
}

# The module's fields of a line of the log, less "jimeng_".
sub row {
    my ($r) = @_;
    my $row = $t->logged($r);
    return map { s/^jimeng_//r => $row->{$_} } grep { /^jimeng_/ } keys %$row;
}

sub is_row {
    my ($name, $r, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %row = row($r);

    is_deeply({ map { $_ => $row{$_} } sort keys %want }, \%want,
              "$name: the access log");
    return \%row;
}


# ---- the access log

my $r = ask('one heron', size => '2K');
my $row = is_row('one', $r, account => 'ark', model => $v45, size => '2K',
                 requested_model => 'jimeng-4.5', n => 1, join => 'new',
                 billed => 1, images => 1, cost => 0.25, tries => 1,
                 polls => 0, status => 'succeed', code => '', task_id => '',
                 task => $r->json->{task_id},
                 upstream_request_id => ($t->emulator->calls('one'))[0]
                                        {request_id});
cmp_ok($row->{queue_time}, '<', 0.2, 'one: it did not wait');
cmp_ok($row->{task_time}, '>=', 0.29, 'one: how long it took');
cmp_ok($row->{upstream_time}, '>=', 0.29, 'one: as long as the call');

is_row('two', ask('two herons', n => 2), n => 2, billed => 2, images => 2,
       cost => 0.5, tries => 2, code => '', task_id => '', size => 'auto');
is_row('a group', ask('three herons [[pictures=3]]', force_single => \0),
       n => 1, billed => 3, images => 3, cost => 0.75, tries => 1);
is_row('a group, in part', ask('four herons [[pictures=4]]'
           . '[[OutputImageRiskDetection@1]]', force_single => \0),
       n => 1, billed => 3, images => 3, cost => 0.75, status => 'succeed');
is_row('by its id', $t->request('GET', '/v1/images/' . $r->json->{task_id}),
       join => 'retrieved', billed => 0, cost => 0, images => 1, tries => 0,
       model => $v45, account => 'ark', task => $r->json->{task_id});

is_row('refused', ask('a heron [[InputTextRiskDetection]]'), billed => 0,
       cost => 0, tries => 1, status => 'failed', task_time => '0.000',
       code => 'InputTextRiskDetection');
is_row('two refused', ask('herons [[InputTextRiskDetection]]', n => 2),
       code => 'InputTextRiskDetection, InputTextRiskDetection', tries => 2);

$t->emulator->fault({ on => 'ark', do => 'error', prompt => 'busy',
                      code => 'RateLimitExceeded.EndpointRPMExceeded' });
is_row('busy at first', ask('busy herons'), tries => 2, code => '',
       billed => 1, status => 'succeed');

# What it calls an error may be anything.
$t->emulator->fault({ on => 'ark', do => 'answer', prompt => 'strange',
    status => 400, body => '{"error":{"code":"a \\"b\\"\\u0001' . 'c' x 100
    . '"}}' });
is_row('a strange code', ask('strange herons'), billed => 0,
       code => 'a "b"?' . 'c' x 58);

is_row('Jimeng', $t->generate({ model => 'jimeng-4.0' }), account => 'main',
       model => 'jimeng_t2i_v40', cost => 0.22, code => 10000);


# ---- counters

my $all = scrape($t);

sub is_counted {
    my ($name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $counted = counted($all, $name);

    is_deeply({ map { $_ => $counted->{$_} } grep { /$ark/ } keys %$counted },
              \%want, $name);
    return;
}

is_counted('jimeng_upstream_codes_total',
    qq($ark,code="none") => 6, qq($ark,code="other") => 1,
    qq($ark,code="InputTextRiskDetection") => 3,
    qq($ark,code="RateLimitExceeded") => 1);
is_counted('jimeng_submit_outcomes_total',
    qq($ark,outcome="taken") => 6, qq($ark,outcome="busy") => 1,
    qq($ark,outcome="refused") => 4);
is_counted('jimeng_tasks_total', qq($ark,result="succeed") => 6,
    qq($ark,result="content_policy_violation") => 3,
    qq($ark,result="upstream_error") => 1);
is_counted('jimeng_images_total', qq(client="",model="$v45",$ark) => 10);
is_counted('jimeng_cost_total', qq(client="",model="$v45",$ark) => 2.5);
is_counted('jimeng_submits_total', $ark => 6);
is_counted('jimeng_refusals_total', $ark => 1);
is_counted('jimeng_task_seconds_count', qq(model="$v45",$ark) => 6);
is_counted('jimeng_upstream_seconds_count',
           qq(call="submit",model="$v45",$ark) => 11);

for my $name (qw(ServerOverloaded ModelNotOpen InternalServiceError)) {
    is($all->{qq(jimeng_upstream_codes_total{$ark,code="$name"})}, 0,
       "$name: begins at 0");
}

is($all->{"jimeng_slots{$ark}"}, 20, 'slots');
is($all->{"jimeng_slots_used{$ark}"}, 0, 'none is used');
cmp_ok($all->{"jimeng_task_average_seconds{$ark}"}, '>=', 0.25,
       'how long a call takes');
is_clean($t, 'promtool');


# ---- and as JSON

my ($account) = grep { $_->{name} eq 'ark' }
                @{ $t->request('GET', '/status')->json->{accounts} };
is_deeply([ @$account{qw(concurrency running waiting aside submits refusals)} ],
          [ 20, 0, 0, 0, 6, 1 ], 'jimeng_status');

$t->done;
