#!/usr/bin/perl

# jimeng_error_page: what nginx itself says comes in the API's envelope in
# other locations as well, and what it has from elsewhere does not.
#
# Seen failing without each line of ngx_http_jimeng_error_is_ours(); 501, told
# as the service's failure, which clients repeat.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

my $d = Jimeng::Test::Directive->new('jimeng_error_page');

$d->common('on');
$d->good('on', 'off');
$d->bad([ 'yes', '\\invalid value "yes" in "jimeng_error_page" directive, it '
          . 'must be "on" or "off"' ]);

my $t = Jimeng::Test->new(
    http2 => 1,
    emulator => { seconds => 0 },
    http => 'limit_req_zone $server_port zone=one:64k rate=1r/m;',
    server => <<'EOT',
        jimeng_error_page on;
        client_max_body_size 1k;
        large_client_header_buffers 2 1k;

        error_page 410 /own.html;
        error_page 402 @own;
        root %%DIR%%;

        location /denied/ { deny all; }
        location /late/ { return 504; }
        location /many/ { limit_req zone=one; limit_req_status 429; }
        location /down/ { proxy_pass http://127.0.0.1:%%PORT:closed%%; }
        location /other/ {
            proxy_pass http://127.0.0.1:%%PORT%%/html/;
            proxy_intercept_errors off;
        }
        location /text/ { return 404 "mine"; }
        location /gone/ { return 410; }
        location /paid/ { return 402; }
        location @own { return 200 "mine as well"; }
        location = /own.html { }

        location /html/ { jimeng_error_page off; deny all; }
        location /moved/ { return 301 /elsewhere; }
EOT
    start => 0,
);

$t->write_file('own.html', 'my own page');
$t->start;

is_error($t->request('GET', '/nowhere'), '404', 404, 'not_found');
is_error($t->request('GET', '/denied/x'), '403', 403, 'permission_denied');
is_error($t->request('GET', '/late/x'), '504', 504, 'generation_timeout',
         retry => 0);
is_error($t->request('GET', '/down/x'), '502', 502, 'upstream_error');
$t->allow_log(qr/connect\(\) failed/);
is_error($t->request('POST', '/nowhere', {}, 'x' x 2000), '413', 413,
         'request_too_large');
is_error($t->request('POST', '/own.html', {}, 'x'), '405 of a file', 405,
         'method_not_allowed');
is_error($t->request('GET', '/' . 'x' x 2000), '414: no location was looked '
         . 'for', 414, 'invalid_request');
is_error($t->request('GET', '/x', { 'Content-Length' => 'x' }), '400', 400,
         'invalid_request');

is_error($t->request('POST', '/x', { 'Transfer-Encoding' => 'gzip' }), '501',
         501, 'invalid_request');

$t->request('GET', '/many/x');
is_error($t->request('GET', '/many/x'), '429', 429, 'rate_limit_exceeded',
         retry_after => 1);

my ($code, $out) = $t->curl('--http2-prior-knowledge', '-w', "\n%{http_code}",
                            'http://127.0.0.1:' . $t->port('http2') . '/x');
like($out, qr/^\{"error":.*\}\n404\z/, 'HTTP/2');


# ---- what is not nginx's own word

for my $case ([ '/text/x', 404, 'mine' ], [ '/gone/x', 410, 'my own page' ],
              [ '/paid/x', 402, 'mine as well' ],
              [ '/own.html', 200, 'my own page' ])
{
    my ($path, $status, $body) = @$case;
    my $r = $t->request('GET', $path);

    is_deeply([ $r->status, $r->body ], [ $status, $body ],
              "$path is the operator's");
    is($r->header('X-Request-Id'), undef, "$path: no X-Request-Id");
}

for my $case ([ '/html/x', 403 ], [ '/other/x', 403 ], [ '/moved/x', 301 ]) {
    my ($path, $status) = @$case;
    my $r = $t->request('GET', $path);

    is($r->status, $status, "$path: status");
    like($r->body, qr/^<html>/, "$path: as it came");
}

$t->done;
