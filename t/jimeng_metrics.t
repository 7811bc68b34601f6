#!/usr/bin/perl

# jimeng_metrics: every number, against what was done.
#
# Seen failing: requests, without ngx_http_jimeng_metrics_told() in
# ngx_http_jimeng_stream_end() and in ngx_http_jimeng_data_asked(); codes,
# with task->code in place of the answer's; gzip and charset, with parameters
# in the type; "were there before", without
# ngx_http_jimeng_series_init_module(); request_seconds, with all requests
# counted, and none.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys qw(bearer key_of set_clients);
use Jimeng::Test::Metrics;
use Jimeng::Test::Directive;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Sse;

my $zone = 'jimeng_zone shared:10m;';


# ---- the directive

my $d = Jimeng::Test::Directive->new('jimeng_metrics');

sub config {
    my ($line) = @_;
    return (http => $zone, server => "location = /m { $line }");
}

$d->accepts('a location', config('jimeng_metrics;'));
$d->accepts('with an address', config('jimeng_metrics; deny all;'));
$d->accepts('with methods',
            config('jimeng_metrics; limit_except GET { deny all; }'));
$d->accepts('and a condition', config('jimeng_metrics; if ($arg_x) { }'));
$d->accepts('the zone comes last',
            server => 'location = /m { jimeng_metrics; }',
            http => "server { listen 127.0.0.1:%%PORT:two%%; } $zone");

for my $context ([ 'http', http => 'jimeng_metrics;' ],
                 [ 'server', server => 'jimeng_metrics;' ],
                 [ 'if', server => 'location = /m { if ($arg_x) '
                                   . '{ jimeng_metrics; } }' ])
{
    my ($name, %conf) = @$context;
    $d->refuses("not in $name",
                '"jimeng_metrics" directive is not allowed here', %conf);
}

$d->refuses('an argument',
            'invalid number of arguments in "jimeng_metrics" directive',
            config('jimeng_metrics on;'));
$d->refuses('duplicate', '"jimeng_metrics" directive is duplicate',
            config('jimeng_metrics; jimeng_metrics;'));
$d->refuses('with jimeng_status',
            '"jimeng_metrics" directive is one too many: a location has '
            . '"jimeng_status" or "jimeng_metrics"',
            config('jimeng_status; jimeng_metrics;'));
$d->refuses('with jimeng_pass',
            '"jimeng_metrics" needs a location of its own, without '
            . '"jimeng_pass"',
            config('jimeng_metrics; jimeng_pass /_volcengine;'));
$d->refuses('without a zone',
            '"jimeng_metrics" needs a "jimeng_zone", where what it shows is '
            . 'counted', server => 'location = /m { jimeng_metrics; }');
$d->test->finish;


# ---- the reply

my $t = Jimeng::Test->new(
    start => 0, workers => 2, emulator => { seconds => 0.3 },
    http => "$zone lingering_close off;",
    account => 'concurrency 2; queue 10;',
    location => 'jimeng_keys %%DIR%%/keys; '
                . 'jimeng_model jimeng_t2i_v40 jimeng_t2i_v40 price=0.22;',
    server => <<'EOT',
        location = /metrics { jimeng_metrics; }
        location = /gzip {
            jimeng_metrics;
            gzip on;
            gzip_types text/plain;
            charset utf-8;
            charset_types text/plain;
        }
        location = /denied { jimeng_metrics; deny all; }
        location = /get {
            jimeng_metrics;
            limit_except GET { deny all; }
        }
EOT
);

$t->secret(key_of('nobody'));
set_clients($t, 'alice', 'bob images=100/d');
$t->start;

my $r = $t->request('GET', '/metrics');

is($r->status, 200, 'a report');
is($r->header('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8',
   'its type');
is($r->header('Content-Length'), length $r->body, 'its length');
is_clean($t, 'clean before anything has happened');
my $fresh = scrape($t);

my $gzip = $t->request('GET', '/gzip', { 'Accept-Encoding' => 'gzip' });
is($gzip->header('Content-Encoding'), 'gzip', 'gzip');
is($gzip->header('Content-Type'), $r->header('Content-Type'),
   'gzip and charset: the same type');

my $head = $t->request('HEAD', '/metrics');
is($head->status, 200, 'HEAD');
is($head->body, '', 'HEAD: no body');
is($t->request('POST', '/metrics', {}, 'x')->status, 405, 'POST');
is($t->request('DELETE', '/metrics')->status, 405, 'DELETE');
is($t->request('GET', '/denied')->status, 403, 'deny works');
is($t->request('GET', '/get')->status, 200, 'limit_except: GET');
is($t->request('POST', '/get', {}, 'x')->status, 403, 'limit_except: POST');
is_deeply(counted(scrape($t), 'jimeng_requests_total'), {},
          'none of these is counted');


# ---- requests, one of each kind

my (%requests, %tasks, %images, %codes, $done, $sent);
my $model = 'jimeng_t2i_v40';

sub counts {
    my ($client, $req_key, $result) = @_;
    $sent++;
    $requests{ qq(client="$client",model="$req_key",result="$result") }++;
    return;
}

sub made { return qq(client="$_[0]",model="$_[1]",account="main") }

sub tasks {
    my ($n, $result) = @_;
    $tasks{ qq(account="main",result="$result") } += $n;
    return;
}

sub as {
    my ($name, $fields, %opt) = @_;
    return $t->generate($fields, bearer($name), %opt);
}

is(as('alice', { prompt => 'one kite' })->status, 200, 'a picture');
counts('alice', $model, 'succeed');
tasks(1, 'succeed');
$images{ made('alice', $model) } += 1;

is(as('bob', { prompt => 'kites', n => 2, model => 'jimeng-4.6',
               response_format => 'b64_json' })->status, 200, 'base64');
counts('bob', 'jimeng_seedream46_cvtob', 'succeed');
tasks(2, 'succeed');
$images{ made('bob', 'jimeng_seedream46_cvtob') } += 2;

is(as('bob', { prompt => 'a group [[pictures=3]]', force_single => \0 })
     ->status, 200, 'a group');
counts('bob', $model, 'succeed');
tasks(1, 'succeed');
$images{ made('bob', $model) } += 3;

is(as('alice', { prompt => 'refused [[50413]]' })->status, 400, 'refused');
counts('alice', $model, 'content_policy_violation');
tasks(1, 'content_policy_violation');
$codes{50413}++;

is(as('alice', { prompt => 'failed [[done:50511]]' })->status, 400, 'failed');
counts('alice', $model, 'content_policy_violation');
tasks(1, 'content_policy_violation');
$codes{50511}++;

my $sse = Jimeng::Test::Sse->new($t->start_generate(
    { prompt => 'a stream', stream => \1 }, bearer('alice')));
like(join(' ', map { $_->{event} } $sse->all), qr/completed/, 'a stream');
counts('alice', $model, 'succeed');
tasks(1, 'succeed');
$images{ made('alice', $model) } += 1;

$sse = Jimeng::Test::Sse->new($t->start_generate(
    { prompt => 'failed [[done:50511]] stream', stream => \1 },
    bearer('alice')));
is(join(' ', map { $_->{event} } $sse->all), 'error', 'a stream that fails');
is($sse->status, 200, 'with status 200');
counts('alice', $model, 'content_policy_violation');
tasks(1, 'content_policy_violation');
$codes{50511}++;

is($t->generate({}, bearer('nobody'))->status, 401, 'a key nobody has');
counts('', '', 'invalid_api_key');
is($t->generate({})->status, 401, 'no key');
counts('', '', 'invalid_api_key');

is(as('alice', { model => 'dall-e-9' })->status, 404, 'no such model');
counts('alice', '', 'model_not_found');
is(as('alice', { size => '0x0' })->status, 400, 'a bad size');
counts('alice', $model, 'invalid_request');
is($t->request('GET', '/v1/models', bearer('bob'))->status, 200, 'models');
counts('bob', '', 'succeed');
is($t->request('GET', '/v1/nothing', bearer('bob'))->status, 404, 'nothing');
counts('bob', '', 'not_found');
is($t->request('GET', '/v1/images/generations', bearer('bob'))->status, 405,
   'a method');
counts('bob', '', 'method_not_allowed');

my $async = as('bob', { prompt => 'later', async => \1 });
is($async->status, 200, 'async');
counts('bob', $model, 'succeed');
tasks(1, 'succeed');
$images{ made('bob', $model) } += 1;

# What goes on until then is counted at its end.
settled($t, $sent);

is($t->request('GET', '/v1/images/' . $async->json->{task_id}, bearer('bob'))
     ->json->{task_status}, 'succeed', 'its pictures');
counts('bob', $model, 'succeed');
settled($t, $sent);

my $left = $t->start_generate({ prompt => 'a client leaves' }, bearer('alice'));
wait_for(sub { grep { ($_->{json}{prompt} // '') eq 'a client leaves' }
                    $t->submits }, 'its submit');
$left->abort;
counts('alice', $model, 'client_closed_request');
tasks(1, 'succeed');
$images{ made('alice', $model) } += 1;
settled($t, $sent);

# A number of no table, and none at all.
$t->emulator->fault({ on => 'submit', do => 'answer', status => 200,
                      body => '{"code":59999,"message":"?","data":null}' });
is(as('alice', { prompt => 'what is this' })->status, 502, 'a strange code');
counts('alice', $model, 'upstream_error');
tasks(1, 'upstream_error');
$codes{other}++;

$t->emulator->fault({ on => 'query', do => 'drop' });
is(as('alice', { prompt => 'once more' })->status, 200, 'a query is lost');
counts('alice', $model, 'succeed');
tasks(1, 'succeed');
$images{ made('alice', $model) } += 1;
$codes{none}++;

# Base64 that breaks off.
$t->emulator->fault({ on => 'result', do => 'cut', body_bytes => 2000 });
my $cut = as('bob', { prompt => 'cut', response_format => 'b64_json' });
ok(!$cut->complete, 'a reply that breaks off');
counts('bob', $model, 'upstream_error');
tasks(1, 'succeed');
$images{ made('bob', $model) } += 1;
$codes{none}++;
$t->allow_log(qr/the pictures of task "\d+" broke off/);
$t->allow_log(qr/task "\d*" of account "main"/);

my $all = settled($t, $sent);

is_deeply(counted($all, 'jimeng_requests_total'), \%requests, 'requests');
is_deeply(counted($all, 'jimeng_tasks_total'), \%tasks, 'tasks');
is_deeply(counted($all, 'jimeng_images_total'), \%images, 'pictures');
is_deeply(counted($all, 'jimeng_cost_total'),
          { map { /jimeng_t2i_v40/ ? ($_ => $images{$_} * 0.22) : () }
                keys %images }, 'what they cost');

# What makes a series is lost to Prometheus' increase(), so none is made, but
# for how long a model took that nobody has named.
is_deeply([ sort grep { !/_(?:bucket|sum|count)\{.*jimeng_seedream46/ }
                 keys %$all ], [ sort keys %$fresh ],
          'all of them were there before');


# ---- exchanges: as the upstream saw them

my $submits = () = $t->submits;
my $results = () = $t->results;
my $queries = () = $t->queries;
$queries -= $results;

my %calls = (submit => $submits, query => $queries, result => $results);

# A histogram's sum, or count, or a bucket, of all models and accounts.
sub all_of {
    my ($name, %with) = @_;
    my ($sum, $of) = (0, only($all, $name));

    for my $labels (keys %$of) {
        my %has = $labels =~ /(\w+)="([^"]*)"/g;
        $sum += $of->{$labels}
            unless grep { ($has{$_} // '') ne $with{$_} } keys %with;
    }

    return $sum;
}

for my $call (sort keys %calls) {
    is(all_of('jimeng_upstream_seconds_count', call => $call), $calls{$call},
       "exchanges: $call");
    is(all_of('jimeng_upstream_seconds_bucket', call => $call, le => '+Inf'),
       $calls{$call}, "exchanges: $call: all of them");
}

my $v46 = grep { ($_->{json}{req_key} // '') =~ /seedream46/ } $t->submits;
is(all_of('jimeng_upstream_seconds_count', call => 'submit',
          model => 'jimeng_seedream46_cvtob', account => 'main'), $v46,
   'exchanges: of a model');

my $codes = only($all, 'jimeng_upstream_codes_total');
my $others = 0;
$others += $_ for values %codes;

is($codes->{'account="main",code="10000"'},
   $submits + $queries + $results - $others, 'codes: success');
is($codes->{qq(account="main",code="$_")}, $codes{$_}, "codes: $_")
    for sort keys %codes;
is($codes->{'account="main",code="50430"'}, 0, 'codes: one that never came');

my $succeeded = $tasks{'account="main",result="succeed"'};
my $accepted = $succeeded + 2;

is(all_of('jimeng_task_seconds_count'), $succeeded, 'task_seconds: how many');
cmp_ok(all_of('jimeng_task_seconds_sum'), '>=', 0.3 * $succeeded,
       'task_seconds: at least');
cmp_ok(all_of('jimeng_task_seconds_sum'), '<', 5 * $succeeded,
       'task_seconds: at most');
is(all_of('jimeng_task_seconds_bucket', le => 600), $succeeded,
   'task_seconds: none took so long');
is(all_of('jimeng_task_queries_count'), $accepted, 'task_queries: how many');

# One more that only asked.
is(all_of('jimeng_task_queries_sum'), $queries - 1, 'task_queries: all');
is(all_of('jimeng_queue_seconds_count'), $accepted, 'queue_seconds: how many');
is($all->{'jimeng_submits_total{account="main"}'}, $accepted,
   'submits that were taken');

my %outcomes = map { (qq(account="main",outcome="$_->[0]") => $_->[1]) }
                   [ taken => $accepted ], [ refused => $submits - $accepted ];

is_deeply(counted($all, 'jimeng_submit_outcomes_total'), \%outcomes,
          'what came of submits');


# ---- requests: those that reached the upstream

my $reached = 0;
$reached += $requests{$_} for grep { /model="jimeng/ && !/"invalid_req/ }
                                   keys %requests;

is(all_of('jimeng_request_seconds_count'), $reached,
   'request_seconds: how many');
cmp_ok(all_of('jimeng_request_seconds_sum'), '>=',
       all_of('jimeng_task_seconds_sum') - 0.3 * 2,
       'request_seconds: no less than tasks that are not two at a time');

is_clean($t, 'clean with all of that');

my $readme = slurp(Jimeng::Test::Nginx::root() . '/README.md');
my ($table) = $readme =~ /^## Watching it\n(.*?)^## /ms;
my @rows = ($table // '') =~ /^(\|[^|]*)/mg;

# Without a store there is none of it: t/store_nodes.t.
my @named = grep { !/^jimeng_(?:store|node)_/ }
            map { /`(jimeng_\w+)(?=[`{])/g } @rows;
my @types = $t->request('GET', '/metrics')->body =~ /^# TYPE (\w+)/mg;

is(join(' ', sort @named), join(' ', sort @types), 'README has all of them');
unlike($t->request('GET', '/metrics')->body, qr/kite|sk-test|leaves|AKLT/,
       'no prompt, no key');


# ---- slots, the queue, workers

my @waiting = map {
    $t->start_generate({ prompt => "in turn $_" }, bearer('alice'))
} 1 .. 3;

wait_for(sub {
    my $now = scrape($t);
    return $now->{'jimeng_slots_used{account="main"}'} == 2
           && $now->{'jimeng_queue_waiting{account="main"}'} == 1;
}, 'two run, and one waits');

is($_->response->status, 200, 'in turn') for @waiting;
counts('alice', $model, 'succeed') for @waiting;
$all = settled($t, $sent);

is($all->{'jimeng_slots_used{account="main"}'}, 0, 'no slot is used');
is($all->{'jimeng_queue_waiting{account="main"}'}, 0, 'nobody waits');
is($all->{'jimeng_slots{account="main"}'}, 2, 'slots');
is($all->{'jimeng_slots_effective{account="main"}'}, 2, 'all of them');
is($all->{'jimeng_queue_places{account="main"}'}, 10, 'places');
is(all_of('jimeng_queue_seconds_count'), $accepted + 3, 'three had a slot');
cmp_ok(all_of('jimeng_queue_seconds_sum'), '>', 0.1, 'one of them waited');
cmp_ok($all->{'jimeng_task_average_seconds{account="main"}'}, '>', 0.2,
       'the average of a task');

is($all->{'jimeng_zone_bytes{state="used"}'}
   + $all->{'jimeng_zone_bytes{state="free"}'}, 10 * 1024 * 1024,
   'bytes of the zone');
cmp_ok($all->{jimeng_ledger_entries}, '>', 5, 'entries of the ledger');
is($all->{jimeng_workers}, 2, 'workers');

$t->allow_log(qr/worker process \d+ exited on signal 9/);
$t->kill_worker;
is(scrape($t)->{jimeng_workers}, 2, 'one was killed: still two');

$t->reload;
wait_for(sub { scrape($t)->{jimeng_workers} == 2 }, 'a reload: still two');
is_deeply(only(scrape($t), 'jimeng_requests_total'),
          only($all, 'jimeng_requests_total'), 'and what was counted stays');

$t->done;
