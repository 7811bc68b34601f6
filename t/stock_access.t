#!/usr/bin/perl

# Without jimeng_keys, nginx's own directives decide who may do what, as in any
# location: auth_request, satisfy, auth_basic, map, limit_req and limit_conn.
# Nothing that they refuse is submitted.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Envelope;

my @keys = map { "sk-a-key-of-client-$_" } 'a' .. 'c';
my @digests = map { substr sha256_hex($_), 0, 16 } @keys;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.4 }, poll_interval => '50ms', strict => 1,
    http => <<"EOT",
        map \$jimeng_client \$name {
            $digests[0] anna;
            $digests[1] berta;
        }
        map \$name \$rate_key { default \$name; berta ""; }

        limit_req_zone \$rate_key zone=rate:64k rate=2r/m;
        limit_conn_zone \$name zone=conns:64k;
        limit_req_status 429;
        limit_conn_status 429;
EOT
    location => <<'EOT',
        auth_request /key;
        auth_request_set $who $name;
        add_header X-Who "$who $name" always;
        limit_req zone=rate burst=1 nodelay;
        limit_conn conns 1;
EOT
    server => <<'EOT',
        location = /key {
            internal;
            if ($name = "") { return 401; }
            return 204;
        }
        location /any/ {
            satisfy any;
            auth_request /key;
            allow 127.0.0.2;
            deny all;
            jimeng_pass /_volcengine;
        }
        location /all/ {
            satisfy all;
            auth_request /key;
            allow 127.0.0.2;
            deny all;
            jimeng_pass /_volcengine;
        }
        location /either/ {
            satisfy any;
            auth_basic "pictures";
            auth_basic_user_file %%DIR%%/users;
            auth_request /key;
            jimeng_pass /_volcengine;
        }
        location /inside/ {
            satisfy any;
            auth_request /key;
            allow 127.0.0.0/8;
            deny all;
            jimeng_pass /_volcengine;
        }
EOT
    start => 0,
);

$t->secret(@keys);
$t->write_file('users', "somebody:{PLAIN}password\n");
$t->start;

my $json = { 'Content-Type' => 'application/json' };
my $served = 0;

sub key { return { Authorization => "Bearer $keys[ $_[0] ]" } }

sub post {
    my ($path, $headers) = @_;
    my $r = $t->request('POST', "$path/images/generations",
                        { %$json, %{ $headers || {} } },
                        '{"prompt":"a gate in the wall"}');
    $served++ if $r->status == 200;
    return $r;
}


# ---- who

is_error(post('/v1'), 'no key', 401, 'invalid_api_key');
is_error(post('/v1', key(2)), 'an unknown key', 401, 'invalid_api_key');
my $r = post('/v1', key(0));
is($r->status, 200, 'a known one');
is($r->header('X-Who'), 'anna anna', 'what auth_request found');
is($t->request('GET', '/v1/models', $_->[0])->status, $_->[1],
   "models: $_->[1]") for [ {}, 401 ], [ key(1), 200 ];


# ---- how much

is(post('/v1', key(0))->status, 200, 'limit_req: the burst');
is_error(post('/v1', key(0)), 'limit_req', 429, 'rate_limit_exceeded',
         retry_after => 1);
is(post('/v1', key(1))->status, 200, 'limit_req: not for her') for 1 .. 3;

my $x = $t->start_request('POST', '/v1/images/generations',
                          { %$json, %{ key(1) } },
                          '{"prompt":"a gate that opens slowly"}');
$served++;
wait_for { $t->submits == $served } 'limit_conn: it is submitted';
is_error(post('/v1', key(1)), 'limit_conn: while a task runs', 429,
         'rate_limit_exceeded', retry_after => 1);
is($x->response->status, 200, 'limit_conn: the first is served');
$x->abort;
wait_for { post('/v1', key(1))->status == 200 } 'limit_conn: then the next';

# What nobody waits for any more counts as well.
like($t->request('POST', '/v1/images/generations', { %$json, %{ key(1) } },
                 '{"prompt":"a gate","async":true}')->status, qr/^20[02]\z/,
     'limit_conn: async');
is(post('/v1', key(1))->status, 429, 'limit_conn: while it runs');
wait_for { post('/v1', key(1))->status == 200 } 'limit_conn: when it is over';


# ---- satisfy

is_error(post('/any'), 'any: neither', 401, 'invalid_api_key');
is(post('/any', key(0))->status, 200, 'any: the key');
is_error(post('/all', key(0)), 'all: the key alone', 403,
         'permission_denied');
is(post('/inside')->status, 200, 'any: the address');
is(post('/either', key(1))->status, 200, 'either: the key');
is(post('/either', { Authorization => 'Basic c29tZWJvZHk6cGFzc3dvcmQ=' })
   ->status, 200, 'either: the password');
is(post('/either')->status, 401, 'either: neither');


# ---- the id of a task is a key's

my $id = post('/inside', key(0))->json->{task_id};
is($t->request('GET', "/inside/images/$id", key(0))->status, 200, 'its owner');

wait_for { $t->emulator->state->{running} == 0 } 'all is over';
is(scalar $t->submits, $served + 1, 'what is refused is not submitted');

$t->done;
