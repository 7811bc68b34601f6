package Bench::Instructions;

# Instructions in user space, as valgrind's callgrind counts them: they do not
# depend on how busy the machine is.  JIMENG_BENCH_CALLGRIND in the environment
# names a file to keep: what callgrind wrote of the last run.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();

use Bench::Load 'in_step';
use Bench::Measure 'done';

our @EXPORT_OK = ('instructions');

use constant {
    CONNECTIONS => 32,
    WARM        => 4,           # jobs a connection, until nothing is the first
    JOBS        => 32,
};


# Instructions per job, or per its proxied requests: { name => figure }.  Each
# gateway runs twice, with few jobs and with more, and what it has counted more
# is the jobs', and nothing of nginx's start and end.

sub instructions {
    my ($upstream, $gateways) = @_;

    done($upstream, 1);

    return { map {
        my $g = $_;
        my ($few, $more) = map { run($upstream, $g, $_) } WARM, WARM + JOBS;

        $g->{name} => ($more - $few) / JOBS / CONNECTIONS;
    } @$gateways };
}


sub run {
    my ($upstream, $g, $jobs) = @_;

    my $out = $ENV{JIMENG_BENCH_CALLGRIND}
              // File::Temp->new(TEMPLATE => 'jimeng-bench-XXXXXX', TMPDIR => 1);

    my $nginx = $g->{start}->($upstream->{port}, interval => 1,
        attempts => 60, under => ['valgrind', '--quiet', '--tool=callgrind',
                                  "--callgrind-out-file=$out"]);

    in_step($g, $nginx->{port}, CONNECTIONS, $jobs);
    $nginx->stop;

    open my $fh, '<', "$out" or die "$out: $!\n";

    my ($count) = map { /^(?:totals|summary): (\d+)/ ? $1 : () } <$fh>
        or die "callgrind has counted nothing\n";

    return $count;
}


1;
