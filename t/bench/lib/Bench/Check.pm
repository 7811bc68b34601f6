package Bench::Check;

# Who does not do the whole job does not compete: a job on the emulator, which
# checks every signature, must leave one submit and its queries behind, all of
# them accepted; a job of Ark's, one call with the account's key and what the
# client has asked for.

use strict;
use warnings;

use Cwd 'abs_path';
use Encode 'encode';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use JSON::PP;
use POSIX ();

use Bench::Load qw(body one_job);

our @EXPORT_OK = qw(ark_job whole_job);

my $emulator = abs_path(dirname(__FILE__) . '/../../..') . '/emulator';


# start is given the upstream's port and returns the gateway.

sub whole_job {
    my ($name, $access_key, $secret_key, $start) = @_;

    on_emulator($name, 'visual', $start, sub {
        my @calls = @_;

        my $submits = grep { $_->{action} eq 'CVSync2AsyncSubmitTask' } @calls;
        my @bad = grep { $_->{signature} ne 'ok' || $_->{code} != 10000 }
                  @calls;

        die scalar @bad, ' of ', scalar @calls, " calls were not accepted\n"
            if @bad;
        die "$submits submits and ", @calls - $submits, " queries\n"
            unless $submits == 1 && @calls > 1;
    }, '--access-key', $access_key, '--secret-key', $secret_key);
}


# The emulator refuses a call with another key.  What else it is to have is the
# client's request, in Ark's words.

sub ark_job {
    my ($name, $key, $start) = @_;

    local $ENV{EMULATOR_ARK}
        = encode_json([{ name => 'bench', key => $key, seconds => 0 }]);

    on_emulator($name, 'ark', $start, sub {
        my @calls = @_;

        die scalar @calls, " calls\n" if @calls != 1;

        my ($call) = @calls;

        die "the call has not the account's key\n"
            if ($call->{headers}{authorization} // '') ne 'Bearer [bench]';

        my $asked = decode_json(body('ark'));
        my $sent = decode_json(encode('UTF-8', $call->{body}));

        my %expected = (
            model           => 'doubao-seedream-4-5-251128',
            watermark       => JSON::PP::false,
            map { $_ => $asked->{$_} } qw(prompt size response_format),
        );

        for my $field (sort keys %expected) {
            die "the call has another $field\n"
                if ($sent->{$field} // '') ne $expected{$field};
        }
    }, '--access-key', 'AKLTnobody', '--secret-key', 'nothing');
}


# $look is given the calls as the emulator's journal has them.

sub on_emulator {
    my ($name, $service, $start, $look, @options) = @_;

    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my $journal = "$dir/journal";

    my $pid = open my $out, '-|', $^X, $emulator, '--port', 0,
        '--control-port', 0, '--seconds', 0, '--journal', $journal, @options
        or die "$emulator: $!\n";

    my $ok = eval {
        my ($port) = (<$out> // '') =~ m{listening on http://[\d.]+:(\d+) }
            or die "the emulator does not start\n";

        my $gateway = $start->($port);

        one_job($gateway, $service);
        $gateway->stop;

        open my $fh, '<', $journal or die "$journal: $!\n";
        $look->(map { decode_json($_) } <$fh>);
        1;
    };

    my $error = $@;

    kill 'TERM', $pid;
    close $out;

    die "$name does not do the whole job: $error" unless $ok;
}


1;
