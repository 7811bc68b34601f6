#!/usr/bin/perl

# A zone that is full: the oldest of what is over is forgotten, and never what
# runs. Nothing fails of it but a request with a key that finds no room, and a
# reload has the room it needs.
#
# Seen failing: "find no room", with running entries that are dropped, and with a
# key that is served without an entry; "those without a key go on", with a 503
# for them, too; "an account with a queue fits in", without jm_ledger_shrink();
# "a queue that does not fit", with a reload that tries it in the zone.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;

my $t = Jimeng::Test->new(with_ledger(
    zone => '64k', emulator => { seconds => 0 }, poll_interval => '300ms',
    http => 'lingering_close off;',
));

sub prompt { "a barn full of hay, $_[0]" }

sub request {
    my ($prompt, $key, $fields) = @_;
    return $t->generation(
        { prompt => $prompt, %{ $fields || {} } },
        $key ? { 'Idempotency-Key' => "key of $prompt" } : {});
}

sub full { return scalar(() = $t->error_log =~ /zone "ledger" is full/g) }

# All get a picture; as many as this at a time.
sub all_served {
    my ($name, @requests) = @_;
    my %status;

    while (my @some = splice @requests, 0, 20) {
        $status{ $_->response->status }++
            for map { $t->start_request(@$_) } @some;
    }

    return is(join(' ', sort keys %status), '200', "$name: all are served");
}


# ---- finished ones make room, the oldest first

my $n = 0;
my @finished;

while (!full() && $n < 2000) {
    my @some = map { prompt('finished ' . ++$n) } 1 .. 20;
    all_served("finished, $n", map { [ request($_, 1) ] } @some);
    push @finished, @some;
}

$t->log_like(qr/\[warn\].*zone "ledger" is full.*before its time/,
             "after $n finished requests the zone is full");

all_served('finished, more', map { [ request(prompt("more $_"), 1) ] } 1 .. 20);

$t->request(request($finished[0], 1));
is(scalar submits_of($t, $finished[0]), 2, 'the oldest is not known any more');
$t->request(request(prompt("more $_"), 1)) for 11 .. 20;
is(scalar submits_of($t, prompt("more $_")), 1, "the newest is known, $_")
    for 11 .. 20;
is(full(), 1, 'this is said once');

# One of ten tasks needs more room than one.
my $ten = prompt('ten');
my $r = $t->request(request($ten, 1, { n => 10 }));
is(scalar @{ ($r->json // {})->{data} || [] }, 10, 'ten tasks: pictures');
is($t->request(request($ten, 1, { n => 10 }))->status, 200,
   'ten tasks, again: status');
is(scalar submits_of($t, $ten), 10, 'ten tasks, again: nothing is submitted');


# ---- what runs stays

$t->emulator->restart(seconds => 8);

my @names = map { prompt("running $_") } 1 .. $n + 30;
my $submits = $t->submits;
my %running = map { $_ => $t->start_request(request($_, 1)) } @names;

wait_for {
    my @refused = grep { $_->{status} == 503 } $t->access_log;
    $t->submits - $submits + @refused >= @names;
} 'all are submitted, or refused';

my @taken = grep { submits_of($t, $_) } @names;
my @refused = grep { !submits_of($t, $_) } @names;
cmp_ok(scalar @taken, '>', $n / 2, @taken . ' run');
cmp_ok(scalar @refused, '>=', 1, @refused . ' find no room');

is_error($t, $running{$_}->response, 'no room', code => 'service_unavailable')
    for @refused[0, -1];

my $key = prompt('a key');
$r = $t->request(request($key, 1));
is_error($t, $r, 'a key', code => 'service_unavailable');
like($r->json->{message}, qr/too many requests to keep track of/,
     'a key: it says so');

my @without = map { prompt("no key $_") } 1 .. 3;
my %again = map { $_ => $t->start_request(request($_, 0)) } @without;
$again{$_} = $t->start_request(request($_, 1)) for @taken[0, 1, -1];

wait_for { !grep { !submits_of($t, $_) } @without } 'those without a key go on';
is_picture($t, $again{$_}->response, $_, $_) for @without;
is_picture($t, $again{$_}->response, $_, "$_, joined") for @taken[0, 1, -1];

my @bad = grep { links($running{$_}->response) !~ m{/pictures/}
                 || submits_of($t, $_) != 1 } @taken;
is("@bad", '', 'all that run end with their picture');

my $lines = grep { / zone "ledger" is full/ } split /\n/, $t->error_log;
is($lines, 1, 'no more than one line a minute');


# ---- and then there is room again

is_picture($t, $t->request(request($key, 1)), $key, 'a key, later');
is_picture($t, $t->request(request($key, 1)), $key, 'a key, again');


# ---- a reload that finds no room is refused, and takes none

$t->allow_log(qr/zone "ledger" is too small/);
$t->nginx->write_conf($t->conf(http => $t->{http} . 'jimeng_accounts main;'
    . 'jimeng_account other { access_key a; secret_key s; concurrency 2;'
    . ' queue 1000; }'));
$t->signal('HUP');
$t->log_like(qr/zone "ledger" is too small/, 'a queue that does not fit');
is_picture($t, $t->request(request($taken[-1], 1)), $taken[-1],
           'a queue that does not fit: what was known');
all_served('a queue that does not fit', map {
    [ request(prompt("beside it $_"), 1) ]
} 1 .. 20);

$key = prompt('the newest');
is_picture($t, $t->request(request($key, 1)), $key, 'the newest');


# ---- a reload takes the room it needs, of what is over

$t->reload(http => $t->{http} . 'jimeng_accounts main; jimeng_account other {'
           . 'access_key a; secret_key s; concurrency 2; queue 30; }');
is(scalar(() = $t->error_log =~ /too small/g), 1,
   'a full zone: an account with a queue fits in');
is_picture($t, $t->request(request($key, 1)), $key, 'the newest is known');
is(scalar submits_of($t, $key), 1, 'and not submitted again');

$t->done;
