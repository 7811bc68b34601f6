package Bench::Clients;

# Clients of a gateway that wait, all at once, each request on a connection of
# its own.  What breaks off is sent again, with the same Idempotency-Key, until
# it is answered.
#
#   my $clients = Bench::Clients->new(\@ports, %how);     by turns
#   my $call = $clients->call($client, $key, $more);      sends a request
#   $clients->every($seconds, $first, sub { });   something else meanwhile
#   $clients->run;                                until all are answered
#
# A call is {call, client, sent, tries, broken, status, code, retry, url,
# ended}: "call" is its number from 1, which its prompt has, with what more there
# is; "tries" are [began, ended, port], and "broken" is a list of when its connection
# broke off; times are seconds since 1970.
#
# How clients are, if otherwise: "headers" returns those of a call's next try,
# as a list; "again" is given a call and its response, undef when there is none,
# and returns after how many seconds it is sent again, undef: not any more.

use strict;
use warnings;

use Mojo::IOLoop;
use Mojo::UserAgent;
use Time::HiRes 'time';

use constant AGAIN => 0.1;      # seconds


sub new {
    my ($class, $ports, %how) = @_;

    my $ua = Mojo::UserAgent->new(connect_timeout => 10, max_connections => 0,
                                  inactivity_timeout => 0);

    # by default what a callback dies of is only told
    Mojo::IOLoop->singleton->reactor->unsubscribe('error')
        ->on(error => sub { die $_[1] });

    return bless {
        ua => $ua, number => 0, waiting => 0, timers => [],
        ports => $ports, turn => 0,
        headers => sub { return 'Idempotency-Key' => "bench-$_[0]{call}" },
        again => sub { return $_[1] ? undef : AGAIN },
        %how,
    }, $class;
}


sub call {
    my ($self, $client, $key, $more) = @_;

    my $call = { call => ++$self->{number}, client => $client, key => $key,
                 more => $more // '', sent => time, tries => [],
                 broken => [] };

    $self->{waiting}++;
    $self->try($call);

    return $call;
}


sub try {
    my ($self, $call) = @_;

    my %headers = (
        Authorization => "Bearer $call->{key}",
        Connection    => 'close',
        $self->{headers}->($call),
    );

    my %body = (model => 'jimeng-4.0',
                prompt => "call $call->{call}: a cat in the sun$call->{more}");

    my @ports = @{ $self->{ports} };
    my $port = $ports[$self->{turn}++ % @ports];
    my $try = [time, undef, $port];
    my $url = "http://127.0.0.1:$port/v1/images/generations";

    push @{ $call->{tries} }, $try;

    $self->{ua}->post($url, \%headers, json => \%body, sub {
        my ($ua, $tx) = @_;
        my $error = $tx->error;
        my $broken = $error && !$error->{code};

        $try->[1] = time;
        push @{ $call->{broken} }, $try->[1] if $broken;

        my $pause = $self->{again}->($call, $broken ? undef : $tx->res);

        if (defined $pause) {
            Mojo::IOLoop->timer($pause, sub { $self->try($call) });
            return;
        }

        my $reply = $tx->res->json // {};

        $call->{ended} = time;
        $call->{status} = $tx->res->code;
        $call->{code} = $reply->{code};
        $call->{retry} = $tx->res->headers->header('X-Should-Retry');
        $call->{url} = $reply->{data}[0]{url} if $call->{status} == 200;

        Mojo::IOLoop->stop unless --$self->{waiting};
    });
}


sub every {
    my ($self, $seconds, $first, $do) = @_;

    push @{ $self->{timers} }, Mojo::IOLoop->timer($first, sub {
        $do->();
        push @{ $self->{timers} }, Mojo::IOLoop->recurring($seconds, $do);
    });
}


# Lets so many seconds go by.

sub pause {
    my ($self, $seconds) = @_;

    Mojo::IOLoop->timer($seconds, sub { Mojo::IOLoop->stop });
    Mojo::IOLoop->start;
}


sub run {
    my ($self) = @_;

    Mojo::IOLoop->start if $self->{waiting};
    Mojo::IOLoop->remove($_) for splice @{ $self->{timers} };
}


1;
