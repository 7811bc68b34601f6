#!/usr/bin/perl

# A request that comes again while its first try waits for a slot: it joins it,
# and has no place of its own; one task is submitted, whoever of them stays.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;

my $prompts = 0;
sub prompt { "a bridge and its echo, $_[0], " . ++$prompts }

my $t = Jimeng::Test->new(with_queue(
    workers => 2, account => 'concurrency 1; queue 3;',
    emulator => { seconds => 0.3, concurrency => 1 },
    http => 'lingering_close off;',
));
$t->allow_log(qr/worker process \d+ exited on signal 9/);

# What a repeat is told by: a key, or a count.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key of $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
);

sub request {
    my ($how, $prompt, $again, %fields) = @_;
    return of($prompt, 'alice', headers => $repeat{$how}->($prompt, $again),
              %fields);
}

# Until so many requests are there besides what a killed worker left.
my $base = 0;

sub nobody { $base = $t->stub_status->{writing} }

sub there {
    my ($n, $name) = @_;
    return wait_for { $t->stub_status->{writing} == $base + $n } $name;
}

for my $how (sort keys %repeat) {

    # It waits.
    my $name = "$how, it waits";
    my ($one, $other) = $t->workers('staying');
    my $prompt = prompt($name);
    nobody();
    my $holder = hold($t, 1.5);
    my ($first) = in_turn($t, [ $one, request($how, $prompt, 0) ]);
    my @again = map { ask($t, $_, request($how, $prompt, 1)) } $one, $other;
    there(4, "$name: three of them");
    is(account_of($t)->{waiting}, 1, "$name: one place");
    is(scalar submits_of($t, $prompt), 0, "$name: nothing is submitted yet");
    is_picture($t, $_->response, $prompt, $name) for $first, @again;
    $holder->response;

    # The first one leaves, the repeat stays.
    $name = "$how, the first one leaves";
    $prompt = prompt($name);
    $holder = hold($t, 1.5);
    ($first) = in_turn($t, [ $one, request($how, $prompt, 0) ]);
    my $again = ask($t, $other, request($how, $prompt, 1));
    there(3, "$name: two of them");
    $first->abort;
    there(2, "$name: one has left");
    is_picture($t, $again->response, $prompt, $name);
    $holder->response;

    # The repeat leaves.
    $name = "$how, the repeat leaves";
    $prompt = prompt($name);
    $holder = hold($t, 1.5);
    ($first) = in_turn($t, [ $one, request($how, $prompt, 0) ]);
    $again = ask($t, $other, request($how, $prompt, 1));
    there(3, "$name: two of them");
    $again->abort;
    is_picture($t, $first->response, $prompt, $name);
    $holder->response;

    # Its worker is killed: nothing was submitted, so the repeat has its turn.
    $name = "$how, killed";
    $prompt = prompt($name);
    $holder = hold($t, 4, $other);
    ($first) = in_turn($t, [ $one, request($how, $prompt, 0) ]);
    $again = ask($t, $other, request($how, $prompt, 1));
    there(3, "$name: two of them");
    ok($t->kill_worker($one), "$name: a worker is killed and replaced");
    is_picture($t, $again->response, $prompt, $name);
    is($holder->response->status, 200, "$name: who had the slot");
    ($one, $other) = $t->workers('staying');

    # Refused for a full queue: nothing was submitted, and it may come again.
    $name = "$how, full";
    $prompt = prompt($name);
    $holder = hold($t, 1.5);
    my @waiting = in_turn($t, map { [ of(prompt("$name, $_"), 'bob') ] }
                              1 .. 3);
    is_error($t, ask($t, $one, request($how, $prompt, 0))->response, $name,
             code => 'concurrency_limit_exceeded');
    is(statuses(@waiting), '200 200 200', "$name: those in it are served");
    is_picture($t, ask($t, $other, request($how, $prompt, 1))->response,
               $prompt, "$name: later");
    $holder->response;

    # It runs: the repeat follows it without a slot.
    $name = "$how, it runs";
    $prompt = prompt($name);
    $first = ask($t, $one, request($how, $prompt, 0));
    wait_for { submits_of($t, $prompt) } "$name: it is submitted";
    my ($waits) = in_turn($t, [ of(prompt("$name, another"), 'bob') ]);
    $again = ask($t, $other, request($how, $prompt, 1));
    is_picture($t, $_->response, $prompt, $name) for $first, $again;
    is($waits->response->status, 200, "$name: another is served");

    # Several tasks, one of which runs while the others wait.
    $name = "$how, n";
    $prompt = prompt($name);
    $first = ask($t, $one, request($how, $prompt, 0, n => 3));
    wait_for { submits_of($t, $prompt) } "$name: one is submitted";
    $again = ask($t, $other, request($how, $prompt, 1, n => 3));
    is(links($first->response), links($again->response), "$name: the same");
    is(scalar submits_of($t, $prompt), 3, "$name: three tasks");
    free($t);
}

is(scalar busy_rows($t), 0, 'nothing was refused for load');
$t->done;
