#!/usr/bin/perl

# Workers that are killed, or replaced, with clients that wait: the same request
# joins without any mark what the dead one had, once, whatever it was at.
#
# Seen failing:
# - "it runs", "it is over", "it is sent", without jm_ledger_died();
# - "in flight", with a dead process's submit taken for one that was not sent;
# - "left in an old worker", without jm_ledger_left() in the job that leaves.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, emulator => { seconds => 0.8 }, poll_interval => '50ms',
));
$t->allow_log(qr/worker process \d+ exited on signal 9/);

sub prompt { "a wreck in the sand, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields) = @_;
    return $t->generation({ prompt => $prompt, %{ $fields || {} } });
}

# One worker is killed with what it has; returns the workers from then on.
sub killed {
    my ($pid, $name) = @_;
    ok($t->kill_worker($pid), "$name: a worker is killed and replaced");
    return $t->workers('staying');
}

sub is_new {
    my ($pid, $prompt, $name, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = submits_of($t, $prompt);

    is(ask($t, $pid, @request)->response->status, 200,
       "$name: then a new one: status");
    return cmp_ok(scalar submits_of($t, $prompt), '>', $before,
                  "$name: then a new one");
}

my @workers = $t->workers;

# While a task runs: the one that stays, and the one that is new.
for my $n (0, 1) {
    my $name = "it runs, $n";
    my $prompt = prompt($name);
    my $first = ask($t, $workers[0], request($prompt));
    wait_for { queries_of($t, $prompt) } "$name: it is asked for";
    @workers = killed($workers[0], $name);
    is($first->response->status, 0, "$name: its client has no answer");

    is_picture($t, ask($t, $workers[$n], request($prompt))->response, $prompt,
               "$name: joins");
    is_new($workers[$n], $prompt, $name, request($prompt));
}

# The task is over by then.
my $name = 'it is over';
my $prompt = prompt($name);
my $x = ask($t, $workers[0], request($prompt));
wait_for { queries_of($t, $prompt) } "$name: it is asked for";
@workers = killed($workers[0], $name);
wait_for { $t->emulator->state->{running} == 0 } "$name: it ends";
is_picture($t, ask($t, $workers[0], request($prompt))->response, $prompt,
           "$name: joins");
is_new($workers[1], $prompt, $name, request($prompt));

# It is on its way to the client.
$name = 'it is sent';
$prompt = prompt("[[bytes=3000000]] $name");
my @data = request($prompt, { response_format => 'b64_json' });
connect_workers($t, 1, $workers[0]);
$x = $t->start_request('GET', '/pid', {}, undef, keepalive => 1,
                       buffer => 4096);
my $at = $x->response->body;
$x = $t->start_request(@data, on => $x);
ok($x->read_until(qr/"b64_json":"/, 20), "$name: it has begun");
@workers = killed($at, $name);
my $r = ask($t, $workers[0], @data)->response;
is($r->status, 200, "$name: joins: status");
ok($r->complete, "$name: joins: complete");
is(scalar submits_of($t, $prompt), 1, "$name: joins: one task");
is_new($workers[1], $prompt, $name, @data);

# While the submit is in flight: it may have been taken.
$name = 'in flight';
$prompt = prompt($name);
$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 3 });
$x = ask($t, $workers[0], request($prompt));
wait_submits($t, $prompt);
@workers = killed($workers[0], $name);
is_error($t, ask($t, $_, request($prompt))->response, "$name: the error",
         code => 'upstream_error', no_retry => 1) for @workers;
is(scalar submits_of($t, $prompt), 1, "$name: one submit");

# Nothing was taken yet.
$name = 'refused';
$prompt = prompt($name);
my $busy = () = $t->error_log =~ /was refused for load/g;
$t->emulator->fault({ on => 'submit', do => 'answer', status => 429,
                      body => '{"code":50430,"data":null,"message":"busy"}' });
$x = ask($t, $workers[0], request($prompt));
wait_for { $busy < (() = $t->error_log =~ /was refused for load/g) }
    "$name: it waits";
@workers = killed($workers[0], $name);
like(links(ask($t, $workers[1], request($prompt))->response), qr{/pictures/},
     "$name: a picture");
is(scalar submits_of($t, $prompt), 2, "$name: one more submit");

# The client leaves an old worker, which follows the task.
$name = 'left in an old worker';
$prompt = prompt($name);
$x = ask($t, $workers[0], request("[[seconds=2]] $prompt"));
wait_submits($t, "[[seconds=2]] $prompt");
$t->reload;
@workers = $t->workers('staying');
$x->abort;
$t->log_like(qr/client closed connection, task/, "$name: it is noticed");
is_picture($t, ask($t, $workers[0], request("[[seconds=2]] $prompt"))
               ->response, "[[seconds=2]] $prompt", "$name: joins");

$t->done;
