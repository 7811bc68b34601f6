#!/usr/bin/perl

# Bodies as they do not lie in most requests: one in a file that somebody has
# read before, as it was sent to another upstream, which was busy; one that is
# in memory, in more than one buffer.
#
# Seen failing: with the length of a body taken from its file's offset, which
# every reader moves.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);

my $busy = raw_server(sub {
    my ($s) = @_;
    read_request($s);
    print $s "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n"
             . "Connection: close\r\n\r\n";
});
my $port = $busy->port;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    http => 'client_max_body_size 64m; client_header_buffer_size 16k;'
            . 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    server => <<"EOT",
        location \@jimeng { jimeng_pass /_volcengine; }
        location /up/ { alias %%DIR%%/up/; }
        location /file/ {
            client_body_buffer_size 1k;
            jimeng_pass /_volcengine;
        }
        location /memory/ {
            client_body_buffer_size 64m;
            jimeng_pass /_volcengine;
        }
        location /busy/ {
            client_body_buffer_size 1k;
            sendfile off;
            proxy_pass http://127.0.0.1:$port;
            proxy_intercept_errors on;
            error_page 503 = \@jimeng;
        }
EOT
);

# A body is sent at once with its header, as a client may: the first bytes are
# in another buffer than the rest.
sub bodies {
    my ($picture) = @_;

    return (
        [ 'generations', 'application/json',
          '{"prompt":"a mill","image":"' . base64($picture) . '"}' ],
        [ 'edits', 'multipart/form-data; boundary=b', join "\r\n", '--b',
          'Content-Disposition: form-data; name="prompt"', '', 'a mill', '--b',
          'Content-Disposition: form-data; name="image"; filename="a"', '',
          $picture, '--b--', '' ],
    );
}

sub chunked {
    my ($body, $size) = @_;
    return join('', map { sprintf "%x\r\n%s\r\n", length, $_ }
                    $body =~ /(.{1,$size})/gs) . "0\r\n\r\n";
}

for my $bytes (1, 200, 20_000, 500_001, 900_001) {
    my $picture = png(1024, 768, $bytes < 200 ? 200 : $bytes, $bytes);

    for my $body (bodies($picture)) {
        my ($path, $type, $text) = @$body;

        for my $place (qw(file memory busy)) {
            for my $chunk (0, 1000, 32_000) {
                my $r = $t->request(
                    'POST', "/$place/images/$path",
                    { 'Content-Type' => $type,
                      $chunk ? ('Transfer-Encoding' => 'chunked') : () },
                    $chunk ? chunked($text, $chunk) : $text);

                my $name = "$place, $path, $bytes bytes, chunks of $chunk";
                is($r->status, 200, "$name: status") or next;

                my ($url) = ($t->submits)[-1]{json}{image_urls}[0]
                            =~ m{(/up/.*)};
                ok($t->request('GET', $url)->body eq $picture,
                   "$name: the picture");
            }
        }
    }
}

is(scalar $busy->connections, 5 * 2 * 3, 'the other upstream was asked');

$t->done;
