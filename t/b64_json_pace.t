#!/usr/bin/perl

# The pace of a reply of base64, or of a stream with it: limit_rate, which does
# not slow it down, does it no harm; send_timeout ends it when the client has
# taken nothing for so long, and not before; worker_shutdown_timeout ends it
# whoever reads.
#
# Seen failing: "send_timeout", with one of the client's location alone: while
# the upstream has something to say, the internal location's counts.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Sse;
use Time::HiRes qw(sleep time);

use constant LARGE => 12_000_000;

my $t;
my $prompts = 0;
my %dialect = (JSON => {}, stream => { stream => \1 });

sub start_with {
    my (%opt) = @_;

    return $t = Jimeng::Test->new(
        strict => 1, http2 => 1, poll_interval => '20ms',
        http => 'lingering_close off; send_timeout 1s;',
        emulator => { seconds => 0.03 },
        proxy => 'proxy_read_timeout 20s;', %opt,
    );
}

sub prompt { 'a curlew ' . $prompts . '.' }

sub request_of {
    my ($lane, $bytes, $fields) = @_;

    $prompts++;
    my ($method, $path, @rest) = $t->generation({
        prompt => prompt() . " [[bytes=$bytes]]",
        response_format => 'b64_json', %{ $fields || {} },
    });
    return ($method, $path =~ s{^/v1}{/$lane}r, @rest);
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

# Reads so many bytes of a body; undef: all of it.
sub read_body {
    my ($x, $bytes, $pause) = @_;
    my $text = '';

    $x->head;

    while (!defined $bytes || length $text < $bytes) {
        my $piece = $x->piece // last;
        $text .= $piece;
        sleep $pause if $pause;
    }

    return $text;
}

my %server = (server => <<'EOT');
        location /rate/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 100ms;
            limit_rate 1m;
        }
        location /after/ {
            jimeng_pass /_volcengine;
            limit_rate_after 200k;
            limit_rate 1m;
        }
        location /send/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 200ms;
        }
EOT


# ---- limit_rate

# The system takes megabytes at once else, and wants no more before a third of
# them has been read: that may take longer than send_timeout.
start_with(%server, listen => 'sndbuf=64k');

for my $name (sort keys %dialect) {
    for my $lane ('rate', 'after') {
        my $begin = time;
        my $x = $t->start_request(
            request_of($lane, 1_200_000, $dialect{$name}), timeout => 10);
        my (undef, @pictures) = pictures(read_body($x));
        my $took = time - $begin;

        is("@pictures", noise_of((ids())[0], 1_200_000),
           "limit_rate, $lane, $name: the picture");
        ok($x->complete, "limit_rate, $lane, $name: complete");
        cmp_ok($took, '<', 5, "limit_rate, $lane, $name: in its time");
    }
}

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $stream = $h2->start(request_of('rate', 1_200_000));
my (undef, @pictures) = pictures($h2->response($stream, 10)->{body});
is("@pictures", noise_of((ids())[0], 1_200_000), 'limit_rate, HTTP/2');


# ---- send_timeout

for my $name (sort keys %dialect) {
    my $rows = $t->access_log;
    my $x = $t->start_request(request_of('send', LARGE, $dialect{$name}),
                              buffer => 65536);
    my $text = read_body($x, 100_000);
    my $begin = time;

    cmp_ok(length $text, '>=', 100_000, "send_timeout, $name: it begins");
    my $row = ($t->access_lines($rows + 1))[-1];
    my $took = time - $begin;
    cmp_ok($took, '>', 0.7, "send_timeout, $name: not before it is over");
    cmp_ok($took, '<', 4, "send_timeout, $name: and soon after it");
    is($row->{jimeng_status}, 'succeed', "send_timeout, $name: the task");

    read_body($x);
    ok(!$x->complete, "send_timeout, $name: cut");
    is(scalar submits(), 1, "send_timeout, $name: one submit");

    # Slow, and never so slow.
    $x = $t->start_request(request_of('send', 3_000_000, $dialect{$name}),
                           buffer => 65536);
    (undef, @pictures) = pictures(read_body($x, undef, 0.025));
    is("@pictures", noise_of((ids())[0], 3_000_000),
       "send_timeout, $name, slow: the picture");
    ok($x->complete, "send_timeout, $name, slow: complete");
}

my $rows = $t->access_log;
my $narrow = Jimeng::Test::Http2->new($t->port('http2'), window => 65535);
$stream = $narrow->start(request_of('send', LARGE));
ok($narrow->read_until($stream, qr/.{60000}/, 10),
   'send_timeout, HTTP/2: it begins');
my $begin = time;
$t->access_lines($rows + 1);
cmp_ok(time - $begin, '<', 4, 'send_timeout, HTTP/2: ends it');
$narrow->abort;
$t->finish;


# ---- worker_shutdown_timeout

start_with(main => 'worker_shutdown_timeout 1s;');

my @clients = map {
    my $x = $t->start_request(request_of('v1', LARGE, $_), buffer => 65536);
    cmp_ok(length read_body($x, 100_000), '>=', 100_000,
           'worker_shutdown_timeout: a client that does not read');
    $x;
} @dialect{ sort keys %dialect };

$narrow = Jimeng::Test::Http2->new($t->port('http2'), window => 65535);
$stream = $narrow->start(request_of('v1', LARGE));
ok($narrow->read_until($stream, qr/.{60000}/, 10),
   'worker_shutdown_timeout: one over HTTP/2');

$begin = time;
$t->signal('QUIT');
is($t->wait_exit(6), 0, 'worker_shutdown_timeout: nginx leaves');
my $took = time - $begin;
cmp_ok($took, '>=', 0.9, 'worker_shutdown_timeout: not before it');

for my $x (@clients) {
    read_body($x);
    ok(!$x->complete, 'worker_shutdown_timeout: cut');
}

is(scalar $t->access_log, 3, 'worker_shutdown_timeout: the access log');
$t->done;
