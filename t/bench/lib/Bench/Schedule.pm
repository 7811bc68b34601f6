package Bench::Schedule;

# The poll schedule, in a simulation over times of tasks.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = ('schedule');


# Each series of build/bench/schedule: name, tasks, mean (seconds), cv, fixed
# and adaptive, each a hash with delay (milliseconds) and queries of a task,
# both beside the fixed interval's, and best, the delay beside it that is
# possible at all.

sub schedule {
    my ($program, %o) = @_;

    open(my $out, '-|', $program, @o{qw(seed runs tasks)})
        or die "$program: $!: run make bench\n";

    my @series;

    while (my $line = <$out>) {
        chomp $line;

        my ($name, $tasks, $mean, $cv, $delay, $queries, $our_delay,
            $our_queries, $best) = split /\t/, $line;

        push @series, {
            name => $name, tasks => $tasks, mean => $mean, cv => $cv,
            best => $best, sum => [ $delay, $queries, $our_delay,
                                    $our_queries ],
            fixed => { delay => $delay / $tasks,
                       queries => $queries / $tasks },
            delay => $our_delay / $delay, queries => $our_queries / $queries,
        };
    }

    close($out) or die "$program failed\n";

    return @series;
}

1;
