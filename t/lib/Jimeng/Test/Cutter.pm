package Jimeng::Test::Cutter;

# A network between clients and nginx that resets connections, towards both.
#
#   my $net = Jimeng::Test::Cutter->new($t);
#   my $net = Jimeng::Test::Cutter->new($t, first => 50_000);
#                       the first connection when so many bytes of answers have
#                       come through
#   $net->url('/v1')    the same of the gateway as over it
#   $net->cut           whatever is connected
#   $net->connections   so many there were
#   $net->stop

use strict;
use warnings;

use File::Temp ();
use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Jimeng::Test::RawServer;

use constant {
    TICK   => 0.02,     # seconds
    CHUNK  => 16_384,
    BUFFER => 65_536,
};


sub new {
    my ($class, $t, %opt) = @_;
    my $cut = File::Temp->new;
    my $gateway = $t->port;

    my $server = Jimeng::Test::RawServer->new(sub {
        my ($client, $n) = @_;
        my $most = $n == 1 ? $opt{first} : undef;

        _serve($client, $gateway, $most, sub { -s $cut->filename >= $n });
    });

    return bless { server => $server, cut => $cut }, $class;
}


sub _serve {
    my ($client, $port, $most, $is_cut) = @_;

    # What lies in the system's buffers was delivered, for all nginx knows.
    my $gateway = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Sockopts => [ [ SO_RCVBUF, BUFFER ] ],
    ) or return;

    my $select = IO::Select->new($client, $gateway);
    my $answered = 0;

    while (1) {
        my @ready = $select->can_read(TICK);

        last if $is_cut->();

        for my $from (@ready) {
            my $to = $from == $client ? $gateway : $client;

            # Whichever side ends it: it has all that there was.
            return if !sysread $from, my $bytes, CHUNK;

            if ($from == $gateway && defined $most) {
                my $left = $most - $answered;
                $bytes = substr $bytes, 0, $left if length $bytes > $left;
            }

            _send($to, $bytes) or return;
            $answered += length $bytes if $from == $gateway;
        }

        last if defined $most && $answered >= $most;
    }

    # Closed like this, it is reset.
    setsockopt $_, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0
        for $client, $gateway;

    close $gateway;
    return;
}


sub _send {
    my ($to, $bytes) = @_;
    my $sent = 0;

    while ($sent < length $bytes) {
        $sent += syswrite($to, $bytes, length($bytes) - $sent, $sent)
            // return 0;
    }

    return 1;
}


sub url { "http://127.0.0.1:" . $_[0]{server}->port . $_[1] }
sub connections { $_[0]{server}->connections }
sub stop { $_[0]{server}->stop }


sub cut {
    my ($self) = @_;
    my $more = $self->connections - -s $self->{cut}->filename;

    syswrite $self->{cut}, 'x' x $more;
    return;
}

1;
