package Bench::State;

# How long what is done under the lock of the zone takes, by how many wait.

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';

our @EXPORT_OK = ('print_state');

# The longest that a call may take, in microseconds, where so many wait.
my %most = (100_000 => 1000);

use constant MOST => 100;

my $program = abs_path(dirname(__FILE__) . '/../../../..')
              . '/build/bench/state';


# Measures and tells: what is missed are goals.

sub print_state {
    my ($repeats) = @_;
    my @waiting = map { 10 ** $_ } 1 .. 5;
    my @calls = measured($repeats, @waiting);

    print <<"END";

What is done under the lock of the zone, µs of CPU time, median / longest, by how
many wait; half of these are one client's.  250,000 entries of the ledger, 50,000
clients; the shortest time of $repeats runs of each call.

| ${\ join ' | ', 'call', @waiting } |
|---${\ join '', map { '|--:' } @waiting }|
END

    for my $call (@calls) {
        printf "| %s |\n", join ' | ', $call->{name}, map {
            my $m = $call->{of}{$_};
            sprintf '%.1f / %.1f%s', @$m{qw(median worst)},
                    $m->{missed} ? ' **missed**' : '';
        } @waiting;
    }

    print "\nGoals: none is longer than 100 µs, or where 100,000 wait than",
          " 1000 µs.\n";
}


# What build/bench/state has measured: for each kind of call, in its order,
# { name, of }, and in "of" for each number that wait { median, worst, missed }.

sub measured {
    my ($repeats, @waiting) = @_;
    my (@calls, %call);

    open my $out, '-|', $program, $repeats, @waiting
        or die "$program: $!: run make bench\n";

    while (my $line = <$out>) {
        chomp $line;

        my ($waiting, $name, undef, $median, $worst) = split /\t/, $line;

        push @calls, $call{$name} = { name => $name } unless $call{$name};

        $call{$name}{of}{$waiting} = {
            median => $median, worst => $worst,
            missed => $worst > most($waiting),
        };
    }

    close $out or die "$program failed\n";

    return @calls;
}


sub most { return $most{ $_[0] } // MOST }


1;
