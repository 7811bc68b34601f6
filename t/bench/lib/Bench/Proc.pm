package Bench::Proc;

# What the kernel says about a process, and about the machine.

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Time::HiRes ();

our @EXPORT_OK = qw(at_rest children cores cpu ended machine memory peak pin
                    wait_for);


sub slurp {
    my ($path) = @_;

    open my $fh, '<', $path or return;
    local $/;

    return scalar <$fh>;
}


# The pids of a process's children.

sub children {
    my ($parent) = @_;
    my @pids;

    opendir my $dh, '/proc' or die "/proc: $!\n";

    for my $pid (grep { /^\d+$/ } readdir $dh) {
        my $stat = slurp("/proc/$pid/stat") or next;

        # the name in parentheses may hold anything
        push @pids, $pid if $stat =~ /.*\) \S (\d+) /s && $1 == $parent;
    }

    return @pids;
}


# Whether a process is no more, but for what its parent has not heard yet.

sub ended {
    my ($pid) = @_;
    my $stat = slurp("/proc/$pid/stat") // return 1;

    return $stat =~ /.*\) Z /s;
}


# CPU time that processes have used, user and system, in microseconds:
# schedstat counts nanoseconds, stat clock ticks of 10 ms.

sub cpu {
    my $sum = 0;

    for my $pid (@_) {
        my $schedstat = slurp("/proc/$pid/schedstat");

        if ($schedstat && $schedstat =~ /^([1-9]\d*) /) {
            $sum += $1 / 1e3;
            next;
        }

        my $stat = slurp("/proc/$pid/stat")
            or die "process $pid is gone\n";
        my @fields = split ' ', $stat =~ s/.*\) //sr;

        $sum += ($fields[11] + $fields[12]) * 1e6
                / POSIX::sysconf(POSIX::_SC_CLK_TCK);
    }

    return $sum;
}


# Memory of a process in KiB: resident, proportional, its own.

sub memory {
    my ($pid) = @_;
    my %m = (rss => 0, pss => 0, uss => 0);

    my $text = slurp("/proc/$pid/smaps_rollup")
        or die "cannot read the memory of process $pid\n";

    while ($text =~ /^(\w+):\s+(\d+) kB/mg) {
        $m{rss} = $2 if $1 eq 'Rss';
        $m{pss} = $2 if $1 eq 'Pss';
        $m{uss} += $2 if $1 eq 'Private_Clean' || $1 eq 'Private_Dirty';
    }

    return \%m;
}


# The most that was ever resident, in KiB.

sub peak {
    my ($pid) = @_;

    my ($kib) = (slurp("/proc/$pid/status") // '') =~ /^VmHWM:\s+(\d+) kB/m
        or die "cannot read the memory of process $pid\n";

    return $kib;
}


# The cores that we may run on.

sub cores {
    my ($list) = (slurp('/proc/self/status') // '')
                 =~ /^Cpus_allowed_list:\s+([\d,-]+)/m;

    return map { /(\d+)-(\d+)/ ? $1 .. $2 : $_ } split /,/, $list // '';
}


# Keeps processes, and what they start from now on, on these cores.

sub pin {
    my ($cores, @pids) = @_;

    for my $pid (@pids) {
        my $said = qx(taskset -cp @{[ join ',', @$cores ]} $pid 2>&1);
        die "taskset: $said\n" if $?;
    }
}


# Polls until a condition holds; dies when it does not within so many seconds.

sub wait_for {
    my ($what, $seconds, $condition) = @_;
    my $end = Time::HiRes::time() + $seconds;

    until ($condition->()) {
        die "waited $seconds s in vain: $what\n"
            if Time::HiRes::time() > $end;
        Time::HiRes::sleep(0.01);
    }
}


# Waits until processes have not run at all for a twentieth of a second.

sub at_rest {
    my @pids = @_;

    wait_for('the processes to come to rest', 30, sub {
        my $before = cpu(@pids);
        Time::HiRes::sleep(0.05);
        return cpu(@pids) == $before;
    });
}


# One line about where the figures come from.

sub machine {
    my $cpuinfo = slurp('/proc/cpuinfo') // '';
    my $cores = () = $cpuinfo =~ /^processor\s*:/mg;
    my ($model) = $cpuinfo =~ /^model name\s*:\s*(.*\S)/m;
    my ($system, undef, $release) = POSIX::uname();

    return sprintf('%s, %d %s, %s %s', $model // (POSIX::uname())[4], $cores,
                   $cores == 1 ? 'core' : 'cores', $system,
                   $release =~ s/-.*//r);
}


1;
