package Bench::Check;

# Who does not do the whole job does not compete: a job on the emulator, which
# checks every signature, must leave one submit and its queries behind, all of
# them accepted.

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use JSON::PP;
use POSIX ();

use Bench::Load 'one_job';

our @EXPORT_OK = qw(whole_job);

my $emulator = abs_path(dirname(__FILE__) . '/../../..') . '/emulator';


# start is given the upstream's port and returns the gateway.

sub whole_job {
    my ($name, $access_key, $secret_key, $start) = @_;

    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my $journal = "$dir/journal";

    my $pid = open my $out, '-|', $^X, $emulator, '--port', 0,
        '--control-port', 0, '--access-key', $access_key, '--secret-key',
        $secret_key, '--seconds', 0, '--journal', $journal
        or die "$emulator: $!\n";

    my $ok = eval {
        my ($port) = (<$out> // '') =~ m{listening on http://[\d.]+:(\d+) }
            or die "the emulator does not start\n";

        my $gateway = $start->($port);

        one_job($gateway);
        $gateway->stop;

        open my $fh, '<', $journal or die "$journal: $!\n";
        my @calls = map { decode_json($_) } <$fh>;

        my $submits = grep { $_->{action} eq 'CVSync2AsyncSubmitTask' } @calls;
        my @bad = grep { $_->{signature} ne 'ok' || $_->{code} != 10000 }
                  @calls;

        die scalar @bad, ' of ', scalar @calls, " calls were not accepted\n"
            if @bad;
        die "$submits submits and ", @calls - $submits, " queries\n"
            unless $submits == 1 && @calls > 1;

        1;
    };

    my $error = $@;

    kill 'TERM', $pid;
    close $out;

    die "$name does not do the whole job: $error" unless $ok;
}


1;
