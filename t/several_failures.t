#!/usr/bin/perl

# Several tasks of which some fail: a reply has the pictures that came and the
# errors of the others; it is an error only when there is no picture.  What
# befalls one task does not end the others, and is not tried again for them.
#
# Seen failing:
# - "lost", with JM_EVENT_BUSY in jm_visual_lost(): it is submitted again;
# - "first ..., then ...", with the last task's error in
#   ngx_http_jimeng_result_error();
# - "may be billed", with no_retry of the first task's error alone.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done envelope http pending submitted upstream);
use Jimeng::Test::Errors qw(is_error);
use Time::HiRes qw(time);

my $prompts = 0;
my $t;

sub start_emulated {
    my ($seconds, %opt) = @_;

    return $t = Jimeng::Test->new(
        strict => 1, http => 'lingering_close off;',
        emulator => { seconds => $seconds }, %opt,
    );
}

sub prompt { 'several boats ' . $prompts }

# Starts a request; a code gives its submits.
sub begin {
    my ($n, %more) = @_;
    $prompts++;
    return $t->start_generate({ prompt => prompt(), n => $n, %more });
}

sub submits { grep { $_->{json}{prompt} =~ /^\Q@{[ prompt() ]}\E\b/ } $t->submits }
sub ids { map { $_->{task_id} // () } submits() }

sub all_submitted {
    my ($name, $n) = @_;
    return wait_for { submits() == $n } "$name: all are submitted";
}

sub sorted { join ' ', sort @_ }

# The line of the request that came last.
sub answered {
    my ($code, $status) = @_;
    return (do => 'answer', status => $status // 400, body => envelope(undef,
            code => $code, status => $code, message => 'Risk Not Pass'));
}


# A reply with pictures of all tasks but one, and the error of that one.
sub one_failed {
    my ($r, $name, $n, $code, $upstream, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $row = $t->logged($r);
    my @ids = split /, /, $row->{jimeng_task_id};
    my @codes = split /, /, $row->{jimeng_code};
    my ($index) = defined $more{failed}
        ? grep { $ids[$_] eq $more{failed} } 0 .. $#ids
        : grep { $ids[$_] eq '-' } 0 .. $#ids;

    is($r->status, 200, "$name: status") or return diag($r->body);
    is(scalar @ids, $n, "$name: \$jimeng_task_id has all tasks");

    my @good = map { $ids[$_] } grep { $_ != $index } 0 .. $#ids;
    is(join(' ', map { $_->{url} =~ m{/(\d+)-0\.png} } @{ $r->json->{data} }),
       "@good", "$name: the pictures of the others, in order");
    is($r->json->{usage}{generated_images}, $n - 1,
       "$name: generated_images");
    is($t->upstream_ids($r->json->{task_id}), join(', ', @ids),
       "$name: task_id has those that failed, too");
    is($r->json->{task_status}, 'succeed', "$name: task_status");
    is($r->header('x-should-retry'), undef, "$name: no x-should-retry");

    my $errors = $r->json->{errors};
    my $message = ref $errors eq 'ARRAY' ? $errors->[0]{message} : '';
    like($message, qr/\A[A-Z"].{20,}\.\z/, "$name: the error's message");
    is_deeply($errors, [ { index => $index, code => $code,
                           message => $message } ], "$name: errors");

    is($row->{jimeng_status}, 'succeed', "$name: \$jimeng_status");
    is($row->{jimeng_images}, $n - 1, "$name: \$jimeng_images");
    is(join(' ', map { $codes[$_] } $index,
            grep { $_ != $index } 0 .. $#ids),
       join(' ', $upstream, (10000) x ($n - 1)), "$name: \$jimeng_code");
    return;
}


start_emulated(0.5);


# ---- one of them is refused, or fails, or is lost

$t->emulator->fault({ on => 'submit', skip => 1, answered(50413) });
my $r = begin(3)->response;
one_failed($r, 'refused at submit', 3, 'content_policy_violation', 50413);
is(scalar submits(), 3, 'refused at submit: three submits');

for my $case (
    [ 'refused at the end', 50511, 400, 'content_policy_violation' ],
    [ 'failed', 50520, 400, 'upstream_error' ],
) {
    my ($name, $upstream, $status, $code) = @$case;
    my $x = begin(3);

    all_submitted($name, 3);
    my $failed = (ids())[1];
    $t->emulator->fault({ on => 'query', task => $failed,
                          answered($upstream, $status) });
    one_failed($x->response, $name, 3, $code, $upstream, failed => $failed);
    is(scalar submits(), 3, "$name: three submits");
}

for my $fault ('drop', 'reset') {
    $t->emulator->fault({ on => 'submit', skip => 1, do => $fault });
    one_failed(begin(3, retries => 5)->response, "lost, $fault", 3,
               'upstream_error', '-');
    is(scalar submits(), 3, "lost, $fault: three submits");
}

$t->emulator->fault({ on => 'submit', do => 'cut', body_bytes => 20 });
one_failed(begin(3)->response, 'lost, cut', 3, 'upstream_error', '-');
is(scalar submits(), 3, 'lost, cut: three submits');


# ---- trouble with the queries of one

my $x = begin(3);
all_submitted('trouble', 3);
$t->emulator->fault({ on => 'query', task => (ids())[0], times => 3,
                      do => 'answer', status => 502 });
$r = $x->response;
is(scalar @{ $r->json->{data} || [] }, 3, 'trouble: three pictures');
is($r->json->{errors}, undef, 'trouble: no errors');
is(scalar submits(), 3, 'trouble: three submits');


# ---- all of them fail

$prompts++;
$r = $t->generate({ prompt => prompt() . ' [[50413]]', n => 3 });
is_error($t, $r, 'all fail at submit', code => 'content_policy_violation',
         upstream_code => 50413);
is(scalar submits(), 3, 'all fail at submit: three submits');
my $row = $t->logged($r);
is_deeply([ @$row{map { "jimeng_$_" } qw(status code task_id images polls) } ],
          [ 'failed', '50413, 50413, 50413', '', 0, 0 ],
          'all fail at submit: variables');

$prompts++;
$r = $t->generate({ prompt => prompt() . ' [[50512]]', n => 3 });
is_error($t, $r, 'all fail at the end', code => 'content_policy_violation',
         upstream_code => 50512,
         task_id => qr/^\d+, \d+, \d+\z/);
$row = $t->logged($r);
is($row->{jimeng_status}, 'failed', 'all fail at the end: $jimeng_status');
is(sorted(split /, /, $row->{jimeng_task_id}), sorted(ids()),
   'all fail at the end: $jimeng_task_id');
is($row->{jimeng_code}, '50512, 50512, 50512',
   'all fail at the end: $jimeng_code');
is($t->upstream_ids($r->json->{task_id}), $row->{jimeng_task_id},
   'all fail at the end: task_id');

$t->emulator->fault({ on => 'submit', times => 3, do => 'drop' });
$r = begin(3)->response;
is_error($t, $r, 'all are lost', code => 'upstream_error', no_retry => 1);
is(scalar submits(), 3, 'all are lost: three submits');

# ---- nothing is there

$t->emulator->fault({ do => 'refuse' });
is_error($t, begin(3)->response, 'no connection', code => 'upstream_error');
$t->emulator->clear_faults;
is(scalar submits(), 0, 'no connection: nothing is submitted');

is(scalar(@{ begin(3)->response->json->{data} || [] }), 3,
   'all is well again');
$t->finish;


# ---- the deadline

start_emulated(0.5, location => 'jimeng_timeout 2s;');
$x = begin(3);
all_submitted('never done', 3);
my $failed = (ids())[1];
$t->emulator->fault({ on => 'query', task => $failed, times => -1,
                      do => 'answer', status => 200, body => pending() });
my $start = time;
$r = $x->response;
my $took = time - $start;
one_failed($r, 'never done', 3, 'generation_timeout', 10000,
           failed => $failed);
cmp_ok($took, '<', 3, 'never done: at the deadline');
$t->emulator->clear_faults;
$t->finish;

# One is taken and not done in time, the other is never taken.
start_emulated(60, location => 'jimeng_timeout 1500ms;', strict => 0,
               emulator => { seconds => 60, concurrency => 1 });
$r = begin(2)->response;
is_error($t, $r, 'one is taken, none is done', no_retry => 1,
         code => 'generation_timeout', task_id => qr/^(?:\d+, -|-, \d+)\z/);
is(scalar(ids()), 1, 'one is taken, none is done: one task');
$t->finish;


# ---- which error it is: the first that forbids a retry, else the first.  The
# n-th task has the n-th connection.

sub refusal {
    my ($code) = @_;
    my $bytes = http(envelope(undef, code => $code, status => $code),
                     Connection => 'close');
    return $bytes =~ s/ 200 OK/ 400 Bad Request/r;
}

for my $case (
    [ 'first 50413, then 50512', 50413, 50512, 'content_policy_violation' ],
    [ 'first 50512, then 50413', 50512, 50413, 'content_policy_violation' ],
    [ 'first 50215, then 50413', 50215, 50413, 'invalid_request' ],
    [ 'may be billed: 50413, and one is lost', 50413, 0, 'upstream_error',
      1, 1 ],
    [ 'may be billed: one is lost, and 50413', 0, 50413, 'upstream_error',
      1 ],
    [ 'may be billed: 50413, and 50500', 50413, 50500, 'upstream_error',
      1, 1 ],
) {
    my ($name, @codes) = @$case;
    my ($code, $no_retry, $told) = splice @codes, 2;
    my $late = time + 0.5;
    my %at_query = map { $_ => 1 } 50512, 50500;

    my $server = upstream(
        submit => sub {
            my (undef, $n) = @_;
            my $code = $codes[$n - 1] or return undef;
            return $at_query{$code}
                ? http(submitted("100000$n"), Connection => 'close')
                : refusal($code);
        },
        query => sub {
            my ($request) = @_;
            my ($n) = $request =~ /"task_id":"100000(\d)"/;
            return time < $late ? http(pending(), Connection => 'close')
                                : refusal($codes[$n - 1]);
        },
    );

    $t = Jimeng::Test->new(emulator => 0, http => 'lingering_close off;',
                           upstream => '127.0.0.1:' . $server->port);
    $r = $t->generate({ n => 2 });
    is_error($t, $r, $name, code => $code, no_retry => $no_retry,
             upstream_code => $codes[$told // 0] || undef,
             task_id => (grep { $at_query{$_} } @codes)
                            ? qr/^(?:100000\d, -|-, 100000\d)\z/ : undef);
    is(join(' ', split /, /, ($t->access_lines(1))[0]{jimeng_code}),
       join(' ', map { $_ || '-' } @codes), "$name: \$jimeng_code");
    $server->stop;
    $t->finish;
}

done_testing();
