package Jimeng::Test::Sse;

# A reader of event streams, on an exchange of Jimeng::Test::Http: it says what
# came when, and how it ended.  It is stricter than the format asks for: lines
# end in LF, each event in an empty line, which stands nowhere else, and "event"
# and "data" stand once, in this order, with no comment between them.
#
#   my $sse = Jimeng::Test::Sse->new($t->start_generate({ stream => \1 }));
#   $sse->status  $sse->header($name)     waits for the header
#   $sse->next($seconds)      the next event or comment; undef: no more, or
#                             not in time
#   $sse->event($seconds)     the next event: comments are skipped
#   $sse->all                 what is still to come, the events of it
#   $sse->comments            the comments so far
#   $sse->complete  $sse->error   see Jimeng::Test::Http
#   $sse->strange             bytes that were none of it; '' is good
#   $sse->response            an answer that is no stream, as of Jimeng::Test::Http
#
# An event or comment is a hash: time (seconds from the start), and comment, or
# event ('' without a name), data, json (decoded; of long ones only what is
# left without the base64) and picture (SHA-256 of b64_json's bytes, or what is
# wrong with it).

use strict;
use warnings;

use Jimeng::Test::Pictures qw(pictures);
use Jimeng::Test::Schema qw(check_event);
use Time::HiRes qw(time);


sub new {
    my ($class, $exchange, %opt) = @_;

    return bless {
        exchange => $exchange, begin => time, text => '', searched => 0,
        comments => [], strange => '', seconds => $opt{seconds} // 30,
    }, $class;
}


sub _head {
    my ($self) = @_;
    return $self->{head} //= $self->{exchange}->head($self->{seconds});
}


sub status { $_[0]->_head->status }
sub header { $_[0]->_head->header($_[1]) }
sub headers { $_[0]->_head->headers }
sub comments { @{ $_[0]{comments} } }
sub complete { $_[0]{exchange}->complete }
sub error { $_[0]{exchange}->error }
sub strange { $_[0]{strange} . $_[0]{text} }


sub next {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $self->{seconds});

    return undef unless $self->status;

    my $at;

    while (($at = $self->_end) < 0) {
        my $left = $end - time;
        my $piece = $self->{exchange}->piece($left > 0 ? $left : 0);
        return undef unless defined $piece;
        $self->{text} .= $piece;
    }

    $self->{searched} = 0;
    my $block = substr $self->{text}, 0, $at, '';
    my $item = _read($block);

    return $self->_strange($block) unless $item;

    $item->{time} = time - $self->{begin};
    push @{ $self->{comments} }, $item if exists $item->{comment};
    return $item;
}


# Where the first comment or event ends: a line, or an empty line; -1 for none.
sub _end {
    my ($self) = @_;
    my $end = $self->{text} =~ /\A:/ ? "\n" : "\n\n";
    my $at = index $self->{text}, $end, $self->{searched};

    return $at + length $end if $at >= 0;

    $self->{searched} = length $self->{text};
    $self->{searched}-- if $self->{searched};
    return -1;
}


sub _strange {
    my ($self, $block) = @_;

    $self->{strange} .= $block;
    return $self->next;
}


sub _read {
    my ($block) = @_;

    return { comment => $1 } if $block =~ /\A: ([^\r\n]*)\n\z/;

    $block =~ /\A(?:event: ([\w.]+)\n)?data: /gc or return;

    my $name = $1;
    my $data = substr $block, pos $block;

    chop $data for 1, 2;
    return if $data =~ /[\r\n]/;

    my ($json, $picture) = pictures($data);
    check_event($name // '', $json);
    return {
        event => $name // '', json => $json, picture => $picture,
        data => length $data > 4096 ? substr($data, 0, 4096) . '...' : $data,
    };
}


sub event {
    my ($self, $seconds) = @_;
    my $end = time + ($seconds // $self->{seconds});

    while (my $item = $self->next($end - time)) {
        return $item if exists $item->{event};
    }

    return undef;
}


sub all {
    my ($self) = @_;
    my @events;

    while (my $event = $self->event) {
        push @events, $event;
    }

    return @events;
}


# Takes an answer that is no stream, for is_error().
sub response {
    my ($self) = @_;
    my $head = $self->_head;
    my $body = '';

    while (defined(my $piece = $self->{exchange}->piece)) {
        $body .= $piece;
    }

    return $self->{exchange}->_response(
        $head->status, $head->headers, $body, $self->complete);
}


sub abort { $_[0]{exchange}->abort }

1;
