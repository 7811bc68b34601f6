package Jimeng::Test::Process;

# Child processes, free ports and waiting, for the tests and for make demo.
#
#   my $p = Jimeng::Test::Process->start(command => [...], dir => DIR,
#                                        name => 'curl', env => {...});
#   $p->pid  $p->alive  $p->signal('TERM')  $p->status
#   $p->wait($seconds)       true when it has ended
#   $p->stop($seconds)       TERM, and KILL when that does not help
#   $p->stdout  $p->stderr   what it has printed so far
#
# Whatever is still running when the program ends is killed by an END block.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time sleep);

our @EXPORT_OK = qw(children free_port poll process_title processes_in slurp);

my %running;
my $serial = 0;


# Starts a command with its output in files of its own in DIR, which is also
# its working directory: that is how strays are found.  An environment
# variable with an undefined value is removed.
sub start {
    my ($class, %opt) = @_;

    my $base = sprintf '%s/%s-%d', $opt{dir}, $opt{name}, ++$serial;
    my $self = bless {
        owner => $$, name => $opt{name},
        out => "$base.stdout", err => "$base.stderr",
    }, $class;

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        $self->_exec(\%opt);
        print STDERR "$opt{command}[0]: $!\n";
        POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    return $running{$pid} = $self;
}


sub _exec {
    my ($self, $opt) = @_;
    my $env = $opt->{env} || {};

    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);

    open STDIN, '<', '/dev/null' or return;
    open STDOUT, '>', $self->{out} or return;
    open STDERR, '>', $self->{err} or return;
    chdir $opt->{dir} or return;

    for my $name (keys %$env) {
        if (defined $env->{$name}) {
            $ENV{$name} = $env->{$name};
        } else {
            delete $ENV{$name};
        }
    }

    no warnings 'exec';
    exec { $opt->{command}[0] } @{ $opt->{command} };
}


# Takes a child that was forked elsewhere under the same care.
sub adopt {
    my ($class, $pid, $name) = @_;

    return $running{$pid} = bless {
        owner => $$, pid => $pid, name => $name,
    }, $class;
}


sub pid { $_[0]{pid} }


sub alive {
    my ($self) = @_;

    return 0 if defined $self->{status};

    my $pid = waitpid $self->{pid}, WNOHANG;
    return 1 if $pid == 0;

    $self->{status} = $pid == $self->{pid} ? $? : -1;
    delete $running{ $self->{pid} };
    return 0;
}


# The wait status: exit code << 8 | signal; undef while it is running.
sub status { $_[0]->alive ? undef : $_[0]{status} }


sub signal {
    my ($self, $signal) = @_;
    return $self->alive && kill $signal, $self->{pid};
}


sub wait {
    my ($self, $seconds) = @_;
    return poll(sub { !$self->alive }, $seconds // 30);
}


sub stop {
    my ($self, $seconds) = @_;

    $self->signal('TERM');
    return 1 if $self->wait($seconds // 10);

    $self->signal('KILL');
    $self->wait(10);
    return 0;
}


sub stdout { slurp($_[0]{out}) }
sub stderr { slurp($_[0]{err}) }


# ---- functions

# Calls the code every 20 ms until it returns true; returns that, or false
# when the time is over.
sub poll {
    my ($code, $seconds) = @_;
    my $end = time + $seconds;

    while (1) {
        my $value = $code->();
        return $value if $value;
        return 0 if time > $end;
        sleep 0.02;
    }
}


sub slurp {
    my ($file) = @_;
    open my $fh, '<:raw', $file or return '';
    local $/;
    return scalar(<$fh>) // '';
}


# Each process has a range of its own below the kernel's ephemeral ports, so
# that programs started at the same time seldom try the same one.
my $next_port = 10000 + ($$ * 32) % 22000;

sub free_port {
    for (1 .. 2000) {
        my $port = $next_port++;
        $next_port = 10000 if $next_port > 32700;

        return $port if IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port,
            Listen => 1, ReuseAddr => 1, Proto => 'tcp',
        );
    }

    die "no free port found";
}


sub _pids {
    opendir my $dh, '/proc' or die "/proc: $!";
    return grep { /^\d+$/ } readdir $dh;
}


sub children {
    my ($parent) = @_;
    my @found;

    for my $pid (_pids()) {
        my ($state, $ppid) = slurp("/proc/$pid/stat") =~ /\) (\S) (\d+)/;
        next unless defined $ppid && $ppid == $parent && $state ne 'Z';
        push @found, $pid;
    }

    return sort { $a <=> $b } @found;
}


# The command line as ps shows it; nginx writes into it what a worker does.
sub process_title {
    my ($pid) = @_;
    my $title = slurp("/proc/$pid/cmdline");

    $title =~ tr/\0/ /;
    $title =~ s/ +\z//;
    return $title;
}


# Every process but this one that works in a directory.
sub processes_in {
    my ($dir) = @_;

    my @found = grep {
        my $cwd = readlink "/proc/$_/cwd";
        $_ != $$ && defined $cwd && $cwd eq $dir;
    } _pids();

    return @found;
}


sub _descendants {
    my ($pid) = @_;
    return map { ($_, _descendants($_)) } children($pid);
}


END {
    local ($?, $!, $@);

    my @left = grep { $_->{owner} == $$ && $_->alive } values %running;

    if (@left) {
        my @pids = map { ($_->pid, _descendants($_->pid)) } @left;
        my $gone = sub {
            $_->alive for @left;
            return !grep { kill 0, $_ } @pids;
        };

        kill 'TERM', @pids;

        if (!poll($gone, 3)) {
            kill 'KILL', @pids;
            poll($gone, 3);
        }
    }
}

1;
