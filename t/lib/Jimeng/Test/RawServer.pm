package Jimeng::Test::RawServer;

# A TCP server for hand-made answers: every connection is served by the given
# code in a process of its own, and closed when the code returns.
#
#   my $server = Jimeng::Test::RawServer->new(sub { my ($socket, $n) = @_; });
#   $server->port  $server->connections  $server->stop

use strict;
use warnings;

use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Jimeng::Test::Process qw(free_port);


sub new {
    my ($class, $code) = @_;
    my ($listener, $port);

    for (1 .. 20) {
        $port = free_port();
        $listener = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port,
            Listen => 128, ReuseAddr => 1, Proto => 'tcp',
        ) and last;
    }

    die "raw server: $!" unless $listener;

    # Its size is the number of connections.
    my $count = File::Temp->new;
    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        eval { _serve($listener, $code, $count) };
        print STDERR "raw server: $@" if $@;
        POSIX::_exit(1);
    }

    close $listener;

    return bless {
        port => $port, count => $count,
        process => Jimeng::Test::Process->adopt($pid, 'raw server'),
    }, $class;
}


sub _serve {
    my ($listener, $code, $count) = @_;
    my %serving;

    $SIG{PIPE} = 'IGNORE';
    $SIG{INT} = $SIG{HUP} = $SIG{TERM} = sub {
        kill 'KILL', keys %serving;
        POSIX::_exit(0);
    };

    for (my $n = 1; ; $n++) {
        my $socket;

        until ($socket = $listener->accept) {
            die "accept: $!" unless $!{EINTR} || $!{ECONNABORTED};
        }

        syswrite $count, '.';

        my $pid = fork // die "fork: $!";

        if ($pid == 0) {
            $SIG{$_} = 'DEFAULT' for qw(INT HUP TERM);
            close $listener;
            eval { $code->($socket, $n) };
            print STDERR "raw server: $@" if $@;
            close $socket;
            POSIX::_exit(0);
        }

        $serving{$pid} = 1;
        close $socket;

        while ((my $gone = waitpid -1, POSIX::WNOHANG()) > 0) {
            delete $serving{$gone};
        }
    }
}


sub port { $_[0]{port} }
sub connections { -s $_[0]{count}->filename }
sub stop { $_[0]{process}->stop }

1;
