#!/usr/bin/perl

# Clients that leave, in every state of a job and in every way: before
# something was sent upstream nothing is sent any more; after it, the task is
# followed to its end, once, and the log says 499.
#
# Seen failing:
# - "waits", "query in flight" and "submit in flight" over HTTP/2, without
#   "c->error = 0" in ngx_http_jimeng_job_reading(): the first exchange that
#   ends takes the request with it;
# - every "noticed", without r->read_event_handler and
#   ngx_handle_read_event() in ngx_http_jimeng_job_start();
# - "left before it was read", without the check for a client that has left
#   in ngx_http_jimeng_job_start();
# - "connecting", with an ngx_http_jimeng_exchange_take_back() that declines;
# - "submit in flight", with one that does not ask whether something was sent;
# - "backoff", without JM_EVENT_LEFT in jm_task_backoff();
# - "waits" and "query in flight", with JM_EVENT_LEFT failing the task in
#   jm_task_wait() and in jm_task_ask().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use Jimeng::Test::Http2;
use Jimeng::Test::Process qw(poll slurp);
use Jimeng::Test::Sockets;

my $t = Jimeng::Test->new(
    http2 => 1, strict => 1, poll_interval => '300ms',
    emulator => { seconds => 1 },
    location => 'client_body_timeout 10s;',
);

my @ways = qw(close reset half_close h2_close h2_reset h2_rst_stream h2_curl);
my $post = '/v1/images/generations';
my $type = { 'Content-Type' => 'application/json' };


# A client with a request in flight: a code that makes it leave.  HTTP/2 over
# the last connection has a second stream, which stays.
sub client {
    my ($test, $way, $prompt, $partial) = @_;
    my $port = $test->port($way =~ /h2/ ? 'http2' : 'http');
    my $body = qq({"prompt":"$prompt"}) . (' ' x 1000);

    if ($way eq 'h2_curl') {
        my $rest = defined $partial ? ' ' x 200_000 : '';
        my $file = $test->write_file('body', $body . $rest);
        my $curl = $test->curl_start(
            '--http2-prior-knowledge', '-H', 'Content-Type: application/json',
            defined $partial ? ('--limit-rate', '1') : (),
            '--data-binary', "\@$file", "http://127.0.0.1:$port$post");
        return sub { $curl->kill };
    }

    if ($way =~ /h2_(.*)/) {
        my $how = $1;
        my $h2 = Jimeng::Test::Http2->new($port);
        my $id = $h2->start('POST', $post, $type, $body, partial => $partial);

        return sub { $h2->abort } if $how eq 'close';
        return sub { $h2->reset } if $how eq 'reset';
        return sub { $h2->reset_stream($id); return $h2 };
    }

    my %opt = (partial => defined $partial ? 500 : undef);
    my $x = $test->start_request('POST', $post, $type, $body, %opt);
    my $leave = { close => 'abort', reset => 'reset' }->{$way} // $way;
    return sub { $x->$leave; return $x };
}


# Starts a client for each way, waits for the state, lets all of them leave.
# Returns what the leaving code returned, which keeps half-closed sockets
# open.
sub leave {
    my ($test, $state, $reached, $partial) = @_;

    my @leave = map { client($test, $_, "$state, $_", $partial) } @ways;
    wait_for { $reached->() } "$state: is reached";
    return map { $_->() } @leave;
}


sub rows {
    my ($test, $state) = @_;
    return grep { ($_->{json}{prompt} // '') =~ /^\Q$state\E,/ }
           $test->submits;
}


# Waits until so many requests for pictures are in the access log.
sub lines {
    my ($test, $n) = @_;
    my @rows;

    wait_for {
        @rows = grep { ($_->{request} // '') =~ /images/ } $test->access_log;
        @rows >= $n;
    } "$n requests are in the access log";
    return @rows;
}


sub noticed {
    my ($test, $n) = @_;
    my $times = () = $test->error_log
                     =~ /jimeng: client closed connection, task/g;
    return $times == $n;
}


my $lines = 0;
my $noticed = 0;

# Checks the next lines of the access log and the journal: one submit for each
# client, and queries until the task is over.
sub followed {
    my ($state) = @_;

    wait_for { noticed($t, $noticed + @ways) } "$state: noticed";
    $noticed += @ways;

    my @rows = lines($t, $lines + @ways);
    @rows = splice @rows, $lines;
    $lines += @ways;

    is("@{[ map { $_->{status} } @rows ]}", "@{[ (499) x @ways ]}",
       "$state: status");
    is("@{[ map { $_->{jimeng_status} } @rows ]}",
       "@{[ ('succeed') x @ways ]}", "$state: each task has ended");

    my @submits = rows($t, $state);
    is(scalar @submits, scalar @ways, "$state: one submit for each");

    is(join(' ', sort map { $_->{jimeng_task_id} } @rows),
       join(' ', sort map { $_->{task_id} } @submits),
       "$state: its task id is in the log");
    return;
}


# ---- while the body arrives

my @held = leave($t, 'body', sub { $t->stub_status->{writing} == @ways + 1 },
                 10);

wait_for { $t->stub_status->{active} <= 2 } 'body: the connections go';
is(scalar $t->submits, 0, 'body: nothing is submitted');
@held = ();
lines($t, $lines = @ways);
is(scalar(grep { $_->{jimeng_task_id} } $t->access_log), 0, 'body: no task');


# ---- before nginx came to read the request

my ($worker) = $t->workers;
kill 'STOP', $worker;
wait_for { slurp("/proc/$worker/stat") =~ /\) T / } 'the worker is stopped';

$t->start_generate({ prompt => 'left before it was read' })->abort;
wait_for { half_closed($t->port) }
    'the end of the connection has arrived';
kill 'CONT', $worker;

my $row = (lines($t, ++$lines))[-1];
is($row->{status}, 499, 'left before it was read: status');
is(scalar $t->submits, 0, 'left before it was read: nothing is submitted');


# ---- a task was refused for load, and there is a pause before the next try

# One after the other: the pause is of half a second.
for my $way (@ways) {
    my $prompt = "[[50430]] backoff, $way";
    my $refused = () = $t->error_log =~ /was refused for load/g;
    my $leave = client($t, $way, $prompt);

    wait_for {
        $refused < (() = $t->error_log =~ /was refused for load/g);
    } "backoff, $way: is refused";

    push @held, $leave->();
    $noticed++;
    wait_for { noticed($t, $noticed) } "backoff, $way: noticed";
    is((lines($t, ++$lines))[-1]{status}, 499, "backoff, $way: status");
}


# ---- the submit was sent and is not answered yet

$t->emulator->fault({ on => 'submit', times => scalar @ways, do => 'delay',
                      seconds => 1 });
@held = leave($t, 'submit in flight',
              sub { rows($t, 'submit in flight') == @ways });
ok(!grep({ ($_->{jimeng_task_id} // '') ne '' } $t->access_log),
   'submit in flight: no task is known yet');
followed('submit in flight');


# ---- between two queries

my $queries = $t->queries;
@held = leave($t, 'waits', sub {
    return rows($t, 'waits') == @ways
           && $t->queries >= $queries + @ways;
});
followed('waits');


# ---- while a query is in flight

$queries = $t->queries;
$t->emulator->fault({ on => 'query', times => scalar @ways, do => 'delay',
                      seconds => 1 });
@held = leave($t, 'query in flight',
              sub { $t->queries == $queries + @ways });
followed('query in flight');

is(scalar rows($t, '[[50430]] backoff'), scalar @ways,
   'backoff: nothing was submitted later');
@held = ();
wait_for { $t->stub_status->{active} == 1 } 'no connection is left';


# ---- streams of one connection: one leaves, the other gets its picture

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @ids = map { $h2->start('POST', $post, $type, qq({"prompt":"of two streams, $_"})) }
          1, 2;

wait_for { 2 == grep { $_->{json}{prompt} =~ /^of two/ } $t->submits }
    'two streams';
$h2->reset_stream($ids[0]);

my $response = $h2->response($ids[1]);
is($response->{status}, 200, 'the other stream: status');
like($response->{body}, qr/"url"/, 'the other stream: a picture');
my @rows = lines($t, $lines += 2);
is(join(' ', sort map { $_->{status} } @rows[-2, -1]), '200 499',
   'one stream of two');
is("$rows[-1]{jimeng_status} $rows[-2]{jimeng_status}", 'succeed succeed',
   'both tasks have ended');
$h2->abort;

$t->finish;


# ---- while the connection is being made

my ($upstream, @filler) = full_upstream();

$t = Jimeng::Test->new(
    http2 => 1, upstream => '127.0.0.1:' . $upstream->sockport,
    emulator => 0, proxy => 'proxy_connect_timeout 30s;',
);

@held = leave($t, 'connecting', sub { connecting($upstream) == @ways });

ok(poll(sub { !connecting($upstream) }, 5), 'connecting: given up at once');
$upstream->accept for @filler;

@rows = lines($t, scalar @ways);
is("@{[ map { $_->{status} } @rows ]}", "@{[ (499) x @ways ]}",
   'connecting: status');
ok((grep { $_->{request_time} < 5 } @rows) == @ways,
   'connecting: without waiting for the upstream');

ok(!IO::Select->new($upstream)->can_read(0),
   'connecting: nothing is sent when the upstream is ready');
ok(noticed($t, scalar @ways), 'connecting: noticed');

@held = ();
$t->done;
