package Jimeng::Test::Http2;

# An HTTP/2 client with prior knowledge: as many streams as wanted on one
# connection, each of which can be reset, and the connection closed in any
# state.
#
#   my $h2 = Jimeng::Test::Http2->new($port, window => 65535);
#   my $stream = $h2->start($method, $path, \%headers, $body, partial => N);
#   $h2->response($stream)   hash: status (0: none), body, reset (code), over,
#                            after (types of frames that came after its end)
#   $h2->read_until($stream, $pattern, $seconds)
#                            the same hash when that is in the body; undef when
#                            the stream or the time is over before
#   $h2->reset_stream($stream)  $h2->goaway  $h2->abort  $h2->reset
#
# "partial" sends only the first N bytes of the body.  "window" is what a stream
# may send without being asked for more, and it never is: all of it by default.
# "room" is the size of the socket's buffer for what is not read yet.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Time::HiRes qw(time);

use constant {
    DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PING => 6,
    GOAWAY => 7, WINDOW_UPDATE => 8, ACK => 1, END_STREAM => 1,
    END_HEADERS => 4, CANCEL => 8, INITIAL_WINDOW_SIZE => 4,
    DEFAULT_WINDOW => 65535, MAX_WINDOW => 0x7fffffff,
};


sub new {
    my ($class, $port, %opt) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
        Timeout => 10,
        $opt{room} ? (Sockopts => [[ SOL_SOCKET, SO_RCVBUF, $opt{room} ]]) : (),
    ) or die "connect: $!";

    my $self = bless {
        socket => $socket, buffer => '', next => 1, streams => {},
    }, $class;

    $self->_send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        _frame(SETTINGS, 0, 0, pack 'n N', INITIAL_WINDOW_SIZE,
               $opt{window} // MAX_WINDOW),
        _frame(WINDOW_UPDATE, 0, 0, pack 'N', MAX_WINDOW - DEFAULT_WINDOW));
    return $self;
}


sub start {
    my ($self, $method, $path, $headers, $body, %opt) = @_;
    my $id = $self->{next};
    my $end = defined $body ? 0 : END_STREAM;

    $self->{next} += 2;
    $self->{streams}{$id} = { status => 0, body => '', over => 0 };

    my @fields = (
        ':method' => $method, ':scheme' => 'http', ':path' => $path,
        ':authority' => 'localhost',
        map { lc $_ => $headers->{$_} } sort keys %{ $headers || {} },
    );
    my $block = '';

    # Literals without indexing, not Huffman coded.
    while (my ($name, $value) = splice @fields, 0, 2) {
        $block .= "\0" . _string($name) . _string($value);
    }

    $self->_send(_frame(HEADERS, END_HEADERS | $end, $id, $block));
    return $id unless defined $body;

    my $whole = !defined $opt{partial};
    $body = substr $body, 0, $opt{partial} unless $whole;
    $self->_send(_frame(DATA, $whole ? END_STREAM : 0, $id, $body));

    return $id;
}


# HPACK's (RFC 7541, 5.1 and 5.2): seven bits of length, or 127 and the rest.
sub _string {
    my ($text) = @_;
    my $rest = length($text) - 127;

    return pack 'C/a', $text if $rest < 0;

    my $length = "\x7f";

    for (; $rest > 127; $rest >>= 7) {
        $length .= chr($rest & 127 | 128);
    }

    return $length . chr($rest) . $text;
}


sub reset_stream {
    my ($self, $id) = @_;
    return $self->_send(_frame(RST_STREAM, 0, $id, pack 'N', CANCEL));
}


sub goaway {
    my ($self) = @_;
    return $self->_send(_frame(GOAWAY, 0, 0, pack 'NN', 0, 0));
}


sub abort {
    my ($self) = @_;
    close delete $self->{socket} if $self->{socket};
    return;
}


# Closes with RST instead of FIN.
sub reset {
    my ($self) = @_;
    setsockopt $self->{socket}, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    return $self->abort;
}


# Waits for the end of a stream, or of the connection.
sub response {
    my ($self, $id, $seconds) = @_;
    my $end = time + ($seconds // 30);
    my $stream = $self->{streams}{$id};

    while (!$stream->{over}) {
        my $frame = $self->_read_frame($end) or last;
        $self->_take(@$frame);
    }

    return $stream;
}


sub read_until {
    my ($self, $id, $pattern, $seconds) = @_;
    my $end = time + ($seconds // 30);
    my $stream = $self->{streams}{$id};

    while ($stream->{body} !~ $pattern) {
        return undef if $stream->{over};
        my $frame = $self->_read_frame($end) or return undef;
        $self->_take(@$frame);
    }

    return $stream;
}


sub _take {
    my ($self, $type, $flags, $id, $payload) = @_;
    my $stream = $self->{streams}{$id} // {};

    push @{ $stream->{after} }, $type if $stream->{over};

    if ($type == HEADERS) {
        # nginx sends a status as an index of the static table, or raw.
        my $first = ord $payload;
        my %indexed = (0x88 => 200, 0x89 => 204, 0x8a => 206, 0x8b => 304,
                       0x8c => 400, 0x8d => 404, 0x8e => 500);
        # The size of the dynamic table may be announced before it.
        $payload =~ s/\A[\x20-\x3f][\x80-\xff]*[\x00-\x7f]?(?=[\x08\x48\x88])//;
        $first = ord $payload;
        $stream->{status} = $indexed{$first} // substr $payload, 2, 3;

    } elsif ($type == DATA) {
        $stream->{body} .= $payload;

    } elsif ($type == RST_STREAM) {
        $stream->{reset} = unpack 'N', $payload;
        $stream->{over} = 1;

    } elsif ($type == SETTINGS && !($flags & ACK)) {
        $self->_send(_frame(SETTINGS, ACK, 0));

    } elsif ($type == PING && !($flags & ACK)) {
        $self->_send(_frame(PING, ACK, 0, $payload));
    }

    $stream->{over} = 1
        if ($type == HEADERS || $type == DATA) && $flags & END_STREAM;

    return;
}


sub _read_frame {
    my ($self, $end) = @_;

    $self->_fill(9, $end) or return;

    my ($high, $low, $type, $flags, $id) =
        unpack 'C n C C N', substr $self->{buffer}, 0, 9;
    my $length = ($high << 16) + $low;

    $self->_fill(9 + $length, $end) or return;

    my $payload = substr $self->{buffer}, 9, $length;
    substr $self->{buffer}, 0, 9 + $length, '';

    return [ $type, $flags, $id & 0x7fffffff, $payload ];
}


sub _fill {
    my ($self, $length, $end) = @_;
    my $socket = $self->{socket} or return 0;

    while (length $self->{buffer} < $length) {
        my $left = $end - time;
        return 0 unless $left > 0 && IO::Select->new($socket)->can_read($left);

        sysread($socket, $self->{buffer}, 65536, length $self->{buffer})
            or return 0;
    }

    return 1;
}


sub _frame {
    my ($type, $flags, $id, $payload) = @_;
    $payload //= '';

    my $length = length $payload;
    return pack('C n C C N', $length >> 16, $length & 0xffff, $type, $flags,
                $id) . $payload;
}


sub _send {
    my ($self, @frames) = @_;
    my $socket = $self->{socket} or return 0;

    local $SIG{PIPE} = 'IGNORE';
    return defined syswrite $socket, join '', @frames;
}

1;
