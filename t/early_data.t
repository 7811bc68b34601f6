#!/usr/bin/perl

# ssl_early_data: what comes before the handshake's end may be a copy of what
# somebody else has sent.  Nothing is submitted for it: 425, and the client
# sends it again.  What costs nothing is answered as always.
#
# Seen failing: a submit for each copy, without ngx_http_jimeng_client_early()
# in ngx_http_jimeng_handler().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Jimeng::Test::Certificate;
use Jimeng::Test::Process;

my $t = Jimeng::Test->new(
    strict => 1, log => ['ssl_early_data'], http => 'lingering_close off;',
    server => certificate() . <<'EOT',
        listen 127.0.0.1:%%PORT:tls%% ssl;
        ssl_protocols  TLSv1.3;
        ssl_early_data on;
EOT
);

my $session = $t->dir . '/session';
my $prompt = 'a windmill at noon';
my $lines = 0;

sub file {
    my ($method, $path, $body) = @_;

    return $t->write_file('request', "$method $path HTTP/1.1\r\n"
        . "Host: localhost\r\nConnection: close\r\n"
        . "Content-Type: application/json\r\n"
        . 'Content-Length: ' . length($body // '') . "\r\n\r\n"
        . ($body // ''));
}

sub post {
    my $body = JSON::PP->new->utf8->encode({ prompt => $prompt });
    return file('POST', '/v1/images/generations', $body);
}

sub client {
    my ($port, @options) = @_;

    return Jimeng::Test::Process->start(
        name => 'openssl', dir => $t->dir, command => [
            'openssl', 's_client', '-quiet', '-connect', "127.0.0.1:$port",
            @options,
        ],
    );
}

# The reply to a request after the handshake.
sub late {
    my ($file, @options) = @_;
    my $to = '127.0.0.1:' . $t->port('tls');

    return scalar `openssl s_client -quiet -connect $to @options < $file 2>&1`;
}

sub row {
    my @rows = $t->access_lines(++$lines);
    my $row = $rows[$lines - 1] // {};

    return "$row->{status} early=$row->{ssl_early_data}";
}

# Hands a client's first records to nginx, up to its early data, and no more
# until it was answered: else its handshake may be over before that.  Returns
# these records and the line in the log.
sub between {
    my ($listener) = @_;
    my $client = $listener->accept;
    my $early = '';

    until (has_data($early)) {
        IO::Select->new($client)->can_read(10)
            && sysread($client, $early, 65536, length $early)
            or die 'no early data was sent';
    }

    my $server = connection();
    print $server $early;
    my $row = row();

    my %other = ($client => $server, $server => $client);
    my $select = IO::Select->new($client, $server);

    local $SIG{PIPE} = 'IGNORE';

    while (my @ready = $select->can_read(20)) {
        for my $socket (@ready) {
            my $n = sysread $socket, my $bytes, 65536;
            return ($early, $row) if !$n;
            syswrite $other{$socket}, $bytes;
        }
    }

    return ($early, $row);
}

# Whether there is a whole record of application data (23).
sub has_data {
    my ($bytes) = @_;

    while (length $bytes >= 5) {
        my ($type, undef, $length) = unpack 'C n n', $bytes;

        return 0 if length $bytes < 5 + $length;
        return 1 if $type == 23;
        substr $bytes, 0, 5 + $length, '';
    }

    return 0;
}

sub connection {
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $t->port('tls')) or die $!;
    $socket->autoflush(1);
    return $socket;
}

# Has a client send a request as early data; returns what between() does, and
# what it printed.
sub early {
    my ($file) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or die $!;
    my $client = client($listener->sockport, '-sess_in', $session,
                        '-early_data', $file);
    my ($bytes, $row) = between($listener);

    ok($client->wait(10), 'the client ends');
    return ($bytes, $row, $client->stdout);
}


# ---- a session to resume

like(late(file('GET', '/v1/models'), '-sess_out', $session), qr/"object"/,
     'a session: the reply');
is(row(), '200 early=', 'a session: the log');


# ---- early data, and copies of it

my ($bytes, $row, $reply) = early(post());
is($row, '425 early=1', 'early: the log');
like($reply, qr{^HTTP/1\.1 425}, 'early: refused');
like($reply, qr/"code":"too_early"/, 'early: in the envelope');
like($reply, qr/"message":"[^"]*handshake[^"]*"/, 'early: why');

for my $copy (1 .. 3) {
    my $socket = connection();
    print $socket $bytes;
    is(row(), '425 early=1', "copy $copy: refused");
}

is(scalar $t->submits, 0, 'nothing is submitted');


# ---- after the handshake, and what costs nothing

like(late(post(), '-sess_in', $session), qr{^HTTP/1\.1 200.*"url"}ms,
     'sent again: a picture');
is(row(), '200 early=', 'sent again: the log');
is(scalar $t->submits, 1, 'sent again: one submit');

(undef, $row, $reply) = early(file('GET', '/v1/models'));
like($reply, qr{^HTTP/1\.1 200.*"object"}s, 'models: as always');
is($row, '200 early=1', 'models: in early data');

$t->done;
