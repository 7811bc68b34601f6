#!/usr/bin/perl

# jimeng_dedupe: for how long what was asked is known after its end, or that
# it is not; and what is not known without a jimeng_zone.
#
# Seen failing: "1 s" and "1 ms", with entries that do not expire; "off", with a
# ledger that is kept nevertheless.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Time::HiRes qw(time);

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    strict => 1, emulator => { seconds => 0.3 }, poll_interval => '50ms',
    location => 'jimeng_dedupe 1s;',
    server => 'location /off/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe off;
               }
               location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 1ms;
               }
               location /long/ {
                   jimeng_pass /_volcengine;
               }
               location /off/late/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe off;
                   jimeng_timeout 100ms;
               }',
));

sub prompt { "an orchard in bloom, $_[0], " . ++$prompts }

# What a repeat is told by: a key, or a count.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key of $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
);

sub request {
    my ($test, $lane, $how, $prompt, $again) = @_;
    my @request = $test->generation({ prompt => $prompt },
                                    $repeat{$how}->($prompt, $again));
    $request[1] = "/$lane/images/generations";
    return @request;
}


for my $how (sort keys %repeat) {

    # Known for a second after its end, whoever asks meanwhile.
    my $prompt = prompt($how);
    my $link = links($t->request(request($t, 'v1', $how, $prompt, 0)));
    my $over = time;
    my ($asked, $same, $last) = (0, 0);

    wait_for {
        my $begin = time;
        my $now = links($t->request(request($t, 'v1', $how, $prompt, 1)));

        $asked++;
        $same++ if $now eq $link;
        $last = $begin;
        $now ne $link;
    } "$how, 1 s: it is done anew";

    is($same, $asked - 1, "$how, 1 s: the same until then");
    cmp_ok($same, '>', 0, "$how, 1 s: it was known");
    cmp_ok($last - $over, '>', 0.9, "$how, 1 s: for so long");
    is(scalar submits_of($t, $prompt), 2, "$how, 1 s: two tasks");

    # It counts from the end.
    $prompt = prompt($how);
    my @both = $t->start_request(request($t, 'short', $how, $prompt, 0));
    wait_for { queries_of($t, $prompt) >= 2 } "$how, 1 ms: it runs";
    push @both, $t->start_request(request($t, 'short', $how, $prompt, 1));
    is_picture($t, $_->response, $prompt, "$how, 1 ms, while it runs")
        for @both;

    wait_for {
        $t->request(request($t, 'short', $how, $prompt, 1));
        submits_of($t, $prompt) > 1;
    } "$how, 1 ms: then it is done anew";

    # By default there is time enough.
    $prompt = prompt($how);
    $link = links($t->request(request($t, 'long', $how, $prompt, 0)));
    is_picture($t, $t->request(request($t, 'long', $how, $prompt, 1)),
               $prompt, "$how, by default");
}


# ---- nothing is known

my $none = Jimeng::Test->new(
    strict => 1, emulator => { seconds => 0.3 }, poll_interval => '50ms',
    server => 'location /late/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 100ms;
               }',
);

for my $case ([ 'off', $t, 'off', 'off/late' ],
              [ 'no zone', $none, 'v1', 'late' ])
{
    my ($name, $test, $lane, $late) = @$case;

    for my $how (sort keys %repeat) {
        my $prompt = prompt("$name, $how");
        my @two = map {
            $test->start_request(request($test, $lane, $how, $prompt, $_))
        } 0, 1;
        my %links = map { links($_->response) => 1 } @two;

        is(scalar(grep { m{/pictures/} } keys %links), 2,
           "$name, $how: two pictures");
        is(scalar submits_of($test, $prompt), 2, "$name, $how: two tasks");

        is($test->request(request($test, $lane, $how, $prompt, 1))->status,
           200, "$name, $how, again: status");
        is(scalar submits_of($test, $prompt), 3, "$name, $how: a third");

        $prompt = prompt("$name, $how, late");
        my $r = $test->request(request($test, $late, $how, $prompt, 0));
        is($r->status, 504, "$name, $how, late: status");
        is($r->header('x-should-retry'), 'false',
           "$name, $how, late: a retry would be billed again");
        is_deeply([ $test->task_ids($r->json->{task_id}) ],
                  [ map { $_->{task_id} } submits_of($test, $prompt) ],
                  "$name, $how, late: its task's id");
    }
}

# What runs when the time-out came is none of the test's any more.
wait_for { $_->emulator->state->{running} == 0 } 'all tasks end'
    for $t, $none;

$none->finish;
$t->done;
