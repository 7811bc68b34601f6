#!/usr/bin/perl

# interval: the least time between two submits of an account, over all workers,
# whatever comes of them.
#
# Seen failing: with accounts that are ready at any time.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(with_queue(
    workers => 4, strict => 1, account => 'concurrency 20; interval 500ms;',
    accounts => [ b => 'concurrency 20;' ],
    emulator => { seconds => 0.1 },
    http => 'jimeng_accounts main;',
    server => 'location /b/ { jimeng_pass /_volcengine; jimeng_accounts b; }',
));

sub is_apart {
    my ($name, $before, $n) = @_;
    my @rows = grep { $_->{account} eq 'main' }
               ($t->submits)[ $before .. $t->submits - 1 ];
    my @gaps = sort { $a <=> $b }
               map { $rows[$_]{time} - $rows[ $_ - 1 ]{time} } 1 .. $#rows;

    my $all = $rows[-1]{time} - $rows[0]{time};

    # On a busy machine one is heard of later than it was sent.
    is(scalar @rows, $n, "$name: submits");
    cmp_ok($gaps[0], '>=', 0.25, "$name: not sooner after one another");
    cmp_ok($all, '>=', ($n - 1) * 0.5 - 0.25, "$name: nor all of them");
    cmp_ok($all, '<', $n * 0.5 + 2, "$name: nor much later");
    return;
}

my @pids = $t->workers;
my @clients = map { ask($t, $pids[ $_ % 4 ], of("a metronome, $_", "c$_")) }
              1 .. 8;
is(statuses(@clients), join(' ', (200) x 8), 'at once: all are served');
is_apart('at once', 0, 8);

my $before = $t->submits;
is($t->request(of('three metronomes', undef, n => 3))->status, 200,
   'n: pictures');
is_apart('n', $before, 3);

$before = $t->submits;
@clients = map { $t->start_request(of("a metronome $_ [[50413]]", "c$_")) }
           1 .. 3;
is(statuses(@clients), '400 400 400', 'refused: answers');
is_apart('refused', $before, 3);

# One after another, with pauses: nobody waits.
$before = time;
$t->request(of("a metronome in peace, $_")) for 1, 2;
cmp_ok(time - $before, '<', 3, 'in peace');

# Another account has none.
$before = $t->submits;
@clients = map { $t->start_request(of("a drum, $_", "c$_", path => '/b')) }
           1 .. 4;
is(statuses(@clients), '200 200 200 200', 'another account: pictures');
my @rows = ($t->submits)[ $before .. $t->submits - 1 ];
cmp_ok($rows[-1]{time} - $rows[0]{time}, '<', 0.9, 'another account: at once');

free($t);
$t->done;
