#!/usr/bin/perl

# jimeng_error_page, in all that can befall a request: before there is a
# location, in locations of every kind, on its way through other filters; and
# what others have made, or an operator, is left alone.
#
# Seen failing without each condition of ngx_http_jimeng_error_is_ours().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;

my $behind = raw_server(sub {
    my ($socket) = @_;
    my $request = read_request($socket) // return;
    my ($status) = $request =~ m{status=(\d+)};

    syswrite $socket, "HTTP/1.1 $status Theirs\r\nContent-Length: 10\r\n"
        . "Content-Type: text/plain\r\nConnection: close\r\n\r\n"
        . 'their page';
});
my $port = $behind->port;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', http2 => 1,
    strict => 1,
    http => <<"EOT",
        limit_req_zone \$server_port zone=one:64k rate=1r/m;
        limit_conn_zone \$server_port zone=conns:64k;
        large_client_header_buffers 2 2k;
        gzip_types application/json;
        gzip_min_length 1;

        server {
            listen 127.0.0.1:%%PORT:plain%%;
            location / { root %%DIR%%; }
            location = /here { jimeng_error_page on; root %%DIR%%; }
        }
        server {
            listen 127.0.0.1:%%PORT:own%%;
            jimeng_error_page on;
            error_page 403 404 413 /own.html;
            client_max_body_size 10;
            location / { root %%DIR%%; }
            location = /denied { deny all; }
            location /again/ { recursive_error_pages on; root %%DIR%%; }
            location /named/ {
                error_page 404 = \@named;
                root %%DIR%%;
            }
            location \@named { return 200 "named"; }
            location /proxied/ {
                error_page 404 /theirs;
                root %%DIR%%;
            }
            location = /theirs {
                proxy_pass http://127.0.0.1:$port/status=200;
            }
            location /changed/ {
                error_page 404 =410 /own.html;
                root %%DIR%%;
            }
            location /elsewhere/ {
                error_page 404 http://127.0.0.1/elsewhere;
                root %%DIR%%;
            }
        }
EOT
    server => <<"EOT",
        jimeng_error_page on;
        root %%DIR%%;

        location /denied/ { deny all; }
        location /large/ {
            client_max_body_size 1k;
            proxy_pass http://127.0.0.1:$port;
        }
        location /auth/ {
            auth_basic "pictures";
            auth_basic_user_file %%DIR%%/users;
        }
        location /limited/ {
            limit_req zone=one;
            limit_req_status 429;
        }
        location /conn/ {
            limit_conn conns 1;
            proxy_pass http://127.0.0.1:$port;
        }
        location /late/ {
            if (\$arg_status = 408) { return 408 "late"; }
            if (\$arg_status = 503) { return 503; }
            if (\$arg_status = 301) { return 301 /elsewhere; }
            if (\$arg_status = 304) { return 304; }
            if (\$arg_status = 444) { return 444; }
            return 200 "fine";
        }
        location /behind/ { proxy_pass http://127.0.0.1:$port; }
        location /dead/ { proxy_pass http://127.0.0.1:%%PORT:nobody%%; }
        location /decorated/ {
            gzip on;
            charset utf-8;
            add_header X-Always yes always;
            deny all;
        }
        location /html/ {
            jimeng_error_page off;
            deny all;

            location /html/json/ { jimeng_error_page on; deny all; }
            location /html/api/ { allow all; jimeng_pass /_volcengine; }
        }
EOT
    start => 0,
);

$t->write_file('own.html', 'my own page');
$t->write_file('users', "somebody:{PLAIN}password\n");
$t->start;

my $json = { 'Content-Type' => 'application/json' };
my $long = 'x' x 3000;

sub get {
    my ($path, $headers, %opt) = @_;
    return $t->request('GET', $path, $headers || {}, undef, %opt);
}

# What was written, to the letter.
sub raw {
    my ($text) = @_;
    my ($method) = $text =~ /^(\S+)/;
    my $x = $t->start_request($method, '/', {}, undef, partial => 0);

    $x->write($text);
    return $x->response;
}


# ---- before there is a location

is_error(raw("GET / HTTP/1.1\r\n\r\n"), 'no Host', 400, 'invalid_request');
is_error(raw("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), 'a bad Host', 400,
         'invalid_request');
is_error(raw("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
         'a bad header line', 400, 'invalid_request');
is_error(raw("GET HTTP/1.1\r\nHost: a\r\n\r\n"), 'a bad request line', 400,
         'invalid_request');
is_error(raw("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"), 'a bad URI', 400,
         'invalid_request');
is_error(raw("GET / HTTP/9.9\r\nHost: a\r\n\r\n"), 'another version', 505,
         'invalid_request');
is_error(get("/$long"), 'a long URI', 414, 'invalid_request');
is_error(get('/', { 'X-Long' => $long }), 'a long header line', 400,
         'invalid_request');


# ---- in locations

is_error(get('/nowhere'), 'outside of all locations', 404, 'not_found');
is_error(get('/denied/'), 'deny', 403, 'permission_denied');
is_error($t->request('POST', '/large/', {}, $long), 'a large body', 413,
         'request_too_large');
is_error(get('/limited/'), 'limit_req: let through', 404, 'not_found');
is_error(get('/limited/'), 'limit_req', 429, 'rate_limit_exceeded',
         retry_after => 1);
is_error($t->request('POST', '/own.html', {}, 'x'), 'a method', 405,
         'method_not_allowed');
is_error(get('/late/?status=503'), 'return 503', 503, 'service_unavailable',
         retry_after => 1);
is_error(get('/dead/'), 'nobody behind', 502, 'upstream_error');
is_error(get('/_volcengine'), 'an internal location', 404, 'not_found');

my $r = get('/auth/');
is_error($r, 'auth_basic', 401, 'invalid_api_key');
is($r->header('WWW-Authenticate'), 'Basic realm="pictures"',
   'auth_basic: WWW-Authenticate is kept');

is_error($t->request('POST', '/v1/nothing'), 'a location of the API', 404,
         'not_found');
is_error(get('/html/json/'), 'on within off', 403, 'permission_denied');
is_error(get('/html/api/x'), 'off, and jimeng_pass', 404, 'not_found');
is($t->generate->status, 200, 'a picture');


# ---- what is left alone

for my $case ([ '/own.html', 200, 'my own page' ], [ '/late/', 200, 'fine' ],
              [ '/late/?status=304', 304, '' ],
              [ '/late/?status=408', 408, 'late' ])
{
    my ($path, $status, $body) = @$case;
    $r = get($path);
    is_deeply([ $r->status, $r->body ], [ $status, $body ], $path);
    is($r->header('X-Request-Id'), undef, "$path: no X-Request-Id");
}

is(get('/late/?status=444')->status, 0, 'return 444: closed');

for my $status (400, 401, 403, 404, 429, 500, 503) {
    $r = get("/behind/?status=$status");
    is_deeply([ $r->status, $r->body ], [ $status, 'their page' ],
              "behind, $status: their page");
    is($r->header('Content-Type'), 'text/plain', "behind, $status: its type");
}

for my $case ([ '/html/', 403 ], [ '/late/?status=301', 301 ]) {
    my ($path, $status) = @$case;
    $r = get($path);
    is($r->status, $status, "$path: status");
    like($r->body, qr/<html>/, "$path: HTML");
    is($r->header('X-Request-Id'), undef, "$path: no X-Request-Id");
}

like(get('/nowhere', {}, port => 'plain')->body, qr/<html>/,
     'another server: HTML');
is_error(get('/here', {}, port => 'plain'), 'another server: on', 404,
         'not_found');


# ---- an operator's own pages, also where they inherit the directive

for my $case (
    [ '/denied', 403, 'my own page' ], [ '/nowhere', 404, 'my own page' ],
    [ '/again/x', 404, 'my own page' ], [ '/named/x', 200, 'named' ],
    [ '/proxied/x', 404, 'their page' ],
    [ '/changed/x', 410, 'my own page' ],
) {
    my ($path, $status, $body) = @$case;
    $r = get($path, {}, port => 'own');
    is_deeply([ $r->status, $r->body ], [ $status, $body ], "own: $path");
    is($r->header('X-Request-Id'), undef, "own: $path: no X-Request-Id");
}

$r = $t->request('POST', '/', {}, $long, port => 'own');
is_deeply([ $r->status, $r->body ], [ 413, 'my own page' ], 'own: 413');
$r = get('/elsewhere/x', {}, port => 'own');
is_deeply([ $r->status, $r->header('Location') ],
          [ 302, 'http://127.0.0.1/elsewhere' ], 'own: a URL');
is_error(get("/$long", {}, port => 'own'), 'own: none for this status', 414,
         'invalid_request');


# ---- HEAD, connections, filters, HTTP/2

$r = $t->request('HEAD', '/denied/');
is($r->status, 403, 'HEAD: status');
is($r->body, '', 'HEAD: no body');
is($r->header('Content-Type'), 'application/json', 'HEAD: Content-Type');
cmp_ok($r->header('Content-Length'), '>', 100, 'HEAD: Content-Length');

my $first = $t->start_request('GET', '/nowhere', {}, undef, keepalive => 1);
is($first->response->status, 404, 'a connection');
is($t->start_request('GET', '/late/', {}, undef, on => $first)
   ->response->body, 'fine', 'a connection: the next is not hurt');

$r = get('/decorated/');
is($r->header('X-Always'), 'yes', 'add_header always');
is($r->header('Content-Type'), 'application/json', 'no charset in the type');
my ($code, $out) = $t->curl('--compressed', '-D', '-', $t->url('/decorated/'));
like($out, qr/^Content-Encoding: gzip\r?$/mi, 'compressed');
like($out, qr/\r\n\r\n\{"error".*\}\z/, 'compressed: whole');

for my $case ([ '/nowhere', 404 ], [ '/denied/', 403 ]) {
    my ($path, $status) = @$case;
    ($code, $out) = $t->curl('--http2-prior-knowledge', '-w',
                             "\n%{http_version} %{http_code}",
                             'http://127.0.0.1:' . $t->port('http2') . $path);
    like($out, qr/^\{"error":.*\}\n2 $status\z/,
         "HTTP/2: $path");
}

$t->done;
