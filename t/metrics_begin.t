#!/usr/bin/perl

# Series are there at 0 before anything is counted in them, as what makes a
# series is lost to Prometheus' increase(): at a start, and when a reload brings
# a client, an account, or a model.  And there is room for others.
#
# Seen failing: all that is there, without
# ngx_http_jimeng_series_init_module(), and in it without what nobody has a name
# for, the models of lines of keys, and the names that are OpenAI's or not;
# "there is room" and "all, or none", without the fit, with another part of the
# room, with what is missing of the last piece only, with one piece of a column,
# and with 128k of memory; "a likely result", with a client of two keys counted
# twice; "by another account", with the account left out of that comparison, "by
# another location", with the accounts of the last one alone, "of a model that
# nobody has named", as one that is named, and with more than a quarter; times
# and codes, without their groups and with those of all models; dry_run, without
# a look at it; another size of the zone, with memory by its size; a restart,
# with submits imported.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Metrics;
use Jimeng::Test::Restart;

my $metrics = 'location = /metrics { jimeng_metrics; }';
my $v40 = 'jimeng_t2i_v40';
my $v46 = 'jimeng_seedream46_cvtob';

# What a request may be told whose model is known, or not, and a task.
my @busy = qw(concurrency_limit_exceeded upstream_rate_limited
              upstream_auth_failed upstream_error generation_timeout
              service_unavailable rate_limit_exceeded insufficient_quota
              internal_error client_closed_request);
my @known = qw(succeed invalid_request request_timeout task_not_found);
my @named = (@known, @busy, qw(content_policy_violation prompt_too_long
             request_too_large idempotency_key_reused invalid_api_key
             canceled task_running));
my @unnamed = grep {
    !/internal|_found|timeout$|too_l|reused|_key|canceled|running/
} @named;
push @unnamed, 'generation_timeout';
my @no_model = (@known, qw(not_found model_not_found method_not_allowed
                request_too_large prompt_too_long unsupported_media_type
                permission_denied too_early rate_limit_exceeded internal_error
                service_unavailable client_closed_request));
my @nobody = (@no_model, qw(invalid_api_key address_not_allowed));
my @tasks = (@known, @busy, qw(content_policy_violation invalid_api_key
             canceled));

# The results of a client and a model, or of an account, that are there.
sub results {
    my ($all, $name, %of) = @_;
    my $labels = join '', map { qq($_="$of{$_}",) } sort keys %of;
    my $there = only($all, $name);

    return join ' ', sort map { /^\Q$labels\Eresult="(\w+)"\z/ ? $1 : () }
                          keys %$there;
}

sub requests {
    my ($all, $client, $model) = @_;
    return results($all, 'jimeng_requests_total', client => $client,
                   model => $model);
}

sub sorted { join ' ', sort @_ }

# Whose pictures are there.
sub images {
    my ($all, $model, $account) = @_;
    my $rest = qq(model="$model",account="$account");

    return join ' ', sort map { /^client="(.*)",\Q$rest\E\z/ ? $1 : () }
                          keys %{ only($all, 'jimeng_images_total') };
}

# The models and accounts whose times are there.
sub pairs {
    my ($all) = @_;
    return join ' ', sort map { /model="(.*)",account="(.*)"/ ? "$1/$2" : () }
                          keys %{ only($all, 'jimeng_request_seconds_count') };
}

sub values_of {
    my ($all) = @_;
    my %counted = map { %{ counted($all, $_) } }
                      qw(jimeng_requests_total jimeng_tasks_total
                         jimeng_images_total);
    return \%counted;
}


# ---- a start

my $t = with_keys(
    [ 'alice', 'alice/2', "bob models=jimeng-4.6" ],
    emulator => { seconds => 0 }, zone => '512k',
    server => $metrics . ' location /v2/ { jimeng_pass /_volcengine; '
              . 'jimeng_keys %%DIR%%/keys; jimeng_accounts third; }',
    account => 'concurrency 2;',
    accounts => [ map { ($_ => 'concurrency 1;') } qw(second third) ],
    location => 'jimeng_model house house_v1; '
                . "jimeng_model gpt-image-1 $v40; "
                . 'jimeng_model gpt-image-2 gpt_v1; '
                . 'jimeng_accounts main second;',
);

my $all = scrape($t);

is_deeply(values_of($all), {}, 'nothing is counted');
is_clean($t, 'clean');

my @gpt = 'moderation_blocked';

is(requests($all, 'alice', ''), sorted(@no_model), 'requests without a model');
is(requests($all, 'alice', $v40), sorted(@named, @gpt),
   'requests for the default model');
is(requests($all, 'alice', 'house_v1'), sorted(@named),
   'requests for one of jimeng_model');
is(requests($all, 'alice', 'gpt_v1'),
   sorted(@gpt, grep { $_ ne 'content_policy_violation' } @named),
   'requests for one that has no other name than one of OpenAI');
is(requests($all, 'alice', $v46), sorted(@named),
   'requests for one that a line of the keys names');
is(requests($all, 'alice', 'jimeng_t2i_v30'), sorted(@unnamed),
   'requests for one that nobody has named');
is(requests($all, 'bob', $v46), sorted(@named), 'bob may use one');
is(requests($all, 'bob', $v40), 'permission_denied', 'and no other');
is(requests($all, '', ''), sorted(@nobody),
   'requests without a good key');
is(requests($all, '', $v40), '', 'which ask for no model');

is(results($all, 'jimeng_tasks_total', account => $_), sorted(@tasks, @gpt),
   "tasks of $_") for qw(main second);
is(images($all, $v40, 'main'), 'alice', 'pictures of who may have them');
is(images($all, $v40, 'second'), 'alice', 'and by another account');
is(images($all, $v40, 'third'), 'alice', 'and by another location');
is(images($all, $v46, 'second'), 'alice bob', 'of another model');
is(images($all, 'house_v1', 'third'), '', 'of one that is not there');
is(images($all, 'jimeng_t2i_v30', 'main'), 'alice',
   'of a model that nobody has named');
is(sorted(keys %{ only($all, 'jimeng_cost_total') }),
   sorted(keys %{ only($all, 'jimeng_images_total') }), 'what they cost');

is($all->{'jimeng_submits_total{account="main"}'}, 0, 'submits');
is($all->{qq(jimeng_upstream_codes_total{account="$_",code="50413"})}, 0,
   "codes of $_") for qw(main second);
is($all->{'jimeng_submit_outcomes_total{account="main",outcome="unknown"}'}, 0,
   'submits of unknown outcome');
is(pairs($all), sorted((map { ("$_/main", "$_/second") }
                            $v40, $v46, qw(house_v1 gpt_v1)),
                       "$v40/third", "$v46/third"),
   'times, of models that somebody has named');


# ---- a reload

is(generate_as($t, 'alice', { prompt => 'one' })->status, 200, 'a picture');
is(generate_as($t, 'alice', { prompt => 'two [[50413]]' })->status, 400,
   'an error');
settled($t, 2);

set_clients($t, 'alice', 'carol');
$t->reload(
    accounts => [ map { ($_ => 'concurrency 1;') } qw(second third more) ],
    location => 'jimeng_keys %%DIR%%/keys; jimeng_accounts main second more; '
                . 'jimeng_model house house_v2;',
);

my $now = scrape($t);

is_deeply(values_of($now), {
    qq(client="alice",model="$v40",result="succeed") => 1,
    qq(client="alice",model="$v40",result="content_policy_violation") => 1,
    'account="main",result="succeed"' => 1,
    'account="main",result="content_policy_violation"' => 1,
    qq(client="alice",model="$v40",account="main") => 1,
}, 'a reload: what was counted stays, and no more');

is(join(' ', grep { !exists $now->{$_} } keys %$all),
   'jimeng_client_waiting{client="bob"}',
   'a reload: what was there is there, but for whom the queue has no name');
is(requests($now, 'carol', $v40), sorted(@named), 'a reload: a new client');
is(requests($now, 'carol', 'house_v2'), sorted(@named),
   'a reload: a new client and a new model');
is(requests($now, 'alice', 'house_v2'), sorted(@named),
   'a reload: a new model');
is(results($now, 'jimeng_tasks_total', account => 'more'), sorted(@tasks),
   'a reload: a new account');
is(images($now, $v40, 'more'), 'alice carol', 'a reload: pictures');
like(pairs($now), qr{house_v2/more}, 'a reload: times');
is_clean($t, 'a reload: clean');

$t->reload(http => 'jimeng_zone ledger:4m;');
is_deeply(values_of(scrape($t)), values_of($now),
          'a reload with another size of the zone: the same');
$t->finish;


# ---- without keys, and with keys that refuse nothing

for my $how ([ 'no keys', '' ], [ 'dry_run', 'jimeng_keys %%DIR%%/keys dry_run;' ])
{
    my ($name, $keys) = @$how;

    $t = Jimeng::Test->new(
        start => 0, emulator => 0, http => 'jimeng_zone shared:64k;',
        server => $metrics, location => $keys);
    set_clients($t, 'alice', 'bob models=jimeng-4.6');
    $t->start;
    $all = scrape($t);

    is(requests($all, '', $v40), sorted(@named), "$name: the default model");
    is(requests($all, '', 'jimeng_t2i_v30'), sorted(@unnamed),
       "$name: another");
    is(requests($all, 'alice', $v40), $keys ? sorted(@named) : '',
       "$name: a client");
    is(requests($all, 'bob', $v40),
       $keys ? sorted(@named, 'permission_denied') : '',
       "$name: one that would be refused");
    $t->finish;
}


# ---- many clients: each result is there for all of them, or for none
#
# Of 2048 a quarter is left, and half by models that nobody has named: 10
# clients have no more of them, and 50 none.

my %most = (10 => 1024, 50 => 1536, 100 => 1536, 200 => 1536, 400 => 1536, 5000 => 1536);

for my $n (sort { $a <=> $b } keys %most) {
    my @names = map { sprintf 'client-%057d', $_ } 1 .. $n;

    $t = Jimeng::Test->new(
        start => 0, emulator => 0, http => 'jimeng_zone shared:4m;',
        server => $metrics, location => 'jimeng_keys %%DIR%%/keys;');
    set_clients($t, @names, $n == 400 ? map { "$_/2" } @names : ());
    $t->start;
    $all = scrape($t);

    my (%seen, $sum);
    for (keys %{ only($all, 'jimeng_requests_total') }) {
        my ($client, $rest) = /^client="(.*?)",(.*)\z/;
        next if $client eq 'other';
        $sum++;
        $seen{$rest}++ if $client ne '';
    }

    is(scalar(grep { $_ != $n } values %seen), 0, "$n clients: all, or none");
    cmp_ok($sum, '<=', $most{$n}, "$n clients: there is room for others");
    cmp_ok($sum, '>', $most{$n} - $n, "$n clients: the rest is used")
        if $n == 200 || $n == 400;
    is($seen{qq(model="$v40",result="$_")} // 0, $n < 1000 ? $n : 0,
       "$n clients: a likely result, $_")
        for qw(succeed content_policy_violation upstream_error);
    is($seen{q(model="jimeng_t2i_v30",result="succeed")} // 0,
       $n < 50 ? $n : 0, "$n clients: of a model that nobody has named");
    is(requests($all, '', ''), sorted(@nobody),
       "$n clients: what has no name");
    is(images($all, $v40, 'main') =~ tr/-//, $n < 1536 ? $n : 0,
       "$n clients: pictures");
    is(images($all, 'jimeng_t2i_v30', 'main') =~ tr/-//,
       $n < 60 ? $n : 0,
       "$n clients: pictures of a model that nobody has named");
    is(scalar(keys %{ only($all, 'jimeng_client_waiting') }),
       1 + ($n < 512 ? $n : 512), "$n clients: who waits");
    is_clean($t, "$n clients: clean");
    $t->finish;
}


# ---- a restart

$t = Jimeng::Test->new(with_file(
    emulator => { seconds => 0 }, account => 'concurrency 2;',
    server => $metrics));

is($t->generate->status, 200, 'a picture');
$all = settled($t, 1);
is($all->{'jimeng_submits_total{account="main"}'}, 1, 'a submit');
cmp_ok($all->{'jimeng_task_average_seconds{account="main"}'}, '>', 0,
       'an average');

stop_nginx($t, 'TERM');
start_nginx($t);
$now = scrape($t);

is_deeply(values_of($now), {}, 'a restart: counters begin anew');
is($now->{'jimeng_submits_total{account="main"}'}, 0,
   'a restart: those of accounts, too');
is($now->{'jimeng_task_average_seconds{account="main"}'},
   $all->{'jimeng_task_average_seconds{account="main"}'},
   'a restart: the average is kept');

$t->done;
