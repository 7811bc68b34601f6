#!/usr/bin/perl

# images=1000/M: a month of the calendar, in the operator's time zone.  What is
# used of it outlives days, a reload and a restart with a file, and ends with
# the leap day of 2028.
#
# Seen failing: with a month of UTC, without leap years, and with "a day" in the
# error's text.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Clock;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Restart;

use constant DAY => 86400;

my $clock = Jimeng::Test::Clock->new
    or plan(skip_all => 'no clock can be put before that of nginx here');

# 2028-02-01, 2028-03-01 and 2028-04-01, midnight in Beijing.
my $february = 1832976000 - 8 * 3600;
my $march = $february + 29 * DAY;
my $april = $march + 31 * DAY;

sub at { return $clock->set($_[0] - time) }

at($february + 60);

my $t = with_keys(
    [ 'alice images=5/M', 'bob images=5/d' ], env => $clock->env,
    emulator => { seconds => 0 }, strict => 0, zone => '1m file=state.zone',
    http => 'jimeng_timezone +08:00;',
    server => 'location = /status { jimeng_status; access_log off; }',
);
$t->allow_log(qr/open socket #\d+ left in connection|aborting/);

my $made = 0;

sub make {
    my ($client, $n) = @_;
    return generate_as($t, $client, { n => $n, prompt => 'a dam, ' . ++$made });
}

sub is_month {
    my ($used, $end, $name) = @_;

    is_deeply(usage($t, 'alice')->{images},
              { limit => 5, period => '1M', used => $used, reserved => 0,
                remaining => 5 - $used, reset_at => $end }, "$name: usage");

    my ($alice) = grep { $_->{name} eq 'alice' }
                  @{ $t->request('GET', '/status')->json->{clients} };
    is_deeply($alice->{limits}{images},
              { limit => 5, period => 31 * DAY, used => $used, reserved => 0,
                remaining => 5 - $used, reset_at => $end }, "$name: status");
    return;
}

is_month(0, $march, 'the first minute');
is(make('alice', 3)->status, 200, 'three of five');
is_month(3, $march, 'used');

at($march - 60);
is_month(3, $march, 'the last minute of its leap day');
is_refused($t, make('alice', 3), 'three more', code => 'insufficient_quota',
           message => qr/ 5 pictures a month: 3 .* 2028-02-29T16:00:00Z\./,
           after => [ 30, 62 ]);
is(make('alice', 1)->status, 200, 'one more');

is($t->reload, 1, 'a reload');
is_month(4, $march, 'a reload');
stop_nginx($t, 'TERM');
start_nginx($t);
is_month(4, $march, 'a restart');

at($march);
is_month(0, $april, 'the next month');
is(make('alice', 5)->status, 200, 'all of it');
is_month(5, $april, 'all of it');


# ---- a limit of another length begins anew, but on a store, which counts all
# of them for each client

my ($alice, $bob) = Jimeng::Test::Stored::wanted() ? (5, 4) : (0, 0);

is(make('bob', 4)->status, 200, "a day's");
set_clients($t, 'alice images=5/d', 'bob images=5/M');
$t->reload;
used($t, 'alice', images => [ $alice, 0 ]);
used($t, 'bob', images => [ $bob, 0 ]);
is(usage($t, 'bob')->{images}{reset_at}, $april, 'a month after days');

$t->done;
