#!/usr/bin/perl

# $jimeng_client: a client's name, or without jimeng_keys the beginning of its
# key's digest: in the log, in headers, and for limit_req, limit_conn and map,
# which come before the module's own handler.
#
# Seen failing: with a name that is known only when the handler has run, and
# with one for a key that has expired.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http qw(decode_json_or_undef);
use Jimeng::Test::Keys;
use Jimeng::Test::Process qw(slurp);

my $t = with_keys(
    [ 'alice', 'bob', 'gone expires=2020-01-01' ],
    http => <<'EOT',
        log_format clients escape=json '{"client":"$jimeng_client",'
                                       '"status":"$status","uri":"$uri"}';
        map $jimeng_client $may { default 0; alice 1; }
        limit_req_zone $jimeng_client zone=by_client:64k rate=1r/m;
        limit_conn_zone $jimeng_client zone=conns:64k;
        limit_req_status 429;
        limit_conn_status 429;
EOT
    location => 'add_header X-Client "[$jimeng_client]" always;',
    server => <<'EOT',
        access_log %%DIR%%/clients.log clients;

        # Here no location is known yet, nor which keys there are.
        if ($jimeng_client = carol) { return 402; }

        location /free/ {
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /limited/ {
            limit_req zone=by_client;
            jimeng_keys %%DIR%%/keys;
            jimeng_pass /_volcengine;
        }
        location /conn/ {
            limit_conn conns 1;
            jimeng_keys %%DIR%%/keys;
            jimeng_pass /_volcengine;
        }
        location /free-limited/ {
            limit_req zone=by_client;
            jimeng_pass /_volcengine;
        }
        location /mapped/ {
            jimeng_keys %%DIR%%/keys;
            if ($may = 0) { return 403; }
            jimeng_pass /_volcengine;
        }
        location = /plain { return 200 "[$jimeng_client]"; }
EOT
);

my $json = { 'Content-Type' => 'application/json' };
my $body = '{"prompt":"a quay in the rain"}';
my $requests = 0;

sub post {
    my ($path, $headers) = @_;
    $requests++;
    return $t->request('POST', "$path/images/generations",
                       { %$json, %{ $headers || {} } }, $body);
}

# The header, and the line in the log.
sub is_client {
    my ($r, $client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rows;

    is($r->header('X-Client'), "[$client]", "$name: a header");
    wait_for {
        @rows = map { decode_json_or_undef($_) }
                split /\n/, slurp($t->dir . '/clients.log');
        @rows == $requests;
    } "$name: the line in the log";
    return is($rows[-1]{client}, $client, "$name: in the log");
}

sub digest { return substr sha256_hex($_[0]), 0, 16 }


# ---- with keys

is_client(post('/v1', bearer('alice')), 'alice', 'a key');
is_client(post('/v1', { 'GeekAI-API-Key' => key_of('bob') }), 'bob',
          'the other header');
is_client(post('/v1', { $_ => key_of('bob') }), 'bob', $_)
    for 'api-key', 'x-api-key';
is_client(post('/v1'), '', 'no key');
is_client(post('/v1', bearer('nobody')), '', 'an unknown key');
is_client(post('/v1', bearer('gone')), '', 'an expired key');
$t->secret(key_of('nobody'));


# ---- without

my $key = 'sk-a-key-of-no-file';
$t->secret($key);

is_client(post('/free', { Authorization => "Bearer $key" }), digest($key),
          'without keys: a key');
is_client(post('/free', { 'GeekAI-API-Key' => $key }), digest($key),
          'without keys: the same in the other header');
is_client(post('/free', { $_ => $key }), digest($key), "without keys: $_")
    for 'api-key', 'x-api-key';
is_client(post('/free', bearer('alice')), digest(key_of('alice')),
          'without keys: a key that has a name elsewhere');
is_client(post('/free'), '', 'without keys: no key');
is($t->request('GET', '/plain', { Authorization => "Bearer $key" })->body,
   '[' . digest($key) . ']', 'in any location');
is($t->request('GET', '/plain')->body, '[]', 'in any location: no key');
$requests += 2;


# ---- in phases before the content

for my $name (qw(alice bob)) {
    is(post('/limited', bearer($name))->status, 200, "limit_req: $name");
    is_error(post('/limited', bearer($name)), "limit_req: $name, again", 429,
             'rate_limit_exceeded', retry_after => 1);
}

is(post('/limited', $_)->status, 401, 'limit_req: not for an empty name')
    for {}, {}, bearer('nobody'), bearer('nobody');
is(post('/free-limited', { Authorization => "Bearer $key" })->status, $_,
   "limit_req without keys: $_") for 200, 429;
is(post('/free-limited', { Authorization => "Bearer $key-2" })->status, 200,
   'limit_req without keys: another');

is(post('/mapped', bearer('alice'))->status, 200, 'map: may');
is_error(post('/mapped', bearer('bob')), 'map: may not', 403,
         'permission_denied');

my $held = $t->start_request('POST', '/conn/images/generations',
                             { %$json, %{ bearer('alice') },
                               'Content-Length' => 99 }, '{');
wait_for { post('/conn', bearer('alice'))->status == 429 } 'limit_conn';
is(post('/conn', bearer('bob'))->status, 200, 'limit_conn: another');
$held->abort;


$t->done;
