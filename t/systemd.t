#!/usr/bin/perl

# conf-examples/systemd.conf: what it has systemd do when nginx is to stop waits
# until the tasks that run are over.
#
# Seen failing: all but the figures, with QUIT/5, as Debian's unit has it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(slurp);

use constant { TASK => 7, TIMEOUT => 120 };

my $unit = slurp(Jimeng::Test::Nginx::root() . '/conf-examples/systemd.conf');
my @stop = $unit =~ /^ExecStop=(.*)$/mg;

is($stop[0], '', 'the unit\'s own command is taken out');
is(scalar @stop, 2, 'there is another');

my ($program, $seconds) = $stop[1] =~ m{^-(/\S+) .*--retry QUIT/(\d+) };
my ($limit) = $unit =~ /^TimeoutStopSec=(\d+)$/m;

cmp_ok($seconds, '>', TIMEOUT, 'it waits for longer than jimeng_timeout');
cmp_ok($limit, '>', $seconds, 'and systemd for longer than that');

SKIP: {
    skip "there is no $program", 1 if !-x $program;

    my $t = Jimeng::Test->new(with_ledger(
        strict => 1, workers => 2, emulator => { seconds => TASK }));

    my $prompt = 'a ferry that runs to the end of its line';
    my $x = $t->start_generate({ prompt => $prompt });
    wait_submits($t, $prompt);

    my $file = $t->dir . '/nginx.pid';
    my $command = $stop[1] =~ s/^-//r =~ s{/run/nginx\.pid}{$file}r;

    my $stop = Jimeng::Test::Process->start(
        name => 'stop', dir => $t->dir, command => [ split ' ', $command ]);

    is_picture($t, $x->response, $prompt, 'the task that ran');
    is($t->wait_exit, 0, 'nginx leaves');
    ok($stop->wait(20), 'and what stops it is done');
    is($stop->status, 0, 'nginx did so at the first signal');
    $t->finish;
}

done_testing();
