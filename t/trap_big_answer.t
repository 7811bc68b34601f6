#!/usr/bin/perl

# Answers that are too long: nginx's own buffer for a subrequest in memory
# would drop the client's connection, and an answer may not fill the memory of
# a worker.  256 KiB is taken, one byte more is not; the header has nginx's
# own limit.
#
# Seen failing: "queries" and "once", with NGX_HTTP_JIMENG_ANSWER_MAX a
# thousand times as great; "status", with a body filter that passes on what it
# has read.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done http submitted upstream);
use Jimeng::Test::Process qw(slurp);

my $cap = 262144;
my $huge = 64 * 1024 * 1024;


sub padded {
    my ($json, $length) = @_;
    return $json . ' ' x ($length - length $json);
}

# Made before it is asked for: on a busy machine that takes longer than nginx
# waits for an answer's first byte.
my $huge_answer = http(padded(done(), $huge));

# By the number of the query: too long in every way, then long enough.
my @answers = (
    sub { http(padded(done(), $cap + 1)) },
    sub { $huge_answer },
    sub { "HTTP/1.1 200 OK\r\n\r\n" . padded(done(), $cap + 1) },
    sub { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
          . "Connection: close\r\n\r\n"
          . sprintf("%x\r\n", $cap + 1) . padded(done(), $cap + 1)
          . "\r\n0\r\n\r\n" },
    sub { http(done(), 'X-Long' => 'x' x 100_000, Connection => 'close') },
    sub { http(padded(done(), $cap)) },
);

for my $proxy ('', 'proxy_buffering off;', 'proxy_buffer_size 1k;') {
    my $name = $proxy || 'proxy_buffering on';
    my $count = File::Temp->new;

    my $server = upstream(
        submit => sub { http(submitted()) },
        query => sub {
            syswrite $count, '.';
            return $answers[(-s $count->filename) - 1]->();
        },
    );

    my $t = Jimeng::Test->new(
        emulator => 0, upstream => '127.0.0.1:' . $server->port,
        poll_interval => '10ms', proxy => $proxy,
    );

    # What fails first is a process's first megabytes.
    my ($worker) = $t->workers;
    my $size = sub { (slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m)[0] };
    my $before = $size->();

    my $r = $t->generate;
    is($r->status, 200, "$name: status");
    is(($r->json // {})->{data}[0]{url}, 'http://127.0.0.1/picture.png',
       "$name: the picture");
    is(-s $count->filename, scalar @answers, "$name: queries");

    my $dropped = () = $t->error_log =~ /an answer of over 262144 bytes/g;
    is($dropped, 4, "$name: the log says so");
    $t->log_like(qr/upstream sent too big header/, "$name: a long header");

    cmp_ok($size->() - $before, '<', 16384, "$name: memory, in kilobytes");
    $t->finish;
}


# ---- a submit

my $server = upstream(
    submit => sub { http(padded(submitted(), $cap + 1)) },
    query => sub { die "there is nothing to ask for\n" },
);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
);

my $r = $t->generate;
is($r->status, 502, 'submit: status');
is($server->connections, 1, 'submit: once');

$t->done;
