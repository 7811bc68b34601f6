package Jimeng::Test::Http3;

# HTTP/3: a listener for it, and a client that leaves in every way there is.
#
#   need_http3();             the test is skipped where nginx has none, or the
#                             client was not built
#   no_http3()                which of these it is; undef where there is HTTP/3
#   my $t = Jimeng::Test->new(with_http3(%options));
#                             port('http3') is the listener's
#
#   my $h3 = Jimeng::Test::Http3->new($port);
#   my $stream = $h3->start($method, $path, \%headers, $body);
#   $h3->response($stream, $seconds)
#                             waits for its end; a hash: status (0: none),
#                             headers (names in lower case), body, end (it is
#                             whole), reset (code), over (one of them, or the
#                             connection's end), after (what else was heard of
#                             the stream then)
#   $h3->read_until($stream, $pattern, $seconds)
#                             the same hash when that is in the body; undef when
#                             the stream or the time is over before
#   $h3->stop_sending($stream)  $h3->reset_stream($stream)
#   $h3->close                says so to the server
#   $h3->abort                is not heard of again

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use IPC::Open2 qw(open2);
use IO::Select;
use Test::More;
use Time::HiRes qw(time);
use Jimeng::Test::Certificate;
use Jimeng::Test::Nginx;
use Jimeng::Test::Process;

our @EXPORT = qw(need_http3 no_http3 with_http3);

my $program = Jimeng::Test::Nginx::root() . '/build/http3';


sub no_http3 {
    return Jimeng::Test::Nginx::binary() . ' has no http_v3_module'
        if Jimeng::Test::Nginx::about() !~ /--with-http_v3_module/;

    return -x $program ? undef : '"make build/http3" has not been run';
}


sub need_http3 {
    my $why = no_http3();
    plan(skip_all => $why) if defined $why;
    return;
}


sub with_http3 {
    my (%opt) = @_;

    return (%opt, server => 'listen 127.0.0.1:%%PORT:http3%% quic;'
                            . certificate() . ($opt{server} // ''));
}


sub new {
    my ($class, $port) = @_;

    my $pid = open2(my $out, my $in, $program, $port);

    return bless {
        process => Jimeng::Test::Process->adopt($pid, 'http3'),
        in => $in, out => $out, buffer => '', next => 0, streams => {},
    }, $class;
}


sub start {
    my ($self, $method, $path, $headers, $body) = @_;
    my $id = $self->{next};
    my $file = '';

    $self->{next} += 4;
    $self->{streams}{$id} = { status => 0, headers => {}, body => '',
                              over => 0 };

    if (defined $body) {
        $self->{files} //= File::Temp->newdir;
        $file = "$self->{files}/$id";

        open my $fh, '>:raw', $file or die "$file: $!";
        print $fh $body;
        close $fh or die "$file: $!";
    }

    $self->_say('request', $method, $path, $file,
                map { lc($_) . ": $headers->{$_}" } sort keys %$headers);
    return $id;
}


sub stop_sending { $_[0]->_say('stop', $_[1]) }
sub reset_stream { $_[0]->_say('reset', $_[1]) }


sub close {
    my ($self) = @_;

    $self->_say('close');
    $self->{process}->wait(10);
    return;
}


sub abort {
    my ($self) = @_;

    $self->{process}->signal('KILL');
    $self->{process}->wait(10);
    return;
}


sub response {
    my ($self, $id, $seconds) = @_;
    my $stream = $self->{streams}{$id};

    $self->_read(sub { $stream->{over} }, $seconds);
    return $stream;
}


sub read_until {
    my ($self, $id, $pattern, $seconds) = @_;
    my $stream = $self->{streams}{$id};

    $self->_read(sub { $stream->{over} || $stream->{body} =~ $pattern },
                 $seconds);
    return $stream->{body} =~ $pattern ? $stream : undef;
}


sub _say {
    my ($self, @fields) = @_;

    local $SIG{PIPE} = 'IGNORE';
    return defined syswrite $self->{in}, join("\t", @fields) . "\n";
}


sub _read {
    my ($self, $enough, $seconds) = @_;
    my $end = time + ($seconds // 30);

    until ($enough->()) {
        my $left = $end - time;
        return unless $left > 0
                      && IO::Select->new($self->{out})->can_read($left);

        if (!sysread $self->{out}, $self->{buffer}, 65536,
                     length $self->{buffer})
        {
            $_->{over} = 1 for values %{ $self->{streams} };
            return;
        }

        $self->_take($1) while $self->{buffer} =~ s/^(.*)\n//;
    }

    return;
}


sub _take {
    my ($self, $line) = @_;
    my ($id, $event, $rest) = $line =~ /^(\d+) (\w+) ?(.*)/ or return;
    my $stream = $self->{streams}{$id} // return;

    # After its end a stream is gone, in order.
    push @{ $stream->{after} }, $event if $stream->{over} && $event ne 'gone';

    if ($event eq 'status') {
        $stream->{status} = $rest;

    } elsif ($event eq 'field') {
        my ($name, $value) = split /: /, $rest, 2;
        $stream->{headers}{$name} = $value;

    } elsif ($event eq 'data') {
        $stream->{body} .= pack 'H*', $rest;

    } elsif ($event eq 'end') {
        $stream->{end} = 1;

    } elsif ($event eq 'reset') {
        $stream->{reset} = $rest;
    }

    $stream->{over} = 1 if $event =~ /^(?:end|reset|gone)$/;
    return;
}

1;
