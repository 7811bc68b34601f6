#!/usr/bin/perl

# The descriptor by which a worker is woken is none of its worker_connections:
# with a zone there are as many clients at a time as without one.  Poll and
# select count it, as they have no room for more.
#
# Seen failing with a connection of ngx_get_connection() for epoll.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use IO::Socket::INET;

# One listens, and one is the master's channel.
use constant CONNECTIONS => 8;
use constant CLIENTS     => CONNECTIONS - 2;

my $request = "GET /plain HTTP/1.0\r\n";

for my $zone ('', 'jimeng_zone shared:1m;') {
    my $name = $zone ? 'with a zone' : 'without one';

    my $t = Jimeng::Test->new(
        workers => 1, events => 'worker_connections ' . CONNECTIONS . ';',
        http => $zone, server => 'location = /plain { return 204; }',
    );

    my ($worker) = $t->workers;
    my $before = sockets($worker);

    # None is answered before all are there, or one was turned away.
    my @clients = map { client($t->port('http')) } 1 .. CLIENTS;

    wait_for {
        sockets($worker) == $before + CLIENTS
            || $t->error_log =~ /worker_connections are not enough/
    } "$name: all have come";

    $_->syswrite("\r\n") for @clients;

    is(join(' ', map { status($_) } @clients), join(' ', (204) x CLIENTS),
       "$name: all of ${\ CLIENTS} at a time");

    $t->finish;
}

done_testing();


sub client {
    my ($port) = @_;
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 10)
        or die "connect: $!";

    $socket->syswrite($request);
    return $socket;
}

# those that a process has open
sub sockets {
    my ($pid) = @_;
    return scalar grep { (readlink($_) // '') =~ /^socket:/ }
                  glob "/proc/$pid/fd/*";
}

sub status {
    my ($socket) = @_;
    my $answer = '';

    1 while sysread($socket, $answer, 4096, length $answer);
    return $answer =~ m{^HTTP/1\.\d (\d+)} ? $1 : 'none';
}
