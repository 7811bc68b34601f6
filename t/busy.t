#!/usr/bin/perl

# Somebody else uses the account, too: submits are refused with 50430, or with
# 50429.  Whoever has slots and a queue does not see it: its place is the first
# again, the account rests, and runs less at once for a while.
#
# Seen failing: "it is the first again", with places that go to the end; "a
# retry that is refused", with a task that is submitted again by the place of
# the one that failed: hundreds of submits, without a rest.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

my $prompts = 0;
sub prompt { "a ferry at the quay, $_[0], " . ++$prompts }

sub gaps {
    my @times = map { $_->{time} } @_;
    return map { $times[$_] - $times[ $_ - 1 ] } 1 .. $#times;
}

sub refusal {
    my ($code, %more) = @_;
    return { on => 'submit', do => 'answer', status => 429,
             body => qq({"code":$code,"data":null,"message":"busy"}), %more };
}

my $t = Jimeng::Test->new(with_queue(
    workers => 2, account => 'concurrency 2;', strict => 1,
    emulator => { seconds => 0.3, concurrency => 2 },
    http => 'lingering_close off;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 1200ms;
               }',
));
my @pids = $t->workers;


# ---- the account is full, of one task of somebody else's, and of two

for my $foreign (1, 2) {
    my $name = "foreign tasks: $foreign";
    my $before = $t->submits;
    my @prompts = map { prompt("$name, $_") } 1 .. 8;

    $t->emulator->set_account('main',
        foreign => { tasks => $foreign, seconds => 2.5 });
    my @clients = map { ask($t, $pids[ $_ % 2 ], of($prompts[$_], 'alice')) }
                  0 .. 7;

    ok(wait_for { account_of($t)->{effective} == 1 }
       "$name: it runs less at once");

    is(statuses(@clients), join(' ', (200) x 8), "$name: nobody sees it");

    my @rows = ($t->submits)[ $before .. $t->submits - 1 ];
    my @accepted = grep { $_->{code} eq '10000' } @rows;
    is(scalar @accepted, 8, "$name: submitted once each");

    # The one that was refused comes first again: after the rest, nobody is
    # submitted for the first time before it.
    for my $refused (grep { $_->{code} ne '10000' } @rows) {
        my %seen;
        $seen{ $_->{json}{prompt} } = 1
            for grep { $_->{time} < $refused->{time} + 0.3 } @rows;

        my ($again) = grep {
            $_->{n} > $refused->{n}
                && $_->{json}{prompt} eq $refused->{json}{prompt}
        } @rows;
        my @before = grep {
            $_->{n} < $again->{n} && !$seen{ $_->{json}{prompt} }
        } @rows;

        is(scalar @before, 0, "$name: it is the first again");
    }

    cmp_ok(@rows - 8, '<=', 7, "$name: and is not tried all the time");

    # So many that are accepted raise it again.
    $t->request(of(prompt($_))) for 1 .. 3;
    is(account_of($t)->{effective}, 2, "$name: later it runs more again");
    my @two = map { $t->start_request(of(prompt("$_ [[seconds=1.5]]"))) } 1, 2;
    ok(wait_for { $t->emulator->accounts->{main}{running} == 2 }
       "$name: two at once");
    is(statuses(@two), '200 200', "$name: two more");
    free($t);
}


# ---- rests grow: 0.5, 1, 2 s; success ends them

for my $code (50429, 50430) {
    my $prompt = prompt($code);
    $t->emulator->fault(refusal($code, times => 3));
    my $x = $t->start_request(of($prompt, 'alice'));
    ok(wait_for { account_of($t)->{rest} } "$code: the account rests");

    # Who comes meanwhile waits, too.
    my ($next) = in_turn($t, [ of(prompt("after $code"), 'bob') ]);
    is(statuses($x, $next), '200 200', "$code: nobody sees it");

    my @gaps = gaps(submits_of($t, $prompt));
    is(scalar @gaps, 3, "$code: refused three times");

    for my $i (0 .. 2) {
        my $rest = 0.5 * 2 ** $i;
        cmp_ok($gaps[$i], '>=', $rest - 0.02, "$code: a rest of $rest s");
        cmp_ok($gaps[$i], '<', $rest + 0.8, "$code: and not more");
    }

    $t->emulator->fault(refusal($code));
    $prompt = prompt("$code again");
    is($t->request(of($prompt))->status, 200, "$code again: not seen");
    cmp_ok((gaps(submits_of($t, $prompt)))[0], '<', 2,
           "$code again: the first rest is short again");
    $t->request(of(prompt('more'))) for 1 .. 4;
    free($t);
}

my @warned = $t->error_log =~ /refused for load/g;
ok(scalar @warned, 'refusals are in the log');


# ---- a task that failed, and is submitted again

my $again = prompt('again') . ' [[seconds=0]]';
$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      body => '{"code":50511,"data":null}' });
$t->emulator->fault(refusal(50430, skip => 1, times => 2));
is($t->request(of($again, 'alice', retries => 1))->status, 200,
   'a retry that is refused: a picture');
my @gaps = gaps(submits_of($t, $again));
is(scalar @gaps, 3, 'a retry that is refused: twice');
cmp_ok($gaps[1], '>=', 0.48, 'a retry that is refused: the account rests');
$t->request(of(prompt('more'))) for 1 .. 4;
free($t);


# ---- for longer than a client has time

for my $code (50429, 50430) {
    my $before = $t->submits;
    my $begin = time;
    $t->emulator->fault(refusal($code, times => -1));
    my $r = $t->request(of(prompt("$code for ever"), 'a', path => '/short'));
    is_error($t, $r, "$code for ever", code => 'upstream_rate_limited',
             upstream_code => $code, waited => 1);
    cmp_ok($t->submits - $before, '<=', 3, "$code for ever: asked a few times");
    cmp_ok(time - $begin, '<', 3, "$code for ever: it is told in time");
    $t->emulator->clear_faults;
    wait_for { !account_of($t)->{rest} } "$code for ever: the rest ends";
    is($t->request(of(prompt("$code no more")))->status, 200,
       "$code no more: a picture");
    free($t);
}


# ---- more requests in a second than the account may send: queries, too

$t->emulator->set_account('main', qps => 30, seconds => 0.2);
my @many = map { ask($t, $pids[ $_ % 2 ], of(prompt("many $_"), "c$_")) }
           1 .. 8;
is(statuses(@many), join(' ', (200) x 8), 'qps: nobody sees it');
$t->emulator->set_account('main', qps => 0);
free($t);
$t->finish;


# ---- a refusal ends with a reload

$t = Jimeng::Test->new(with_queue(
    emulator => { seconds => 0.2, concurrency => 1 },
));
$t->emulator->fault(refusal(50430, times => 4));
my $prompt = prompt('reload');
my $x = $t->start_request(of($prompt));
wait_for { submits_of($t, $prompt) == 4 } 'reload: refused four times';
$t->emulator->clear_faults;
my $begin = time;
$t->reload(location => 'jimeng_timeout 100s;');
is($t->request(of(prompt('reloaded'), 'bob'))->status, 200, 'reload: served');
is($x->response->status, 200, 'reload: who waited, too');
cmp_ok(time - $begin, '<', 3.5, 'reload: the rest of 4 s is over');
$t->done;
