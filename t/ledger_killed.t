#!/usr/bin/perl

# A worker is killed: what it did is in the ledger, and whoever asks again
# joins what the upstream has, never submits what it may have, and submits what
# it cannot have.
#
# Seen failing:
# - "in flight", with a dead process's submit taken for one that was not sent,
#   and with processes that are never found dead;
# - "a new one, and its repeat", with a task that stays the dead one's when a
#   repeat has followed it to its end.

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

sub prompt { "a wreck on the shore, $_[0], " . ++$prompts }

# What a repeat is told by: a key, or a count.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key of $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
);

sub request {
    my ($how, $prompt, $again, $fields) = @_;
    return $t->generation({ prompt => $prompt, %{ $fields || {} } },
                          $repeat{$how}->($prompt, $again));
}

# One worker is killed with what it has; returns the workers from then on.
sub killed {
    my ($pid, $name) = @_;
    ok($t->kill_worker($pid), "$name: a worker is killed and replaced");
    return $t->workers('staying');
}


for my $how (sort keys %repeat) {

    # While a task runs.  Then its entry is not the one of a new request.
    my $name = "$how, it runs";
    my $prompt = prompt($name);
    my ($one) = $t->workers;
    my $first = ask($t, $one, request($how, $prompt, 0));
    wait_for { queries_of($t, $prompt) } "$name: it is asked for";
    my @workers = killed($one, $name);
    is($first->response->status, 0, "$name: its client has no answer");
    is_picture($t, ask($t, $_, request($how, $prompt, 1))->response, $prompt,
               "$name: the repeat") for @workers;

    if ($how eq 'count') {
        my $x = ask($t, $workers[0], request($how, $prompt, 0));
        wait_for { submits_of($t, $prompt) == 2 } "$name: a new one";
        my ($id) = map { $_->{task_id} } (submits_of($t, $prompt))[1];
        my $again = ask($t, $workers[1], request($how, $prompt, 1));

        like(links($_->response), qr{/$id-0\.png},
             "$name: a new one, and its repeat") for $x, $again;
        is(scalar submits_of($t, $prompt), 2, "$name: a new one: one submit");
    }

    # The task is over by then.
    $name = "$how, it is over";
    $prompt = prompt($name);
    $first = ask($t, $workers[0], request($how, $prompt, 0));
    wait_for { queries_of($t, $prompt) } "$name: it is asked for";
    @workers = killed($workers[0], $name);
    wait_for { $t->emulator->state->{running} == 0 } "$name: it ends";
    is_picture($t, ask($t, $workers[0], request($how, $prompt, 1))->response,
               $prompt, "$name: the repeat");

    # While the submit is in flight: it may have been taken.  A repeat that
    # waits for it, and those that come later.
    $name = "$how, in flight";
    $prompt = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 3 });
    $first = ask($t, $workers[0], request($how, $prompt, 0));
    wait_for { submits_of($t, $prompt) == 1 } "$name: it is submitted";
    my $waits = ask($t, $workers[1], request($how, $prompt, 1));
    @workers = killed($workers[0], $name);
    is_error($t, $_->response, "$name: the repeat",
             code => 'upstream_error', no_retry => 1)
        for $waits, map { ask($t, $_, request($how, $prompt, 2)) } @workers;
    is(scalar submits_of($t, $prompt), 1, "$name: one submit");

    # Between two submits: the first was not taken.
    for my $when ('later', 'at once') {
        $name = "$how, backoff, $when";
        $prompt = prompt($name);
        my $busy = () = $t->error_log =~ /was refused for load/g;
        $t->emulator->fault({
            on => 'submit', do => 'answer', status => 429,
            body => '{"code":50430,"data":null,"message":"busy"}' });
        $first = ask($t, $workers[0], request($how, $prompt, 0));
        wait_for {
            $busy < (() = $t->error_log =~ /was refused for load/g);
        } "$name: it is refused";

        my @again = $when eq 'later' ? ()
            : ask($t, $workers[1], request($how, $prompt, 1));
        @workers = killed($workers[0], $name);
        push @again, map { ask($t, $_, request($how, $prompt, 1)) } @workers;

        my %links = map { links($_->response) => 1 } @again;
        is(scalar keys %links, 1, "$name: the repeats get the same");
        like((keys %links)[0], qr{/pictures/}, "$name: a picture");
        is(scalar submits_of($t, $prompt), 2, "$name: one more submit");
    }

    # One of two is taken, the other is in flight.
    $name = "$how, one of two";
    $prompt = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 3,
                          skip => 1 });
    $first = ask($t, $workers[0], request($how, $prompt, 0, { n => 2 }));
    wait_for {
        submits_of($t, $prompt) == 2 && queries_of($t, $prompt);
    } "$name: one is asked for";
    my ($id) = map { $_->{task_id} }
               grep { !$_->{fault} } submits_of($t, $prompt);
    @workers = killed($workers[0], $name);
    my $r = ask($t, $workers[0], request($how, $prompt, 1, { n => 2 }))
            ->response;
    is($r->status, 200, "$name: status");
    like(links($r), qr{^\S+/$id-0\.png$}, "$name: the picture of the one");
    is(scalar @{ $r->json->{errors} || [] }, 1, "$name: one error");
    is(scalar submits_of($t, $prompt), 2, "$name: nothing is submitted");
}

$t->done;
