#!/usr/bin/perl

# An error that is final and says "x-should-retry: false" is told again to who
# repeats it nevertheless, for a minute, or what "unmarked=" says if that is
# less: nothing is submitted, and nothing asked.  Other errors are not: what
# cost nothing is tried anew.  A repeat that says so asks anew, as ever.
#
# Seen failing:
# - every "told again", without jm_ledger_told(): a submit for each;
# - every "nothing is sent", with one of them that takes the error;
# - "then it is tried anew", with an error that does not expire.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0 },
    poll_interval => '20ms',
    server => 'location /brief/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 12h unmarked=1s;
               }
               location /off/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 12h unmarked=off;
               }',
));

my ($one, $other) = $t->workers;

sub prompt { "a rook on the gable, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $headers, $lane) = @_;
    my @request = $t->generation({ prompt => $prompt, %{ $fields || {} } },
                                 $headers);
    $request[1] = "/$lane/images/generations" if $lane;
    return @request;
}

sub counts {
    my ($prompt) = @_;
    return scalar(submits_of($t, $prompt)) . ' '
           . scalar(queries_of($t, $prompt));
}


# ---- what is told again, to all at once

my %final = (
    '[[50520]]' => [ 'upstream_error', 50520 ],
    '[[50500@submit]]' => [ 'upstream_error', 50500 ],
    '[[done:50500]]' => [ 'upstream_error', 50500 ],
    '[[50521@query]]' => [ 'upstream_error', 50521 ],
    '[[50400]]' => [ 'upstream_auth_failed', 50400 ],
    '[[SignatureDoesNotMatch]]' => [ 'upstream_auth_failed', undef ],
    '[[not_found]]' => [ 'upstream_error', undef ],
);

for my $what (sort keys %final) {
    my ($code, $number) = @{ $final{$what} };
    my $prompt = prompt($what);
    my @request = request($prompt);

    my $first = ask($t, $one, @request)->response;
    my ($id) = map { $_->{task_id} // () } submits_of($t, $prompt);
    my %error = (
        code => $code, no_retry => 1,
        defined $number ? (upstream_code => $number) : (),
        task_id => $id ? qr/^\Q$id\E$/ : undef,
    );

    is_error($t, $first, "$what: the error", %error);
    my $counts = counts($prompt);

    my @again = map { ask($t, $_, @request) } ($one, $other) x 2;

    for my $x (@again) {
        my $r = $x->response;
        is_error($t, $r, "$what: told again", %error);
        is($r->json->{message}, $first->json->{message},
           "$what: told again: the same words");
    }

    is(counts($prompt), $counts, "$what: told again: nothing is sent");
    is((grep { $_->{status} == 502 } $t->access_log)[-1]{jimeng_status},
       'failed', "$what: told again: the log");

    # Whoever says that it comes again asks anew.
    my @marked = request($prompt, {}, { 'x-stainless-retry-count' => 1 });
    is(ask($t, $other, @marked)->response->json->{error}{code}, $code,
       "$what: a marked one: the error");
    isnt(counts($prompt), $counts, "$what: a marked one: it asks");
}


# ---- in all forms

my %forms = (
    'a stream' => { stream => \1 },
    'data' => { response_format => 'b64_json' },
    'two tasks' => { n => 2 },
    'async' => { async => \1 },
);

for my $form (sort keys %forms) {
    my $prompt = prompt("[[50520\@submit]] $form");
    my @request = request($prompt, $forms{$form});
    my $first = ask($t, $one, @request)->response;
    my $counts = counts($prompt);
    my $again = ask($t, $other, @request)->response;

    is($first->status, 502, "$form: status");
    is($again->status, 502, "$form: told again: status");
    is_deeply($again->json->{error}, $first->json->{error},
              "$form: told again: the error");
    is(counts($prompt), $counts, "$form: told again: nothing is sent");
}

my $prompt = prompt('[[done:50500]] an event');
my @stream = request($prompt, { stream => \1 });
my ($event) = Jimeng::Test::Sse->new(ask($t, $one, @stream))->all;
is($event->{event}, 'error', 'an event: the error');
my $r = ask($t, $other, @stream)->response;
is($r->status, 502, 'an event: told again: as a status');
is($r->json->{error}{upstream_code}, 50500, 'an event: told again: the code');
is($r->json->{task_id}, $event->{json}{task_id} && $r->json->{task_id},
   'an event: told again: its task');
is(scalar submits_of($t, $prompt), 1, 'an event: told again: one submit');


# ---- for how long

$prompt = prompt('[[50520]] brief');
my @brief = request($prompt, {}, {}, 'brief');
ask($t, $one, @brief)->response;
my $begin = time;
my $last = $begin;

wait_for {
    my $now = time;
    ask($t, $other, @brief)->response;
    $last = $now if submits_of($t, $prompt) == 1;
    submits_of($t, $prompt) > 1;
} 'brief: then it is tried anew';
cmp_ok($last - $begin, '>', 0.5, 'brief: told for a second');
cmp_ok($last - $begin, '<', 1.1, 'brief: and no longer');

$prompt = prompt('[[50520]] off');
ask($t, $one, request($prompt, {}, {}, 'off'))->response for 1 .. 2;
is(scalar submits_of($t, $prompt), 2, 'off: it is not told again');


# ---- what is not told again

for my $what ('[[50413]]', '[[50411]]', '[[50215]]') {
    $prompt = prompt($what);
    is(ask($t, $one, request($prompt))->response->status, 400,
       "$what: status") for 1 .. 2;
    is(scalar submits_of($t, $prompt), 2, "$what: tried anew");
}

# What was refused, and is asked for by another client, or is another one.
$prompt = prompt('[[50520]] others');
ask($t, $one, request($prompt))->response;
ask($t, $one, request($prompt, {}, { Authorization => 'Bearer sk-bob' }))
    ->response;
is(scalar submits_of($t, $prompt), 2, 'another client: tried');
ask($t, $one, request($prompt, { size => '2048x1024' }))->response;
is(scalar submits_of($t, $prompt), 3, 'another size: tried');

$t->done;
