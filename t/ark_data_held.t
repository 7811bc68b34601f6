#!/usr/bin/perl

# Pictures of Ark's as data, from locations that do not keep them: they come as
# the client takes them, and no file has them meanwhile.  A client that is slow,
# leaves, or never reads, holds their server back; a server that breaks off, or
# falls silent, ends the reply.
#
# Seen failing:
# - "held back", "hears of it" and "no file", with the picture's server done at
#   once, where nginx's buffering is on, as it was;
# - "stored", where ngx_http_jimeng_answer_kept() is not asked;
# - "the picture", with another's bytes, where ngx_http_jimeng_encode() goes on
#   while the client has yet to take what it made before; with clients that wait
#   for ever, without ngx_http_jimeng_exchange_wake().

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex sha512);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Certificate;
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Shown qw(pictures_conf);
use Time::HiRes qw(time);

use constant {
    LARGE  => 40_000_000,
    HELD   => 20_000_000,   # more than the sockets on the way have room for
    MEDIUM => 9_000_000,
    GROWTH => 8192,         # KiB that a worker may grow by
};

my $dir = File::Temp->newdir('jimeng-held-XXXXXX', TMPDIR => 1);
my $model = 'doubao-seedream-4-5-251128';

my $block = join '', map { sha512($_) } 0 .. 16_000;
my $large = substr "\x89PNG\r\n\x1a\n" . $block x 40, 0, LARGE;
my $medium = substr $large, 0, MEDIUM;
my ($is_large, $is_medium) = map { sha256_hex($_) } $large, $medium;


# ---- the pictures' server, and the API

# How much of a picture was taken off its server's hands, or "whole", "gone".
sub sent_of { slurp("$dir/$_[0]") // '' }

sub noted {
    my ($name, $text) = @_;
    open my $fh, '>', "$dir/$name.new" or die;
    print $fh $text;
    close $fh;
    rename "$dir/$name.new", "$dir/$name";
}

sub send_picture {
    my ($socket, $name, $body, $size, $more) = @_;
    my $text = "HTTP/1.1 200 OK\r\nContent-Length: $size\r\n"
               . "Connection: close\r\n$more\r\n";

    syswrite $socket, $text;

    for (my $at = 0; $at < length $body; ) {
        my $n = syswrite $socket, $body, 65536, $at;

        if (!$n) {
            noted($name, 'gone');
            return;
        }

        $at += $n;
        noted($name, $at);
    }

    noted($name, 'whole') if length $body == $size;
    return 1;
}

my $server = raw_server(sub {
    my ($socket) = @_;
    my $request = read_request($socket) // return;
    my $port = $socket->sockport;

    if (my ($name) = $request =~ m{^GET /(\w+)}) {
        my $body = $name =~ /^large/ ? $large : $medium;
        my $tries = -e "$dir/$name";
        my $some = $name =~ /^(?:short|silent)/ ? length($body) / 2
                 : $name =~ /^early/ && !$tries ? 4 : length $body;

        send_picture($socket, $name, substr($body, 0, $some), length $body,
                     $name =~ /refused/ ? "Cache-Control: no-store\r\n" : '')
            or return;

        # Until the gateway has given it up.
        if ($name =~ /^silent/) {
            sysread $socket, my $byte, 1;
            noted($name, 'gone');
        }

        return;
    }

    my ($names) = $request =~ /pictures: ([\w ]+)/;
    my @urls = map { "http://127.0.0.1:$port/$_" } split ' ', $names;

    syswrite $socket, ark_made($model, @urls);
});
my $port = $server->port;

my %lane = (
    plain => '',
    refused => 'proxy_cache pictures; proxy_cache_valid 200 30d;',
    quick => 'proxy_read_timeout 1s;',
    impatient => 'send_timeout 1s;',
    stored => "proxy_store $dir/stored;",
);

my $t = with_ark(zone => ' ', http2 => 1, listen => 'sndbuf=64k', pictures_conf(
    hosts => "127.0.0.1:$port",
    http => "upstream two { server 127.0.0.1:$port; } lingering_close off;"
            . ' jimeng_account two { api_key a-key-of-two-that-opens-nothing;'
            . ' pass /_two; concurrency 20; }',
    server => join "\n", 'listen 127.0.0.1:%%PORT:tls%% ssl http2;',
        certificate(), 'location = /_two { internal;'
        . ' proxy_http_version 1.1; proxy_pass http://two/api; }',
        map { <<"EOT" } sort keys %lane,
        location /$_/ {
            jimeng_pass /_volcengine;
            jimeng_accounts two;
            jimeng_pictures /of_$_/;
            jimeng_poll_interval 50ms;
        }
        location /of_$_/ {
            jimeng_picture;
            proxy_pass \$jimeng_picture_url;
            proxy_http_version 1.1;
            $lane{$_}
        }
EOT
));

$t->allow_log(qr/jimeng: the pictures of task|upstream timed out|premature/);


# ---- clients

sub body_of {
    my ($names) = @_;
    my $n = split ' ', $names;

    return JSON::PP->new->canonical->encode({
        model => $model, prompt => "pictures: $names",
        response_format => 'b64_json', $n < 2 ? () : (
            sequential_image_generation => 'auto',
            sequential_image_generation_options => { max_images => $n }) });
}

sub request_of {
    my ($lane, $names) = @_;

    return ('POST', "/$lane/images/generations",
            { 'Content-Type' => 'application/json' }, body_of($names));
}

sub start_client {
    my ($lane, $names, @options) = @_;
    my $x = $t->start_request(request_of($lane, $names), @options);

    $x->head;
    return $x;
}

sub slow_client { return start_client(@_, buffer => 65536) }

sub read_some {
    my ($x, $bytes) = @_;
    my $text = '';

    while (!defined $bytes || length $text < $bytes) {
        $text .= $x->piece // last;
    }

    return $text;
}

sub is_rest {
    my ($x, $text, $expected, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($rest, @pictures) = pictures($text . read_some($x));

    ok($x->complete, "$name: the reply is whole") or diag($x->error);
    is("@pictures", "@$expected", "$name: the picture");
    return;
}

sub still_serves {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_rest(start_client('plain', 'another'), '', [ $is_medium ], "$name: another client");
    return;
}

# A picture's server has come to a halt; returns how far it got.
sub halted {
    my ($name) = @_;
    my ($at, $since) = ('', time);

    wait_for {
        my $now = sent_of($name);
        ($at, $since) = ($now, time) if $now ne $at;
        $at ne '' && time - $since > 0.5;
    } "$name comes to a halt";

    return $at;
}

sub is_held {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    like(my $at = halted($name), qr/^\d+$/, "$name: its server is held back");
    cmp_ok($at, '<', HELD, "$name: soon") if $at =~ /^\d+$/;
    return;
}


# ---- slow clients

still_serves('before');

for my $lane (qw(plain refused quick)) {
    my ($worker) = $t->workers;
    my $before = memory($worker);
    my $picture = "large_$lane";
    my $x = slow_client($lane, $picture);
    my $text = read_some($x, 100_000);
    my $begin = time;

    is_held($picture);
    still_serves($lane);
    cmp_ok(memory($worker) - $before, '<', GROWTH, "$lane: memory");

    # Longer than the server may be silent: it is not, it has to wait.
    if ($lane eq 'quick') {
        wait_for { time - $begin > 2.5 } 'time to pass';
    }

    is_rest($x, $text, [ $is_large ], $lane);
    is(sent_of($picture), 'whole', "$lane: all of it was sent");
    cmp_ok(memory($worker) - $before, '<', GROWTH, "$lane: memory at the end");
}

{
    my $x = slow_client('plain', 'group1 group2 group3');
    my $text = read_some($x, 100_000);

    halted('group1');
    is_rest($x, $text, [ ($is_medium) x 3 ], 'a group');
}

# HTTP/2: a socket that is not read, and a window that is never opened.
{
    my ($worker) = $t->workers;
    my $before = memory($worker);
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'), room => 65536);
    my $stream = $h2->start(request_of('plain', 'large_http2'));

    ok($h2->read_until($stream, qr/.{60000}/), 'HTTP/2: it begins');
    is_held('large_http2');
    still_serves('HTTP/2');
    cmp_ok(memory($worker) - $before, '<', GROWTH, 'HTTP/2: memory');

    my ($rest, @pictures) = pictures($h2->response($stream)->{body});
    is("@pictures", $is_large, 'HTTP/2: the picture');

    my $narrow = Jimeng::Test::Http2->new($t->port('http2'), window => 65535);
    $stream = $narrow->start(request_of('plain', 'large_narrow'));
    ok($narrow->read_until($stream, qr/.{60000}/), 'HTTP/2, narrow: it begins');
    is_held('large_narrow');
    $narrow->reset_stream($stream);
    wait_for { sent_of('large_narrow') eq 'gone' } 'HTTP/2, narrow: it ends';
    $narrow->abort;
}

for my $version (qw(http1.1 http2)) {
    my $name = "tls_$version" =~ s/\.//r;
    my ($exit, $text) = $t->curl('-k', "--$version", '--limit-rate', '8M',
        '-H', 'Content-Type: application/json', '-d', body_of($name),
        'https://127.0.0.1:' . $t->port('tls') . '/plain/images/generations');
    my ($rest, @pictures) = pictures($text);

    is($exit, 0, "TLS, $version: curl is content");
    is("@pictures", $is_medium, "TLS, $version: the picture");
}

$t->log_unlike(qr/buffered to a temporary file/, 'no file');


# ---- clients that leave, or never read

for my $how (qw(abort reset)) {
    my $x = slow_client('plain', "large_$how");

    read_some($x, 100_000);
    is_held("large_$how");
    $x->$how;
    wait_for { sent_of("large_$how") eq 'gone' } "$how: its server hears of it";
    still_serves($how);
}

{
    my $rows = $t->access_log;
    my $x = slow_client('impatient', 'large_unread');

    read_some($x, 100_000);
    $t->access_lines($rows + 1);
    wait_for { sent_of('large_unread') eq 'gone' } 'unread: it ends';
    read_some($x);
    ok(!$x->complete, 'unread: cut');
}


# ---- a server that breaks off, or falls silent

for my $slow (0, 1) {
    my $picture = $slow ? 'short_slow' : 'short';
    my $x = $slow ? slow_client('plain', $picture)
                  : start_client('plain', $picture);

    read_some($x, 100_000);
    halted($picture) if $slow;
    read_some($x);
    ok(!$x->complete, "$picture: the reply breaks off");
    still_serves($picture);
}

$t->log_like(qr/the pictures of task ".*" broke off, 0 of 1 were whole/,
             'it is told');

{
    is_rest(start_client('plain', 'early'), '', [ $is_medium ],
            'broken off before it is known');

    my $begin = time;
    my $x = start_client('quick', 'silent');
    read_some($x);
    ok(!$x->complete, 'silent: the reply breaks off');
    cmp_ok(time - $begin, '<', 8, 'silent: after proxy_read_timeout');
    wait_for { sent_of('silent') eq 'gone' } 'silent: it ends';
}


# ---- what is stored

{
    is_rest(start_client('stored', 'kept'), '', [ $is_medium ], 'stored');
    is(sha256_hex(slurp("$dir/stored")), $is_medium, 'stored: its file');
}

$t->done;
