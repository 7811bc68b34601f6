package Jimeng::Emulator::Ark;

# Ark: one call, whose answer has the pictures. It is answered when they are
# made, and they are made and billed whether or not the client is still there.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use List::Util  qw(max);
use Mojo::IOLoop;
use Time::HiRes qw(time);

use Jimeng::Emulator::Answers qw(canned text);
use Jimeng::Emulator::Ark::Account;
use Jimeng::Emulator::Ark::Answer;
use Jimeng::Emulator::Ark::Body;
use Jimeng::Emulator::Ark::Errors qw(comes_late error);
use Jimeng::Emulator::Ark::Models;
use Jimeng::Emulator::Trigger;

use constant {
    PATH => '/api/v3/images/generations',
    KEEP => 20_000,
    LIFE => 24 * 60 * 60,
};


# accounts: array of hashes, see Jimeng::Emulator::Ark::Account; faults; url:
# where the pictures are served; clock: a function that says what time their
# links go by.
sub new {
    my ($class, %option) = @_;

    return bless {
        %option,
        accounts => [map { Jimeng::Emulator::Ark::Account->new(%$_) }
            @{ $option{accounts} }],
        calls    => [],
        pictures => {},
    }, $class;
}


sub accounts { return @{ $_[0]{accounts} } }


# The account that a key is of, and the key's name; or nothing.
sub account_of {
    my ($self, $request) = @_;

    my ($key) = ($request->{headers}{authorization} // '')
        =~ /^Bearer +(\S+)\z/i or return;

    for my $account ($self->accounts) {
        my $name = $account->key($key);
        return ($account, $name) if defined $name;
    }

    return;
}


# A request to PATH; $entry is its line of the journal, which $write writes,
# $reply as of Jimeng::Emulator::Http.
sub received {
    my ($self, $request, $reply, $entry, $write) = @_;

    my ($account, $key) = $self->account_of($request);
    my ($body, $text) = Jimeng::Emulator::Ark::Body::parse($request->{body});
    my $fault = $self->{faults}->take('ark',
        account => $account && $account->name,
        map { $_ => $body && $body->{$_} } qw(model prompt));

    my $call = $self->note($entry->{n}, $request, $account, $key, $body,
        $fault);
    my $life = {
        call    => $call,
        account => $account,
        body    => $body,
        fault   => $fault // { do => '' },
        gone    => $request->{gone},
        reply   => $reply,
        next    => 0,
    };

    my $answer = $self->at_once($life, $request);

    $account->count if $account;
    $answer ? @$call{qw(status code)} = @$answer{qw(status code)}
        : $self->begin($life);

    @$entry{qw(action account key model request_id fault status code)}
        = ('ark', @$call{qw(account key model request_id fault status code)});
    $entry->{body}    = text($text);
    $entry->{running} = $account->state(time)->{running} if $account;
    $entry->{headers}{authorization} = 'Bearer [' . ($key // '') . ']'
        if defined $entry->{headers}{authorization};
    $write->($entry);

    return $answer ? $self->over($life, $answer) : $self->run($life);
}


# What is known of a call, for the state: "made" are those that are billed,
# "gone" says whether the client had left when it ended.
sub note {
    my ($self, $number, $request, $account, $key, $body, $fault) = @_;

    my $call = {
        n           => $number,
        account     => $account && $account->name,
        key         => $key,
        model       => $body && $body->{model},
        prompt      => $body && $body->{prompt},
        fields      => $body && Jimeng::Emulator::Ark::Body::summary($body),
        request_id  => sprintf('02%013d%s', time * 1000,
            substr sha256_hex("$number " . rand), 0, 42),
        client_request_id => $request->{headers}{'x-client-request-id'},
        begun       => time,
        fault       => $fault && $fault->{do},
        pictures    => 0,
        made        => 0,
        failed      => 0,
        map { $_ => undef } qw(ended gone status code),
    };

    my $calls = $self->{calls};
    push @$calls, $call;

    if (@$calls > KEEP) {
        my $old = shift @$calls;
        delete $self->{pictures}{ $old->{request_id} };
    }

    return $call;
}


# The answer to a call that is not even begun; or nothing.
sub at_once {
    my ($self, $life, $request) = @_;

    my $fault = $life->{fault};

    return { reset => 1 } if $fault->{do} eq 'reset';
    return canned($fault) if $fault->{do} eq 'answer' && !$fault->{made};

    my @error = $fault->{do} eq 'error' && !$fault->{made}
        ? ($fault->{code}, $fault) : $self->refusal($life, $request);

    return @error
        ? Jimeng::Emulator::Ark::Answer::failure($life->{call}, @error)
        : undef;
}


# Why a call is refused: (code, {what error() takes}); or nothing.
sub refusal {
    my ($self, $life, $request) = @_;

    my ($account, $body) = @$life{qw(account body)};

    return ('MethodNotAllowed', {}) if $request->{method} ne 'POST';
    return ('AuthenticationError', {}) if !$account;
    return ($account->refuse, {}) if $account->refuse;
    return ('InvalidParameter', { param => 'Content-Type',
        message => 'The content type must be application/json' })
        if ($request->{headers}{'content-type'} // '')
            !~ m{^application/json\s*(?:;|\z)}i;
    return ('InvalidParameter', { message => 'The body is no JSON object' })
        if !$body;

    my ($code, $field, $text) =
        Jimeng::Emulator::Ark::Models::violation($body);
    return ($code, { param => $field, message => !defined $text
        ? "The parameter `$field` is missing or not known"
        : "The parameter `$field` specified in the request is not valid: "
            . $text }) if defined $code;

    return ('ModelNotOpen', { param => 'model' })
        if $account->is_denied($body->{model});

    return $self->prepare($life);
}


# Reads from the prompt how the call is to go, and looks whether there is room
# for it.
sub prepare {
    my ($self, $life) = @_;

    my ($call, $account, $body) = @$life{qw(call account body)};
    my $trigger = Jimeng::Emulator::Trigger::parse_ark($body->{prompt});

    $life->{trigger} = $trigger;
    $life->{seconds} = $trigger->{seconds} // $account->seconds;

    return ($trigger->{error}, {})
        if $trigger->{error} && !comes_late($trigger->{error});

    my $most  = Jimeng::Emulator::Ark::Models::most($body);
    my $count = $trigger->{pictures} || 1;
    $count = $most if $count > $most;

    my $code = $account->limit($body->{model}, $count, time);
    return ($code, {}) if $code;

    $call->{pictures} = $trigger->{error} ? 0 : $count;
    return;
}


sub begin {
    my ($self, $life) = @_;

    my ($call, $body) = @$life{qw(call body)};

    $life->{account}->begin($body->{model}, $call->{pictures}, time);
    $life->{begun}    = $self->{clock}->();
    $life->{inputs}   = Jimeng::Emulator::Ark::Models::inputs($body);
    $life->{pictures} = Jimeng::Emulator::Ark::Answer::pictures($life,
        $self->{url});
    $self->{pictures}{ $call->{request_id} } = $life;

    # The life is kept for its pictures, and these may be large.
    delete $body->{image};
    return;
}


sub run {
    my ($self, $life) = @_;

    my $fault = $life->{fault};

    $life->{stream} = $life->{reply}->(
        Jimeng::Emulator::Ark::Answer::stream($life->{call},
            on_the_way($fault)))
        if $life->{body}{stream} && !$life->{trigger}{error}
        && $fault->{do} !~ /^(?:drop|answer|error)\z/;

    return $self->wait_for_picture($life);
}


# Pictures are made one after the other, each in its part of the time.
sub wait_for_picture {
    my ($self, $life) = @_;

    my $parts = max($life->{call}{pictures}, 1);
    my $due   = $life->{call}{begun}
        + $life->{seconds} * ($life->{next} + 1) / $parts;

    Mojo::IOLoop->timer(max($due - time, 0), sub {
        $self->picture_made($life) if $life->{call}{pictures};

        return $self->wait_for_picture($life) if ++$life->{next} < $parts;
        return $self->finish($life);
    });
    return;
}


sub picture_made {
    my ($self, $life) = @_;

    my ($call, $fault) = @$life{qw(call fault)};
    my $fail = $life->{trigger}{fail} // {};
    my $index = $life->{next};
    my $code  = $fail->{$index} // $fail->{all};

    $code = $fault->{code}
        if $fault->{do} eq 'fail' && $fault->{picture} == $index;

    $life->{pictures}[$index]{failed} = $code;
    $call->{ defined $code ? 'failed' : 'made' }++;

    $life->{stream}->write($_) for $life->{stream}
        ? Jimeng::Emulator::Ark::Answer::picture_events($life, $index) : ();
    return;
}


# All pictures are there, or none is to come.
sub finish {
    my ($self, $life) = @_;

    my ($call, $fault, $trigger) = @$life{qw(call fault trigger)};
    my @error = $fault->{do} eq 'error' ? ($fault->{code}, $fault)
        : ($trigger->{error} // $trigger->{end} // ());

    return $self->over($life,
          $fault->{do} eq 'answer' ? canned($fault)
        : @error ? Jimeng::Emulator::Ark::Answer::failure($call, @error)
        : $life->{stream} ? {}
        : Jimeng::Emulator::Ark::Answer::success($life));
}


# The call has ended, and this is its answer; a stream's is what ends it.
sub over {
    my ($self, $life, $answer) = @_;

    my ($call, $account, $fault) = @$life{qw(call account fault)};

    if ($fault->{do} eq 'delay' && !$life->{delayed}++) {
        Mojo::IOLoop->timer($fault->{seconds},
            sub { $self->over($life, $answer) });
        return;
    }

    my ($stream, $reply, $gone) = delete @$life{qw(stream reply gone)};

    $call->{ended}  = time;
    $call->{gone}   = $gone->() ? \1 : \0;
    $call->{status} = $stream ? 200 : $answer->{status};
    $call->{code}   = $answer->{code};

    $account->end($call->{model}, $call->{made}) if $life->{begun};
    $account->answered($call->{code} // $call->{status} // 'none') if $account;
    $self->{answered}->();

    if ($stream) {
        $stream->write($_)
            for Jimeng::Emulator::Ark::Answer::last_events($life, $answer);
        return $stream->end;
    }

    $answer->{headers}{'X-Request-Id'} //= $call->{request_id};
    $reply->({ %$answer, on_the_way($fault) });
    return;
}


# What a fault does to the bytes of an answer.
sub on_the_way {
    my ($fault) = @_;

    my $kind = $fault->{do};

    return drop => 1 if $kind eq 'drop';
    return stall => [@$fault{qw(body_bytes seconds)}] if $kind eq 'stall';
    return slow => [@$fault{qw(bytes seconds)}] if $kind eq 'slow';
    return if $kind ne 'cut';

    return defined $fault->{events}
        ? (events => [$fault->{events}, $fault->{event_bytes} // 0])
        : map { $_ => $fault->{$_} } qw(bytes body_bytes);
}


# The answer to a GET of a picture's link.
sub picture {
    my ($self, $path, $query) = @_;

    my ($id, $index) = $path =~ m{^/pictures/ark/(\w+)_(\d{1,2})\.\w+\z};
    my $life    = $self->{pictures}{ $id // '' };
    my $picture = $life && $life->{pictures}[$index];

    return { status => 404, body => '' }
        if !$picture || $index >= $life->{next} || $picture->{failed};

    return { status => 403, body => 'the link is signed, and has expired' }
        if $picture->{url} !~ /\?\Q$query\E\z/
        || $self->{clock}->() >= $life->{begun} + LIFE;

    return {
        status  => 200,
        headers => { 'Content-Type' => "image/$picture->{format}" },
        body    => Jimeng::Emulator::Ark::Answer::bytes($life, $index),
    };
}


sub calls { return $_[0]{calls} }


# How many run.
sub running {
    my ($self) = @_;

    my $running = 0;
    $running += $_->state(time)->{running} for $self->accounts;
    return $running;
}

1;
