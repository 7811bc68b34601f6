#!/usr/bin/perl

# A worker is killed with slots and with some who wait: its slots come back when
# their tasks are likely over, or known to be, and not sooner; who waits in
# other workers has his turn; who waited in this one takes up nobody's place.
#
# Seen failing: "every slot comes back", with the places of dead processes that
# wait left where they are; "the slot is kept", with lost slots that lapse at
# once; "a repeat" and "a retrieval", with slots that nobody adopts or ends.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Queue;
use Time::HiRes qw(time);

my $prompts = 0;
sub prompt { "a mast in the storm, $_[0], " . ++$prompts }

sub new_test {
    my (%opt) = @_;
    my $t = Jimeng::Test->new(with_queue(
        workers => 2, emulator => { seconds => 1, concurrency => 1 },
        http => 'lingering_close off;', %opt,
    ));

    $t->allow_log(qr/worker process \d+ exited on signal 9/);
    return $t;
}


# ---- the average is known: the slot lapses at the likely end

my $t = new_test(emulator => { seconds => 3, concurrency => 1 });
is($t->request(of(prompt('the average')))->status, 200, 'the average is known');

for my $case ([ 'it runs' ],
              [ 'in flight', { on => 'submit', do => 'delay', seconds => 6 } ])
{
    my ($name, $fault) = @$case;
    my ($one, $other) = $t->workers('staying');
    my $lost = prompt($name);

    $t->emulator->fault($fault) if $fault;
    my $x = ask($t, $one, of($lost, 'a'));
    wait_for { submits_of($t, $lost) } "$name: it is submitted";

    my @prompts = map { prompt("$name, waits $_") } 1, 2;
    my @waiting = in_turn($t, map {
        [ $_ % 2 ? $one : $other, of($prompts[$_], 'b') ]
    } 1, 0);
    my $before = $t->submits;
    ok($t->kill_worker($one), "$name: a worker is killed and replaced");

    is($waiting[1]->response->status, 200, "$name: another has its turn");
    is(statuses($x, $waiting[0]), '0 0', "$name: its clients get nothing");
    is(scalar $t->submits, $before + 1, "$name: nothing is submitted for them");
    is(scalar busy_rows($t), 0, "$name: the slot was not given away too soon");

    my ($then) = submits_of($t, $prompts[0]);
    my ($began) = submits_of($t, $lost);
    cmp_ok($then->{time} - $began->{time}, '>=', 2.95,
           "$name: the slot is kept for as long as tasks take");
    cmp_ok($then->{time} - $began->{time}, '<', 7,
           "$name: nor a long while after");
    free($t);
}


# ---- it is not known, and a slot would be kept for 30 s: whoever finds out
# that the task is over frees it

for my $how ('a repeat', 'a retrieval') {
    $t = new_test(location => 'jimeng_timeout 20s;');
    my ($one, $other) = $t->workers;
    my $lost = prompt($how);
    my ($headers, $id) = ({ 'Idempotency-Key' => "key of $lost" });

    my @request = of($lost, 'a', headers => $headers,
                     $how eq 'a retrieval' ? (async => \1) : ());
    my $x = ask($t, $one, @request);
    $id = $x->response->json->{task_id} if $how eq 'a retrieval';
    wait_for { queries_of($t, $lost) } "$how: it is asked for";

    my ($waits) = in_turn($t, [ $other, of(prompt("after $how"), 'b') ]);
    ok($t->kill_worker($one), "$how: a worker is killed and replaced");

    my $r;

    if ($how eq 'a repeat') {
        $r = ask($t, $other, @request)->response;

    } else {
        wait_for {
            $r = $t->request('GET', "/v1/images/$id",
                             { Authorization => 'Bearer a' });
            ($r->json->{task_status} // '') ne 'running'
                && ($r->json->{task_status} // '') ne 'pending';
        } "$how: it is over";
    }

    is(links($r) =~ m{/pictures/} ? 'a picture' : links($r), 'a picture',
       "$how: it has its picture");
    is($waits->response->status, 200, "$how: who waits is served in time");
    is(scalar submits_of($t, $lost), 1, "$how: it was not submitted again");
    is(scalar busy_rows($t), 0, "$how: nothing was refused for load");
    free($t);
    $t->finish if $how eq 'a repeat';
}

$t->finish;


# ---- again and again, with two slots

$t = new_test(account => 'concurrency 2;', poll_interval => '20ms',
              emulator => { seconds => 0.2, concurrency => 2 });
$t->request(of(prompt('the average')));

for my $round (1 .. 5) {
    my @pids = $t->workers('staying');
    my $before = $t->submits;
    my @clients = map { ask($t, $pids[$_ % 2], of(prompt($_), "c$_")) } 1 .. 12;
    wait_for { $t->submits >= $before + 4 } "round $round: they run";
    $t->kill_worker($pids[0]);
    $_->response for @clients;
}

free($t);
is(scalar busy_rows($t), 0, 'again and again: nothing was refused for load');
my @last = map { $t->start_request(of(prompt('the last'), "d$_")) } 1 .. 4;
is(statuses(@last), '200 200 200 200', 'again and again: all slots are back');
$t->done;
