#!/usr/bin/perl

# jimeng_client: who a client is, by a variable: auth_basic, a login service, a
# map of a header such as a certificate's name.  The name is what the ledger,
# the ids, the log and the metrics go by, with and without a key; keys_queue.t
# has the queue.
#
# Seen failing: without the look at the name in ngx_http_jimeng_who(), without
# each check of a name, with a key that is not looked at when there is a name,
# and with one that is looked at where a file has none.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask links submits_of wait_submits with_ledger);
use Jimeng::Test::Metrics;
use MIME::Base64 qw(encode_base64);


# ---- the directive

my $d = Jimeng::Test::Directive->new('jimeng_client');
$d->common('$remote_user');
$d->good('$remote_user', '"$remote_user@$host"', '""', 'a-name');
$d->refuses('an unknown variable', 'unknown "nobody_set_it" variable',
            location => 'jimeng_client $nobody_set_it;');
$d->accepts('without a zone or a file of keys',
            location => 'jimeng_client $remote_user;');


# ---- who it is

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0.2 },
    poll_interval => '50ms', start => 0, log => [ 'jimeng_client' ],
    http => <<'EOT',
        map $http_token $user_of { default ""; t-alice alice; t-bob bob; }
        map $http_dn $cn { default ""; "~CN=(?<a_name>[^,]+)" $a_name; }
        map $jimeng_client $round { default $jimeng_client; }
        limit_req_zone $jimeng_client zone=by_name:64k rate=1r/m;
        limit_req_status 429;
EOT
    location => <<'EOT',
        auth_basic "pictures";
        auth_basic_user_file %%DIR%%/users;
        jimeng_client $remote_user;
        add_header X-Client "[$jimeng_client]" always;
EOT
    server => <<'EOT',
        location = /metrics { jimeng_metrics; }
        location /asked/ {
            auth_request /login;
            auth_request_set $who $upstream_http_x_who;
            jimeng_client $who;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /early/ {
            set $before "$jimeng_client";
            auth_request /login;
            auth_request_set $who $upstream_http_x_who;
            jimeng_client $who;
            add_header X-Client "[$jimeng_client]" always;
            add_header X-Before "[$before]" always;
            jimeng_pass /_volcengine;
        }
        location = /login {
            internal;
            proxy_pass http://127.0.0.1:%%PORT%%/service;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
        }
        location = /service {
            add_header X-Who $user_of;
            return 204;
        }
        location /certificate/ {
            jimeng_client $cn;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /limited/ {
            limit_req zone=by_name;
            jimeng_client $http_name;
            jimeng_pass /_volcengine;
        }
        location /named/ {
            jimeng_client $http_name;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;

            location /named/off/ {
                jimeng_client "";
                add_header X-Client "[$jimeng_client]" always;
                jimeng_pass /_volcengine;
            }
            location /named/inherits/ {
                add_header X-Client "[$jimeng_client]" always;
                jimeng_pass /_volcengine;
            }
        }
        location /keys/ {
            jimeng_keys %%DIR%%/keys;
            jimeng_client $http_name;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /dry/ {
            jimeng_keys %%DIR%%/keys dry_run;
            jimeng_client $http_name;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /names/ {
            jimeng_keys %%DIR%%/names;
            jimeng_client $http_name;
            add_header X-Client "[$jimeng_client]" always;
            jimeng_pass /_volcengine;
        }
        location /round/ {
            jimeng_client $round;
            jimeng_pass /_volcengine;
        }
EOT
));

$t->write_file('users', join '', map { "$_:{PLAIN}of-$_\n" } qw(alice bob));
$t->write_file('names', "- alice\n");
set_clients($t, 'alice', 'bob', 'gone expires=2020-01-01');
$t->secret('of-alice', 'of-bob');
$t->start;

my $prompts = 0;
my ($one, $other) = $t->workers;

sub prompt { "a lighthouse, $_[0], " . ++$prompts }

sub user {
    return { Authorization => 'Basic ' . encode_base64("$_[0]:of-$_[0]", '') };
}

sub name { return { Name => $_[0] } }

# Arguments of request().
sub order {
    my ($path, $headers, $prompt, $fields) = @_;
    my @request = $t->generation({ prompt => $prompt // prompt('any'),
                                   %{ $fields || {} } }, $headers);
    $request[1] = "$path/images/generations";
    return @request;
}

sub post { return $t->request(order(@_)) }

sub is_client {
    my ($r, $name, $client) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: served");
    is($r->header('X-Client'), "[$client]", "$name: a header");
    is($t->logged($r)->{jimeng_client}, $client, "$name: in the log");
    return is($t->unseal($r->json->{task_id})->{owner}, $client,
              "$name: the owner of the id");
}

is_client(post('/v1', user('alice')), 'auth_basic', 'alice');
is_error(post('/v1'), 'auth_basic: nobody', 401, 'invalid_api_key',
         message => qr/./);
is_client(post('/asked', { Token => 't-alice' }), 'auth_request', 'alice');
is_client(post('/asked', { Token => 't-bob' }), 'auth_request: another',
          'bob');
is_client(post('/asked', { Token => 'none' }), 'auth_request: nobody', '');
my $r = post('/early', { Token => 't-alice' });
is_client($r, 'asked for before it is known', 'alice');
is($r->header('X-Before'), '[]', 'when it was empty');
is_client(post('/certificate', { DN => 'CN=Alice Liddell,O=Wonder' }),
          'a certificate', 'Alice Liddell');
is(post('/named', name("\xe6\xa2\x85"))->header('X-Client'),
   "[\xe6\xa2\x85]", 'UTF-8');
is_client(post('/named', name('n' x 64)), 'the longest', 'n' x 64);
is_client(post('/named', name('*')), 'a star', '*');
is_client(post('/named/inherits', name('carol')), 'inherited', 'carol');
is_client(post('/named/off', name('carol')), 'off', '');

is(post('/limited', name($_->[0]))->status, $_->[1], "limit_req: $_->[0]")
    for [ alice => 200 ], [ alice => 429 ], [ bob => 200 ];

# A key says who it is where there is no name.
my $id = post('/named', bearer('alice'))->json->{task_id};
is($t->unseal($id)->{owner}, '', 'a key without a file is no name');


# ---- names that are of no use

my $submits = $t->submits;

for (['too long', 'n' x 65, qr/more than 64 bytes/],
     ['a tab', "a\tb", qr/a control character/],
     ['DEL', "a\x7fb", qr/a control character/],
     ['not UTF-8', "a\xe6b", qr/not UTF-8/]) {
    my ($what, $name, $line) = @$_;

    is_error(post('/named', name($name)), $what, 403, 'permission_denied',
             message => qr/The name .* ask the operator/);
    $t->log_like(qr/\[error\].* the name in "jimeng_client" .*$line/,
                 "$what: for the operator");
    is_error(post('/keys', { %{ bearer('alice') }, Name => $name }),
             "$what, with a key", 403, 'permission_denied',
             message => qr/The name/);
}

is(scalar $t->submits, $submits, 'nothing was submitted');
is(post('/dry', name('n' x 65))->header('X-Client'), '[]', 'dry run: nobody');

$r = post('/round');
is($r->status, 200, 'a variable of its own: nobody');
$t->log_like(qr/cycle while evaluating variable "/, 'which nginx says');
$t->allow_log(qr/cycle while evaluating/);


# ---- with keys

sub is_named {
    my ($path, $headers, $name, $client) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_client(post($path, $headers), $name, $client);
}

is_named('/keys', bearer('alice'), 'a key', 'alice');
is_named('/keys', { %{ bearer('alice') }, Name => 'carol' },
         'a key, and a name', 'carol');
is_named('/keys', name('carol'), 'a name', 'carol');
is_named('/keys', { %{ user('alice') }, Name => 'carol' },
         'a password, and a name', 'carol');
is_refused($t, post('/keys', @$_[1, 2]), $_->[0], code => 'invalid_api_key')
    for [ 'neither', {} ],
        [ 'an empty name', name('') ],
        [ 'an unknown key', { %{ bearer('nobody') }, Name => 'carol' } ],
        [ 'an expired key', { %{ bearer('gone') }, Name => 'carol' } ];
is_named('/dry', { %{ bearer('nobody') }, Name => 'carol' }, 'dry run',
         'carol');

is_named('/names', name('alice'), 'a file without keys', 'alice');
is_named('/names', { %{ bearer('nobody') }, Name => 'alice' },
         'a token of others', 'alice');
is_refused($t, post('/names', bearer('alice')), 'a key, without a name',
           code => 'invalid_api_key');
is($t->request('GET', '/names/usage', name('dave'))->json->{client}, 'dave',
   'usage');
$t->secret(key_of('nobody'));


# ---- ids

$id = post('/v1', user('alice'))->json->{task_id};
my %may = (
    'its owner' => [ '/v1', user('alice'), 200 ],
    'its owner, as others know it' => [ '/asked', { Token => 't-alice' }, 200 ],
    'its owner, by a key' => [ '/keys', bearer('alice'), 200 ],
    'another' => [ '/v1', user('bob'), 404 ],
    'another, by a key' => [ '/keys', bearer('bob'), 404 ],
    'a name with a key of its owner' =>
        [ '/keys', { %{ bearer('alice') }, Name => 'carol' }, 404 ],
    'nobody' => [ '/asked', { Token => 'none' }, 404 ],
);

for my $name (sort keys %may) {
    my ($path, $headers, $status) = @{ $may{$name} };
    is($t->request('GET', "$path/images/$id", $headers)->status, $status,
       "an id: $name");
}


# ---- repeats

# The same request of two, on two workers.
sub two {
    my ($name, $first, $second, $tasks) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $prompt = prompt($name);
    my ($path, @both) = ($first->[0], $first->[1], $second->[1]);

    for my $pid ($one, $other) {
        my $headers = { %{ shift @both }, 'Idempotency-Key' => $prompt };
        my $r = ask($t, $pid, order($path, $headers, $prompt))->response;
        like(links($r), qr{/pictures/}, "$name: a picture");
    }

    return is(scalar submits_of($t, $prompt), $tasks, "$name: so many tasks");
}

two('the same name', [ '/named', name('alice') ], [ '/named', name('alice') ],
    1);
two('another name', [ '/named', name('alice') ], [ '/named', name('bob') ], 2);
two('a name and nobody', [ '/named', name('alice') ], [ '/named', {} ], 2);
two('two names with one key',
    [ '/keys', { %{ bearer('alice') }, Name => 'carol' } ],
    [ '/keys', { %{ bearer('alice') }, Name => 'dave' } ], 2);
two('one name with two keys',
    [ '/keys', { %{ bearer('alice') }, Name => 'carol' } ],
    [ '/keys', { %{ bearer('bob') }, Name => 'carol' } ], 1);

# What a client left is owed to its name, and to no other.
my $prompt = prompt('left');
my $left = $t->start_request(order('/named', name('alice'), $prompt));
wait_submits($t, $prompt, 1);
$left->abort;
is(post('/named', name('bob'), $prompt)->status, 200, 'left: another');
is(scalar submits_of($t, $prompt), 2, 'left: with a task of its own');
is(post('/named', name('alice'), $prompt)->status, 200, 'left: itself');
is(scalar submits_of($t, $prompt), 2, 'left: what it left');


# ---- metrics

my $images = summed(settled($t, $t->access_log - 1), 'jimeng_images_total',
                    'client');
cmp_ok($images->{$_} // 0, '>', 0, "metrics: $_")
    for 'alice', 'bob', 'carol', 'Alice Liddell', '*', '';

$t->done;
