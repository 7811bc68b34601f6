#!/usr/bin/perl

# What nginx itself refuses in a location with jimeng_pass comes in the API's
# envelope; an operator's own error_page and all other locations are left
# alone.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', http2 => 1,
    strict => 1,
    http => <<'EOT',
        limit_req_zone $server_port zone=one:64k rate=1r/m;
        limit_req_zone $server_port zone=two:64k rate=1r/m;
        limit_conn_zone $server_port zone=conns:64k;
        gzip_types application/json;
        gzip_min_length 1;
EOT
    location => <<'EOT',
        client_max_body_size 1k;
        jimeng_pass /_volcengine;

        if ($arg_status = 400) { return 400; }
        if ($arg_status = 402) { return 402; }
        if ($arg_status = 404) { return 404; }
        if ($arg_status = 408) { return 408 "late"; }
        if ($arg_status = 409) { return 409; }
        if ($arg_status = 416) { return 416; }
        if ($arg_status = 418) { return 418 "tea"; }
        if ($arg_status = 444) { return 444; }
        if ($arg_status = 500) { return 500; }
        if ($arg_status = 502) { return 502; }
        if ($arg_status = 503) { return 503; }
        if ($arg_status = 504) { return 504; }
        if ($arg_status = 507) { return 507; }
        if ($arg_status = 200) { return 200 "fine"; }
        if ($arg_status = 301) { return 301 /elsewhere; }
EOT
    server => <<'EOT',
        location /denied/ {
            deny all;
            jimeng_pass /_volcengine;
        }
        location /auth/ {
            auth_basic "pictures";
            auth_basic_user_file %%DIR%%/users;
            jimeng_pass /_volcengine;
        }
        location /asked/ {
            auth_request /asked-for;
            jimeng_pass /_volcengine;
        }
        location = /asked-for {
            internal;
            if ($request_uri ~ auth=401) { return 401; }
            if ($request_uri ~ auth=403) { return 403; }
            if ($request_uri ~ auth=500) { return 500; }
            return 204;
        }
        location /limited/ {
            limit_req zone=one;
            limit_req_status 429;
            jimeng_pass /_volcengine;
        }
        location /limited-default/ {
            limit_req zone=two;
            jimeng_pass /_volcengine;
        }
        location /conn/ {
            limit_conn conns 1;
            jimeng_pass /_volcengine;
        }
        location /decorated/ {
            gzip on;
            charset utf-8;
            add_header X-Always yes always;
            add_header X-Good yes;
            if ($arg_deny) { return 403; }
            jimeng_pass /_volcengine;
        }

        location /own/ {
            client_max_body_size 1k;
            error_page 413 /own.html;
            error_page 403 = @own;
            error_page 404 =410 /own.html;
            error_page 409 http://127.0.0.1/elsewhere;
            if ($arg_status = 403) { return 403; }
            if ($arg_status = 404) { return 404; }
            if ($arg_status = 409) { return 409; }
            jimeng_pass /_volcengine;
        }
        location @own { return 200 "mine"; }
        location = /own.html { root %%DIR%%; }

        location /html/ { deny all; }
        location /outer/ {
            jimeng_pass /_volcengine;
            location /outer/html/ { deny all; }
        }
EOT
    start => 0,
);

$t->write_file('own.html', 'my own page');
$t->write_file('users', "somebody:{PLAIN}password\n");
$t->start;

my $json = { 'Content-Type' => 'application/json' };
my $body = '{"prompt":"a boat on a lake"}';
my $large = $body . ' ' x 2000;

sub post {
    my ($path, $headers, $content, %opt) = @_;
    return $t->request('POST', $path, { %$json, %{ $headers || {} } },
                       $content // $body, %opt);
}


# ---- what nginx refuses by itself

is_error(post('/v1/images/generations', {}, $large), 'a body too large', 413,
         'request_too_large', message => qr/^The request body is too large;/);
is_error(post('/denied/images/generations'), 'deny', 403, 'permission_denied',
         message => qr/^This is not permitted here;/);

my $r = post('/auth/images/generations');
is_error($r, 'auth_basic', 401, 'invalid_api_key',
         message => qr/^The API key is missing or not known here;/);
is($r->header('WWW-Authenticate'), 'Basic realm="pictures"',
   'auth_basic: WWW-Authenticate is kept');
is(post('/auth/images/generations',
        { Authorization => 'Basic c29tZWJvZHk6cGFzc3dvcmQ=' })->status, 200,
   'auth_basic: the right password');

is_error(post('/asked/images/generations?auth=401'), 'auth_request', 401,
         'invalid_api_key');
is_error(post('/asked/images/generations?auth=403'), 'auth_request', 403,
         'permission_denied');
is_error(post('/asked/images/generations?auth=500'), 'auth_request', 500,
         'internal_error');
is(post('/asked/images/generations?auth=204')->status, 200,
   'auth_request: let through');

is(post('/limited/images/generations')->status, 200, 'limit_req: the first');
is_error(post('/limited/images/generations'), 'limit_req', 429,
         'rate_limit_exceeded', retry_after => 1,
         message => qr/^There are too many requests from you;/);
is(post('/limited-default/images/generations')->status, 200,
   'limit_req: the first');
is_error(post('/limited-default/images/generations'),
         'limit_req, its default status', 503, 'service_unavailable',
         retry_after => 1);

my $held = $t->start_request('POST', '/conn/images/generations',
                             { %$json, 'Content-Length' => 999 }, '{');
wait_for { post('/conn/images/generations')->status == 503 }
    'limit_conn counts';
is_error(post('/conn/images/generations'), 'limit_conn', 503,
         'service_unavailable', retry_after => 1);
$held->abort;


# ---- every status

my %of_status = (
    400 => 'invalid_request', 402 => 'invalid_request', 404 => 'not_found',
    408 => 'request_timeout', 409 => 'invalid_request',
    416 => 'invalid_request', 418 => 'invalid_request',
    500 => 'internal_error', 502 => 'upstream_error',
    503 => 'service_unavailable', 504 => 'generation_timeout',
    507 => 'internal_error',
);

for my $status (sort keys %of_status) {
    is_error(post("/v1/images/generations?status=$status"), "return $status",
             $status, $of_status{$status},
             retry_after => $status == 503 ? 1 : undef,
             retry => $status != 504);
}

is(post('/v1/images/generations?status=444')->status, 0, 'return 444: closed');

$r = post('/v1/images/generations?status=200');
is_deeply([ $r->status, $r->body ], [ 200, 'fine' ],
          'return 200 is left alone');
$r = post('/v1/images/generations?status=301');
is($r->status, 301, 'return 301 is left alone: status');
like($r->body, qr/<html>/, 'return 301 is left alone: body');


# ---- HEAD, and what else is on the connection

$r = $t->request('HEAD', '/denied/images/generations');
is($r->status, 403, 'HEAD: status');
is($r->body, '', 'HEAD: no body');
is($r->header('Content-Type'), 'application/json', 'HEAD: Content-Type');
cmp_ok($r->header('Content-Length'), '>', 100, 'HEAD: Content-Length');
like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, 'HEAD: X-Request-Id');

for my $case (
    [ 'POST', '/denied/images/generations', 403 ],
    [ 'HEAD', '/denied/images/generations', 403 ],
    [ 'GET', '/auth/x', 401 ],
    [ 'POST', '/v1/images/generations?status=404', 404 ],
    [ 'POST', '/v1/images/generations?status=418', 418 ],
) {
    my ($method, $path, $status) = @$case;
    my $name = "$method $path";
    my @content = $method eq 'POST' ? 'x' x 900 : undef;
    my $first = $t->start_request($method, $path, $json, @content,
                                  keepalive => 1);
    my $r = $first->response;

    is($r->status, $status, "$name: status");
    is($r->header('Connection'), 'keep-alive', "$name: Connection");

    my $next = $t->start_request('POST', '/v1/images/generations', $json,
                                 $body, on => $first);
    is($next->response->status, 200, "after $name: a picture");
}


# ---- other filters

for my $path ('/decorated/images/generations?deny=1',
              '/decorated/images/generations')
{
    my $r = post($path);
    my $good = $r->status == 200;

    is($r->header('X-Always'), 'yes', "$path: add_header always");
    is($r->header('X-Good'), $good ? 'yes' : undef, "$path: add_header");
    is($r->header('Content-Type'), 'application/json',
       "$path: no charset in the type");

    my ($code, $out) = $t->curl('--compressed', '-D', '-', '-d', $body, '-H',
                                'Content-Type: application/json',
                                $t->url($path));
    my ($head, $text) = split /\r\n\r\n/, $out, 2;

    like($head, qr/^Content-Encoding: gzip\r?$/mi, "$path: compressed");
    like($text, $good ? qr/^\{"created".*\}\z/ : qr/^\{"error".*\}\z/,
         "$path: whole");
}


# ---- HTTP/2

my ($code, $out) = $t->curl(
    '--http2-prior-knowledge', '-w', "\n%{http_version} %{http_code}",
    'http://127.0.0.1:' . $t->port('http2') . '/denied/images/generations');
like($out, qr/^\{"error":.*"message":"This is not permitted.*"\}\n2 403\z/,
     'HTTP/2');


# ---- an operator's own pages

$r = post('/own/images/generations', {}, $large);
is_deeply([ $r->status, $r->body ], [ 413, 'my own page' ],
          'error_page to a file');
$r = post('/own/images/generations?status=403');
is_deeply([ $r->status, $r->body ], [ 200, 'mine' ],
          'error_page to a named location');
$r = post('/own/images/generations?status=404');
is_deeply([ $r->status, $r->body ], [ 410, 'my own page' ],
          'error_page with a status of its own');
$r = post('/own/images/generations?status=409');
is_deeply([ $r->status, $r->header('Location') ],
          [ 302, 'http://127.0.0.1/elsewhere' ], 'error_page to a URL');
is_error($t->request('GET', '/own/images/generations'),
         'a refusal of the module\'s own is not for error_page', 405,
         'method_not_allowed');
is_error($t->request('POST', '/own/x'),
         'and neither is a 404 of the module\'s own', 404, 'not_found');


# ---- other locations

for my $path ('/html/', '/outer/html/', '/nowhere', '/_volcengine') {
    my $r = $t->request('GET', $path);

    cmp_ok($r->status, '>=', 403, "$path: refused");
    like($r->body, qr/^<html>/, "$path: in HTML");
    is($r->header('X-Request-Id'), undef, "$path: no X-Request-Id");
}

is_error($t->request('GET', '/outer/x'), 'the location around it', 404,
         'not_found');


# ---- only what was let through was submitted

my @good = grep { $_->{status} == 200 && $_->{jimeng_task_id} }
           $t->access_log;

is(scalar $t->submits, scalar @good, 'nothing refused was submitted');
cmp_ok(scalar @good, '>=', 11, 'what was let through, was');

$t->done;
