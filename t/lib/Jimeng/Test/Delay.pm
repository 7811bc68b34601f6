package Jimeng::Test::Delay;

# A network that is slow, between a client and a server on this machine.
#
#   my $net = Jimeng::Test::Delay->new($port);
#   $net->port          of the same server, over it
#   $net->set(0.05)     what is sent from now on takes so long each way
#   $net->set(0.05, 1)  what the server sends takes longer
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

    # Their sizes are the delays, in milliseconds: to the server, and from it.
    my @delay = (File::Temp->new, File::Temp->new);

    my $server = Jimeng::Test::RawServer->new(sub {
        _serve($_[0], $port, map { $_->filename } @delay);
    });

    return bless { server => $server, delay => \@delay }, $class;
}


sub _serve {
    my ($client, $port, @delay) = @_;

    my $server = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
    ) or return;

    my $select = IO::Select->new($client, $server);
    my @under_way = ([], []);

    while (1) {
        for my $from ($select->can_read(TICK)) {
            return if !sysread $from, my $bytes, CHUNK;

            my $way = $from == $client ? 0 : 1;
            push @{ $under_way[$way] },
                [ time + (-s $delay[$way]) / 1000, $bytes ];
        }

        for my $way (0, 1) {
            my $to = ($server, $client)[$way];

            while (@{ $under_way[$way] } && $under_way[$way][0][0] <= time) {
                print $to (shift @{ $under_way[$way] })->[1];
                $to->flush or return;
            }
        }
    }
}


sub port { $_[0]{server}->port }
sub stop { $_[0]{server}->stop }


sub set {
    my ($self, $to, $from) = @_;

    truncate $self->{delay}[0], $to * 1000;
    truncate $self->{delay}[1], ($from // $to) * 1000;
    return;
}

1;
