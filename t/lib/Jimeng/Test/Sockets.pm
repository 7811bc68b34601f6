package Jimeng::Test::Sockets;

# What the kernel tells of the sockets of 127.0.0.1, and an upstream that nobody
# can connect to.
#
#   my ($upstream, @filler) = full_upstream();
#                                 a listening socket, and the connections that
#                                 fill its queue: who comes after them is not
#                                 answered until it has accepted them
#   connecting($upstream)         so many sockets are connecting to it
#   half_closed($port)            so many connections of that port have heard
#                                 that their client sends no more
#   unread($port)                 so many connections of that port have bytes that
#                                 were not read
#   is_read($socket)              the other end has read all that was sent to it
#   datagrams($port)              bytes that came to that port over UDP, and were
#                                 not read

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use Jimeng::Test::Process qw(poll slurp);

our @EXPORT = qw(connecting datagrams full_upstream half_closed is_read
                 unread);

use constant { SYN_SENT => '02', CLOSE_WAIT => '08' };

my $address = qr/0100007F:(\w{4})/;


# Port, the other end's port, state, bytes not sent and bytes not read.
sub _rows {
    my $file = '/proc/net/' . ($_[0] // 'tcp');
    my $table = slurp($file) || die "$file cannot be read\n";

    return map {
        /^ *\d+: $address \w+:(\w+) (\w\w) (\w+):(\w+) /
            ? [ hex $1, hex $2, $3, hex $4, hex $5 ] : ()
    } split /\n/, $table;
}


sub full_upstream {
    my @local = (LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp');
    my $upstream = IO::Socket::INET->new(@local) or die "listen: $!";
    my @filler;

    # How many find room is for the kernel to say.
    while (@filler < 20) {
        my $socket = IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $upstream->sockport,
            Proto => 'tcp', Blocking => 0,
        ) or die "connect: $!";

        last if connecting($upstream);
        push @filler, $socket;
    }

    # The one that found none was closed here.
    poll(sub { !connecting($upstream) }, 20)
        or die "the upstream's queue does not get full\n";

    return ($upstream, @filler);
}


sub connecting {
    my ($upstream) = @_;
    my $port = $upstream->sockport;

    return scalar grep { $_->[1] == $port && $_->[2] eq SYN_SENT } _rows();
}


sub half_closed {
    my ($port) = @_;
    return scalar grep { $_->[0] == $port && $_->[2] eq CLOSE_WAIT } _rows();
}


sub unread {
    my ($port) = @_;

    return scalar grep { $_->[0] == $port && $_->[4] } _rows();
}


sub datagrams {
    my ($port) = @_;
    my $bytes = 0;

    $bytes += $_->[4] for grep { $_->[0] == $port } _rows('udp');
    return $bytes;
}


# What has not left yet has not been read, either.
sub is_read {
    my ($socket) = @_;
    my ($own, $peer) = ($socket->sockport, $socket->peerport);

    return !grep {
        my ($from, $to, undef, $unsent, $unread) = @$_;
        $from == $own && $to == $peer && $unsent
            || $from == $peer && $to == $own && $unread;
    } _rows();
}

1;
