#!/usr/bin/perl

# A call of Ark's, and the end of its worker: one that is replaced ends it; one
# that dies in it leaves an unknown outcome, which is never called again, and who
# repeats it or asks for it is told.  What calls have brought is found by their
# clients over reloads, kills and, with a zone in a file, restarts.
#
# Seen failing:
# - "reload" and "killed, it is over", without a result that is kept in
#   ngx_http_jimeng_task_done();
# - "killed", with a dead process's submit taken for one that was not sent;
# - "TERM", "KILL" and "QUIT", without file=.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;
use Jimeng::Test::Restart;

my $prompts = 0;
my $model = 'doubao-seedream-4-5-251128';

my $t = with_ark(
    workers => 2, listen => 'reuseport', ark => { seconds => 1 },
    zone => 'jimeng_zone jimeng:2m file=state.zone;', accounts => 'ark main',
    account => 'concurrency 50; queue 50;',
    http => 'lingering_close off;',
    server => 'location = /pid { return 200 $pid; }',
);
$t->allow_log(qr/worker process \d+ exited on signal 9/,
              qr/open socket #\d+ left in connection|\[alert\].* aborting$/);

my @workers = $t->workers;
my %group = (sequential_image_generation => 'auto', stream => \1);

sub prompt { sprintf 'a wreck, %s, %03d. ', $_[0], ++$prompts }

# A mark, a key, or neither; what is sent with the first try, and again.
my %repeat = (
    unmarked => sub { {} },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
    key => sub { { 'Idempotency-Key' => "the key of $_[0]" } },
);

sub order {
    my ($prompt, $how, $again, $fields) = @_;
    return $t->generation({ model => $model, prompt => $prompt,
                            %{ $fields || {} } },
                          $repeat{$how}->($prompt, $again));
}

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

sub begun {
    my ($prompt) = @_;
    return wait_for { calls($prompt) == 1 } 'it is called';
}

sub ended {
    my ($prompt) = @_;
    return wait_for { !grep { !$_->{ended} } calls($prompt) } 'it ends';
}

sub get { return $t->request('GET', "/v1/images/$_[0]" . ($_[1] // '')) }

sub is_call {
    my ($r, $prompt, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @calls = calls($prompt);

    like(links($r), qr{/pictures/ark/\Q$calls[0]{request_id}\E_0\.jpeg\?},
         "$name: the picture") or diag($r->status, $r->body);
    return is(scalar @calls, 1, "$name: one call");
}

sub is_unknown {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is_error($t, $r, $name, code => 'upstream_error', no_retry => 1);
}

sub killed {
    my ($pid, $name) = @_;
    ok($t->kill_worker($pid), "$name: a worker is killed and replaced");
    $t->{kept_connections} = {};
    @workers = $t->workers('staying');
}


# ---- a reload

for my $how (sort keys %repeat) {
    my $name = "reload, $how";
    my $prompt = prompt($name);
    my $x = ask($t, $workers[0], order($prompt, $how, 0));
    my $gone = prompt("$name, gone");
    my $y = ask($t, $workers[1], order($gone, $how, 0));

    begun($_) for $prompt, $gone;
    $t->signal('HUP');
    wait_for { my @now = $t->workers('staying');
               @now == 2 && !grep { my $pid = $_; grep { $pid == $_ } @now }
               @workers } 'new workers';
    $t->{kept_connections} = {};
    @workers = $t->workers('staying');
    $y->abort;
    $t->log_like(qr/client closed connection, task/, "$name: one leaves");

    my $again = $how eq 'unmarked' ? undef
        : ask($t, $workers[0], order($prompt, $how, 1));
    is_call($x->response, $prompt, "$name: the old worker ends it");
    is_call($again->response, $prompt, "$name: its repeat") if $again;
    is_call(ask($t, $workers[1], order($gone, $how, 1))->response, $gone,
            "$name: who left");
}


# ---- a worker is killed

for my $how (sort keys %repeat) {
    my $name = "killed, $how";
    my $prompt = prompt($name);
    my $later = prompt("$name, it is over");
    my $async = prompt("$name, async");
    my $x = ask($t, $workers[0], order($prompt, $how, 0));
    my $id = ask($t, $workers[0], order($async, $how, 0, { async => \1 }))
             ->response->json->{task_id};
    my $y = ask($t, $workers[1], order($later, $how, 0));

    begun($_) for $prompt, $async;
    is_call($y->response, $later, "$name, it is over");
    $y = ask($t, $workers[1], order($later, $how, 1)) if $how ne 'unmarked';
    is_call($y->response, $later, "$name, it is over: a repeat")
        if $how ne 'unmarked';

    # These take longer than the ones before.
    my $in = prompt("$name, in it") . '[[seconds=4]]';
    my $stream = prompt("$name, a stream") . '[[pictures=3]] [[seconds=4]]';
    $x->response;
    $x = ask($t, $workers[0], order($in, $how, 0));
    $y = ask($t, $workers[0], order($stream, $how, 0, \%group));
    begun($_) for $in, $stream;
    ok($y->read_until(qr/partial_succeeded/, 10), "$name: a picture came");
    my $last = prompt("$name, async, in it") . '[[seconds=4]]';
    my $lost = ask($t, $workers[0], order($last, $how, 0, { async => \1 }))
               ->response->json->{task_id};
    begun($last);
    killed($workers[0], $name);
    ended($_) for $in, $stream, $last;

    # Without a mark it is a new one: the client has its id.
    if ($how ne 'unmarked') {
        is_unknown(ask($t, $_, order($last, $how, 1, { async => \1 }))
                   ->response, "$name: async: told") for @workers;
    }

    is(get($lost)->json->{task_status}, 'failed', "$name: async: GET");
    is(get($lost)->json->{error}{code}, 'upstream_error',
       "$name: async: GET says why");
    is_call(get($id), $async, "$name: what was over: GET");

    if ($how ne 'unmarked') {
        my $r = ask($t, $workers[0], order($async, $how, 1, { async => \1 }))
                ->response;
        is_call(get($r->json->{task_id}), $async,
                "$name: what was over: async, again");
    }

    is_unknown(ask($t, $_, order($in, $how, 1))->response, "$name: told")
        for @workers;
    is_unknown(ask($t, $_, order($stream, $how, 1, \%group))->response,
               "$name: a stream: told") for @workers;
    is(scalar(calls($_)), 1, "$name: one call")
        for $in, $stream, $last;
}

# Nothing was taken yet.
for my $how (sort keys %repeat) {
    my $name = "killed, refused, $how";
    my $prompt = prompt($name);
    my $busy = () = $t->error_log =~ /was refused for load/g;

    $t->emulator->fault({ on => 'ark', do => 'error', times => 20,
                          code => 'ServerOverloaded', prompt => $prompt });
    my $x = ask($t, $workers[0], order($prompt, $how, 0));
    wait_for { $busy < (() = $t->error_log =~ /was refused for load/g) }
        "$name: it waits";
    killed($workers[0], $name);
    $t->emulator->clear_faults;
    like(links(ask($t, $workers[0], order($prompt, $how, 1))->response),
         qr{/pictures/ark/}, "$name: its repeat");
    is(scalar(grep { $_->{status} == 200 } calls($prompt)), 1,
       "$name: one call");
}


# ---- nginx is stopped, and started

for my $how (qw(TERM KILL QUIT)) {
    my %of = map { $_ => prompt("$how, $_") } qw(done async in);
    my $r = ask($t, $workers[0], order($of{done}, 'count', 0))->response;
    my $s = ask($t, $workers[1], order($of{async}, 'key', 0, { async => \1 }))
            ->response;
    ended($of{async});
    is_call(get($s->json->{task_id}, '?wait=5s'), $of{async}, "$how: before");

    # QUIT has a second.
    my $x = ask($t, $workers[0],
                order("$of{in}\[[seconds=4]]", 'unmarked', 0));
    begun("$of{in}\[[seconds=4]]");
    stop_nginx($t, $how);
    start_nginx($t);
    @workers = $t->workers('staying');

    is_call(get($r->json->{task_id}), $of{done}, "$how: GET");
    is_call(ask($t, $workers[0], order($of{done}, 'count', 1))->response,
            $of{done}, "$how: a repeat");
    is_call(get($s->json->{task_id}), $of{async}, "$how: async: GET");
    is_call(get(ask($t, $workers[1], order($of{async}, 'key', 1,
                                           { async => \1 }))
                ->response->json->{task_id}), $of{async},
            "$how: async: a repeat");
    is_unknown(ask($t, $_, order("$of{in}\[[seconds=4]]", 'unmarked', 1))
               ->response, "$how: in the call: told") for @workers;
    is(scalar(calls("$of{in}\[[seconds=4]]")), 1,
       "$how: in the call: one call");
}

$t->finish;


# ---- worker_shutdown_timeout is over in the call

$t = with_ark(
    main => 'worker_shutdown_timeout 2s;', ark => { seconds => 6 },
    accounts => 'ark main', http => 'lingering_close off;',
);

{
    my $name = 'worker_shutdown_timeout';
    my $prompt = prompt($name);
    my ($old) = $t->workers;
    my $x = $t->start_request(order($prompt, 'unmarked', 0));
    my $y = $t->start_request(order("$prompt leaves", 'count', 0));

    begun($_) for $prompt, "$prompt leaves";
    $t->signal('HUP');
    wait_for { grep { $_ != $old } $t->workers('staying') } 'a new worker';
    $y->abort;

    my $r = $x->response;
    is_error($t, $r, "$name: it is told in time",
             code => 'generation_timeout', waited => 1);
    wait_for { !grep { $_ == $old } $t->workers } 'the old one is gone';
    ok(!(calls($prompt))[0]{ended}, "$name: the call is not over");

    is_unknown($t->request(order($prompt, 'unmarked', 1)), "$name: a repeat");
    is_unknown($t->request(order("$prompt leaves", 'count', 1)),
               "$name: a repeat of who left");
    my $get = get($r->json->{task_id});
    is($get->json->{task_status}, 'failed', "$name: GET");
    is($get->json->{error}{code}, 'upstream_error', "$name: GET says why");
    is(scalar(calls($_)), 1, "$name: one call") for $prompt, "$prompt leaves";
}

$t->done;
