#!/usr/bin/perl

# "proxy_next_upstream ... non_idempotent" with two servers: a submit that was
# sent and not answered is not sent to the other one, it may have been taken
# and would be paid twice.  What was refused a connection goes to the other
# one, as ever.
#
# Seen failing: every "is sent once", without
# ngx_http_jimeng_exchange_idempotent().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done http submitted upstream);

my $t = Jimeng::Test->new(emulator => 0, start => 0);
my $submits = $t->dir . '/submits';

# Both servers of an upstream fail in the same way.
my %failure = (
    closes => sub { return undef },
    'is silent' => sub { sleep 10; return undef },
    'cuts off the header' => sub { "HTTP/1.1 200 OK\r\nConte" },
    'answers 500' => sub {
        "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n"
        . "Content-Length: 0\r\n\r\n" },
    'answers 503' => sub {
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
        . "Content-Length: 0\r\n\r\n" },
    'answers 429' => sub {
        "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\n"
        . "Content-Length: 0\r\n\r\n" },
    'is no HTTP' => sub { "\0\1\2\3 hello\r\n\r\n" },
);

my (@servers, %port);

for my $how (keys %failure) {
    for (1, 2) {
        my $server = upstream(
            submit => sub {
                my ($request) = @_;
                open my $fh, '>>', "$submits $how" or die $!;
                syswrite $fh, '.';
                return $failure{$how}->();
            },
            query => sub { http(done()) },
        );
        push @servers, $server;
        push @{ $port{$how} }, $server->port;
    }
}

my $good = upstream(submit => sub { http(submitted()) },
                    query => sub { http(done()) });

$port{'refuses connections'} = [ $t->port('nobody'), $good->port ];

my %number;
@number{ sort keys %port } = 1 .. keys %port;

my $conf = sub {
    my ($how) = @_;
    my $n = $number{$how};
    my @servers = map { "server 127.0.0.1:$_;" } @{ $port{$how} };
    return "upstream u$n { @servers }";
};

my $proxy = 'internal; proxy_http_version 1.1;
    proxy_set_header Host visual.volcengineapi.com;
    proxy_read_timeout 500ms; proxy_next_upstream error timeout
    invalid_header http_500 http_503 http_429 non_idempotent;';

$t = Jimeng::Test->new(
    emulator => 0, poll_interval => '20ms',
    upstream => '127.0.0.1:' . $good->port,
    http => join("\n", map { $conf->($_) } keys %port),
    server => join("\n", map { "
        location /$_/ { jimeng_pass /_u$_; }
        location = /_u$_ { $proxy proxy_pass http://u$_/; }
    " } values %number),
);

my (undef, undef, $headers, $body) = $t->generation;
my %client = map {
    $_ => $t->start_request('POST', "/$number{$_}/images/generations",
                            $headers, $body);
} keys %port;

is($client{'refuses connections'}->response->status, 200,
   'refuses connections: the other server is used');

# Refused for load, which is no doubt: sent again, as long as there is time.
delete $client{'answers 429'};

for my $how (sort grep { $failure{$_} } keys %client) {
    my $r = $client{$how}->response;
    is($r->status, 502, "$how: status") or diag $r->body;
    is(-s "$submits $how", 1, "$how: is sent once");
}

$t->done;
