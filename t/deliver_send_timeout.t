#!/usr/bin/perl

# send_timeout is between two writes to a client: one that takes what it can
# is not given up because the provider is slow, and one that takes nothing is,
# however busy its other tasks are.
#
# Seen failing:
# - "slow provider", with ngx_http_jimeng_deliver_event() sending only where
#   no exchange is under way: what the client had no room for stayed until the
#   provider answered, and the client was given up before;
# - "nothing is taken", without the test of wev->ready in
#   ngx_http_jimeng_deliver_write(): each query that ended set the timer anew.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done envelope http pending submitted);
use Socket;
use Time::HiRes qw(sleep);

my $ids = File::Temp->newdir;
my ($gate, $asked) = map { File::Temp->new } 1 .. 2;
my $picture = 'QUJD' x 10_000;
my $url = 'http://127.0.0.1/' . 'x' x 200_000 . '.png';

my $server = raw_server(sub {
    my ($socket) = @_;

    while (defined(my $request = read_request($socket))) {

        if ($request =~ /Action=CVSync2AsyncSubmitTask/) {
            my $id = 1;
            $id++ until mkdir "$ids/$id";
            syswrite $socket, http(submitted($id));
            next;
        }

        if ($request =~ /return_url\W+false/) {
            syswrite $asked, '.';
            # Longer than send_timeout.
            sleep 3 if -s "$asked" == 2;
            syswrite $socket, http(envelope({
                binary_data_base64 => [$picture], status => 'done',
            }));

        } elsif ($request =~ /task_id\W+4\b/ && !-s "$gate") {
            syswrite $socket, http(pending());

        } else {
            syswrite $socket, http(done($url));
        }
    }
});

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '50ms', listen => 'sndbuf=4k',
    http => 'send_timeout 1s; jimeng_poll_attempts 10000;',
);


# A client with little room for what it has not read.
sub start {
    my (%fields) = @_;
    my ($method, $path, $headers, $body) = $t->generation({
        prompt => 'a kiln', n => 2, stream => JSON::PP::true(),
        # In Ark's form no picture waits for another.
        sequential_image_generation => 'disabled', %fields,
    });

    socket my $socket, PF_INET, SOCK_STREAM, 0 or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 2048;
    connect $socket, sockaddr_in($t->port, inet_aton('127.0.0.1'))
        or die "connect: $!";

    return $t->start_request($method, $path,
                             { %$headers, Connection => 'close' }, $body,
                             on => { socket => $socket, buffer => '' });
}


my $r = start(response_format => 'b64_json')->response;

ok($r->complete, 'slow provider: the stream ends');
is(scalar(() = $r->body =~ /"b64_json":"$picture"/g), 2,
   'slow provider: pictures');

my $x = start();
wait_for { $t->error_log =~ /client closed connection, task "4"/ }
    'nothing is taken: it is noticed', 10;

syswrite $gate, '.';
is(($t->access_lines(2))[1]{jimeng_status}, 'succeed',
   'nothing is taken: the other task is followed to its end');

$x->abort;
$t->done;
