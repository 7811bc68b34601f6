package Jimeng::Emulator::Outlet;

# The bytes of one answer on their way to the client, and what is to befall
# them there. They may come all at once, or piece by piece, as those of a
# stream do.

use strict;
use warnings;

use List::Util qw(min);
use Mojo::IOLoop;


# The connection of Jimeng::Emulator::Http, and what goes wrong:
#
#   limit   so many bytes are sent, then the connection is closed
#   stall   [N, seconds]: after N bytes nothing is sent for that long
#   slow    [N, seconds]: N bytes at a time, with a pause between them
#   events  [N, M]: of the chunks that chunk() is called with, N are sent, and
#           M bytes of what is in the next one; then the connection is closed
sub new {
    my ($class, $connection, %option) = @_;

    return bless {
        %option,
        connection => $connection,
        queue      => '',
        sent       => 0,
        chunks     => 0,
    }, $class;
}


sub write {
    my ($self, $bytes) = @_;

    $self->{queue} .= $bytes;
    $self->pump;
    return;
}


# A chunk of HTTP/1.1.
sub chunk {
    my ($self, $bytes) = @_;

    my $head = sprintf "%x\r\n", length $bytes;
    my ($whole, $part) = @{ $self->{events} // [] };

    if (defined $whole && $self->{chunks} >= $whole) {
        $self->{limit} //= $self->{sent} + length($self->{queue})
            + length($head) + $part;
    }

    $self->{chunks}++;
    $self->write("$head$bytes\r\n");
    $self->cut_after_events;
    return;
}


# Where no part of another chunk is wanted, the end comes at once.
sub cut_after_events {
    my ($self) = @_;

    my ($whole, $part) = @{ $self->{events} // [] };

    return if !defined $whole || $part || $self->{chunks} < $whole;

    $self->{limit} //= $self->{sent} + length $self->{queue};
    $self->pump;
    return;
}


# What is to be done when all of it has been sent.
sub finish {
    my ($self, $over) = @_;

    $self->{over} = $over;
    $self->pump;
    return;
}


sub pump {
    my ($self) = @_;

    while (!$self->{waits}) {
        my $stream = $self->{connection}{stream} or return;
        my ($limit, $stall, $slow) = @$self{qw(limit stall slow)};

        my $bytes = min(length $self->{queue},
            defined $limit ? $limit - $self->{sent} : (),
            $stall ? $stall->[0] - $self->{sent} : (),
            $slow ? $slow->[0] : ());

        my $piece = substr $self->{queue}, 0, $bytes, '';
        $self->{sent} += $bytes;

        if (defined $limit && $self->{sent} >= $limit) {
            $self->{connection}{cut} = 1;
            $stream->write($piece) if $bytes;
            return $stream->close_gracefully;
        }

        if ($stall && $self->{sent} >= $stall->[0]) {
            delete $self->{stall};
            $stream->write($piece) if $bytes;
            $self->pause($stall->[1]);

        } elsif ($slow && $bytes) {
            # When it has left, and the peer had time to read.
            $self->{waits} = 1;
            $stream->write($piece, sub { $self->pause($slow->[1]) });

        } else {
            $stream->write($piece) if $bytes;
            last;
        }
    }

    return if $self->{waits} || length $self->{queue};

    my $over = delete $self->{over};
    $over->() if $over;
    return;
}


sub pause {
    my ($self, $seconds) = @_;

    $self->{waits} = 1;
    Mojo::IOLoop->timer($seconds, sub {
        $self->{waits} = 0;
        $self->pump;
    });
    return;
}

1;
