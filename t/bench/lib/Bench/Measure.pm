package Bench::Measure;

# The two measurements.  A gateway is a hash with name, service ("visual" or
# "ark"), kind ("job" or "proxy") and start: a function from the upstream's port
# and settings to a Bench::Nginx.

use strict;
use warnings;

use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;

use Bench::Load qw(ANSWER body uris one_job wrk open_jobs finish_jobs);
use Bench::Nginx;
use Bench::Proc qw(at_rest cpu memory wait_for);

our @EXPORT_OK = qw(beside cpu_time done growth_and_size in_flight median
                    print_memory print_times upstream);


sub median {
    my @sorted = sort { $a <=> $b } @_;
    my $middle = int @sorted / 2;

    return @sorted % 2 ? $sorted[$middle]
                       : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}


# Starts the upstream.  One that logs can say how many calls of a kind it had,
# but that slows it down, and what waits for it.

sub upstream {
    my ($logs, %o) = @_;

    my $log = join ' ', map { "access_log $_->[0] tick if=\$$_->[1];" }
              [ submits => 'is_submit' ], [ queries => 'is_query' ];

    return Bench::Nginx->start('upstream', %o,
                               vars => { LOG => $logs ? $log : '',
                                         ARK => ANSWER });
}


# How many requests the upstream has answered before this one.

sub requests {
    my ($upstream) = @_;

    my $r = HTTP::Tiny->new->get("http://127.0.0.1:$upstream->{port}/count");
    my ($n) = $r->{content} =~ /^ \d+ \d+ (\d+) $/m
        or die "the upstream does not count: $r->{status}\n";

    return $n - 1;
}


# How many submits and queries an upstream that logs has answered: its logs have
# a line of two bytes for each.

sub calls {
    my ($upstream) = @_;

    return map { (-s "$upstream->{dir}/$_" // 0) / 2 } qw(submits queries);
}


# Queries are answered "done" from now on, or "in_queue".

sub done {
    my ($upstream, $done) = @_;
    my $flag = "$upstream->{dir}/done";

    if ($done) {
        open my $fh, '>', $flag or die "$flag: $!\n";
        return;
    }

    unlink $flag or die "$flag: $!\n";
}


# CPU time of each gateway's processes per job, or per two proxied requests,
# in microseconds: { name => [one figure per round] }.  The gateways take
# turns, each round starting with another.

sub cpu_time {
    my ($upstream, $gateways, %o) = @_;

    my %file = map { $_ => body_file($_) } map { $_->{service} } @$gateways;

    done($upstream, 1);

    my %nginx = map {
        $_->{name} => $_->{start}->($upstream->{port}, interval => 1,
                                    attempts => 60)
    } @$gateways;

    my %times;

    # the round before the first warms up
    for my $round (0 .. $o{rounds}) {
        my @turn = @$gateways;
        push @turn, splice @turn, 0, $round % @turn;

        for my $g (@turn) {
            my $nginx = $nginx{ $g->{name} };

            one_job($nginx, $g->{service})
                if $round == 0 && $g->{kind} eq 'job';
            at_rest($nginx->pids, $upstream->pids);

            my $before = requests($upstream);
            my $cpu = cpu($nginx->pids);

            my $answers = wrk($g, $nginx->{port},
                              $round ? $o{seconds} : 1, $o{connections},
                              "$file{ $g->{service} }");

            at_rest($nginx->pids, $upstream->pids);
            $cpu = cpu($nginx->pids) - $cpu;

            my @calls = uris($g->{service});
            my $jobs = $g->{kind} eq 'proxy' ? $answers / @calls : $answers;

            # the count before is one of them
            check_requests($g->{name}, scalar @calls, $jobs, $o{connections},
                           requests($upstream) - $before - 1);

            push @{ $times{ $g->{name} } }, $cpu / $jobs if $round;
        }
    }

    $_->stop for values %nginx;

    return \%times;
}


sub body_file {
    my ($service) = @_;

    my $file = File::Temp->new(TEMPLATE => 'jimeng-bench-XXXXXX', TMPDIR => 1);
    print $file body($service);
    close $file or die "$file: $!\n";

    return $file;
}


# The rows of a table: $times are cpu_time's, and one of them is what the others
# are beside.

sub print_times {
    my ($times, $beside, $titles, @names) = @_;

    for my $name (@names) {
        my @t = sort { $a <=> $b } @{ $times->{$name} };
        my $other = $times->{$beside};

        printf "| %s | %.1f | %.1f–%.1f | %s |\n", $titles->{$name},
               median(@t), $t[0], $t[-1],
               $other ? sprintf '%.2f', median(@t) / median(@$other) : '';
    }
}


# What a job of one gateway takes beside another's: the median over many short
# rounds, as what else a busy machine does befalls both.

sub beside {
    my ($upstream, $one, $other, %o) = @_;

    my $times = cpu_time($upstream, [$one, $other], %o,
                         rounds => 4 * $o{rounds}, seconds => 1);
    my ($mine, $its) = map { $times->{ $_->{name} } } $one, $other;

    return median(map { $mine->[$_] / $its->[$_] } 0 .. $#$mine);
}


# So many calls a job, a submit and a query or Ark's one, but for those that wrk
# broke off at the end or did not count any more, and a few that were equal to
# one before, which the ledger answers.

sub check_requests {
    my ($name, $calls, $jobs, $slack, $n) = @_;

    die "$name: $n requests upstream for $jobs jobs\n"
        if abs($n - $calls * $jobs) > 2 * $slack;
}


# Holds $o{jobs} jobs in flight, and measures the worker's memory when each
# has been queried twice, and again after $o{queries} times: { idle, early,
# late }, each as Bench::Proc::memory has it.

sub in_flight {
    my ($upstream, $g, %o) = @_;

    my $nginx = $g->{start}->($upstream->{port}, interval => 1000,
                              attempts => 2 * $o{queries} + 60);
    my ($worker) = @{ $nginx->{workers} };

    done($upstream, 1);
    one_job($nginx, $g->{service});
    done($upstream, 0);
    at_rest($nginx->pids, $upstream->pids);

    my ($submits, $queries) = calls($upstream);
    my %m = (idle => memory($worker));

    my @jobs = open_jobs($g->{service}, $nginx->{port}, $o{jobs});

    my $queried = sub {
        my ($times) = @_;
        wait_for("$g->{name}: query $times of $o{jobs} jobs",
                 60 + 5 * $times,
                 sub { (calls($upstream))[1] - $queries
                       >= $times * $o{jobs} });
    };

    $queried->(2);
    $m{early} = memory($worker);

    my $n = (calls($upstream))[0] - $submits;
    die "$g->{name}: $n submits for $o{jobs} jobs\n" if $n != $o{jobs};

    $queried->($o{queries});
    $m{late} = memory($worker);

    done($upstream, 1);

    my $good = finish_jobs(@jobs);
    die "$g->{name}: $good of $o{jobs} jobs came to a good end\n"
        if $good != $o{jobs};

    $nginx->stop;

    return \%m;
}


# What in_flight has measured: growth in per cent, and KiB a job.

sub growth_and_size {
    my ($m, $jobs) = @_;
    my ($idle, $early, $late) = @$m{qw(idle early late)};

    return (100 * ($late->{rss} / $early->{rss} - 1),
            ($late->{rss} - $idle->{rss}) / $jobs);
}


# A row of a table, in MiB.

sub print_memory {
    my ($title, $m, $jobs) = @_;
    my ($idle, $early, $late) = @$m{qw(idle early late)};

    printf "| %s | %.1f | %.1f | %.1f (%.1f, %.1f) | %.1f %% | %.1f |\n",
           $title,
           (map { $_ / 1024 } $idle->{rss}, $early->{rss},
            @$late{qw(rss pss uss)}), growth_and_size($m, $jobs);
}


1;
