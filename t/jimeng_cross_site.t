#!/usr/bin/perl

# jimeng_cross_site: a form that a page of another origin sends, which needs
# no preflight, orders nothing; nor does a body of any other kind that needs
# none.
#
# Seen failing: without the look at Sec-Fetch-Site, at Origin, at a second one
# of either, or at HTTP/2's authority; with any Authorization, and with none of
# the other headers of keys; with a look that comes after the body.

use strict;
use warnings;

use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;
use Jimeng::Test::Keys;

my $d = Jimeng::Test::Directive->new('jimeng_cross_site');

$d->common('on');
$d->good('on', 'off');
$d->bad([ 'yes', '\\invalid value "yes" in "jimeng_cross_site" directive, it '
          . 'must be "on" or "off"' ]);

my $t = with_keys([ 'alice rate=100r/h' ],
    http2 => 1, emulator => { seconds => 0 }, poll_interval => '5ms',
    keys => 'dry_run',
    server => <<'EOT',
        location /keys/ {
            jimeng_keys %%DIR%%/keys;
            jimeng_pass /_volcengine;
        }
        location /on/ { jimeng_cross_site on; jimeng_pass /_volcengine; }
        location /outer/ {
            jimeng_cross_site on;

            location /outer/on/ { jimeng_pass /_volcengine; }
            location /outer/off/ {
                jimeng_cross_site off;
                jimeng_pass /_volcengine;
            }
        }
EOT
);

my $host = '127.0.0.1:' . $t->port;
my $own = "http://$host";
my $other = 'https://app.example.com';
my $key = 'sk-of-nobody-in-particular';
my $password = encode_base64('user:a password', '');
$t->secret($key, $password);

my $form = join '', map {
    "--xYzZy\r\nContent-Disposition: form-data; name=\"$_->[0]\"\r\n\r\n"
        . "$_->[1]\r\n"
} [ prompt => 'the same by moonlight' ], [ image => 'https://a.example/b.png' ];
$form .= "--xYzZy--\r\n";

my %form = ('Content-Type' => 'multipart/form-data; boundary=xYzZy');
my $message = qr/^A form from a page of another origin .*"jimeng_cross_site on"/;

sub post {
    my ($headers, $path) = @_;
    return $t->request('POST', $path // '/v1/images/edits',
                       { Host => $host, %form, %$headers }, $form);
}

sub refused {
    my ($name, $headers, $path) = @_;
    my $before = $t->submits;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_error(post($headers, $path), "refused: $name", 403,
             'permission_denied', message => $message);
    return is($t->submits - $before, 0, "refused: $name: no submit");
}

sub taken {
    my ($name, $headers, $path) = @_;
    my $before = $t->submits;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $r = post($headers, $path);

    is($r->status, 200, "taken: $name") or diag($r->body);
    return is($t->submits - $before, 1, "taken: $name: a submit");
}


# ---- whose page it is

refused(@$_) for (
    [ 'another site', { 'Sec-Fetch-Site' => 'cross-site' } ],
    [ 'another site, and its origin',
      { 'Sec-Fetch-Site' => 'cross-site', Origin => $other } ],
    [ 'another site, and our origin',
      { 'Sec-Fetch-Site' => 'cross-site', Origin => $own } ],
    [ 'another site, twice',
      { 'Sec-Fetch-Site' => [ 'same-origin', 'cross-site' ] } ],
    [ 'another origin', { Origin => $other } ],
    [ 'another origin of the same site',
      { 'Sec-Fetch-Site' => 'same-site', Origin => $other } ],
    [ 'a word that is not known',
      { 'Sec-Fetch-Site' => 'same-origins', Origin => $other } ],
    [ 'an empty word', { 'Sec-Fetch-Site' => '', Origin => $other } ],
    [ 'no origin', { Origin => 'null' } ],
    [ 'an empty one', { Origin => '' } ],
    [ 'two of them', { Origin => [ $own, $other ] } ],
    [ 'another port', { Origin => 'http://127.0.0.1:9' } ],
    [ 'another port, the default one', { Origin => 'http://127.0.0.1' } ],
    [ 'another name of the same host',
      { Origin => 'http://localhost:' . $t->port } ],
    [ 'a name that begins the same', { Origin => "$own.example.com" } ],
    [ 'our name as a path', { Origin => "$other/$own" } ],
);

taken(@$_) for (
    [ 'no browser', {} ],
    [ 'the same origin', { 'Sec-Fetch-Site' => 'same-origin',
                           Origin => $own } ],
    [ 'the same origin, which a proxy has renamed',
      { 'Sec-Fetch-Site' => 'same-origin', Origin => $other } ],
    [ 'the user', { 'Sec-Fetch-Site' => 'none' } ],
    [ 'no word of it', { Origin => $own } ],
    [ 'with TLS', { Origin => "https://$host" } ],
    [ 'the same site, without an origin', { 'Sec-Fetch-Site' => 'same-site' } ],
    [ 'a name, and no port', { Host => 'gateway.example.com',
                               Origin => 'https://Gateway.example.com' } ],
    [ 'the port of TLS, taken off', { Host => 'gateway.example.com:80',
                                      Origin => 'https://gateway.example.com' } ],
);


# ---- what a page cannot send without being asked for it

for my $origin ({ 'Sec-Fetch-Site' => 'cross-site' }, { Origin => $other }) {
    my ($from) = keys %$origin;

    taken("$from: $_->[0]", { %$origin, %{ $_->[1] } }) for (
        [ 'a key', { Authorization => "Bearer $key" } ],
        [ 'a key without a word', { Authorization => $key } ],
        [ 'another word', { Authorization => "Basics $password" } ],
        [ 'GeekAI-API-Key', { 'GeekAI-API-Key' => $key } ],
        [ 'api-key', { 'api-key' => $key } ],
        [ 'x-api-key', { 'X-API-Key' => $key } ],
        [ 'a password beside a key',
          { Authorization => "Basic $password", 'api-key' => $key } ],
    );

    refused("$from: $_->[0]", { %$origin, %{ $_->[1] } }) for (
        [ 'a password', { Authorization => "Basic $password" } ],
        [ 'in small letters', { Authorization => "basic $password" } ],
        [ 'a digest', { Authorization => 'Digest username="user"' } ],
        [ 'Negotiate', { Authorization => "Negotiate $password" } ],
        [ 'NTLM', { Authorization => "NTLM $password" } ],
        [ 'a scheme alone', { Authorization => 'Basic' } ],
        [ 'a cookie', { Cookie => 'session=1' } ],
        [ 'an empty key', { 'api-key' => '' } ],
    );
}


# ---- where

my %cross = ('Sec-Fetch-Site' => 'cross-site', Origin => $other);

refused('a prefix and a slash', \%cross, '/v1/api/images/edits/');
refused('the other path', \%cross, '/v1/images/generations');
refused('off in a location', \%cross, '/outer/off/images/edits');
taken('on', \%cross, '/on/images/edits');
taken('on, inherited', \%cross, '/outer/on/images/edits');

# Who is not let in is told that, and no more.
is_error(post(\%cross, '/keys/images/edits'), 'no key', 401,
         'invalid_api_key');
taken('a key that is known', { %cross, %{ bearer('alice') } },
      '/keys/images/edits');

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));

for my $case ([ 'https://localhost', 200 ], [ 'http://localhost:80', 200 ],
              [ 'http://localhost:8080', 403 ], [ $other, 403 ])
{
    my ($origin, $status) = @$case;

    is($h2->response($h2->start('POST', '/v1/images/edits',
        { 'content-type' => $form{'Content-Type'}, origin => $origin },
        $form))->{status}, $status, "HTTP/2: $origin: $status");
}


# ---- before anything else

my $waits = $t->start_request('POST', '/v1/images/edits',
    { %form, %cross, 'Content-Length' => 1_000_000 }, 'x');
is($waits->response->status, 403, 'before the body is there');
is($t->request('POST', '/v1/images/edits',
               { %form, %cross, 'Content-Length' => 999_999_999_999 }, 'x')
   ->status, 413, 'nginx comes first');

my $left = usage($t, 'alice')->{requests}{remaining};
my $r = post({ %cross, Authorization => 'Basic ' . $password });
is($r->header('x-ratelimit-limit-requests'), undef,
   'a form that is refused is not counted');
is(usage($t, 'alice')->{requests}{remaining}, $left, 'nor for anybody else');


# ---- bodies of other kinds that need no preflight

my $json = '{"prompt":"the same by sunlight","image":'
         . '"https://a.example/b.png"}';
my $before = $t->submits;

for my $type (
    'text/plain', 'text/plain; charset=UTF-8', 'text/plain;application/json',
    'text/plain, application/json', 'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; application/json', '', undef,
) {
    for my $path ('generations', 'edits') {
        my %headers = (Origin => $other, 'Content-Type' => $type);

        is_error($t->request('POST', "/v1/images/$path", \%headers, $json),
                 "$path: " . ($type // 'no type'), 415,
                 'unsupported_media_type');
    }
}

is(scalar $t->submits, $before, 'and nothing was submitted');

# JSON is asked for first.
is($t->request('POST', '/v1/images/edits',
               { %cross, 'Content-Type' => 'application/json' }, $json)->status,
   200, 'JSON');

# What makes nothing may be asked for by any page, which is not shown it.
is($t->request('GET', '/v1/models', { %cross, %form })->status, 200, 'GET');

$h2->abort;
$t->done;
