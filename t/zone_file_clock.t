#!/usr/bin/perl

# The clock is set while nginx is down, and its zone's file has times of
# another: back by a day, to 1970, ahead by a day or a year, and right again.
# What was used today stays used as long as that day lasts, rates admit, repeats
# join their tasks and slots come back.
#
# Seen failing with a state whose clock is the wall's alone ("a day back",
# "1970" and "right again").

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Clock;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Queue qw(account_of);
use Jimeng::Test::Restart;

use constant { DAY => 86400, YEAR => 365 * 86400 };

my $clock = Jimeng::Test::Clock->new
    or plan(skip_all => 'no clock can be put before that of nginx here');

# At noon nothing ends.
my $noon = DAY / 2 - time % DAY;
$clock->set($noon);

my $t = with_keys(
    [ 'alice images=2/d', 'bob rate=2r/s' ],
    env => $clock->env, emulator => { seconds => 1, concurrency => 2 },
    account => 'concurrency 2;', zone => '1m file=state.zone', strict => 0,
    server => 'location = /status { jimeng_status; access_log off; }',
);
$t->allow_log(qr/open socket #\d+ left in connection|aborting/);

my $round = 0;

# nginx is killed with a task of bob's that runs, and starts with another clock.
# "used" is what alice has had, "forgotten" says that bob's request is.
sub set_to {
    my ($name, $ahead, %want) = @_;
    my $key = 'set ' . ++$round;
    my @of_bob = request_as($t, 'bob', "a well, $key", {},
                            { 'Idempotency-Key' => $key });

    my $x = $t->start_request(@of_bob);
    wait_for { queries_of($t, "a well, $key") } "$name: it runs";

    stop_nginx($t, 'KILL');
    $x->abort;
    $clock->set($noon + $ahead);
    start_nginx($t);

    my $r = $t->request(@of_bob);

    if ($want{forgotten}) {
        is($r->status, 200, "$name: a repeat is a new one by now");
    } else {
        is_picture($t, $r, "a well, $key", "$name: a repeat joins its task");
    }

    used($t, 'alice', images => [ $want{used}, 0 ]);

    $r = generate_as($t, 'alice', { prompt => "well $key, alice" });
    is($r->status, $want{used} < 2 ? 200 : 429, "$name: that is counted");
    is($r->json->{error}{code}, 'insufficient_quota', "$name: and no more")
        if $want{used} >= 2;

    for my $n (1 .. 3) {
        wait_for { $r = generate_as($t, 'bob', { prompt => "$key, $n" });
                   $r->status != 429 } "$name: bob has a rate", 5;
        is($r->status, 200, "$name: bob is served") or diag($r->body);
    }

    is(account_of($t)->{running}, 0, "$name: no slot is left");
    is(scalar refusals($t), 0, "$name: none too many upstream");
    return;
}

set_to('the same clock', 0, used => 0);
set_to('an hour on', 3600, used => 1);
set_to('a day back', -&DAY, used => 2);
set_to('1970', 1000 - time() - $noon, used => 2);
set_to('right again', 3600, used => 2);
set_to('a day ahead', 3600 + DAY, used => 0, forgotten => 1);
set_to('a day back again', 3600, used => 1);
set_to('a year ahead', 3600 + YEAR, used => 0, forgotten => 1);
set_to('and right', 3600, used => 1);
set_to('and in 1970', 1000 - time() - $noon, used => 2);


# ---- the clock is set while nginx runs

for my $to (-&DAY, 1000 - time() - $noon, 0) {
    $clock->set($noon + $to);
    is(generate_as($t, 'bob', { prompt => "while it runs $to" })->status, 200,
       'while it runs: a picture');
    used($t, 'alice', images => [ 2, 0 ]);
    is($t->reload, 1, 'while it runs: a reload');
    is(generate_as($t, 'alice')->status, 429, 'while it runs: counted');
}

$t->done;
