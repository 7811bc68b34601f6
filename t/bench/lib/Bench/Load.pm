package Bench::Load;

# The clients: wrk, one job on its own, and many jobs held in flight.

use strict;
use warnings;
use utf8;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use Socket qw(SOL_SOCKET SO_RCVTIMEO);

our @EXPORT_OK = qw(ANSWER KEY body uris one_job wrk in_step open_jobs
                    finish_jobs);

# the client's, for gateways that ask for one
use constant KEY => 'sk-bench';

# Ark's, to a job's call.
use constant ANSWER => JSON::PP->new->canonical->encode({
    model   => 'doubao-seedream-4-5-251128',
    created => 1763733634,
    data    => [{
        url  => 'https://ark-content-generation-v2-cn-beijing.tos-cn-beijing'
                . '.volces.com/doubao-seedream-4-5/0217636337340970000000'
                . '0000000000000ffffac15c8b5f1e9a_0.jpeg'
                . '?X-Tos-Algorithm=TOS4-HMAC-SHA256'
                . '&X-Tos-Credential=AKLTcanned%2F20251121%2Fcn-beijing'
                . '%2Ftos%2Frequest&X-Tos-Date=20251121T140034Z'
                . '&X-Tos-Expires=86400&X-Tos-Signature=' . 'c' x 64
                . '&X-Tos-SignedHeaders=host',
        size => '2304x1728',
    }],
    usage   => { generated_images => 1, output_tokens => 15552,
                 total_tokens => 15552 },
});

my $bench = abs_path(dirname(__FILE__) . '/../..');


# The client's request: every contestant of a service, and the plain proxy, gets
# this body.

sub body {
    my ($service) = @_;

    return JSON::PP->new->utf8->canonical->encode({
        model           => $service eq 'ark' ? 'jimeng-4.5' : 'jimeng-4.0',
        prompt          => '一只戴草帽的橘猫坐在海边的木栈道上，落日，胶片质感，'
                           . 'a tabby cat in a straw hat, 35 mm film',
        size            => '2304x1728',
        n               => 1,
        response_format => 'url',
    });
}


# What the proxy is asked for in place of a job: the calls that a job makes.

sub uris {
    my ($service) = @_;

    return '/api/v3/images/generations' if $service eq 'ark';

    return map { "/?Action=CVSync2Async$_&Version=2022-08-31" }
           qw(SubmitTask GetResult);
}


# Runs one job and dies unless its reply is what an OpenAI client expects.  Ark's
# has an id where there is a zone.

sub one_job {
    my ($gateway, $service) = @_;

    my $r = HTTP::Tiny->new(timeout => 60)->post(
        "http://127.0.0.1:$gateway->{port}/v1/images/generations",
        { headers => { 'Content-Type' => 'application/json',
                       Authorization => 'Bearer ' . KEY },
          content => body($service) });

    my $reply = eval { decode_json($r->{content}) } // {};

    die "a job was answered $r->{status}:\n$r->{content}\n", $gateway->log
        unless $r->{status} == 200
               && ($reply->{data}[0]{url} // '') =~ m{^https?://}
               && (($reply->{task_id} // '') ne '' || $service eq 'ark')
               && ($reply->{task_status} // '') eq 'succeed'
               && ($reply->{size} // '') eq '2304x1728'
               && ($reply->{created} // '') =~ /^\d+$/;
}


# Loads a gateway, of which $g tells and that listens at the port, for so many
# seconds.  Returns the number of answers.

sub wrk {
    my ($g, $port, $seconds, $connections, $file) = @_;

    open my $fh, '-|', 'wrk', '-t1', "-c$connections", "-d${seconds}s",
        '--timeout', '30s', '-s', "$bench/load.lua",
        "http://127.0.0.1:$port", '--', $g->{kind}, $file, KEY,
        uris($g->{service})
        or die "wrk: $!\n";
    my $text = do { local $/; <$fh> } // '';
    close $fh;

    my ($requests, $failed) = $text =~ /^bench: requests (\d+) failed (\d+)/m
        or die "wrk says:\n$text";

    die "$failed of $requests requests failed:\n$text"
        if $failed || !$requests;

    return $requests;
}


# A request as it is sent.

sub post {
    my ($port, $uri, $body, @headers) = @_;

    return join "\r\n", "POST $uri HTTP/1.1", "Host: 127.0.0.1:$port",
        'Content-Type: application/json', @headers,
        'Content-Length: ' . length $body, '', $body;
}


# So many jobs, or as many requests to the proxy as they make, on each of so many
# connections: all of them send, then all of them read.

sub in_step {
    my ($g, $port, $connections, $jobs) = @_;

    my @sockets = map {
        IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
            or die "connection $_ of $connections: $!\n";
    } 1 .. $connections;

    my @uris = $g->{kind} eq 'job' ? '/v1/images/generations'
                                   : uris($g->{service});
    my $n = 0;

    for my $uri ((@uris) x $jobs) {
        for my $s (@sockets) {

            # equal requests at once would wait for each other
            my $body = body($g->{service})
                       =~ s/"prompt":"/sprintf '%s%06d ', $&, $n++/er;

            my $request = post($port, $uri, $body,
                               'Authorization: Bearer ' . KEY);

            syswrite($s, $request) == length $request
                or die "a request to $g->{name}: $!\n";
        }

        read_answer($_) for @sockets;
    }
}


sub read_answer {
    my ($s) = @_;
    my $answer = '';

    until ($answer =~ /^Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)/ims
           && length $2 == $1)
    {
        sysread $s, $answer, 65536, length $answer
            or die "a connection broke off, having said:\n$answer\n";
    }

    die "a request was answered:\n$answer\n" if $answer !~ m{^HTTP/1\.1 200 };
}


# Sends so many requests, each on a connection of its own, and returns the
# connections: their answers are read by finish_jobs.

sub open_jobs {
    my ($service, $port, $n) = @_;
    my @sockets;

    my $request = post($port, '/v1/images/generations', body($service),
                       'Connection: close');

    for (1 .. $n) {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                      PeerPort => $port)
            or die "connection $_ of $n: $!\n";

        syswrite($s, $request) == length $request
            or die "request $_ of $n: $!\n";

        push @sockets, $s;
    }

    return @sockets;
}


# Reads all answers; returns how many were good.

sub finish_jobs {
    my $good = 0;

    for my $s (@_) {
        my $answer = '';

        setsockopt $s, SOL_SOCKET, SO_RCVTIMEO, pack('l!l!', 120, 0);
        1 while sysread $s, $answer, 65536, length $answer;

        $good++ if $answer =~ m{^HTTP/1\.1 200 .*"url":\s*"https?:}s;
    }

    return $good;
}


1;
