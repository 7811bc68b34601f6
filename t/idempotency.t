#!/usr/bin/perl

# A request that comes again with the same Idempotency-Key is the same request:
# one task upstream, and one result, whichever worker it comes to, whether the
# first has its answer, waits for it, or has gone.
#
# Seen failing:
# - "the answer is lost", with ngx_http_jimeng_ledger_free() in place of
#   ngx_http_jimeng_ledger_unknown() in ngx_http_jimeng_task_submitted();
# - "refused", without ngx_http_jimeng_ledger_free() there;
# - "in flight", "busy" and "at once", with a repeat that submits where
#   ngx_http_jimeng_ledger_look() says that another one does.
# Not seen failing: "at once", without the lock; it is too seldom needed.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(slurp);

use constant RACES => 24;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0.5 },
    poll_interval => '50ms', proxy => 'proxy_read_timeout 1s;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 300ms;
               }',
));

my ($one, $other) = $t->workers;

# A prompt of its own is a key of its own, too.
sub prompt { "a bridge in the fog, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $headers, $path) = @_;
    my @request = $t->generation(
        { prompt => $prompt, %{ $fields || {} } },
        { 'Idempotency-Key' => "key of $prompt", %{ $headers || {} } });

    $request[1] = $path if defined $path;
    return @request;
}

sub left { return scalar(() = $t->error_log =~ /client closed connection/g) }


# ---- while the first runs, or is over

for my $where ([ 'the same worker', $one ], [ 'another worker', $other ]) {
    my ($name, $pid) = @$where;
    my $prompt = prompt($name);
    my @first = ask($t, $one, request($prompt));

    wait_for { submits_of($t, $prompt) == 1 } "$name: the first is submitted";
    push @first, ask($t, $pid, request($prompt));

    is_picture($t, $_->response, $prompt, "$name, while it runs")
        for @first;

    my $queries = queries_of($t, $prompt);
    my $again = ask($t, $pid, request($prompt))->response;
    is_picture($t, $again, $prompt, "$name, when it is over");
    is(queries_of($t, $prompt) - $queries, 1,
       "$name, when it is over: asked for anew, once");
    is_deeply([ $t->task_ids($again->json->{task_id}) ],
              [ map { $_->{task_id} } submits_of($t, $prompt) ],
              "$name, when it is over: the task's id");


    # The client leaves, and asks again while the task runs, or later.
    for my $when ('while it runs', 'when it is over') {
        my $case = "$name, the client has left, $when";
        my $before = left();
        my $lines = $t->access_log;

        $prompt = prompt($case);
        my $gone = ask($t, $one, request($prompt));
        wait_for { submits_of($t, $prompt) == 1 } "$case: it is submitted";
        $gone->abort;
        wait_for { left() > $before } "$case: it is noticed";
        $t->access_lines($lines + 1) if $when eq 'when it is over';

        is_picture($t, ask($t, $pid, request($prompt))->response,
                   $prompt, $case);
    }


    # What cost nothing is done anew.
    $prompt = prompt($name);
    refuse($t);
    is(ask($t, $one, request($prompt))->response->status, 400,
       "$name, refused: the error");
    like(links(ask($t, $pid, request($prompt))->response), qr{/pictures/},
         "$name, refused: the same request is done anew");
    is(scalar submits_of($t, $prompt), 2, "$name, refused: two submits");


    # What may have cost something is not.
    $prompt = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'drop' });
    my @errors = map { ask($t, $_, request($prompt))->response }
                 $one, $pid, $pid;

    is_error($t, $_, "$name, the answer is lost: the error",
             code => 'upstream_error', no_retry => 1) for @errors;
    is($_->json->{message}, $errors[0]->json->{message},
       "$name, the answer is lost: the same error") for @errors;
    is(scalar submits_of($t, $prompt), 1,
       "$name, the answer is lost: one submit");
    is(scalar queries_of($t, $prompt), 0,
       "$name, the answer is lost: nothing is asked for");


    # The submit of the first is in flight, and is taken, or its answer lost.
    $prompt = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 0.4 });
    @first = ask($t, $one, request($prompt));
    wait_for { submits_of($t, $prompt) == 1 } "$name, in flight: is sent";
    push @first, ask($t, $pid, request($prompt));
    is_picture($t, $_->response, $prompt, "$name, in flight") for @first;

    $prompt = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1.4 });
    @first = ask($t, $one, request($prompt));
    wait_for { submits_of($t, $prompt) == 1 } "$name, no answer: is sent";
    push @first, ask($t, $pid, request($prompt));
    is_error($t, $_->response, "$name, no answer: the error",
             code => 'upstream_error', no_retry => 1) for @first;
    is(scalar submits_of($t, $prompt), 1, "$name, no answer: one submit");

    # The submit of the first is refused, and the repeat waits for it.
    $prompt = prompt($name);
    $t->emulator->fault({
        on => 'submit', do => 'answer', status => 429,
        body => '{"code":50429,"data":null,"message":"busy"}' });
    @first = ask($t, $one, request($prompt));
    wait_for { submits_of($t, $prompt) == 1 } "$name, busy: is sent";
    push @first, ask($t, $pid, request($prompt));
    my @links = map { links($_->response) } @first;
    like($links[0], qr{/pictures/}, "$name, busy: a picture");
    is($links[1], $links[0], "$name, busy: the same");
    is(scalar submits_of($t, $prompt), 2, "$name, busy: submitted once more");


    # The first has waited for as long as it may.
    $prompt = prompt($name);
    my @late = request($prompt, {}, {}, '/short/images/generations');
    my $late = ask($t, $one, @late)->response;
    is($late->status, 504, "$name, late: status");
    is($late->header('x-should-retry'), undef, "$name, late: may be repeated");
    is_deeply([ $t->task_ids($late->json->{task_id}) ],
              [ map { $_->{task_id} } submits_of($t, $prompt) ],
              "$name, late: the task's id");
    is_picture($t, ask($t, $pid, @late)->response, $prompt,
               "$name, late: asked for again");
}


# ---- at the same instant: both workers find what has come at once

connect_workers($t, RACES, $one, $other);

for my $pid ($one, $other) {
    kill 'STOP', $pid;
    wait_for { slurp("/proc/$pid/stat") =~ /\) T / } 'a worker is stopped';
}

my @races = map { prompt('at once') } 1 .. RACES;
my %race = map {
    my $race = $_;
    $race => [ map { ask($t, $_, request($race)) } $one, $other ];
} @races;

kill 'CONT', $one, $other;

my (@different, @more);

for my $race (@races) {
    my @links = map { links($_->response) } @{ $race{$race} };
    my $submits = submits_of($t, $race);

    push @different, "@links" if $links[0] ne $links[1]
                                 || $links[0] !~ m{/pictures/};
    push @more, $submits if $submits != 1;
}

is("@different", '', 'at once: two clients get the same picture');
is("@more", '', 'at once: one task for both');

$t->done;
