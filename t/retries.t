#!/usr/bin/perl

# "retries": a task that ended in a way that the vendor calls worth another
# try is submitted again, so many times at most, while somebody waits for it
# and there is time.  What was refused or lost is never submitted again.
#
# Seen failing: with every failure of a query made JM_EVENT_TRANSIENT, "never";
# without the bound in jm_task_ask(), "fails always"; without t->gone there,
# "left"; without the deadline there, "late".

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Errors qw(is_error);
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(
    strict => 1, http => 'lingering_close off;',
    emulator => { seconds => 0.3 },
    server => <<'EOT',
        location /late/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 600ms;
            jimeng_timeout 600ms;
        }
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 900ms;
        }
        location /few/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 200ms;
            jimeng_poll_attempts 2;
        }
EOT
);

my $prompts = 0;
my $task_id = qr/^\d{19,20}\z/;

sub prompt { "another try $prompts." }

sub begin {
    my ($trigger, $fields, $lane) = @_;
    $prompts++;

    my (undef, $path, @rest) = $t->generation(
        { prompt => prompt() . $trigger, %$fields });
    $path =~ s{^/v1}{/$lane} if defined $lane;
    return $t->start_request('POST', $path, @rest);
}

sub run { begin(@_)->response }

sub submits { $t->submits(prompt()) }
sub ids { map { $_->{task_id} // () } submits() }

sub queries { $t->queries(prompt()) }

# Has a task fail when it is asked for the next time.
sub fail_query {
    my ($code, %more) = @_;
    $t->emulator->fault({
        on => 'query', do => 'answer', status => 400,
        body => envelope(undef, code => $code, status => $code,
                         message => 'Risk Not Pass'), %more,
    });
}


# ---- how often

for my $case ([ undef, 0 ], [ 0, 0 ], [ 1, 1 ], [ 2, 2 ], [ 5, 5 ]) {
    my ($retries, $more) = @$case;
    my $name = 'fails always, retries ' . ($retries // 'absent');
    my $r = run(' [[50511]]', { retries => $retries });
    my $row = $t->logged($r);

    is(scalar submits(), 1 + $more, "$name: submits");
    is(scalar(ids()), 1 + $more, "$name: tasks");
    my %bodies = map { $_->{body} => 1 } submits();
    is(scalar keys %bodies, 1, "$name: all of them are equal");
    is_error($t, $r, $name, code => 'content_policy_violation',
             no_retry => $more, upstream_code => 50511, task_id => qr/^@{[ (ids())[-1] ]}\z/);
    is_deeply([ @$row{map { "jimeng_$_" } qw(status code images polls) } ],
              [ 'failed', 50511, 0, scalar(queries()) ],
              "$name: variables");
}

# One after the other: each was asked for until it failed.
my %over;

for my $row (sort { $a->{n} <=> $b->{n} } submits(), queries()) {
    my $id = $row->{json}{task_id} // $row->{task_id};
    $over{$id} = $row->{n} unless ($row->{code} // 0) == 10000;
    is(scalar(keys %over), scalar(grep { $_->{n} < $row->{n} } submits()),
       'one after the other') unless exists $row->{json}{task_id};
}


# ---- which failures

for my $code (50511, 50519) {
    fail_query($code);
    my $r = run('', { retries => 1 });

    is($r->status, 200, "$code once: a picture") or diag($r->body);
    is(scalar(ids()), 2, "$code once: two tasks");
    is($t->upstream_ids($r->json->{task_id}), (ids())[1],
       "$code once: task_id is the second's");
    like($r->json->{data}[0]{url}, qr{/@{[ (ids())[1] ]}-0\.png\z},
         "$code once: and the picture is");
    is($r->json->{usage}{generated_images}, 1, "$code once: usage");
    is($r->json->{errors}, undef, "$code once: no errors");
}

my $r = run(' [[done:50519]]', { retries => 1 });
is_error($t, $r, 'done with 50519', code => 'content_policy_violation',
         no_retry => 1, upstream_code => 50519, task_id => $task_id);
is(scalar(ids()), 2, 'done with 50519: two tasks');

fail_query(50511);
fail_query(50413);
$r = run('', { retries => 5 });
is($r->json->{error}{upstream_code}, 50413, 'never: once, and then 50413');
is(scalar(ids()), 2, 'never: once, and then 50413: two tasks');

for my $code (50512, 50520, 50521, 50522, 50412, 50215) {
    $r = run(" [[$code\@query]]", { retries => 5 });
    is($r->json->{error}{upstream_code}, $code, "never: $code");
    is(scalar submits(), 1, "never: $code: one submit");
}

for my $trigger (qw([[50411]] [[50413]] [[50518]] [[50400]] [[50511@submit]]
                    [[InvalidAccessKey]] [[not_found]] [[expired]]))
{
    cmp_ok(run(" $trigger", { retries => 5 })->status, '>=', 400,
           "never: $trigger");
    is(scalar submits(), 1, "never: $trigger: one submit");
}

for my $fault ('drop', 'reset') {
    $t->emulator->fault({ on => 'submit', do => $fault });
    is_error($t, run('', { retries => 5 }), "never: lost, $fault",
             code => 'upstream_error', no_retry => 1);
    is(scalar submits(), 1, "never: lost, $fault: one submit");
}

# The second of two is lost.
fail_query(50511);
$t->emulator->fault({ on => 'submit', skip => 1, do => 'drop' });
$r = run('', { retries => 5 });
is($r->status, 502, 'the second is lost: status');
is($r->header('x-should-retry'), 'false', 'the second is lost: no retry');
is($r->json->{task_id}, undef, 'the second is lost: it has no id');
is(scalar submits(), 2, 'the second is lost: two submits');


# ---- a retry that is refused for load is not one

fail_query(50511);
$t->emulator->fault({ on => 'submit', skip => 1, do => 'answer',
    status => 429, body => { code => 50430, data => undef, message => 'x' } });
$r = run('', { retries => 1 });
is($r->status, 200, 'the second is refused for load: a picture');
is(scalar submits(), 3, 'the second is refused for load: three submits');
is(scalar(ids()), 2, 'the second is refused for load: two tasks');


# ---- time

$r = run(' [[50511]]', { retries => 5 }, 'late');
is_error($t, $r, 'late', code => 'content_policy_violation',
         upstream_code => 50511, task_id => $task_id);
is(scalar submits(), 1, 'late: at the deadline there is no second');

my $start = time;
$r = run(' [[50511]]', { retries => 5 }, 'short');
cmp_ok(time - $start, '<', 1.4, 'short: the deadline is that of the request');
cmp_ok(scalar submits(), '<=', 4, 'short: no more than there is time for');
like($r->status, qr/^(?:400|504)\z/, 'short: status');

# Each task has its own attempts: of three tasks, each is asked for twice.
$r = run(' [[50511]]', { retries => 2 }, 'few');
is($r->status, 400, 'attempts: it is no time-out');
is(scalar(ids()), 3, 'attempts: three tasks');
cmp_ok(scalar(queries()), '>', 4, 'attempts: each has its own');


# ---- a client that left

my $x = begin(' [[50511]]', { retries => 5 });
wait_for { queries() } 'left: it is asked for';
my $lines = $t->access_log;
$x->abort;
my $row = ($t->access_lines($lines + 1))[-1];

is($row->{status}, 499, 'left: status');
is($row->{jimeng_code}, 50511, 'left: its task was followed to the end');
is(scalar submits(), 1, 'left: nothing is submitted again');

$x = begin(' [[50511]]', { retries => 5 });
wait_for { submits() == 2 } 'left later: there is a second';
$lines = $t->access_log;
$x->abort;
$row = ($t->access_lines($lines + 1))[-1];
is($row->{status}, 499, 'left later: status');
is(scalar submits(), 2, 'left later: there is no third');


# ---- one of two

$x = begin('', { n => 2, retries => 1 });
wait_for { submits() == 2 } 'one of two: both are submitted';
my ($failed, $other) = ids();
fail_query(50511, task => $failed);
$r = $x->response;

is($r->status, 200, 'one of two: pictures');
is(scalar submits(), 3, 'one of two: only the one that failed');
is(join(' ', sort map { $_->{url} =~ m{/(\d+)-0} } @{ $r->json->{data} }),
   join(' ', sort $other, (ids())[2]), 'one of two: the pictures');
is($r->json->{errors}, undef, 'one of two: no errors');
is(join(' ', split /, /, $t->logged($r)->{jimeng_task_id}),
   join(' ', map { $_->{url} =~ m{/(\d+)-0} } @{ $r->json->{data} }),
   'one of two: $jimeng_task_id');

$r = run(' [[50511]]', { n => 3, retries => 2 });
is($r->status, 400, 'all of three: status');
is(scalar submits(), 9, 'all of three: each three times');
is($t->logged($r)->{jimeng_code}, '50511, 50511, 50511',
   'all of three: $jimeng_code');


# ---- a group

fail_query(50519);
$r = run(' [[pictures=3]]', { force_single => \0, retries => 1 });
is(scalar @{ $r->json->{data} || [] }, 3, 'a group: its pictures');
is(scalar submits(), 2, 'a group: two submits');
ok(!(grep { $_->{json}{force_single} } submits()), 'a group: both are');


# ---- elsewhere, and wrong

fail_query(50511);
is(run('', { extra_body => { retries => 1 } })->status, 200, 'extra_body');
is(scalar submits(), 2, 'extra_body: two submits');

my $before = $t->submits;
$r = run('', { retries => 6 });
is_error($t, $r, 'six', code => 'invalid_request', param => 'retries');
is(scalar($t->submits), $before, 'six: nothing is submitted');

$t->done;
