#!/usr/bin/perl

# jimeng_timezone: when the day of images= begins, to the client that asks, and
# across a reload with another zone.
#
# Seen failing: with the zone left out of the state, and with a window that a
# zone further west begins again.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Clock;
use Jimeng::Test::Directive;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use POSIX qw(strftime);

use constant { DAY => 86400, HOUR => 3600 };

my $d = Jimeng::Test::Directive->new('jimeng_timezone', only => ['http']);

$d->common('+08:00');
$d->good('+00:00', '-00:00', '+08:00', '-03:30', '+05:45', '+14:00', '-14:00',
         '+13:59');

sub no_zone {
    return [ $_[0], '\"jimeng_timezone" takes a difference from UTC of 14 '
                    . 'hours at most, as "+08:00" or "-03:30", not "'
                    . ($_[1] // $_[0]) . '"' ];
}

$d->bad(map({ no_zone($_) }
            'UTC', 'Asia/Shanghai', '8', '+8', '+8:00', '08:00', '+0800',
            '+08:60', '+14:01', '-14:01', '+15:00', '+99:99', '+0a:00',
            '+08:0a', '+08-00', '++8:00', '+08:00:00', '*08:00',
            'Z'),
        no_zone('""', ''), no_zone('"+ 8:00"', '+ 8:00'));


# ---- what clients see of it

my $clock = Jimeng::Test::Clock->new;

if (!$clock) {
    diag('no clock can be put before that of nginx here');
    done_testing();
    exit;
}

# Six in the evening in UTC, when it is two in the night in Beijing.
my $midnight = time - time % DAY;
$clock->set($midnight + 18 * HOUR - time);

my $zone = 'jimeng_zone ledger:1m;';
my $t = with_keys(
    [ 'alice images=9/d', 'bob images=9/h' ], env => $clock->env,
    emulator => { seconds => 0 }, strict => 0,
    http => 'jimeng_timezone +08:00;',
);
$t->allow_log(qr/open socket #\d+ left in connection|aborting/);

my $made = 0;

# Seconds from midnight in Greenwich to the end of the window.
sub is_end {
    my ($client, $used, $end, $name) = @_;
    my $images = usage($t, $client)->{images};

    is($images->{used}, $used, "$name: used");
    is($images->{reset_at} - $midnight, $end, "$name: its end");
    return;
}

sub make {
    my ($client, $n) = @_;

    is(generate_as($t, $client, { n => $n, prompt => 'a lock, ' . ++$made })
       ->status, 200, "$client: so many pictures: $n");
    return;
}

sub in_zone {
    my ($timezone) = @_;

    $t->reload(http => $zone . ($timezone ? "jimeng_timezone $timezone;" : ''));
    wait_for { !$t->workers('leaving') } 'old workers leave';
    return;
}

make('alice', 2);
make('bob', 3);
is_end('alice', 2, 40 * HOUR, 'Beijing, where it is two in the night');
is_end('bob', 3, 19 * HOUR, 'Beijing, an hour');

my $r = generate_as($t, 'alice', { n => 8 });
my $reset = strftime('%Y-%m-%dT16:00:00Z', gmtime($midnight + DAY));
is_refused($t, $r, 'over', code => 'insufficient_quota',
           message => qr/ pictures a day: 2 are made, .* anew at $reset\./,
           after => [ 21 * HOUR, 22 * HOUR + 2 ]);

in_zone('');
is_end('alice', 2, 48 * HOUR, 'UTC: the date goes on');
is_end('bob', 3, 19 * HOUR, 'UTC, an hour');

make('alice', 1);
in_zone('+08:00');
is_end('alice', 3, 40 * HOUR, 'Beijing again: not twice');

in_zone('-08:00');
is_end('alice', 3, 56 * HOUR, 'in the west');

in_zone('+05:30');
is_end('bob', 3, 19 * HOUR, 'half an hour: hours are those of UTC');

# In the last minute, and in the first one.
in_zone('+08:00');
$clock->set($midnight + 40 * HOUR - 60 - time);
is_end('alice', 3, 40 * HOUR, 'its last minute');
$clock->set($midnight + 40 * HOUR + 1 - time);
is_end('alice', 0, 64 * HOUR, 'the next day');

$t->done;
