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

use Jimeng::Test::Http2;
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
        main => 'worker_shutdown_timeout 1s;',
        location => 'jimeng_timeout 60s; jimeng_poll_attempts 10000;',
        # Between queries means so when the time-out comes, too.
        poll_interval => $state eq 'between queries' ? '300ms' : '50ms',
    );

    for my $case (@cases) {
        my ($name, $leaves) = @$case;
        my $prompt = "a slow river, $name" =~ s{HTTP/}{}r;
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
                              seconds => 1.5 });
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

    is($t->wait_exit(5), 0, "$state: the worker leaves after the time-out");
    ok(time - $begin >= 0.9, "$state: not before it");

    my $log = $t->error_log;

    for my $submit ($t->submits) {
        my $name = $submit->{json}{prompt};
        ok($log =~ /task "$submit->{task_id}" of account "main" is not fol/,
           "$state: $name: the log has its task");
    }

    for my $case (grep { !defined $_->[1] } @cases) {
        is($case->[2]->()->{status}, 0, "$state: $case->[0]: no answer");
    }

    is(scalar $t->submits, scalar @cases, "$state: each submitted once");
    is(scalar $t->access_log, scalar @cases, "$state: a line for each");
    $t->finish;
}


# ---- TERM

$t = Jimeng::Test->new(http2 => 1, emulator => { seconds => 60 });
@clients = map { $t->start_generate({ prompt => "a slow boat $_" }) } 1 .. 3;
http2('a slow river');
wait_for { $t->queries >= 4 } 'all are asked for';

$t->signal('TERM');
is($t->wait_exit(3), 0, 'TERM: nginx leaves at once');
is($clients[0]->response->status, 0, 'TERM: no answer');

$t->done;
