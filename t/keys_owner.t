#!/usr/bin/perl

# What a client has made is its own: nobody else's key opens its tasks' ids,
# and the same Idempotency-Key is another one of another client.  A client is
# its name, whichever header its key comes in, and whichever key it has.
#
# Seen failing: without the owner in an id, or without a look at it; with a
# client that is its header, and with no client at all in the ledger's keys.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask is_picture links submits_of);

my $prompts = 0;

my $t = with_keys(
    [ 'alice', 'bob', 'carol' ],
    workers => 2, others => [ 'dave', 'alice/other' ],
    server => <<'EOT',
        location /free/ { jimeng_pass /_volcengine; }
        location /others/ {
            jimeng_keys %%DIR%%/others;
            jimeng_pass /_volcengine;
        }
EOT
);

my ($one, $other) = $t->workers;

sub prompt { "an orchard in spring, $_[0], " . ++$prompts }

sub retrieve {
    my ($id, $headers, $path) = @_;
    return $t->request('GET', ($path // '/v1/images/') . $id, $headers);
}


# ---- ids

my $id = generate_as($t, 'alice')->json->{task_id};
is($t->unseal($id)->{owner}, 'alice', 'the owner is in the id');

for my $path (qw(/v1/images/ /v1/images/generations/)) {
    is(retrieve($id, bearer('alice'), $path)->status, 200, "$path: its owner");
    is_refused($t, retrieve($id, bearer('bob'), $path), "$path: another",
               code => 'task_not_found');
    is_refused($t, retrieve($id, {}, $path), "$path: nobody",
               code => 'invalid_api_key');
    is_refused($t, $t->request('DELETE', $path . $id, bearer('bob')),
               "$path: another cancels", code => 'task_not_found');
    is($t->request('DELETE', $path . $id, bearer('alice'))->json->{code},
       'task_running', "$path: its owner cancels");
}

is(retrieve($id, { 'GeekAI-API-Key' => key_of('alice') })->status, 200,
   'its owner, the other header');
is_refused($t, retrieve($id, bearer('dave'), '/others/images/'),
           'another file, another name', code => 'task_not_found');
is(retrieve($id, bearer('alice/other'), '/others/images/')->status, 200,
   'another file, the same name');
is_refused($t, retrieve($id, bearer('alice'), '/free/images/'),
           'where there are no keys', code => 'task_not_found');
is_refused($t, retrieve($t->reseal($id, owner => $_), bearer('alice')),
           "an owner that is only like it: $_", code => 'task_not_found')
    for 'alic', 'alice2', 'Alice';

my $queries = $t->queries;
is(retrieve($id, bearer('bob'))->status, 404, 'another');
is(scalar $t->queries, $queries, 'another: the upstream is not asked');

$id = generate_as($t, 'alice', { async => \1 })->json->{task_id};
is(retrieve("$id?wait=5s", bearer('bob'))->status, 404,
   'async: another does not even wait');
is(retrieve("$id?wait=5s", bearer('alice'))->status, 200, 'async: its owner');


# ---- an Idempotency-Key is a client's

my $prompt = prompt('a key of three');
my @three = map { [ $t->generation({ prompt => $prompt },
                                   { %{ bearer($_) },
                                     'Idempotency-Key' => 'ours' }) ] }
            qw(alice bob carol);
my @replies = map { $_->response } map { ask($t, $one, @$_),
                                         ask($t, $other, @$_) } @three;
my %links = map { links($_) => 1 } @replies;
is(scalar(grep { m{/pictures/} } keys %links), 3,
   'three clients: a picture for each');
is(scalar submits_of($t, $prompt), 3, 'three clients: three submits');
is(links($replies[$_]), links($replies[$_ + 1]),
   'three clients: and each has one task') for 0, 2, 4;

# Not used for another request of one's own, but for another client's.
is($t->generate({ prompt => prompt('else') },
                { %{ bearer($_->[0]) }, 'Idempotency-Key' => 'ours' })->status,
   $_->[1], "the same key for something else: $_->[0]")
    for [ alice => 422 ], [ bob => 422 ];

# What the repeat of an SDK says instead of a key.
$prompt = prompt('a count');
my ($first, $second, $repeat) = map {
    my ($name, $count) = @$_;
    $t->generate({ prompt => $prompt },
                 { %{ bearer($name) }, 'x-stainless-retry-count' => $count })
} [ alice => 0 ], [ bob => 1 ], [ alice => 1 ];
isnt(links($second), links($first), 'a count: not the task of another');
is(scalar submits_of($t, $prompt), 2, 'a count: two submits');
is($repeat->status, 200, 'a count: a repeat of one\'s own');


# ---- a client is its name

$prompt = prompt('two headers');
my @both = map { [ $t->generation({ prompt => $prompt },
                                  { %$_, 'Idempotency-Key' => 'h' }) ] }
           bearer('alice'), { 'GeekAI-API-Key' => key_of('alice') };
is_picture($t, $_->response, $prompt, 'two headers')
    for map { ask($t, $one, @$_) } @both;

$prompt = prompt('a new key');
my @request = ({ prompt => $prompt });
is($t->generate(@request, { %{ bearer('alice') }, 'Idempotency-Key' => 'n' })
   ->status, 200, 'the old key');
set_clients($t, 'alice/new', 'bob', 'carol');
$t->reload;
is_picture($t, $t->generate(@request, { %{ bearer('alice/new') },
                                        'Idempotency-Key' => 'n' }),
           $prompt, 'the new key');
is(retrieve($id, bearer('alice/new'))->status, 200,
   'the new key opens the old ids');
is($t->generate({}, bearer('alice'))->status, 401, 'the old key is none now');


# ---- two keys of one client at the same time

set_clients($t, 'dora/new images=1/d', 'alice', 'bob', 'carol',
            'dora/last images=1/d expires=2100-01-01');
$t->reload;
is(usage($t, "dora/$_")->{client}, 'dora', "two keys: $_")
    for 'new', 'last';
is(generate_as($t, 'dora/new')->json->{code}, 'insufficient_quota',
   'two keys: with one of them')
    if generate_as($t, 'dora/last')->status == 200;
is(usage($t, 'dora/new')->{images}{used}, 1, 'two keys: counted together');

$t->done;
