package Bench::Store;

# How much one Redis can bear: many nodes and clients in a simulation, which
# makes the calls that workers of nginx make.

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';

use Jimeng::Redis;

our @EXPORT_OK = ('print_store');

use constant {
    FUNCTION => 1000,       # us, the longest
    BYTES    => 600,        # of a finished request
};

my $program = abs_path(dirname(__FILE__) . '/../../../..')
              . '/build/bench/store';


# nodes, clients, entries, seconds of each figure.  Prints tables; returns what
# was missed.

sub print_store {
    my (%o) = @_;
    my ($figures, $functions) = measured(%o);

    my @worlds = ('few', 'many', 'entries');
    my $entries = thousands($o{entries});
    my $clients = thousands($o{clients});
    my %many = %{ $figures->{many} };

    print <<"END";

One Redis with $o{nodes} nodes of two workers, in a simulation: $clients clients, each with
one job at a time, and a look now and then while it waits; 8 accounts.
It has an append-only file, synced each second.  It is full when it needs a whole
core, by its CPU time; calls' times are at half of that many jobs, seen by the
worker that waits for them.

| | nobody waits | $clients wait | and $entries entries |
|---|--:|--:|--:|
END

    my @rows = (
        [ 'calls of a job' => 'calls of a job, but for looks', '%.1f' ],
        [ 'calls'       => 'calls a second of CPU time' ],
        [ 'job'         => 'CPU time of a job, us' ],
        [ 'full'        => 'jobs a second when it is full' ],
        [ 'latency'     => 'a call, ms, median', '%.1f', 1000 ],
        [ 'latency 99'  => '... 99th percentile', '%.1f', 1000 ],
        [ 'bytes'       => 'memory of a finished request, bytes' ],
    );

    for my $row (@rows) {
        my ($name, $title, $format, $unit) = @$row;

        printf "| %s |\n", join ' | ', $title, map {
            my $value = $figures->{$_}{$name};
            defined $value ? sprintf $format // '%d', $value / ($unit // 1) : ''
        } @worlds;
    }

    printf "\nWhile these wait, and no slot becomes free, a look takes %d us, and"
           . " all of them\n%.0f %% of a core.\n", $many{look},
           100 * $many{resting};

    print <<"END";

Functions, us of CPU time on the server: median / longest, which is the least of
five rounds' longest.

| function | nobody waits | $clients wait | and $entries entries |
|---|--:|--:|--:|
END

    my (@missed, %all);

    $all{$_} = 1 for map { keys %{ $functions->{$_} } } @worlds;

    for my $name (sort keys %all) {
        printf "| %s |\n", join ' | ', $name, map {
            my $f = $functions->{$_}{$name};
            $f ? "$f->{median} / $f->{longest}" : ''
        } @worlds;

        for my $f (grep { $_ } map { $functions->{$_}{$name} } @worlds) {
            push @missed, "store, $name: $f->{longest} us, the bar is "
                          . FUNCTION
                if $f->{longest} > FUNCTION;
        }
    }

    print "\nBars: no function takes more than ", FUNCTION, " us; at most ",
          BYTES, " bytes.\n";

    for my $bytes (map { $figures->{$_}{bytes} } qw(few entries)) {
        push @missed, "store, bytes of a finished request: $bytes, the bar is "
                      . BYTES
            if $bytes > BYTES;
    }

    return @missed;
}


# What build/bench/store has measured: figures by world and name, and functions
# by the same, with { calls, median, high, longest }.

sub measured {
    my (%o) = @_;
    my (%figures, %functions);

    my $redis = Jimeng::Redis->new(appendonly => 1, config => [
        appendfsync => 'everysec', 'auto-aof-rewrite-percentage' => 0,
    ]);

    open my $out, '-|', $program, $redis->socket,
        @o{qw(nodes clients entries seconds)}
        or die "$program: $!: run make bench\n";

    while (my $line = <$out>) {
        chomp $line;

        my ($world, $name, @values) = split /\t/, $line;

        if (@values == 1) {
            $figures{$world}{$name} = $values[0];
            next;
        }

        my %function;

        @function{qw(calls median high longest)} = @values;
        $functions{$world}{$name} = \%function;
    }

    close $out or die "$program failed\n";

    $redis->stop;

    return \%figures, \%functions;
}


sub thousands {
    my ($n) = @_;

    1 while $n =~ s/^(\d+)(\d{3})/$1,$2/;

    return $n;
}


1;
