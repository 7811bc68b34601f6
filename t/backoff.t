#!/usr/bin/perl

# Submits that are refused for load: nothing was taken, so they are sent
# again, after pauses that grow, as long as jimeng_timeout allows.
#
# Seen failing: with pauses that do not double in jm_task_refused(), an
# upstream that has too much to do is asked more often.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Time::HiRes qw(time);

# What the emulator does, in order: faults are taken as they stand.
sub refusal {
    my ($status, $body) = @_;
    return { on => 'submit', do => 'answer', status => $status,
             body => $body };
}

sub busy { refusal(429, { code => $_[0], data => undef, message => 'busy' }) }

my %refusal = (
    50429 => busy(50429),
    50430 => busy(50430),
    'HTTP 429' => refusal(429, '<html>slow down</html>'),
    'an empty 429' => refusal(429, ''),
    FlowLimitExceeded => refusal(429, { ResponseMetadata => {
        RequestId => 'R1', Error => { Code => 'FlowLimitExceeded',
                                      Message => 'slow down' } } }),
    '50430 with HTTP 200' => refusal(200, { code => 50430 }),
);

# Each its own nginx and emulator, so that all can wait at the same time.
my %lane;

for my $name (sort keys %refusal) {
    my $t = Jimeng::Test->new(
        emulator => { seconds => 0.1 }, poll_interval => '50ms',
        location => 'jimeng_timeout 30s;',
    );

    $t->emulator->fault({ %{ $refusal{$name} }, times => 2 });
    $lane{$name} = { t => $t, request => $t->start_generate };
}

sub pauses {
    my @times = map { $_->{time} } @_;
    return map { $times[$_] - $times[ $_ - 1 ] } 1 .. $#times;
}


# ---- three clients, one place

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.2, concurrency => 1 }, poll_interval => '50ms',
    location => 'jimeng_timeout 30s;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 1800ms;
               }',
);

my @three = map { $t->start_generate({ prompt => "client $_" }) } 1 .. 3;

for my $request (@three) {
    is($request->response->status, 200, 'one task at a time: a picture');
    $request->abort;
}

my @accepted = grep { $_->{code} eq '10000' } $t->submits;
is(@accepted, 3, 'one task at a time: three tasks');
cmp_ok(scalar(grep { $_->{code} eq '50430' } $t->submits), '>=', 2,
       'one task at a time: the others were refused first');

my @apart = pauses(@accepted);
is(scalar(grep { $_ < 0.18 } @apart), 0, 'one task at a time: never two');


# ---- refused for ever

sub refused_for_ever {
    my ($name, $fault, $number) = @_;
    my $before = $t->submits;
    my $start = time;
    my (undef, undef, @rest) = $t->generation;

    $t->emulator->fault({ %$fault, times => -1 });

    my $r = $t->request('POST', '/short/images/generations', @rest);
    my $took = time - $start;

    is_error($t, $r, "$name for ever", code => 'upstream_rate_limited',
             upstream_code => $number);
    is($t->submits - $before, 3, "$name for ever: after 0, 0.5 and 1.5 s");
    cmp_ok($took, '<', 1.8,
           "$name for ever: it does not wait for what would be too late");

    $t->emulator->clear_faults;
}

refused_for_ever('50430', $refusal{50430}, 50430);
refused_for_ever('HTTP 429', $refusal{'HTTP 429'});

is(($t->access_lines(5))[-1]{jimeng_status}, 'failed', '$jimeng_status');

$t->finish;


# ---- refused twice, then accepted

for my $name (sort keys %lane) {
    my ($t, $request) = @{ $lane{$name} }{qw(t request)};

    is($request->response->status, 200, "$name, twice: then a picture");

    my @submits = $t->submits;
    is(@submits, 3, "$name, twice: three submits");

    my %bodies = map { $_->{body} => 1 } @submits;
    is(keys %bodies, 1, "$name, twice: of the same request");
    is($submits[2]{signature}, 'ok', "$name, twice: signed anew");

    my ($first, $second) = pauses(@submits);
    cmp_ok($first, '>=', 0.45, "$name, twice: a pause of half a second");
    cmp_ok($second, '>=', 0.9, "$name, twice: then of a second");
    cmp_ok($second / $first, '>', 1.3, "$name, twice: the pauses grow");

    my @warn = grep { /\[warn\].*refused for load/ } split /\n/, $t->error_log;
    is(@warn, 2, "$name, twice: each is a warning");

    my $access = ($t->access_lines(1))[0];
    is($access->{jimeng_code}, 10000, "$name, twice: the last code counts");
    is($access->{jimeng_status}, 'succeed', "$name, twice: jimeng_status");

    $request->abort;
    $t->finish;
}

done_testing();
