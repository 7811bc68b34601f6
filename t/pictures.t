#!/usr/bin/perl

# The location of jimeng_picture: what a link opens, and how a picture comes,
# from its server, from a cache and from nowhere.  What is no picture, or leads
# elsewhere, is not shown, and nothing of a client's goes to a picture's server.
#
# Seen failing: "no credentials go on", without ngx_http_jimeng_show_asked(); "an
# internal location", without ngx_http_jimeng_show_redirected(); "is asked for
# again", without ngx_http_jimeng_show_not_kept(); "a host that is not listed
# there", without a look at the list when a link is opened; "nginx leaves by
# itself", with timers that are not cancelable.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Picture qw(jpeg png);
use Jimeng::Test::Shown qw(answer path_of picture_of pictures_conf shown
                           vendor);

my $png = png(640, 480, 200_000);
my $jpeg = jpeg(640, 480, 3000);
my $webp = 'RIFF' . pack('V', 100) . 'WEBPVP8 ' . 'x' x 92;
my $tag = '"tag-of-the-picture"';

sub piece { my ($t, $from, $to) = @_; substr $png, $from, $to - $from + 1 }

my $vendor = vendor(
    png => sub {
        $_[0] =~ /^HEAD/ ? answer('', 'Content-Length' => length $png,
                                  'Content-Type' => 'image/png')
        : answer($png, 'Content-Type' => 'text/html', ETag => $tag,
                 'Set-Cookie' => 'a=b', 'X-Tos-Request-Id' => 'x',
                 'Access-Control-Allow-Origin' => '*',
                 'Cache-Control' => 'max-age=31536000',
                 'Content-Disposition' => 'attachment; filename="a.exe"',
                 'Last-Modified' => 'Mon, 30 Nov 2026 10:00:00 GMT');
    },
    jpeg => sub { answer($jpeg, 'Content-Type' => 'image/png') },
    webp => sub { answer($webp) },
    chunked => sub {
        my $body = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                   substr($png, 0, 5), substr($png, 5, 4), substr($png, 9);
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "${body}0\r\n\r\n";
    },
    html => sub { answer('<html><script>alert(1)</script></html>',
                         'Content-Type' => 'image/png') },
    svg => sub { answer('<svg xmlns="http://www.w3.org/2000/svg"/>',
                        'Content-Type' => 'image/svg+xml') },
    short => sub { answer("\x89PN", 'Content-Type' => 'image/png') },
    empty => sub { answer('', 'Content-Type' => 'image/png') },
    cut => sub { answer('', 'Content-Length' => 100, Connection => 'close') },
    half => sub { answer(substr($png, 0, 9000), 'Content-Length' => 200_000,
                         Connection => 'close') },
    gone => sub { answer('<Error>AccessDenied</Error>',
                         status => '403 Forbidden') },
    broken => sub { answer('oops', status => '500 Internal Server Error') },
    moved => sub { answer('', status => '302 Found',
                          Location => 'http://127.0.0.1:9/x') },
    partial => sub { answer(substr($png, 10, 10), status =>
                            '206 Partial Content',
                            'Content-Range' => 'bytes 10-19/200000') },
    accel => sub { answer($png, 'X-Accel-Redirect' => '/inside') },
    named => sub { answer($png, 'X-Accel-Redirect' => '@inside') },
    gzip => sub { answer("\x1f\x8b\x08" . 'x' x 100,
                         'Content-Encoding' => 'gzip') },
);
my $port = $vendor->port;

my $uncached = 'jimeng_picture; proxy_pass $jimeng_picture_url;';

my $t = Jimeng::Test->new(pictures_conf(
    emulator => 0, upstream => "127.0.0.1:$port", hosts => "127.0.0.1:$port",
    log => [qw(jimeng_picture_url jimeng_picture_type uri)], http2 => 1,
    server => <<"EOT",
    location /plain/pictures/ { $uncached }
    location /unbuffered/pictures/ { $uncached proxy_buffering off; }
    location /elsewhere/pictures/ {
        jimeng_picture_hosts *.byteimg.com; $uncached
    }
    location /nothing/pictures/ { proxy_pass http://127.0.0.1:$port/x; }
    location /limited/pictures/ { deny all; $uncached }
    location /inside { internal; return 200 "inside"; }
    location \@inside { return 200 "inside"; }
    location /unset/ { return 200 "[\$jimeng_picture_url]"; }
EOT
));

$t->allow_log(qr/access forbidden by rule/);

# The link as another location has it.
sub in { my ($where, $url) = @_; "/$where" . path_of($url) }


# ---- from its server, once, and then from the cache

my $url = picture_of($t, 'png');

like($url, qr{^http://localhost/pictures/A[\w-]{80,}\.png\z}, 'a link');
unlike($url, qr/127/, 'says nothing of where it leads to');
wait_for { $vendor->requests('png') } 'it is fetched';

for my $n (1, 2) {
    my $r = shown($t, $url);

    is($r->status, 200, "$n: a picture");
    ok($r->body eq $png, "$n: it is whole");
    is($r->header('Content-Type'), 'image/png', "$n: its type");
    is($r->header('X-Content-Type-Options'), 'nosniff', "$n: no other type");
    like($r->header('Content-Disposition'),
         qr{^inline; filename="picture-[\w-]{12}\.png"\z}, "$n: its name");
    is($r->header('ETag'), $tag, "$n: its tag");
    is($r->header('Last-Modified'), 'Mon, 30 Nov 2026 10:00:00 GMT',
       "$n: its time");
    is($r->header('Accept-Ranges'), 'bytes', "$n: pieces may be asked for");
    is($r->header($_), undef, "$n: no $_")
        for qw(Set-Cookie X-Tos-Request-Id Access-Control-Allow-Origin
               Cache-Control);
}

is(scalar $vendor->requests('png'), 1, 'it was asked for once');
is($t->logged(shown($t, $url))->{status}, undef, 'no request id of ours');

my ($row) = grep { $_->{uri} eq path_of($url) } $t->access_log;
is($row->{jimeng_picture_url}, "http://127.0.0.1:$port/png",
   'where it leads to, in the log');
is($row->{jimeng_picture_type}, 'image/png', 'and what it is');

is($t->request('GET', '/unset/')->body, '[]', 'there is none elsewhere');

for my $case ([ jpeg => $jpeg, 'image/jpeg', 'jpg' ],
              [ webp => $webp, 'image/webp', 'webp' ],
              [ chunked => $png, 'image/png', 'png' ])
{
    my ($name, $body, $type, $suffix) = @$case;
    my $link = picture_of($t, $name);

    for my $path (path_of($link), in('plain', $link), in('unbuffered', $link))
    {
        my ($where) = $path =~ m{^/(\w+)};
        my $r = $t->request('GET', $path);

        ok($r->body eq $body, "$name, $where: whole");
        is($r->header('Content-Type'), $type, "$name, $where: its type");
        like($r->header('Content-Disposition'), qr{\.$suffix"\z},
             "$name, $where: its name");
    }
}


# ---- pieces, conditions and HEAD, with a cache and without one

for my $where ('', 'plain', 'unbuffered') {
    my $path = length $where ? in($where, $url) : path_of($url);
    my $name = length $where ? $where : 'cache';

    for my $case ([ 'bytes=0-9', 0, 9 ], [ 'bytes=5-20000', 5, 20000 ],
                  [ 'bytes=-10', length($png) - 10, length($png) - 1 ],
                  [ 'bytes=199990-', 199990, length($png) - 1 ])
    {
        my ($range, $from, $to) = @$case;
        my $r = $t->request('GET', $path, { Range => $range });

        is($r->status, 206, "$name: $range");
        ok($r->body eq substr($png, $from, $to - $from + 1),
           "$name: these bytes");
        is($r->header('Content-Range'), "bytes $from-$to/" . length $png,
           "$name: which they are");
        is($r->header('Content-Type'), 'image/png', "$name: their type");
    }

    my $r = $t->request('GET', $path, { Range => 'bytes=200000-' });
    is_error($t, $r, "$name: behind the end", code => 'invalid_request',
             status => 416);
    is($r->header('Content-Range'), 'bytes */' . length $png,
       "$name: how many there are");
    is($r->header('Content-Disposition'), undef, "$name: which is no picture");

    is($t->request('GET', $path, { Range => 'bytes=0-9',
                                   'If-Range' => '"other"' })->status, 200,
       "$name: of another picture");
    is($t->request('GET', $path, { Range => 'bytes=0-9',
                                   'If-Range' => $tag })->status, 206,
       "$name: of this one");

    for my $case ([ 'If-None-Match' => $tag ], [ 'If-None-Match' => "W/$tag" ],
                  [ 'If-Modified-Since' => 'Mon, 30 Nov 2026 10:00:00 GMT' ])
    {
        my $r = $t->request('GET', $path, { @$case });
        is($r->status, 304, "$name: @$case");
        is(length $r->body, 0, "$name: nothing of it");
    }

    is($t->request('GET', $path, { 'If-None-Match' => '"x"' })->status, 200,
       "$name: another tag");
    is($t->request('GET', $path, { 'If-Match' => '"x"' })->status, 412,
       "$name: no other tag");
    is($t->request('GET', $path)->status, 200, "$name: as ever");

    $r = $t->request('HEAD', $path);
    is($r->status, 200, "$name: HEAD");
    is($r->header('Content-Length'), length $png, "$name: its length");
    is($r->header('Content-Type'), 'image/png', "$name: its type");
    is($r->header('X-Content-Type-Options'), 'nosniff', "$name: no other");
    is($r->body, '', "$name: no body");
}

is(scalar(grep { /^Range:/mi } $vendor->requests), 0,
   'a picture is asked for as a whole');


# ---- what is none

for my $name (qw(html svg short empty gzip)) {
    my $link = picture_of($t, $name);

    for my $path (path_of($link), in('plain', $link),
                  in('unbuffered', $link))
    {
        my $n = $vendor->requests($name);
        my $r = $t->request('GET', $path);

        is_error($t, $r, "$name: $path", code => 'upstream_error');
        unlike($r->body, qr/svg|script/, "$name: nothing of it");
        is($t->request('GET', $path)->status, 502, "$name: nor later");
        cmp_ok(scalar $vendor->requests($name), '>=', $n + 2,
               "$name: it is asked for again");
    }
}

$t->log_like(qr/jimeng: what a link to a picture leads to is none/,
             'the log says so');

for my $case ([ gone => 'not_found' ], [ broken => 'upstream_error' ],
              [ moved => 'upstream_error' ], [ partial => 'upstream_error' ],
              [ nobody => 'not_found' ], [ cut => 'upstream_error' ])
{
    my ($name, $code) = @$case;
    my $link = picture_of($t, $name);

    for my $path (path_of($link), in('plain', $link)) {
        my $r = $t->request('GET', $path);

        is_error($t, $r, "$name: $path", code => $code);
        is($r->header('Location'), undef, "$name: leads nowhere");
    }
}

{
    my $r = $t->request('GET', in('plain', picture_of($t, 'half')));
    ok(!$r->complete, 'half a picture is not taken for a whole one');
}

for my $name (qw(accel named)) {
    my $link = picture_of($t, $name);

    for my $path (path_of($link), in('plain', $link)) {
        my $r = $t->request('GET', $path);
        is($r->status, 502, "$name: $path: an internal location");
        unlike($r->body, qr/inside/, "$name: nothing of it");
    }
}


# ---- what is no link

my ($text) = $url =~ m{/([^/]+)\.png\z};
my $asked = $vendor->requests('png');

for my $case (
    [ 'nothing', '' ], [ 'cut', substr($text, 0, -1) . '.png' ],
    [ 'another suffix', "$text.jpg" ], [ 'none', $text ],
    [ 'changed', ($text =~ tr/a-zA-Z/b-zaB-ZA/r) . '.png' ],
    [ 'a URL', 'http%3A%2F%2F127.0.0.1%3A9%2Fx.png' ],
    [ 'far too long', 'A' x 4000 . '.png' ], [ 'a file', 'x.png' ],
) {
    my ($name, $link) = @$case;
    is_error($t, $t->request('GET', "/pictures/$link"), "no link: $name",
             code => 'not_found');
}

is_error($t, $t->request('GET', in('elsewhere', $url)),
         'a host that is not listed there', code => 'not_found');
is(scalar $vendor->requests('png'), $asked, 'none of them was asked for');

my $r = $t->request('GET', in('limited', $url));
is_error($t, $r, 'phases of nginx count', code => 'permission_denied');

for my $method (qw(POST PUT DELETE OPTIONS)) {
    $r = $t->request($method, path_of($url));
    is_error($t, $r, "$method", code => 'method_not_allowed');
    is($r->header('Allow'), 'GET, HEAD', "$method: what is allowed");
}


# ---- nothing of the client's goes on

my %own = (
    Authorization => 'Bearer sk-of-a-client', Cookie => 'session=secret-one',
    'X-Api-Key' => 'sk-of-another', 'api-key' => 'sk-third',
    'GeekAI-API-Key' => 'sk-fourth', Referer => 'http://page.example/secret',
    'Proxy-Authorization' => 'Basic c2VjcmV0', Range => 'bytes=0-1',
    'Accept-Encoding' => 'gzip', 'X-Other' => 'this-goes',
);

$t->secret('sk-of-a-client', 'session=secret-one');
is($t->request('GET', in('plain', $url), \%own)->status, 206, 'asked with all');

my ($last) = ($vendor->requests('png'))[-1];
unlike($last, qr/sk-|secret|c2VjcmV0|^Range|^Accept-Encoding/mi,
       'no credentials go on');
like($last, qr/^X-Other: this-goes$/m, 'another header does');
like($last, qr/^Host: 127\.0\.0\.1:\d+$/m, 'to the host of the URL');

is($t->request('GET', path_of($url) . '?a=b')->status, 200,
   'arguments change nothing');

$t->done;
