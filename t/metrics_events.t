#!/usr/bin/perl

# What jimeng_metrics says of repeats, of submits and of tasks that were left,
# and of configurations that were not taken.
#
# Seen failing: the ledger, with what is replayed told as joined and the other
# way round, and without a mark for retries; "unknown" and "denied", without
# their causes; "unsent: no retry", with each try counted; "left: one", with left
# not handed on; what is lost, with all that runs or with nothing; a directive
# and the zone, without the cleanup; "a good one: no more", without the mark of
# one that is used.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Metrics;

my $metrics = 'location = /metrics { jimeng_metrics; }';
my $prompts = 0;
my $asked = 0;

my $t = Jimeng::Test->new(with_ledger(
    emulator => { seconds => 0.4 }, poll_interval => '50ms', zone => '4m',
    account => 'concurrency 4;',
    http => 'lingering_close off;',
    server => $metrics . <<'EOT',

        location /down/ {
            jimeng_pass /_down;
            jimeng_timeout 10s;
        }
        location = /_down {
            internal;
            proxy_pass http://127.0.0.1:%%PORT:nobody%%;
        }
EOT
));

my $once = 'x-stainless-retry-count';

sub prompt { return "a mill by the stream, $_[0], " . ++$prompts }

sub start_one {
    my ($prompt, $headers, $path, $n) = @_;
    my @request = $t->generation({ prompt => $prompt, n => $n // 1 },
                                 $headers // {});
    $request[1] = $path if $path;
    $asked++;
    return $t->start_request(@request);
}

sub one { return start_one(@_)->response->status }

sub key { return { 'Idempotency-Key' => $_[0] } }


# ---- the ledger

my %marked;

sub entered {
    my ($mark, $result, $name) = @_;
    $marked{ qq(mark="$mark",result="$result") }++;

    is_deeply(counted(settled($t, $asked), 'jimeng_ledger_requests_total'),
              \%marked, "$name: $result");
    return;
}

my $prompt = prompt('a key');
my $first = start_one($prompt, key('one'));
wait_submits($t, $prompt);
is(one($prompt, key('one')), 200, 'a key: a repeat');
$marked{'mark="key",result="new"'}++;
is($first->response->status, 200, 'a key: a picture');
entered('key', 'joined', 'a key');

is(one($prompt, key('one')), 200, 'a key: one more');
entered('key', 'replayed', 'a key');

is(one(prompt('a key'), key('one')), 422, 'a key: another request');
entered('key', 'refused', 'a key');

$prompt = prompt('a retry');
is(one($prompt, { $once => 0 }), 200, 'a retry: the first');
entered('none', 'new', 'a retry');
is(one($prompt, { $once => 1 }), 200, 'a retry');
entered('retry', 'replayed', 'a retry');

$prompt = prompt('no mark');
$first = start_one($prompt);
wait_submits($t, $prompt);
$first->abort;
$t->log_like(qr/client closed connection/, 'no mark: the client leaves');
is(one($prompt), 200, 'no mark: what it is owed');
$marked{'mark="none",result="new"'}++;
entered('none', 'joined', 'no mark');

$prompt = prompt('one of two fails');
$t->emulator->fault({ on => 'submit', do => 'answer', status => 400,
                      body => '{"code":50413,"data":null,"message":"no"}' });
is(one($prompt, key('two'), undef, 2), 200, 'one of two fails');
entered('key', 'new', 'one of two fails');
is(one($prompt, key('two'), undef, 2), 200, 'one of two fails: both');
entered('key', 'anew', 'one of two fails');

is(scalar(grep { /mark="\w+",result="\w+"/ }
               keys %{ only(scrape($t), 'jimeng_ledger_requests_total') }), 21,
   'all of them are there');


# ---- submits

sub outcomes {
    return counted(settled($t, $asked), 'jimeng_submit_outcomes_total');
}

sub outcome { return qq(account="main",outcome="$_[0]") }

my $before = outcomes();
is($before->{ outcome('taken') }, 5, 'taken: five');
is($before->{ outcome('refused') }, 1, 'refused: one');

$t->emulator->fault({ on => 'submit', do => 'answer', status => 429,
                      body => '{"code":50429,"data":null,"message":"busy"}' });
is(one(prompt('busy')), 200, 'busy: a picture');
is(outcomes()->{ outcome('busy') }, 1, 'busy: one');
is(outcomes()->{ outcome('taken') }, 6, 'busy: and one taken');
is(scrape($t)->{'jimeng_submit_retries_total{account="main"}'}, 1,
   'busy: a retry');

$t->emulator->fault({
    on => 'submit', do => 'answer', status => 429,
    body => '{"ResponseMetadata":{"Error":{"Code":"FlowLimitExceeded"}}}' });
is(one(prompt('the gateway')), 200, 'the gateway: a picture');
is(outcomes()->{ outcome('busy') }, 2, 'the gateway is busy, too');

my $codes = only(scrape($t), 'jimeng_upstream_codes_total');
is($codes->{'account="main",code="FlowLimitExceeded"'}, 1, 'by its name');
is($codes->{'account="main",code="50429"'}, 1, 'and the service by its number');
is($codes->{'account="main",code="other"'}, 0, 'and neither as another');

$t->emulator->fault({ on => 'submit', do => 'drop' });
is(one(prompt('lost')), 502, 'unknown: an error');
is(outcomes()->{ outcome('unknown') }, 1, 'unknown: one');

is(one(prompt('down'), {}, '/down/images/generations'), 502,
   'unsent: an error');
cmp_ok(outcomes()->{ outcome('unsent') }, '>=', 2, 'unsent: twice');
is(scrape($t)->{'jimeng_submit_retries_total{account="main"}'}, 2,
   'unsent: no retry');
is(outcomes()->{ outcome('denied') }, undef, 'denied: none yet');

$t->emulator->set_account('main', denied => [ 'jimeng_t2i_v40' ]);
cmp_ok(one(prompt('denied')), '>=', 500, 'denied: an error');
cmp_ok(outcomes()->{ outcome('denied') }, '>=', 1, 'denied: some');
$t->emulator->set_account('main', denied => []);

is(outcomes()->{ outcome('taken') }, 7, 'no more were taken');
is_clean($t, 'clean with all of that');
$t->allow_log(qr/task "\d*" of account "main"/);
$t->allow_log(qr/connect\(\) failed|upstream prematurely closed/);
$t->allow_log(qr/account "main"/);
$t->finish;


# ---- a task that is left

$t = Jimeng::Test->new(with_ledger(
    emulator => { seconds => 3 }, account => 'concurrency 2;',
    main => 'worker_shutdown_timeout 1s;', server => $metrics,
    location => 'jimeng_model jimeng_t2i_v40 jimeng_t2i_v40 price=0.2;',
));

$prompt = prompt('left');
$first = $t->start_request($t->generation({ prompt => $prompt }));
wait_submits($t, $prompt);
is(scrape($t)->{'jimeng_cost_running{account="main"}'}, 0.2,
   'left: what it costs');
is(scrape($t)->{'jimeng_cost_lost{account="main"}'}, 0,
   'left: somebody follows it');
is(scrape($t)->{'jimeng_tasks_left_total{account="main"}'}, 0, 'not yet');

my $read = scrape($t)->{jimeng_config_load_timestamp_seconds};
cmp_ok(abs(time() - $read), '<=', 20, 'the age of the configuration');

$t->reload;
is($first->response->status, 503, 'left: its client is told');
wait_for {
    scrape($t)->{'jimeng_tasks_left_total{account="main"}'} == 1
} 'left: one';
is(scrape($t)->{'jimeng_cost_lost{account="main"}'}, 0.2,
   'left: nobody follows it');


# ---- configurations that are not taken

sub refused { return scrape($t)->{jimeng_config_reloads_refused_total} }

sub hup {
    my ($name, $pattern, $conf) = @_;

    $t->nginx->write_conf($conf);
    $t->signal('HUP');
    $t->log_like($pattern, "$name: nginx says so");
    return;
}

my $now = scrape($t)->{jimeng_config_load_timestamp_seconds};
cmp_ok($now, '>=', $read, 'a reload: no older one');
is(refused(), 0, 'a reload: it was taken');
$t->allow_log(qr/\[emerg\]/);

hup('a directive', qr/unknown directive "nonsense"/,
    $t->conf(http => $t->{http} . ' nonsense;'));
wait_for { refused() == 1 } 'a directive: one was refused';

hup('the zone', qr/need.? a "jimeng_zone"/,
    $t->conf(http => ''));
wait_for { refused() == 2 } 'the zone: two';

hup('a port', qr/still could not bind/,
    $t->conf(http => $t->{http}
                     . ' server { listen 127.0.0.1:%%EMULATOR_PORT%%; }'));
wait_for { refused() == 3 } 'a port: three';

$t->test_config(http => $t->{http} . ' nonsense;');
is(refused(), 3, 'nginx -t: not counted');

hup('before http', qr/unknown directive "rubbish"/,
    $t->conf(main => 'rubbish;'));
is(refused(), 3, 'before http: not counted');

is(scrape($t)->{jimeng_config_load_timestamp_seconds}, $now,
   'the old one is in use');

$t->reload(http => $t->{http});
is(refused(), 3, 'a good one: no more');
cmp_ok(scrape($t)->{jimeng_config_load_timestamp_seconds}, '>=', $now,
       'a good one is in use');

$t->done;
