#!/usr/bin/perl

# The end of nginx with jobs in flight: QUIT finishes them, and refuses what
# was not submitted yet; worker_shutdown_timeout ends them, whoever waits for
# them; TERM ends at once.
#
# Seen failing:
# - "backoff: 503", with JM_EVENT_EXITING taken for JM_EVENT_TIMER in
#   jm_task_backoff(): the submit is sent, and the client waits on;
# - "the worker leaves after the time-out", with a
#   ngx_http_jimeng_shutdown_timedout() that is never true: jobs of HTTP/2
#   clients go on;
# - "the log has its task" under AddressSanitizer, without ngx_del_timer() in
#   ngx_http_jimeng_job_cleanup(): the timer is used after it was freed.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use JSON::PP ();
use Time::HiRes qw(time);

my $post = '/v1/images/generations';
my $type = { 'Content-Type' => 'application/json' };


# ---- QUIT

my $t = Jimeng::Test->new(
    http2 => 1, strict => 1, workers => 2, emulator => { seconds => 0.6 },
    http => 'lingering_close off;',
);

my @clients = map { $t->start_generate({ prompt => "a quiet lake $_" }) }
              1 .. 5;
my $refused = $t->start_generate({ prompt => '[[50430]]' });
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @streams = map {
    $h2->start('POST', $post, $type, qq({"prompt":"a quiet stream $_"}));
} 1 .. 3;
my $gone = Jimeng::Test::Http2->new($t->port('http2'));
$gone->start('POST', $post, $type, '{"prompt":"a quiet street"}');

wait_for { $t->submits == 10 } 'all are submitted';
$t->log_like(qr/was refused for load/, 'one is to be submitted again');
$gone->abort;
$t->log_like(qr/client closed connection, task/, 'one client leaves');

$t->signal('QUIT');

is(join(' ', map { $_->response->status } @clients), '200 200 200 200 200',
   'QUIT: jobs over HTTP/1.1 are finished');
is(join(' ', map { $h2->response($_)->{status} } @streams), '200 200 200',
   'QUIT: jobs over HTTP/2 are finished');

my $response = $refused->response;
is($response->status, 503, 'backoff: 503');
is(($response->json // {})->{error}{code}, 'service_unavailable',
   'backoff: service_unavailable');

is($t->wait_exit, 0, 'QUIT: nginx leaves');
is(scalar $t->submits, 10, 'QUIT: nothing is submitted any more');
is(join(' ', sort map { $_->{status} } $t->access_log),
   '200 200 200 200 200 200 200 200 499 503', 'QUIT: statuses');
is(scalar(grep { $_->{jimeng_status} eq 'succeed' } $t->access_log), 9,
   'QUIT: every task has ended');
$t->finish;


# ---- worker_shutdown_timeout.  Tasks take longer than the test may.

sub http1 {
    my ($name) = @_;
    my $x = $t->start_generate({ prompt => $name });
    return sub { $x->response }, sub { $x->abort };
}


sub http2 {
    my ($name, $reset) = @_;
    my $c = Jimeng::Test::Http2->new($t->port('http2'));
    my $id = $c->start('POST', $post, $type, qq({"prompt":"$name"}));
    return sub { $c->response($id) },
           sub { $reset ? $c->reset_stream($id) : $c->abort };
}

sub prompt_of { "a slow river, $_[0]" =~ s{HTTP/}{}r }


# A client that waited: its task goes on, and no ledger would find it.
sub is_told {
    my ($r, $name, $id) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    if (ref $r eq 'HASH') {
        my $json = eval { JSON::PP->new->utf8->decode($r->{body}) } // {};
        is($r->{status}, 503, "$name: status");
        is($json->{code}, 'service_unavailable', "$name: code");
        is($t->upstream_ids($json->{task_id}), $id, "$name: task_id");
        return;
    }

    return is_error($t, $r, "$name: is told", code => 'service_unavailable',
                    no_retry => 1, task_id => qr/^\Q$id\E\z/);
}

my @cases = (
    [ 'HTTP/1.1' ],
    [ 'HTTP/2' ],
    [ 'HTTP/1.1, the client has gone', 'before' ],
    [ 'HTTP/2, the client has gone', 'before' ],
    [ 'HTTP/2, the stream was reset', 'before' ],
    [ 'HTTP/1.1, the client goes meanwhile', 'meanwhile' ],
    [ 'HTTP/2, the client goes meanwhile', 'meanwhile' ],
    [ 'HTTP/2, the stream is reset meanwhile', 'meanwhile' ],
);

for my $state ('between queries', 'a query is in flight') {
    my %leave;
    my $left = 0;

    $t = Jimeng::Test->new(
        http2 => 1, emulator => { seconds => 60 },
        http => 'lingering_close off;',
        main => 'worker_shutdown_timeout 3s;',
        location => 'jimeng_timeout 60s; jimeng_poll_attempts 10000;',
        # Between queries means so when the time-out comes, too.
        poll_interval => $state eq 'between queries' ? '300ms' : '50ms',
    );

    for my $case (@cases) {
        my ($name, $leaves) = @$case;
        my $prompt = prompt_of($name);
        ($case->[2], my $leave) = $name =~ /HTTP\/1/
            ? http1($prompt) : http2($prompt, $name =~ /reset/);
        push @{ $leave{ $leaves // 'never' } }, $leave;
    }

    # Every task has been asked for.
    wait_for {
        my %asked = map { $_->{json}{task_id} => 1 } $t->queries;
        keys %asked == @cases;
    } "$state: all are asked for";

    if ($state ne 'between queries') {
        $t->emulator->fault({ on => 'query', times => -1, do => 'delay',
                              seconds => 4.5 });
        wait_for {
            @cases <= grep { $_->{fault} } $t->queries;
        } "$state: all are in flight";
    }

    my $noticed = sub {
        $_->() for @{ $leave{ $_[0] } };
        $left += @{ $leave{ $_[0] } };
        wait_for {
            my $n = () = $t->error_log =~ /client closed connection, task/g;
            $n >= $left;
        } "$state: $_[0]: noticed";
    };

    $noticed->('before');
    my $begin = time;
    $t->signal('QUIT');
    $t->log_like(qr/gracefully shutting down/, "$state: it is to leave");
    $noticed->('meanwhile');

    my %id = map { $_->{json}{prompt} => $_->{task_id} } $t->submits;

    for my $case (grep { !defined $_->[1] } @cases) {
        is_told($case->[2]->(), "$state: $case->[0]", $id{ prompt_of(@$case) });
    }

    my $took = time - $begin;
    cmp_ok($took, '>=', 1, "$state: told when the time is nearly over");
    cmp_ok($took, '<', 2.9, "$state: and before it is");

    is($t->wait_exit(7), 0, "$state: the worker leaves after the time-out");
    ok(time - $begin >= 2.9, "$state: not before it");

    my $log = $t->error_log;

    for my $case (@cases) {
        my ($name, $leaves) = @$case;
        my $end = $leaves ? 'is not followed'
                          : 'failed after \d+ queries: This worker is shut';
        ok($log =~ /task "$id{ prompt_of($name) }" of account "main" $end/,
           "$state: $name: the log has its task");
    }

    is(scalar $t->submits, scalar @cases, "$state: each submitted once");
    is(scalar $t->access_log, scalar @cases, "$state: a line for each");
    $t->finish;
}


# ---- a reload with a ledger: the repeat joins the task

$t = Jimeng::Test->new(
    strict => 1, emulator => { seconds => 6 },
    http => 'jimeng_zone shutdown:1m;', main => 'worker_shutdown_timeout 3s;',
);

my @named = ({ prompt => 'a slow road' }, { 'Idempotency-Key' => 'slow' });
my $old = $t->start_generate(@named);
wait_for { $t->queries } 'a ledger: it is asked for';
ok($t->reload, 'a ledger: reload');

my ($task) = $t->submits;
is_error($t, $old->response, 'a ledger: the client is told to come again',
         code => 'service_unavailable', task_id => qr/^$task->{task_id}\z/);

my $again = $t->generate(@named);
is($again->status, 200, 'a ledger: the repeat has its picture')
    or diag($again->body);
is($t->upstream_ids($again->json->{task_id}), $task->{task_id},
   'a ledger: that of the task');
is(scalar $t->submits, 1, 'a ledger: one submit');
$t->finish;


# ---- TERM

$t = Jimeng::Test->new(http2 => 1, emulator => { seconds => 60 });
@clients = map { $t->start_generate({ prompt => "a slow boat $_" }) } 1 .. 3;
http2('a slow river');
wait_for { $t->queries >= 4 } 'all are asked for';

$t->signal('TERM');
is($t->wait_exit(3), 0, 'TERM: nginx leaves at once');
is($clients[0]->response->status, 0, 'TERM: no answer');

$t->done;
