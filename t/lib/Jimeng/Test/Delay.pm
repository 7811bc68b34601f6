package Jimeng::Test::Delay;

# A network that is slow, between a client and a server on this machine.
#
#   my $net = Jimeng::Test::Delay->new($port);
#   $net->port          of the same server, over it
#   $net->set(0.05)     what is sent from now on takes so long each way
#   $net->stop

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Jimeng::Test::RawServer;
use Time::HiRes qw(time);

use constant {
    TICK  => 0.005,     # seconds
    CHUNK => 65_536,
};


sub new {
    my ($class, $port) = @_;

    # Its size is the delay, in milliseconds.
    my $delay = File::Temp->new;

    my $server = Jimeng::Test::RawServer->new(sub {
        _serve($_[0], $port, sub { (-s $delay->filename) / 1000 });
    });

    return bless { server => $server, delay => $delay }, $class;
}


sub _serve {
    my ($client, $port, $delay) = @_;

    my $server = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
    ) or return;

    my $select = IO::Select->new($client, $server);
    my @under_way;

    while (1) {
        for my $from ($select->can_read(TICK)) {
            return if !sysread $from, my $bytes, CHUNK;

            push @under_way, [ time + $delay->(),
                               $from == $client ? $server : $client, $bytes ];
        }

        while (@under_way && $under_way[0][0] <= time) {
            my (undef, $to, $bytes) = @{ shift @under_way };
            print $to $bytes;
            $to->flush or return;
        }
    }
}


sub port { $_[0]{server}->port }
sub stop { $_[0]{server}->stop }
sub set { return truncate $_[0]{delay}, $_[1] * 1000 }

1;
