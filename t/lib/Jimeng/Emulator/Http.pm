package Jimeng::Emulator::Http;

# A listener that speaks HTTP/1.x. It is not Mojo's own server because tests
# need what a well-behaved one never does: to see the request line and headers
# as they came, and to answer with half an answer, a reset or nothing.

use strict;
use warnings;

use IO::Socket::INET;
use Mojo::IOLoop;
use Mojo::Message::Response;
use Scalar::Util qw(weaken);
use Socket       qw(SOL_SOCKET SO_LINGER SOMAXCONN);

use Jimeng::Emulator::Outlet;

use constant {
    ADDRESS      => '127.0.0.1',
    MAX_HEAD     => 64 * 1024,
    MAX_BODY     => 64 * 1024 * 1024,
    PIECES_PAUSE => 0.001,
};


# handler: called as $handler->($request, $reply). The request is a hash of
# method, path, query, headers (lower-case names), body, and gone: a function
# that says whether the client has closed its connection. $reply is to be
# called once, with a hash of status, headers (hash), body, and possibly what
# goes wrong on the way: reset => 1, drop => 1, bytes => N, body_bytes => N,
# stall => [N, seconds] after N bytes of the body, slow => [N, seconds];
# chunked => 1 sends the body in chunks, pieces => N that many bytes at a time.
# With stream => 1 it returns a Jimeng::Emulator::Http::Stream, or nothing when
# the client has gone; events => [N, M] is for those: see
# Jimeng::Emulator::Outlet.
sub new {
    my ($class, %option) = @_;

    # Bound but never listening, this socket keeps the port ours while
    # connections are refused.
    my $hold = IO::Socket::INET->new(
        LocalAddr => ADDRESS,
        LocalPort => $option{port},
        Proto     => 'tcp',
        ReuseAddr => 1,
    ) or die "cannot bind port $option{port}: $@\n";

    return bless {
        handler     => $option{handler},
        hold        => $hold,
        port        => $hold->sockport,
        connections => {},
        accepted    => 0,
    }, $class;
}


sub port { return $_[0]{port} }

sub accepted_so_far { return $_[0]{accepted} }

sub url { return 'http://' . ADDRESS . ":$_[0]{port}" }


sub listen {
    my ($self) = @_;

    return if defined $self->{acceptor};

    weaken $self;
    $self->{acceptor} = Mojo::IOLoop->server(
        { address => ADDRESS, port => $self->{port}, backlog => SOMAXCONN },
        sub { $self->accepted(@_[1, 2]) });
    return;
}


# Connects are refused from now on; idle connections are closed, busy ones
# after their answer.
sub refuse {
    my ($self) = @_;

    Mojo::IOLoop->remove(delete $self->{acceptor})
        if defined $self->{acceptor};

    for my $connection (values %{ $self->{connections} }) {
        $connection->{last} = 1;
        $connection->{stream}->close_gracefully if !$connection->{busy};
    }

    return;
}


sub accepted {
    my ($self, $stream, $id) = @_;

    my $connection = { stream => $stream, input => '' };
    $self->{accepted}++;
    $self->{connections}{$id} = $connection;

    $stream->timeout(0);
    $stream->on(error => sub { });
    $stream->on(
        close => sub {
            delete $self->{connections}{$id};
            delete $connection->{stream};
        });
    $stream->on(
        read => sub {
            $connection->{input} .= $_[1];
            $self->serve($connection);
        });
    return;
}


# Hands the next request on, if it is there and no other is being answered.
sub serve {
    my ($self, $connection) = @_;

    return if $connection->{busy};

    my ($request, $error) = next_request($connection);
    return if !$request && !$error;

    $connection->{busy} = 1;

    if ($error) {
        $connection->{last} = 1;
        $self->answer($connection, { method => '' },
            { status => $error, body => '' });
        return;
    }

    $self->{handler}->(
        $request,
        sub {
            my ($answer) = @_;
            return if !$connection->{stream};
            return $self->answer($connection, $request, $answer);
        });
    return;
}


# A request, or (undef, status) for a malformed one, or nothing as long as it
# is incomplete.
sub next_request {
    my ($connection) = @_;

    my $request = $connection->{head};

    if (!$request) {
        my $end = index $connection->{input}, "\r\n\r\n";

        return length $connection->{input} > MAX_HEAD ? (undef, 431) : ()
            if $end < 0;

        $request = parse_head(substr $connection->{input}, 0, $end + 4, '')
            or return (undef, 400);
        $connection->{head} = $request;

        return (undef, 413) if $request->{length} > MAX_BODY;

        $connection->{stream}->write("HTTP/1.1 100 Continue\r\n\r\n")
            if lc($request->{headers}{expect} // '') eq '100-continue';
    }

    if ($request->{chunked}) {
        my $body = take_chunks(\$connection->{input});
        return if !defined $body;
        $request->{body} = $body;

    } else {
        return if length $connection->{input} < $request->{length};
        $request->{body} = substr $connection->{input}, 0,
            $request->{length}, '';
    }

    delete $connection->{head};
    $connection->{last} = 1 if !$request->{keep_alive};
    $request->{gone} = sub { !$connection->{stream} && !$connection->{cut} };
    return $request;
}


sub parse_head {
    my ($text) = @_;

    my ($first, @lines) = split /\r\n/, $text;
    my ($method, $target, $minor) =
        ($first // '') =~ m{^([A-Z]+) (\S+) HTTP/1\.([01])$} or return;
    my %headers;

    for my $line (@lines) {
        my ($name, $value) = $line =~ /^([!-9;-~]+):[ \t]*(.*?)[ \t]*$/
            or return;
        $name = lc $name;
        $headers{$name} = defined $headers{$name}
            ? "$headers{$name},$value" : $value;
    }

    my $length = $headers{'content-length'} // 0;
    return if $length !~ /^\d+$/;

    $target =~ s{^https?://[^/]+}{};
    my ($path, $query) = split /\?/, $target, 2;
    my $connection = lc($headers{connection} // '');

    return {
        method     => $method,
        path       => $path,
        query      => $query // '',
        headers    => \%headers,
        length     => $length,
        chunked    => lc($headers{'transfer-encoding'} // '') eq 'chunked',
        keep_alive => $minor
            ? $connection ne 'close' : $connection eq 'keep-alive',
    };
}


# The decoded body, taken from the input once its last chunk is there.
sub take_chunks {
    my ($input) = @_;

    my $body = '';
    my $at   = 0;

    while (1) {
        pos($$input) = $at;
        return if $$input !~ /\G([0-9A-Fa-f]{1,8})[^\r\n]*\r\n/gc;

        my $length = hex $1;
        my $start  = pos $$input;

        if ($length == 0) {
            my $end = index $$input, "\r\n\r\n", $start - 2;
            return if $end < 0;
            substr $$input, 0, $end + 4, '';
            return $body;
        }

        return if length $$input < $start + $length + 2;
        $body .= substr $$input, $start, $length;
        $at = $start + $length + 2;
    }
}


sub answer {
    my ($self, $connection, $request, $answer) = @_;

    my $stream = $connection->{stream};

    if ($answer->{reset}) {
        setsockopt $stream->handle, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        $stream->close;
        return;
    }

    if ($answer->{drop}) {
        $stream->close;
        return;
    }

    my $body    = $answer->{body} // '';
    my @framing = ('Content-Length' => length $body);

    if ($answer->{chunked}) {
        $body = join '', map({ sprintf "%x\r\n%s\r\n", length, $_ }
            unpack '(a10007)*', $body), "0\r\n\r\n";
    }

    @framing = ('Transfer-Encoding' => 'chunked')
        if $answer->{chunked} || $answer->{stream};

    my %headers = (
        @framing,
        Connection       => $connection->{last} ? 'close' : 'keep-alive',
        %{ $answer->{headers} // {} },
    );

    my $message = Mojo::Message::Response->default_message($answer->{status})
        || 'Unknown';
    my $head = join "\r\n", "HTTP/1.1 $answer->{status} $message",
        (map { "$_: $headers{$_}" } sort keys %headers), '', '';

    my $outlet = outlet($connection, length $head, $answer);

    $outlet->write($head . ($request->{method} eq 'HEAD' ? '' : $body));

    if ($answer->{stream}) {
        $outlet->cut_after_events;
        return Jimeng::Emulator::Http::Stream->new($outlet,
            sub { $self->over($connection) });
    }

    $outlet->finish(sub { $self->over($connection) });
    return;
}


# The way for an answer whose head has so many bytes.
sub outlet {
    my ($connection, $head, $answer) = @_;

    my $limit = $answer->{bytes};
    $limit = $head + $answer->{body_bytes} if defined $answer->{body_bytes};

    my $stall = $answer->{stall};
    my $slow  = $answer->{slow};
    $slow = [$answer->{pieces}, PIECES_PAUSE] if $answer->{pieces};

    $connection->{last} = 1 if defined $limit || $answer->{events};

    return Jimeng::Emulator::Outlet->new($connection,
        limit  => $limit,
        stall  => $stall && [$head + $stall->[0], $stall->[1]],
        slow   => $slow,
        events => $answer->{events});
}


# An answer has been sent.
sub over {
    my ($self, $connection) = @_;

    my $stream = $connection->{stream} or return;

    return $stream->close_gracefully if $connection->{last};

    $connection->{busy} = 0;
    $self->serve($connection) if length $connection->{input};
    return;
}


package Jimeng::Emulator::Http::Stream;

# An answer whose body comes piece by piece: write() as often as needed, then
# end().

sub new {
    my ($class, $outlet, $over) = @_;
    return bless { outlet => $outlet, over => $over }, $class;
}


sub write { return $_[0]{outlet}->chunk($_[1]) }


sub end {
    my ($self) = @_;

    $self->{outlet}->write("0\r\n\r\n");
    $self->{outlet}->finish($self->{over});
    return;
}

1;
