#!/usr/bin/perl

# How a request's body may come: in one piece, in many, in chunks, to a file,
# late, over HTTP/1.0, 1.1 and 2; and what else comes on its connection.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Sockets;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', http2 => 1,
    strict => 1,
    location => 'client_max_body_size 400k; client_body_timeout 5s;',
    server => <<'EOT',
        client_max_body_size 400k;

        location /file/ {
            client_body_in_file_only clean;
            jimeng_pass /_volcengine;
        }
        location /kept/ {
            client_body_in_file_only on;
            client_body_temp_path %%DIR%%/kept;
            jimeng_pass /_volcengine;
        }
        location /tiny/ {
            client_body_buffer_size 64;
            jimeng_pass /_volcengine;
        }
        location /single/ {
            client_body_in_single_buffer on;
            client_body_buffer_size 400k;
            jimeng_pass /_volcengine;
        }
        location /hasty/ {
            client_body_timeout 100ms;
            jimeng_pass /_volcengine;
        }
        location /little/ {
            client_max_body_size 1k;
            jimeng_pass /_volcengine;
        }
        location /denied/ {
            deny all;
            jimeng_pass /_volcengine;
        }
EOT
);

my $json = 'application/json';
my $number = 0;


# A body of so many bytes, with a prompt of its own.
sub body_of {
    my ($bytes) = @_;
    my $body = sprintf '{"prompt":"boat number %d","x":""}', ++$number;

    $body =~ s/""/'"' . 'x' x ($bytes - length $body) . '"'/e;
    return $body;
}


sub chunked {
    my ($body, $size, $extension, $trailer) = @_;
    my $chunks = join '', map { sprintf "%x%s\r\n%s\r\n", length,
                                        $extension // '', $_ }
                          unpack "(a$size)*", $body;

    return "${chunks}0\r\n" . ($trailer // '') . "\r\n";
}


# Waits until nginx has read all that was sent to it so far.
sub wait_read {
    my ($x) = @_;
    return wait_for { is_read($x->socket) } 'nginx reads';
}


# Sends a request in pieces; returns the response.
sub in_pieces {
    my ($path, $headers, @pieces) = @_;

    my $x = $t->start_request('POST', "/$path/images/generations",
                              { 'Content-Type' => $json, %$headers }, '');

    for my $i (0 .. $#pieces) {
        wait_read($x);
        $x->write($pieces[$i]);
    }

    return $x->response;
}


sub is_submitted {
    my ($r, $body, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($prompt) = $body =~ /"prompt":"([^"]+)"/;
    my @found = grep { $_->{json}{prompt} eq $prompt } $t->submits;

    is($r->status, 200, "$name: status") or diag($r->body);
    is(scalar @found, 1, "$name: submitted once");
    return;
}


# ---- every way of sending, to every way of keeping

my %ways = (
    'at once' => sub {
        my ($path, $body) = @_;
        return $t->request('POST', "/$path/images/generations",
                           { 'Content-Type' => $json }, $body);
    },

    'after the header' => sub {
        my ($path, $body) = @_;
        return in_pieces($path, { 'Content-Length' => length $body }, $body);
    },

    'in three pieces' => sub {
        my ($path, $body) = @_;
        return in_pieces($path, { 'Content-Length' => length $body },
                         unpack 'a20 a70 a*', $body);
    },

    'in a chunk' => sub {
        my ($path, $body) = @_;
        return $t->request('POST', "/$path/images/generations",
            { 'Content-Type' => $json, 'Transfer-Encoding' => 'chunked' },
            chunked($body, length $body));
    },

    'in small chunks, with extensions and a trailer' => sub {
        my ($path, $body) = @_;
        return $t->request('POST', "/$path/images/generations",
            { 'Content-Type' => $json, 'Transfer-Encoding' => 'chunked' },
            chunked($body, 31, ';a="b"', "X-Trailer: 1\r\n"));
    },

    'in chunks in pieces' => sub {
        my ($path, $body) = @_;
        return in_pieces($path, { 'Transfer-Encoding' => 'chunked' },
                         unpack 'a3 a25 a90 a*', chunked($body, 50));
    },
);

for my $path (qw(v1 file kept tiny single)) {
    for my $way (sort keys %ways) {
        for my $bytes (100, 8192, 300_000) {
            my $body = body_of($bytes);
            is_submitted($ways{$way}->($path, $body), $body,
                         "$path, $way, $bytes bytes");
        }
    }
}

my $slowly = body_of(60);
is_submitted(in_pieces('v1', { 'Content-Length' => 60 },
                       unpack '(a4)*', $slowly), $slowly, 'four by four bytes');

# A view of a file ends where the file does, on the edge of a page or not.
for my $bytes (4095 .. 4097, 16384) {
    my $body = body_of($bytes);
    is_submitted($ways{'at once'}->('file', $body), $body,
                 "a file of $bytes bytes");
}

$t->log_like(qr/client request body is buffered to a temporary file/,
             'large bodies were in files');


# ---- what is in the files

my $kept = body_of(5000);
$ways{'in a chunk'}->('kept', $kept);
is(scalar grep({ slurp($_) eq $kept } glob $t->dir . '/kept/*'), 1,
   'a file that is kept has the body');
is_deeply([ glob $t->dir . '/temp_client_body/*' ], [],
          'other files are gone');


# ---- no body

for my $path (qw(v1 file kept tiny single)) {
    my %none = (
        'Content-Length: 0' => [ {}, '' ],
        'no Content-Length' => [ {}, undef ],
        'no chunk' => [ { 'Transfer-Encoding' => 'chunked' }, "0\r\n\r\n" ],
    );

    for my $name (sort keys %none) {
        my ($headers, $body) = @{ $none{$name} };
        my $r = $t->request('POST', "/$path/images/generations",
                            { 'Content-Type' => $json, %$headers }, $body);

        is_error($r, "$path, $name", 400, 'invalid_request',
                 message => qr/^The request body is empty\.\z/);
    }
}

my $submits = $t->submits;


# ---- a body that does not come

my $x = $t->start_request('POST', '/hasty/images/generations',
                          { 'Content-Type' => $json, 'Content-Length' => 99 },
                          '{"prompt":"a slow boat"');
is($x->response(10)->status, 0, 'a body that stops: closed after the time-out');

for my $leave (qw(abort reset half_close)) {
    $x = $t->start_request('POST', '/v1/images/generations',
                           { 'Content-Type' => $json,
                             'Content-Length' => 99 },
                           '{"prompt":"half a boat"');
    wait_read($x);
    my $before = $t->access_log;
    $x->$leave;
    $t->access_lines($before + 1);
    like(($t->access_log)[-1]{status}, qr/^4(?:00|99)\z/,
         "$leave within the body: the log");
}

my $r = $t->request('POST', '/v1/images/generations',
                    { 'Content-Type' => $json,
                      'Transfer-Encoding' => 'chunked' }, "zz\r\n{}\r\n");
is_error($r, 'a broken chunk', 400, 'invalid_request');

is(scalar $t->submits, $submits, 'nothing of these was submitted');


# ---- the connection is good for more, after each kind of reply

my $large = 'x' x 200_000;

my @replies = (
    [ 'a picture', 200, $t->generation({}) ],
    [ 'no JSON', 400, 'POST', '/v1/images/generations',
      { 'Content-Type' => $json }, '{' ],
    [ 'no body', 400, 'POST', '/v1/images/generations',
      { 'Content-Type' => $json }, '' ],
    [ 'refused upstream', 400, $t->generation({ prompt => '[[50413]] boat' }) ],
    [ 'failed upstream', 502,
      $t->generation({ prompt => '[[50520]] boat' }) ],
    [ 'a long prompt', 413, $t->generation({ prompt => 'x' x 801 }) ],
    [ 'GET', 405, 'GET', '/v1/images/generations', {}, undef ],
    [ 'HEAD', 405, 'HEAD', '/v1/images/generations', {}, undef ],
    [ 'PUT and a large body', 405, 'PUT', '/v1/images/generations', {},
      $large ],
    [ 'another path and a large body', 404, 'POST', '/v1/x', {}, $large ],
    [ 'no type and a large body', 415, 'POST', '/v1/images/generations', {},
      $large ],
    [ 'no type and chunks', 415, 'POST', '/v1/images/generations',
      { 'Transfer-Encoding' => 'chunked' }, chunked($large, 9999) ],
    [ 'denied, and a large body', 403, 'POST', '/denied/images/generations',
      { 'Content-Type' => $json }, $large ],
);

my $long;

for my $reply (@replies) {
    my ($name, $status, @request) = @$reply;
    my $first = $t->start_request(@request, keepalive => 1);

    is($first->response->status, $status, "$name: status");

    my $next = $t->start_request($t->generation({}), on => $first);
    is($next->response->status, 200, "after $name: a picture");

    # And all of them on one connection.
    $long = $t->start_request(@request,
                              $long ? (on => $long) : (keepalive => 1));
    is($long->response->status, $status, "$name, on a long connection");
}

$long->abort;


# ---- requests that are sent before the answer to the one before

my $pipeline = $t->start_request($t->generation({}), keepalive => 1);
$t->start_request($t->generation({ size => '1K' }), on => $pipeline);
$t->start_request('GET', '/v1/images/generations', {}, undef,
                  on => $pipeline);
$t->start_request('POST', '/v1/images/generations',
                  { 'Content-Type' => $json }, '{', on => $pipeline);
$t->start_request($t->generation({ size => '2K' }), on => $pipeline);

is_deeply([ map { my $r = $pipeline->response;
                  [ $r->status, $r->json->{size} ] } 1 .. 5 ],
          [ [ 200, 'auto' ], [ 200, '1K' ], [ 405, undef ], [ 400, undef ],
            [ 200, '2K' ] ], 'pipelined: answers in order');
$pipeline->abort;

$t->emulator->restart(seconds => 0.3);
my $queries = $t->queries;
$pipeline = $t->start_request($t->generation({ size => '1K' }),
                              keepalive => 1);
wait_for { $t->queries > $queries } 'the first job is asked for';
$t->start_request($t->generation({ size => '2K' }), on => $pipeline);
is_deeply([ map { $pipeline->response->json->{size} } 1 .. 2 ],
          [ '1K', '2K' ], 'pipelined while the first job is running');
$pipeline->abort;
$t->emulator->restart(seconds => 0);


# ---- Expect: 100-continue

my $expect = { 'Content-Type' => $json, 'Expect' => '100-continue' };
my $body = body_of(5000);

$x = $t->start_request('POST', '/v1/images/generations',
                       { %$expect, 'Content-Length' => 5000 }, '');
ok($x->read_until(qr/100 Continue\r\n\r\n/), 'Expect: 100 comes first');
$x->write($body);
is_submitted($x->response, $body, 'Expect');

$x = $t->start_request('POST', '/v1/images/generations',
                       { %$expect, 'Content-Length' => 500_000 }, '');
is_error($x->response, 'Expect, and too large', 413, 'request_too_large');
$x->abort;


# ---- HTTP/1.0

$body = body_of(100);
$x = $t->start_request('POST', '/', {}, '', partial => 0);
$x->write("POST /v1/images/generations HTTP/1.0\r\nContent-Length: 100\r\n"
          . "Content-Type: $json\r\n\r\n$body");
is_submitted($x->response, $body, 'HTTP/1.0');
$x->abort;


# ---- HTTP/2

sub over_http2 {
    my ($path, @args) = @_;

    my ($code, $out, $err) = $t->curl(
        '--http2-prior-knowledge', '-w', "\n%{http_version} %{http_code}",
        '-H', "Content-Type: $json", @args,
        'http://127.0.0.1:' . $t->port('http2') . "/$path");

    my ($text, $version, $status) = $out =~ /^(.*)\n(\S+) (\S+)\z/s;
    is($version, '2', "HTTP/2, $path") or diag($err);

    return bless { status => $status, body => $text },
                 'Jimeng::Test::Http::Response';
}

for my $path (qw(v1 file kept tiny single)) {
    for my $bytes (100, 300_000) {
        for my $length ([], [ '-H', 'Content-Length:' ]) {
            my $body = body_of($bytes);
            my $file = $t->write_file('body', $body);

            is_submitted(
                over_http2("$path/images/generations", @$length,
                           '--data-binary', "\@$file"),
                $body, "HTTP/2, $path, $bytes bytes"
                . (@$length ? ', of unknown length' : ''));
        }
    }
}

# curl 7.88 cannot read what comes before it has sent everything.
my $v1 = 'v1/images/generations';

for my $case (
    [ 400, 'invalid_request', 'no JSON', $v1, $json, '{' ],
    [ 400, 'invalid_request', 'no body', $v1, $json, '' ],
    [ 404, 'not_found', 'another path', 'v1/x', $json, 'x' x 5000 ],
    [ 415, 'unsupported_media_type', 'another type', $v1, 'text/plain', '{}' ],
    [ 413, 'request_too_large', 'too large', 'little/images/generations',
      $json, 'x' x 5000 ],
    [ 403, 'permission_denied', 'denied', 'denied/images/generations', $json,
      'x' x 5000 ],
) {
    my ($status, $code, $name, $path, $type, $body) = @$case;

    for my $length (length $body, undef) {
        my %headers = ('Content-Type' => $type);
        $headers{'Content-Length'} = $length if defined $length;

        my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
        my $r = $h2->response($h2->start('POST', "/$path", \%headers, $body));

        is($r->{status}, $status, "HTTP/2, $name: status");
        like($r->{body}, qr/^\{"error":\{.*"code":"$code","message":".+"\}\z/,
             "HTTP/2, $name: envelope");
    }
}

$t->done;
