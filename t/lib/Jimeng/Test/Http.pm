package Jimeng::Test::Http;

# An HTTP/1.1 client on plain sockets, which can stop in the middle, leave,
# and say exactly what came back.
#
#   my $x = Jimeng::Test::Http->start($port, $method, $path, \%headers, $body,
#                                     timeout => 30, partial => N, on => $x);
#   my $response = $x->response;
#
#   my $head = $x->head;          a response without a body
#   while (defined(my $piece = $x->piece)) { ... }
#   $x->complete                  the body ended as its framing says
#
# A header with an undefined value is left out, one with an array is sent
# once per element.  "partial" sends only the first N bytes of the request;
# write() sends more.  "on" sends it on the connection of another exchange.
# "version" is 1.1, "buffer" the size of the socket's buffer for reading.
#
# A body of more than 256 KiB is not decoded: see Jimeng::Test::Pictures.
#
# A response has status (0: no answer), headers (names in lower case, repeated
# ones joined by ", "), body (bytes), json (decoded, or undef), complete (it
# ended as its framing says) and error ("timeout", "closed" or the system's).

use strict;
use warnings;

use Exporter qw(import);
use IO::Select;
use IO::Socket::INET;
use Jimeng::Test::Schema qw(check_reply);
use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF SHUT_WR inet_aton
              pack_sockaddr_in);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(decode_json_or_undef read_request);


sub start {
    my ($class, $port, $method, $path, $headers, $body, %opt) = @_;

    my $self = bless {
        port => $port, method => $method, buffer => '',
        timeout => $opt{timeout} // 30,
    }, $class;

    if ($opt{on}) {
        @$self{qw(socket buffer)} = @{ $opt{on} }{qw(socket buffer)};

    } else {
        $self->{socket} = $opt{buffer} ? _narrow($port, $opt{buffer})
                                       : IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp',
            Timeout => 10,
        );

        $self->{error} = "connect: $!" unless $self->{socket};
    }

    my $text = _request($method, $path, $headers, $body, \%opt);

    $text = substr $text, 0, $opt{partial} if defined $opt{partial};
    $self->write($text);

    return $self;
}


# A small buffer has to be asked for before the connection is there.
sub _narrow {
    my ($port, $size) = @_;

    my $socket = IO::Socket::INET->new(Proto => 'tcp') or return;
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', $size;
    return connect($socket, pack_sockaddr_in($port, inet_aton('127.0.0.1')))
           ? $socket : undef;
}


sub _request {
    my ($method, $path, $headers, $body, $opt) = @_;

    my %given = map { lc $_ => 1 } keys %{ $headers || {} };
    my @lines = ("$method $path HTTP/" . ($opt->{version} // '1.1'));

    push @lines, 'Host: localhost' unless $given{host};
    push @lines, 'Connection: close'
        unless $given{connection} || $opt->{keepalive} || $opt->{on};

    if (defined $body) {
        utf8::encode($body) if $body =~ /[^\x00-\xff]/;
        push @lines, 'Content-Length: ' . length $body
            unless $given{'content-length'} || $given{'transfer-encoding'};
    }

    for my $name (sort keys %{ $headers || {} }) {
        my $value = $headers->{$name};
        push @lines, map { "$name: $_" }
            grep { defined } ref $value ? @$value : $value;
    }

    return join("\r\n", @lines, '', '') . ($body // '');
}


# Sends bytes; a peer that no longer listens is no error here: what it
# answered is still to be read.
sub write {
    my ($self, $bytes) = @_;
    my $socket = $self->{socket} or return 0;
    my $end = time + $self->{timeout};
    my $sent = 0;

    local $SIG{PIPE} = 'IGNORE';
    $socket->blocking(0);

    while ($sent < length $bytes) {
        my $n = syswrite $socket, $bytes, length($bytes) - $sent, $sent;

        if (defined $n) {
            $sent += $n;

        } elsif ($!{EAGAIN} || $!{EINTR}) {
            last if time > $end;
            IO::Select->new($socket)->can_write(0.5);

        } else {
            last;
        }
    }

    $socket->blocking(1);
    return $sent;
}


sub socket { $_[0]{socket} }


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


sub half_close {
    my ($self) = @_;
    return shutdown $self->{socket}, SHUT_WR;
}


# Reads until the pattern is in what came; returns the bytes up to the end of
# the match, or undef.
sub read_until {
    my ($self, $pattern, $seconds) = @_;
    return $self->_until($pattern, time + ($seconds // $self->{timeout}));
}


sub response {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $self->{timeout});

    my $head = $self->_head($end);
    return $head unless $head->{status};

    my $body = '';

    while (defined(my $piece = $self->_piece($end))) {
        $body .= $piece;
    }

    return $self->_response(@$head{qw(status headers)}, $body,
                            $self->{complete});
}


sub head {
    my ($self, $seconds) = @_;
    return $self->_head(time + ($seconds // $self->{timeout}));
}


# The next bytes of the body, as they come, at most 64 KiB; undef at its end,
# and when nothing comes in time.
sub piece {
    my ($self, $seconds) = @_;
    return $self->_piece(time + ($seconds // $self->{timeout}));
}


sub complete { $_[0]{complete} }
sub error { $_[0]{error} }


sub _head {
    my ($self, $end) = @_;
    my ($status, %headers);

    do {
        my $head = $self->_until(qr/\r\n\r\n/, $end);
        return $self->_response(0, {}, $self->{buffer}, 0) unless defined $head;

        my ($first, @lines) = split /\r\n/, $head;
        ($status) = $first =~ m{^HTTP/1\.[01] (\d{3})};
        $status //= 0;
        %headers = ();

        for (@lines) {
            my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
            $name = lc $name;
            $headers{$name} = defined $headers{$name}
                            ? "$headers{$name}, $value" : $value;
        }
    } while ($status >= 100 && $status < 200);

    my $length = $headers{'content-length'};

    # Bytes that are left of the body or of a chunk; undef: until it closes.
    $self->{chunked} = ($headers{'transfer-encoding'} // '') =~ /chunked/i;
    $self->{left} = $self->{chunked} ? 0 : $length;
    $self->{left} = 0
        if $self->{method} eq 'HEAD' || $status == 204 || $status == 304;
    $self->{complete} = 0;

    if (defined $self->{left} && !$self->{left} && !$self->{chunked}) {
        $self->{complete} = 1;
    }

    return $self->_response($status, \%headers, '', 1);
}


sub _response {
    my ($self, $status, $headers, $body, $complete) = @_;
    my $json = length $body > 262144 ? undef : decode_json_or_undef($body);

    check_reply($json) if $complete;

    return bless {
        status => $status, headers => $headers, body => $body,
        complete => $complete, error => $complete ? undef : $self->{error},
        json => $json,
    }, 'Jimeng::Test::Http::Response';
}


sub _piece {
    my ($self, $end) = @_;

    return undef if $self->{complete};

    if ($self->{chunked} && !$self->{left}) {
        my $line = $self->_until(qr/\A[0-9a-f]+[^\r\n]*\r\n/i, $end)
            // return undef;
        $self->{left} = hex(($line =~ /^([0-9a-f]+)/i)[0]);

        if (!$self->{left}) {
            do {
                $line = $self->_until(qr/\r\n/, $end) // return undef;
            } while ($line ne "\r\n");

            $self->{complete} = 1;
            return undef;
        }
    }

    if (!length $self->{buffer} && !$self->_fill($end)) {
        $self->{complete} = 1
            if !defined $self->{left} && ($self->{error} // '') eq 'closed';
        return undef;
    }

    my $piece = substr $self->{buffer}, 0, $self->{left} // 65536, '';
    return $piece unless defined $self->{left};

    $self->{left} -= length $piece;
    return $piece if $self->{left};

    if ($self->{chunked}) {
        $self->_until(qr/\A\r\n/, $end);
    } else {
        $self->{complete} = 1;
    }

    return $piece;
}


sub _until {
    my ($self, $pattern, $end) = @_;

    while (1) {
        return substr $self->{buffer}, 0, $+[0], ''
            if $self->{buffer} =~ $pattern;

        return undef unless $self->_fill($end);
    }
}


sub _fill {
    my ($self, $end) = @_;
    my $socket = $self->{socket};

    return 0 unless $socket;

    my $left = $end - time;
    unless ($left > 0 && IO::Select->new($socket)->can_read($left)) {
        $self->{error} = 'timeout';
        return 0;
    }

    my $n = sysread $socket, $self->{buffer}, 65536, length $self->{buffer};
    return $n if $n;

    $self->{error} = defined $n ? 'closed' : "$!";
    return 0;
}


# ---- functions

sub decode_json_or_undef {
    my ($bytes) = @_;

    return undef unless ($bytes // '') =~ /^\s*[\[{]/;
    return scalar eval { JSON::PP->new->utf8->decode($bytes) };
}


# For hand-made servers: reads one request with Content-Length from a socket;
# undef when the peer closed instead.
sub read_request {
    my ($socket) = @_;
    my $text = '';

    while (index($text, "\r\n\r\n") < 0) {
        sysread($socket, $text, 65536, length $text) or return undef;
    }

    my $whole = 4 + index $text, "\r\n\r\n";
    $whole += $1 if $text =~ /^content-length:\s*(\d+)/mi;

    while (length $text < $whole) {
        sysread($socket, $text, 65536, length $text) or return undef;
    }

    return $text;
}


package Jimeng::Test::Http::Response;

sub status { $_[0]{status} }
sub headers { $_[0]{headers} }
sub header { $_[0]{headers}{ lc $_[1] } }
sub body { $_[0]{body} }
sub json { $_[0]{json} }
sub complete { $_[0]{complete} }
sub error { $_[0]{error} }

1;
