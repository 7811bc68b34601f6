#!/usr/bin/perl

# Clients that leave over HTTP/3, in every state of a job and in every way:
# what was not submitted is not, what was is followed to its end, once, with
# its slot and on its client's account, and the log says 499.
#
# Seen failing:
# - all but "queue: nothing is submitted", without
#   ngx_http_jimeng_client_watch(): nginx ends the request of a client that
#   closes, its slot and its reservation are lost, and the log says 000;
# - "queue", "submit", "waits" and the limits' status, without a look at what is
#   written in ngx_http_jimeng_client_broke(): STOP_SENDING is not noticed.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Http3;
use Jimeng::Test::Keys;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Queue;
use Jimeng::Test::Sockets;

need_http3();

# "abort" is heard of when QUIC's idle time-out is over.
my %way = (
    abort => sub { $_[0]->abort },
    close => sub { $_[0]->close },
    stop_sending => sub { $_[0]->stop_sending($_[1]) },
    cancel => sub { $_[0]->stop_sending($_[1]); $_[0]->reset_stream($_[1]) },
);
my @ways = sort keys %way;
my @stay = qw(stop_sending cancel);

my ($prompts, $lines) = (0, 0);
my $t;

sub start {
    my ($h3, $prompt, $fields, $headers) = @_;
    return $h3->start($t->generation({ prompt => $prompt, %{ $fields || {} } },
                                     $headers));
}

sub connection { Jimeng::Test::Http3->new($t->port('http3')) }

sub lines {
    my ($n) = @_;
    my @rows;

    wait_for {
        @rows = grep { ($_->{request} // '') =~ /images/ } $t->access_log;
        @rows >= $lines + $n;
    } "$n more requests in the access log";

    return splice @rows, ($lines += $n) - $n;
}

# A client for each way, with a connection of its own, which leaves when the
# state is reached.  Returns their prompts' beginning and the connections that
# stay.
sub leave {
    my ($state, $reached, $fields, $headers) = @_;
    my $prompt = "a heron at dawn, $state, ";
    my %client;

    for my $way (@ways) {
        my $h3 = connection();
        $client{$way} = [ $h3, start($h3, "$prompt$way", $fields, $headers) ];
    }

    $reached->($prompt);
    $way{$_}->(@{ $client{$_} }) for @ways;

    for my $way (@stay) {
        my $h3 = $client{$way}[0];
        is($h3->response($h3->start('GET', '/v1/models'))->{status}, 200,
           "$state, $way: its connection stays");
    }

    return ($prompt, map { $client{$_}[0] } @stay);
}

sub is_followed {
    my ($state, $status, $prompt, @kept) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(account_of($t)->{running}, scalar @ways, "$state: each has its slot");

    my @rows = lines(scalar @ways);
    my @submits = $t->submits($prompt);

    is("@{[ map { $_->{status} } @rows ]}", "@{[ ($status) x @ways ]}",
       "$state: status");
    is("@{[ map { $_->{jimeng_status} } @rows ]}",
       "@{[ ('succeed') x @ways ]}", "$state: each is followed to its end");
    is(join("\n", sort map { $_->{json}{prompt} } @submits),
       join("\n", map { "$prompt$_" } @ways), "$state: one submit for each");
    is(join(' ', sort map { $_->{jimeng_task_id} } @rows),
       join(' ', sort map { $_->{task_id} } @submits),
       "$state: its task id is in the log");
    free($t);
    $_->close for @kept;
    return;
}


# ---- while it waits for a slot

$t = Jimeng::Test->new(with_http3(with_queue(
    strict => 1, http => 'keepalive_timeout 1s; lingering_close off;',
)));

my $holder = hold($t, 6);
my ($prompt, @kept) = leave('queue', sub { queued($t, scalar @ways) });
queued($t, 0);
my @rows = lines(scalar @ways);
is("@{[ map { $_->{status} } @rows ]}", "@{[ (499) x @ways ]}",
   'queue: status');
$holder->response;
free($t);
is(scalar $t->submits($prompt), 0, 'queue: nothing is submitted');
$_->close for @kept;
$t->finish;


# ---- while its task runs

$lines = 0;
$t = Jimeng::Test->new(with_http3(with_queue(
    strict => 1, account => 'concurrency 8;', emulator => { seconds => 4 },
    http => 'keepalive_timeout 1s;', location => 'jimeng_heartbeat 100ms;',
)));

sub submitted {
    my ($prompt) = @_;
    wait_for { $t->submits($prompt) == @ways } 'all are submitted';
}

$t->emulator->fault({ on => 'submit', times => scalar @ways, do => 'delay',
                      seconds => 3 });
is_followed('submit', 499, leave('submit', \&submitted));

is_followed('waits', 499, leave('waits', sub {
    submitted(@_);
    my $queries = $t->queries;
    wait_for { $t->queries >= $queries + 3 * @ways } 'all are asked for';
}));

is_followed('stream', 200, leave('stream', sub {
    submitted(@_);
    my $queries = $t->queries;
    wait_for { $t->queries >= $queries + 3 * @ways } 'all are asked for';
}, { stream => \1 }));

is_followed('async', 200, leave('async', \&submitted, { async => \1 }));
$t->finish;


# ---- its limits are those of everybody

$lines = 0;
$t = with_keys(
    [ map { "$_ images=2/d concurrency=1" } @ways ],
    with_http3(emulator => { seconds => 1 }, strict => 1,
               http => 'keepalive_timeout 500ms;'),
);

for my $way (@ways) {
    my $prompt = "an otter, $way, ";
    my @kept;

    for my $try (1 .. 6) {
        my $h3 = connection();
        my $id = start($h3, "$prompt$try", {}, bearer($way));

        wait_for {
            $t->submits("$prompt$try") || $h3->read_until($id, qr/./, 0.05)
        } "$way, $try: is submitted or answered";

        $way{$way}->($h3, $id);
        push @kept, $h3;
        used($t, $way, concurrency => 0);
    }

    is(scalar $t->submits($prompt), 2, "$way: two pictures of two");
    is(usage($t, $way)->{images}{remaining}, 0, "$way: none is left");
    $_->close for @kept;
}

my $n = grep { /499/ } map { $_->{status} } $t->access_log;
is($n, 2 * @ways, 'limits: the status of all who were served');
$t->finish;


# ---- while its body arrives.  A worker that is stopped lets no more come than
# the first window holds; nginx itself ends the request then, with 000 or 400.

$lines = 0;
$t = Jimeng::Test->new(with_http3(strict => 1,
                                  http => 'keepalive_timeout 2s;'));
my ($worker) = $t->workers;

for my $way (qw(abort cancel close)) {
    my $h3 = connection();
    is($h3->response($h3->start('GET', '/v1/models'))->{status}, 200,
       "body, $way: a connection");

    kill 'STOP', $worker;
    wait_for { slurp("/proc/$worker/stat") =~ /\) T / } 'the worker is stopped';
    my $id = start($h3, "half a heron, $way", { image => 'A' x 900_000 });
    wait_for { datagrams($t->port('http3')) > 10_000 } 'half of it was sent';
    $way{$way}->($h3, $id);
    kill 'CONT', $worker;

    my ($row) = lines(1);
    like($row->{status}, qr/^(?:000|400|499)$/, "body, $way: it is logged");
    next if $way ne 'cancel';

    is($h3->response($h3->start('GET', '/v1/models'))->{status}, 200,
       "body, $way: its connection stays");
    $h3->close;
}

is(scalar $t->submits, 0, 'body: nothing is submitted');
$t->done;
