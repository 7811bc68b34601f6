#!/usr/bin/perl

# Large pictures and slow clients: what a worker keeps does not depend on the
# pictures, others are served meanwhile, a client may leave in the middle, and
# a worker that is to leave finishes what it has begun.
#
# Seen failing: "its picture", with ngx_http_jimeng_pass_buf() giving the
# upstream's buffer back at once instead of with the last of what lies in it;
# without ngx_http_jimeng_exchange_wake() the clients wait for ever.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Process qw(poll);
use Time::HiRes qw(time);

use constant {
    LARGE => 30_000_000,
    SOME  => 3_000_000,
};

# How much a worker may grow, in KiB, whatever the pictures' size.
use constant GROWTH => 16384;

my $t;
my $prompts = 0;

sub start_with {
    my (%opt) = @_;

    return $t = Jimeng::Test->new(
        strict => 1, http2 => 1, poll_interval => '50ms',
        http => 'lingering_close off;', emulator => { seconds => 0.1 }, %opt,
    );
}

sub prompt { 'an ibis ' . $prompts . '.' }

sub request_of {
    my ($bytes, $fields) = @_;

    $prompts++;
    return $t->generation({
        prompt => prompt() . " [[bytes=$bytes]]",
        response_format => 'b64_json', %{ $fields || {} },
    });
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

# What is missing of a reply of which some has been read.
sub rest_of {
    my ($x, $text) = @_;

    while (defined(my $piece = $x->piece)) {
        $text .= $piece;
    }

    return $text;
}

# Reads a reply until so many bytes of its body are there.
sub read_some {
    my ($x, $bytes) = @_;
    my $text = '';

    return $text unless $x->head->status == 200;

    while (length $text < $bytes) {
        my $piece = $x->piece // last;
        $text .= $piece;
    }

    return $text;
}

sub still_serves {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $begin = time;

    is($t->generate({})->status, 200, "$name: another client");

    my ($rest, @pictures) = pictures($t->request(request_of(20_000))->body);
    is("@pictures", noise_of((ids())[0], 20_000),
       "$name: another client, base64");
    cmp_ok(time - $begin, '<', 3, "$name: soon");
    return;
}


# ---- a client that does not read

for my $proxy ('', 'proxy_buffering off;') {
    my $name = $proxy || 'proxy_buffering on';

    start_with(proxy => "$proxy proxy_read_timeout 20s;");

    # What it takes for anything at all.
    $t->request(request_of(1_000_000, { n => 2 }));
    my ($worker) = $t->workers;
    my $before = memory($worker);

    my @clients = map {
        my $x = $t->start_request(request_of(LARGE), buffer => 65536);
        [ $x, read_some($x, 100_000), ids() ];
    } 1, 2;

    still_serves($name);
    my $done = poll(sub { $t->results >= 5 }, 5);
    ok($done, "$name: both wait for their readers");
    cmp_ok(memory($worker) - $before, '<', GROWTH,
           "$name: memory while they wait, in KiB");

    for my $client (@clients) {
        my ($x, $text, $id) = @$client;
        my ($rest, @pictures) = pictures(rest_of($x, $text));

        is("@pictures", noise_of($id, LARGE), "$name: its picture");
        ok($x->complete, "$name: complete");
    }

    cmp_ok(memory($worker) - $before, '<', GROWTH,
           "$name: memory in the end, in KiB");
    is(scalar $t->submits, 6, "$name: submits");
    $t->finish;
}


# ---- a client that leaves in the middle

start_with(proxy => 'proxy_read_timeout 20s;');
my $lines = 0;

my %leave = (
    close => sub {
        my ($x, $text) = @_;
        $x->abort;
    },
    reset => sub { $_[0]->reset },
);

for my $how (sort keys %leave) {
    for my $fields ({}, { n => 3 }) {
        my $n = $fields->{n} // 1;
        my $name = "left, $how, $n";
        my $x = $t->start_request(request_of(SOME, $fields),
                                  buffer => 65536);

        cmp_ok(length read_some($x, 500_000), '>=', 500_000,
               "$name: in the middle");
        $leave{$how}->($x);

        my $row = ($t->access_lines(++$lines))[-1];
        is($row->{jimeng_status}, 'succeed', "$name: \$jimeng_status");
        is($row->{jimeng_images}, $n, "$name: \$jimeng_images");
        is(scalar submits(), $n, "$name: submits");
        still_serves($name);
        $lines += 2;
    }
}

# One stream of two; the other has a window that is never opened further.
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @streams = map { $h2->start(request_of($_)) } SOME, 900_000;
ok($h2->read_until($streams[0], qr/.{60000}/, 10),
   'HTTP/2, left: in the middle');
$h2->reset_stream($streams[0]);
my $answer = $h2->response($streams[1]);
my ($rest, @pictures) = pictures($answer->{body});
is("@pictures", noise_of((ids())[0], 900_000), 'HTTP/2, left: the other one');
$t->access_lines($lines += 2);

my $narrow = Jimeng::Test::Http2->new($t->port('http2'), window => 65535);
my $stream = $narrow->start(request_of(SOME));
ok($narrow->read_until($stream, qr/.{60000}/, 10), 'HTTP/2, narrow: begins');
still_serves('HTTP/2, narrow');
$narrow->abort;
$t->access_lines($lines += 3);
is(scalar submits(), 1, 'HTTP/2, narrow: submits');

# Left while the upstream is silent in the middle.
$t->emulator->fault({ on => 'result', do => 'stall', body_bytes => 1_000_000,
                      seconds => 1 });
my $x = $t->start_request(request_of(SOME));
cmp_ok(length read_some($x, 500_000), '>=', 500_000,
       'left in silence: in the middle');
$x->abort;
$t->access_lines(++$lines);
still_serves('left in silence');
$lines += 2;

wait_for { $t->stub_status->{active} <= 2 } 'the connections go';
$t->finish;


# ---- a worker that is to leave

for my $signal ('HUP', 'QUIT') {
    start_with(proxy => 'proxy_read_timeout 20s;');

    my @old = $t->workers;
    my @clients = map {
        my $x = $t->start_request(request_of(SOME, $_), buffer => 65536);
        [ $x, read_some($x, 100_000), $_->{n} // 1, prompt() ];
    } {}, { n => 3 };

    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $stream = $h2->start(request_of(SOME));
    ok($h2->read_until($stream, qr/.{60000}/, 10), "$signal: HTTP/2 begins");

    $signal eq 'HUP' ? ok($t->reload, "$signal: reload")
                     : $t->signal('QUIT');
    $t->log_like(qr/gracefully shutting down/, "$signal: it is to leave");

    for my $client (@clients) {
        my ($x, $text, $n, $prompt) = @$client;
        my ($rest, @pictures) = pictures(rest_of($x, $text));
        my %known = map { noise_of($_->{task_id}, SOME) => 1 }
                    grep { index($_->{json}{prompt}, $prompt) == 0 }
                    $t->submits;

        is(scalar(grep { $known{$_} } @pictures), $n, "$signal: $n pictures");
        ok($x->complete, "$signal: $n: complete");
    }

    my $answer = $h2->response($stream);
    my ($rest, @pictures) = pictures($answer->{body});
    is("@pictures", noise_of((ids())[0], SOME), "$signal: HTTP/2");

    wait_for { !grep { kill 0, $_ } @old } "$signal: the old workers leave";
    is(scalar $t->submits, 5, "$signal: submits");
    is(join(' ', map { $_->{status} } $t->access_lines(3)), '200 200 200',
       "$signal: the access log");
    $t->finish;
}

done_testing();
