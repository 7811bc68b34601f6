#!/usr/bin/perl

# Clients that leave while a picture is handed on to them, and another task of
# theirs is still being made: it is followed to its end, however nginx gets to
# know of it.
#
# Seen failing:
# - "a write fails", with c->error left as it is in
#   ngx_http_jimeng_exchange_end(): the subrequest takes the whole request with
#   it, and the task is not followed;
# - "frames are queued", with a write handler that does not look at c->error:
#   of an HTTP/2 session that ends, nginx tells a stream that has frames in the
#   queue by its write handler.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use Jimeng::Test::Answer qw(done envelope http pending submitted upstream);
use Jimeng::Test::Http2;
use Jimeng::Test::Process qw(slurp);
use Socket qw(SOL_SOCKET SO_RCVBUF);

my $picture = 'QUJD' x 1_000_000;
my $ids = File::Temp->newdir;
my ($gate, $tap, $submits, $polls) = map { File::Temp->new } 1 .. 4;

my $data = http(envelope({
    binary_data_base64 => [$picture], image_urls => undef, status => 'done',
}));

# The first picture comes in two parts, the second task takes until the gate is
# open.
my $server = Jimeng::Test::RawServer->new(sub {
    my ($socket) = @_;

    while (defined(my $request = read_request($socket))) {

        if ($request =~ /Action=CVSync2AsyncSubmitTask/) {
            syswrite $submits, '.';
            my $id = 1;
            $id++ until mkdir "$ids/$id";
            syswrite $socket, http(submitted($id));

        } elsif ($request =~ /return_url\W+false/) {
            syswrite $socket, substr $data, 0, 300_000;
            select undef, undef, undef, 0.01 until -s "$tap";
            syswrite $socket, substr $data, 300_000;

        } elsif ($request =~ /task_id\W+(?:2|4)\b/ && !-s "$gate") {
            syswrite $polls, '.';
            syswrite $socket, http(pending());

        } else {
            syswrite $socket, http(done());
        }
    }
});

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '50ms', http => 'jimeng_poll_attempts 10000;',
    server => 'listen 127.0.0.1:%%PORT:http2%% http2 sndbuf=4k;',
);

my ($worker) = $t->workers;
my ($method, $path, $headers, $body) = $t->generation({
    prompt => 'a ferry in fog', n => 2, stream => JSON::PP::true(),
    response_format => 'b64_json',
});


sub followed {
    my ($name, $lines) = @_;
    my $before = -s "$polls";

    wait_for { $t->error_log =~ /client closed connection, task/ }
        "$name: it is noticed" if $name ne 'none';
    wait_for { -s "$polls" > $before + 2 } "$name: the task is asked for";

    syswrite $gate, '.';
    my ($row) = (grep { $_->{request} =~ /^POST/ } $t->access_lines($lines))[-1];

    is($row->{jimeng_status}, 'succeed', "$name: the task was followed to its end")
        or diag(explain($row));
    truncate $_, 0 for $gate, $tap;
    return;
}


# ---- the picture goes on before the client's end is seen

my $x = $t->start_request($method, $path, $headers, $body);
my $first = 300_000 - index $data, 'QUJD';
my $got = '';

# Nothing is left to be sent: the next write is for what comes from upstream.
until (($got =~ s/\r\n[0-9a-f]+\r\n//gr) =~ /((?:QUJD)+)/ && length $1 >= $first - 4) {
    last unless IO::Select->new($x->socket)->can_read(10)
                && sysread $x->socket, $got, 65536, length $got;
}

kill 'STOP', $worker;
wait_for { slurp("/proc/$worker/stat") =~ /\) T/ } 'the worker stands still';
syswrite $tap, '.';
select undef, undef, undef, 0.3;
$x->reset;
kill 'CONT', $worker;

followed('a write fails', 1);
is(-s "$submits", 2, 'a write fails: submits');


# ---- an HTTP/2 session ends, whose frames wait for the socket

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
setsockopt $h2->{socket}, SOL_SOCKET, SO_RCVBUF, pack 'i', 4096;
$h2->start($method, $path, $headers, $body);
wait_for { -s "$submits" == 4 && -s "$polls" > 10 } 'frames are queued';
syswrite $tap, '.';
$h2->reset;

followed('frames are queued', 2);
is(-s "$submits", 4, 'frames are queued: submits');

$t->done;
