package Bench::Schedule;

# The poll schedule, in a simulation over times of tasks.

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';

our @EXPORT_OK = ('print_schedule');

# beside a fixed interval of 2 s

use constant {
    DELAY    => 0.5,        # where this much less is possible at all:
    POSSIBLE => 0.45,
    NEAR     => 1.3,        # elsewhere, beside what is possible
    QUERIES  => 1,
};

my $program = abs_path(dirname(__FILE__) . '/../../../..')
              . '/build/bench/schedule';


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


# Prints a table; returns what was missed.  seed, runs, tasks.

sub print_schedule {
    my (%o) = @_;
    my @series = schedule($program, %o);
    my @missed;

    my $judge = sub {
        my ($what, $format, $value, $bar) = @_;

        push @missed, sprintf "%s: $format, the bar is %s", $what, $value, $bar
            if $value > $bar;
    };

    print <<"END";

jimeng_poll_interval adaptive in a simulation, beside a fixed interval of 2 s:
$o{runs} runs of $o{tasks} tasks, each from nothing learned.  Delay is from a task's end
to the answer that tells it; "possible" is the least delay for who knows the
distribution, with as many queries as the fixed interval needs.

| times of tasks | mean s | cv | fixed: delay ms | queries | adaptive: delay | queries | possible |
|---|--:|--:|--:|--:|--:|--:|--:|
END

    my @sum;

    for my $s (@series) {
        printf "| %s | %.1f | %.2f | %.0f | %.2f | %.2f | %.3f | %.2f |\n",
               @$s{qw(name mean cv)}, @{ $s->{fixed} }{qw(delay queries)},
               @$s{qw(delay queries best)};

        # where no schedule can win
        next if $s->{name} =~ /^exponential/;

        my $bar = $s->{best} <= POSSIBLE ? DELAY : NEAR * $s->{best};

        $judge->("delay with $s->{name}", '%.3f', $s->{delay}, $bar);
        $judge->("queries with $s->{name}", '%.4f', $s->{queries}, QUERIES);

        $sum[$_] += $s->{sum}[$_] / $s->{tasks} for 0 .. 3;
    }

    my $delay = $sum[2] / $sum[0];
    my $queries = $sum[3] / $sum[1];

    $judge->('delay in sum', '%.3f', $delay, DELAY);
    $judge->('queries in sum', '%.4f', $queries, QUERIES);

    printf <<'END', $delay, $queries, DELAY, POSSIBLE, NEAR;

Of all but the exponential one, in sum: delay %1$.3f, queries %2$.3f.  Bars: in sum,
and for each where %3$.1f of the delay is well possible (%4$.2f or less), at most
%3$.1f; for the others at most %5$.1f times what is possible; for all no more
queries.  The exponential distribution has no bar: what has not ended is as far
from its end as it was at its start, and no schedule is better than a fixed
interval.
"Published" are ranges of the vendor's users, "trace" is of another service;
the rest is made up.  None was measured at Volcengine.
END

    return @missed;
}


1;
