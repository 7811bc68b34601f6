#!/usr/bin/perl

# Who may use a location with jimeng_keys: every header, every endpoint, keys
# that are none, expired ones; and a file that is read anew on reload.
#
# Seen failing: with a key that is good on the day it expires, and one more;
# without the look at the key, at GeekAI-API-Key, at a second one of these, or
# without WWW-Authenticate; with counters that begin anew with a reload; a
# preflight, told to send a key.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Http2;
use Jimeng::Test::Keys;

# "expires" is the first day on which the key is not good.
sub day {
    my (undef, undef, undef, $day, $month, $year) = gmtime(time + $_[0]);
    return sprintf '%04d-%02d-%02d', $year + 1900, $month + 1, $day;
}

my @clients = (
    'alice', 'bob', 'gone expires=' . day(-86400), 'today expires=' . day(0),
    'tomorrow expires=' . day(86400),
    'limited rate=5r/h images=10/d concurrency=2',
);

my $t = with_keys(\@clients,
    workers => 2, http2 => 1, others => [ 'carol' ],
    server => <<'EOT',
        location /free/ { jimeng_pass /_volcengine; }
        location /others/ {
            jimeng_keys %%DIR%%/others;
            jimeng_pass /_volcengine;

            location /others/off/ {
                jimeng_keys off;
                jimeng_pass /_volcengine;
            }
        }
EOT
);

my $json = { 'Content-Type' => 'application/json' };
my $body = '{"prompt":"a moon over the bay"}';

sub post {
    my ($headers, $path) = @_;
    return $t->request('POST', ($path // '/v1') . '/images/generations',
                       { %$json, %$headers }, $body);
}


# ---- who is let in

my $key = key_of('alice');

my %good = (
    'Bearer' => { Authorization => "Bearer $key" },
    'in small letters' => { authorization => "bearer $key" },
    'GeekAI-API-Key' => { 'GeekAI-API-Key' => $key },
    'api-key' => { 'api-key' => $key },
    'x-api-key' => { 'x-api-key' => $key },
    'in other letters' => { 'X-API-Key' => $key },
    'all headers' => { Authorization => "Bearer $key", 'api-key' => $key,
                       'GeekAI-API-Key' => $key, 'x-api-key' => $key },
    'Authorization comes first' => {
        Authorization => "Bearer $key", 'api-key' => key_of('nobody') },
    'then GeekAI-API-Key' => { 'GeekAI-API-Key' => $key,
                               'api-key' => key_of('nobody') },
    'then api-key' => { 'api-key' => $key, 'x-api-key' => key_of('nobody') },
    'a password is no key' => { Authorization => 'Basic dTpw',
                                'x-api-key' => $key },
    'an empty header is no key' => { Authorization => 'Bearer ',
                                     'api-key' => '', 'x-api-key' => $key },
    'until tomorrow' => bearer('tomorrow'),
);

is(post($good{$_})->status, 200, "good: $_") for sort keys %good;

my $submits = $t->submits;

my %bad = (
    'no key' => {},
    'an empty one' => { Authorization => 'Bearer ' },
    'no word' => { Authorization => $key },
    'another scheme' => { Authorization => "Basic $key" },
    'an unknown key' => bearer('nobody'),
    'the digest of a key' => { Authorization => 'Bearer ' . sha256_hex($key) },
    'more than a key' => { Authorization => "Bearer ${key}x" },
    'less than a key' => { Authorization => 'Bearer ' . substr $key, 0, -1 },
    'in capitals' => { Authorization => 'Bearer ' . uc $key },
    'two keys' => { 'GeekAI-API-Key' => [ $key, $key ] },
    'two of api-key' => { 'api-key' => [ $key, $key ] },
    'two of one, and another' => { 'api-key' => [ $key, $key ],
                                   'x-api-key' => $key },
    'an empty api-key' => { 'api-key' => '' },
    'an unknown x-api-key' => { 'x-api-key' => key_of('nobody') },
    'Authorization comes first' => {
        Authorization => 'Bearer ' . key_of('nobody'), 'x-api-key' => $key },
    'api-key comes before x-api-key' => {
        'api-key' => key_of('nobody'), 'x-api-key' => $key },
    'a Bearer in another header' => { 'api-key' => "Bearer $key" },
    'a long one' => { Authorization => 'Bearer ' . 'x' x 5000 },
    'an unknown GeekAI-API-Key' => { 'GeekAI-API-Key' => key_of('nobody') },
    'a name' => { Authorization => 'Bearer alice' },
    'expired' => bearer('gone'),
    'expired today' => bearer('today'),
    'of another file' => bearer('carol'),
);
$t->secret(key_of('nobody'));

is_refused($t, post($bad{$_}), "bad: $_", code => 'invalid_api_key')
    for sort keys %bad;
is(scalar $t->submits, $submits, 'nothing was submitted');

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
is($h2->response($h2->start('POST', '/v1/images/generations',
                            { %$json, %{ $_->[0] } }, $body))->{status},
   $_->[1], "HTTP/2: $_->[1]") for [ bearer('alice'), 200 ], [ {}, 401 ];


# ---- every endpoint

my $task = post(bearer('alice'))->json->{task_id};

for my $case (
    [ GET => 'models' ], [ GET => 'models/jimeng_t2i_v40' ],
    [ GET => "images/$task" ], [ GET => "images/generations/$task" ],
    [ GET => 'usage' ],
) {
    my ($method, $path) = @$case;
    is_refused($t, $t->request($method, "/v1/$path"), "no key: $path",
               code => 'invalid_api_key');
    is($t->request($method, "/v1/$path", bearer('alice'))->status, 200,
       "a key: $path");
}

# A browser that asks whether it may send a key has sent none.
for my $case (
    [ 'images/generations', 'POST' ], [ 'images/edits', 'POST' ],
    [ 'images/edits/', 'POST' ], [ 'models', 'GET, HEAD' ],
    [ "images/$task", 'GET, HEAD, DELETE' ], [ 'usage', 'GET, HEAD' ],
) {
    my ($path, $allowed) = @$case;

    for my $headers ({}, bearer('alice'), bearer('nobody')) {
        my $r = $t->request('OPTIONS', "/v1/$path", {
            %$headers, Origin => 'https://app.example.com',
            'Access-Control-Request-Method' => 'POST',
            'Access-Control-Request-Headers' => 'authorization,content-type',
        });

        is_refused($t, $r, "OPTIONS $path", code => 'method_not_allowed');
        is($r->header('Allow'), $allowed, "OPTIONS $path: Allow");
    }
}

is_refused($t, $t->request('OPTIONS', '/v1/nothing'), 'OPTIONS nothing',
           code => 'not_found');

# The key is what is looked at first.
for my $case (
    [ 'POST', 'images/edits', '{}' ], [ 'GET', 'images/generations' ],
    [ 'DELETE', 'models' ], [ 'GET', 'nothing' ], [ 'GET', 'images/none' ],
    [ 'POST', 'images/generations', '{' ],
    [ 'POST', 'images/generations', '' ],
) {
    my ($method, $path, $content) = @$case;
    my $name = join ' ', @$case;

    is_refused($t, $t->request($method, "/v1/$path", $json, $content),
               "no key: $name", code => 'invalid_api_key');
    unlike($t->request($method, "/v1/$path", { %$json, %{ bearer('bob') } },
                       $content)->status,
           qr/^(?:2|401)/, "a key: $name");
}


# ---- locations

is(post({}, '/free')->status, 200, 'a location without keys');
is(post(bearer('nobody'), '/free')->status, 200, 'and any key there');
is(post(bearer('carol'), '/others')->status, 200, 'another file');
is(post(bearer('alice'), '/others')->status, 401, 'which has others');
is(post({}, '/others/off')->status, 200, 'off');
is($t->request('GET', '/free/usage', bearer('alice'))->json->{error}{code},
   'not_found', 'no usage without keys');


# ---- a reload

is(post(bearer('limited'))->status, 200, 'limited');
my $before = usage($t, 'limited');
is($before->{requests}{remaining}, 4, 'limited: one request is counted');
is($before->{images}{used}, 1, 'limited: and one picture');

set_clients($t, 'alice/2', 'dave', @clients[2 .. 5]);
is(post(bearer('dave'))->status, 401, 'nothing is read before a reload');
$t->reload;
is(post(bearer('dave'))->status, 200, 'reload: a new one');
is(post(bearer('bob'))->status, 401, 'reload: one that was struck out');
is(post(bearer('alice'))->status, 401, 'reload: the old key');
is(post(bearer('alice/2'))->status, 200, 'reload: the new key');
is($t->request('GET', "/v1/images/$task", bearer('alice/2'))->status, 200,
   'reload: and what was made with the old one');

my $after = usage($t, 'limited');
is($after->{requests}{remaining}, 4, 'reload: the rate is kept');
is($after->{images}{used}, 1, 'reload: the pictures are kept');

set_clients($t, 'alice/2', 'limited rate=9r/h images=20/d concurrency=3');
$t->reload;
$after = usage($t, 'limited');
is_deeply([ @{ $after->{images} }{qw(limit used remaining)} ], [ 20, 1, 19 ],
          'other limits: the pictures are kept');
is($after->{requests}{limit}, 9, 'other limits: the rate');
is($after->{concurrency}{limit}, 3, 'other limits: concurrency');

# A file with an error in it changes nothing.
$t->write_file('keys', client_line('alice/2') . "\nsk-in-clear-by-mistake x\n");
$t->secret('sk-in-clear-by-mistake');
$t->allow_log(qr/\[emerg\].*keys:2/);
my @workers = sort $t->workers('staying');
$t->signal('HUP');
$t->log_like(qr/\[emerg\].*keys:2/, 'a bad file: the error log has the line');
is_deeply([ sort $t->workers('staying') ], \@workers,
          'a bad file: nothing changes');
is(post(bearer('limited'))->status, 200, 'a bad file: the old one is good');

$h2->abort;
$t->done;
