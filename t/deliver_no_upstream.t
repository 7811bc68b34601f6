#!/usr/bin/perl

# Pictures from an internal location that has no upstream: what makes them does
# not wait for a client that is slow, and its subrequest is over long before
# they are sent.
#
# Seen failing, with the exchange's pool destroyed when it has ended: nginx
# crashed (a sanitizer: use after free, in writev()), or sent what the next
# picture's pool had put there.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use Jimeng::Test::Answer qw(done http submitted upstream);
use Jimeng::Test::Http2;

my $server = upstream(
    submit => sub { http(submitted()) },
    query => sub { http(done()) },
);

my $part = 'QUJD' x 750;
my $parts = 100;
my $strings = '$part' x $parts;

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '10ms', listen => 'sndbuf=4k',
    http  => 'gzip_types *;',
    server => <<"EOT",
        listen 127.0.0.1:%%PORT:http2%% http2 sndbuf=4k;
        location /gzip/ { gzip on; jimeng_pass /_volcengine; }
EOT
    proxy => <<"EOT",
        set \$part "$part";
        if (\$request_body ~ "return_url[^:]*:false") {
            return 200 '{"code":10000,"data":{"status":"done","binary_data_base64":["$strings"]}}';
        }
        proxy_pass http://volcengine/;
EOT
);

my $n = 3;

for my $stream (0, 1) {
    my (undef, undef, $headers, $body) = $t->generation({
        prompt => 'a sundial', n => $n, response_format => 'b64_json',
        ($stream ? (stream => JSON::PP::true()) : ()),
    });

    for my $how (qw(v1 gzip http2)) {
        my $name = $how . ($stream ? ', stream' : '');
        my $path = "/$how/images/generations";
        my $text;

        if ($how eq 'http2') {
            my $h2 = Jimeng::Test::Http2->new($t->port('http2'),
                                              window => 65535);
            my $id = $h2->start('POST', '/v1/images/generations', $headers,
                                $body);
            ok(!$h2->response($id, 0.5)->{over}, "$name: it waits");

            $h2->_send(Jimeng::Test::Http2::_frame(8, 0, $id,
                                                   pack 'N', 1 << 24));
            $text = $h2->response($id)->{body};

        } else {
            my $x = $t->start_request('POST', $path, {
                %$headers, 'Accept-Encoding' => 'gzip',
            }, $body);

            wait_for { IO::Select->new($x->socket)->can_read(0) }
                "$name: it began";
            is($t->request('GET', '/stub_status')->status, 200,
               "$name: the worker goes on");

            my $r = $x->response;
            $text = $r->body;

            if ($how eq 'gzip') {
                is($r->header('content-encoding'), 'gzip', "$name: coding");
                require IO::Uncompress::Gunzip;
                IO::Uncompress::Gunzip::gunzip(\$r->body, \$text) or $text = '';
            }
        }

        my $whole = () = $text =~ /"b64_json":"(?:$part){$parts}"/g;
        is($whole, $n, "$name: pictures");
    }
}

$t->done;
