#!/usr/bin/perl

# Who waits for a slot sees that: a stream begins at once, and its comments say
# where the request stands; "async" is answered at once, with an id that is good
# before there is a task; so is an error.  DELETE takes out what waits, and
# nothing else.
#
# Seen failing: without jm_ledger_placed() nobody has a position but in the
# reply itself; with a slot that jm_ledger_cancel() leaves as it is a canceled
# one is submitted by who joined it; without "handed" in jm_ledger_is_void() an
# id is not known any more after a failure.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;
use Jimeng::Test::Restart;
use Jimeng::Test::Sse;

my $t = Jimeng::Test->new(with_queue(
    workers => 2, strict => 1, zone => '1m file=state.zone',
    emulator => { seconds => 0.1, concurrency => 1 },
    http => 'lingering_close off;', location => 'jimeng_heartbeat 200ms;',
    server => <<'EOT',
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 2s;
        }
EOT
));

my $named = 0;

sub named { return of("a crane, " . ++$named, @_) }

sub told { return map { decode($_->{comment}) } @_ }

sub decode {
    my ($text) = @_;
    return JSON::PP::decode_json($text);
}

# Less the id and the time, which are looked at elsewhere.
sub standing {
    my ($json) = @_;
    return join(' ', $json->{task_status},
                map { $_ // () } @$json{qw(position of)});
}

sub retrieve {
    my ($id, $client, $query) = @_;
    return $t->request('GET', "/v1/images/$id" . ($query // ''),
                       client($client));
}

sub cancel {
    my ($id, $client) = @_;
    return $t->request('DELETE', "/v1/images/$id", client($client));
}

sub client { return { Authorization => "Bearer $_[0]" } }

sub wait_standing {
    my ($id, $client, $expected) = @_;
    my $seen;
    return wait_for {
        ($seen = standing(retrieve($id, $client)->json)) eq $expected;
    } "it stands at $expected";
}

# What tasks take is learned first.
$t->request(named('alice'));
free($t);


# ---- errors, while tasks are known to be short

my $holder = hold($t, 4);
my ($method, $path, @rest) = named('alice');
my $r = $t->request($method, $path =~ s{^/v1}{/short}r, @rest);
is($r->status, 429, 'too late: status');
my $id = $r->json->{task_id};
ok($id, 'too late: it waited, and has an id');
$r = retrieve($id, 'alice');
is($r->json->{task_status}, 'failed', 'too late: GET knows it');
is($r->json->{error}{code}, 'concurrency_limit_exceeded', 'too late: and why')
    or diag($r->body);
$holder->response;
free($t);


# ---- streams

$holder = hold($t, 3);
my $first = Jimeng::Test::Sse->new(
    $t->start_request(named('alice', stream => \1)));
my $comment = $first->next(2);
is($first->status, 200, 'a stream begins while it waits');
is(standing(decode($comment->{comment})), 'pending 1 1', 'it says where');
cmp_ok(decode($comment->{comment})->{eta}, '>=', 1, 'and for how long');
$id = decode($comment->{comment})->{task_id};
is(standing(retrieve($id, 'alice')->json), 'pending 1 1', 'as its id does');

my $second = Jimeng::Test::Sse->new(
    $t->start_request(named('bob', stream => \1, n => 2)));

# It may be told as soon as the first of its tasks waits.
ok((wait_for {
    standing(decode($second->next(2)->{comment})) eq 'pending 2 3';
} 'it stands so'), 'the next one, with two tasks');

$holder->response;
my @events = $first->all;
is(scalar @events, 1, 'the first gets its picture');
is($first->strange, '', 'and nothing else');
my @told = told($first->comments);
is($told[-1]{task_status}, 'running', 'it was told when it ran');
is((grep { $_->{task_status} eq 'running' && exists $_->{position} } @told), 0,
   'without a place');
@events = $second->all;
is(scalar @events, 2, 'the second gets two');
my %seen = map { standing($_) => 1 } told($second->comments);
ok($seen{'pending 1 2'} || $seen{'pending 1 1'}, 'it was told of each change')
    or diag(join ', ', sort keys %seen);
free($t);


# ---- async

$holder = hold($t, 3);
$r = $t->request(named('alice', async => \1));
is($r->status, 200, 'async: an answer at once');
is(standing($r->json), 'pending 1 1', 'async: it waits');
cmp_ok($r->json->{eta}, '>=', 1, 'async: so long');
$id = $r->json->{task_id};

my $prompt = "a crane, $named";
is(scalar $t->submits($prompt), 0, 'async: nothing is submitted');
is(standing(retrieve($id, 'alice')->json), 'pending 1 1', 'async: GET says so, too');

# In all workers, over a reload.
for my $pid ($t->workers) {
    my $x = $t->start_request('GET', "/v1/images/$id", client('alice'));
    is(standing($x->response->json), 'pending 1 1', "async: by any worker");
}

$t->reload;
is(standing(retrieve($id, 'alice')->json), 'pending 1 1', 'async: after a reload');

my $waits = $t->start_request('GET', "/v1/images/$id?wait=20s",
                              client('alice'));
$holder->response;
$r = $waits->response(20);
is($r->json->{task_status}, 'succeed', 'async: GET waits for the picture')
    or diag($r->body);
is(scalar $t->submits($prompt), 1, 'async: one submit');
is($r->json->{task_id}, $id, 'async: the id stays');
is(retrieve($id, 'alice')->json->{data}[0]{url}, $r->json->{data}[0]{url},
   'async: and is good');
free($t);


# ---- leaving

$holder = hold($t, 2);
my $x = $t->start_request(named('alice', async => \1));
$r = $x->response;
$x->abort if $x->can('abort');
my $y = $t->start_request(named('bob'));
my $left = "a crane, $named";
queued($t, 2);
$y->abort;
queued($t, 1);
$holder->response;
is(retrieve($r->json->{task_id}, 'alice', '?wait=10s')->json->{task_status},
   'succeed', 'async: whose client has left is served');
is(scalar $t->submits($left), 0, 'who left while it waited is not');
free($t);


# ---- cancel

$holder = hold($t, 4);
$id = $t->request(named('alice', async => \1))->json->{task_id};
$prompt = "a crane, $named";
my $other = $t->request(named('bob', async => \1))->json->{task_id};
my $stream = Jimeng::Test::Sse->new(
    $t->start_request(named('carol', stream => \1, n => 2)));
my $streamed = decode($stream->next(2)->{comment})->{task_id};

is(standing(retrieve($other, 'bob')->json), 'pending 2 4', 'cancel: before');

for my $time ('first', 'again') {
    $r = cancel($id, 'alice');
    is($r->status, 200, "cancel, $time: status");
    is($r->json->{task_status}, 'failed', "cancel, $time: it is told");
    is($r->json->{error}{code}, 'canceled', "cancel, $time: why");
    is($r->json->{task_id}, $id, "cancel, $time: the id");
}

$r = retrieve($id, 'alice');
is($r->status, 200, 'canceled: status');
is($r->json->{task_status} . ' ' . $r->json->{error}{code}, 'failed canceled',
   'canceled: GET says so');
is(standing(retrieve($other, 'bob')->json), 'pending 1 3', 'canceled: who is next');

is(cancel($streamed, 'carol')->status, 200, 'cancel: a stream that waits');
@events = $stream->all;
is(join(' ', map { "$_->{event} $_->{json}{code}" } @events),
   'error canceled', 'canceled: the stream says so');
queued($t, 1);

# What runs is billed, and followed.
my $running = Jimeng::Test::Sse->new(
    $t->start_request(named('dave', stream => \1)));
$holder->response;
wait_for { standing(retrieve($other, 'bob')->json) eq 'running' } 'it runs';
is_error($t, cancel($other, 'bob'), 'cancel: what runs',
         code => 'task_running', no_retry => 1);
is(retrieve($other, 'bob', '?wait=10s')->json->{task_status}, 'succeed',
   'cancel: what runs brings its picture');
is_error($t, cancel($other, 'bob'), 'cancel: what is over',
         code => 'task_running', no_retry => 1);
is(scalar $running->all, 1, 'cancel: the others are served');
is(scalar $t->submits($prompt), 0, 'canceled: nothing was submitted');
is(retrieve($id, 'alice')->json->{error}{code}, 'canceled',
   'canceled: GET says so from then on');
free($t);

# One that has joined a request that is canceled does not submit it.
$holder = hold($t, 3);
my @request = named('alice', async => \1);
$request[2]{'Idempotency-Key'} = 'joined';
$id = $t->request(@request)->json->{task_id};
$prompt = "a crane, $named";
my $joined = $t->start_request(@request);
$joined->response;
my $waiting = $t->start_request($request[0], $request[1], $request[2],
                                $request[3] =~ s/"async":true/"async":false/r);
is(cancel($id, 'alice')->status, 200, 'joined: canceled');
$holder->response;
free($t);
is(scalar $t->submits($prompt), 0, 'joined: nothing is submitted');
$waiting->response;


# ---- a task that found a slot, and was sent back for load

$t->emulator->fault({ on => 'submit', times => 0, do => 'answer',
                      status => 429,
                      body => '{"code":50430,"data":null,"message":"busy"}' });

$r = $t->request(named('alice', async => \1));
$prompt = "a crane, $named";
$id = $r->json->{task_id};

is(standing($r->json), 'pending 1 1', 'sent back: told at once');
is(standing(retrieve($id, 'alice')->json), 'pending 1 1', 'sent back: GET');
is(cancel($id, 'alice')->status, 200, 'sent back: it can be canceled');
is(retrieve($id, 'alice')->json->{error}{code}, 'canceled',
   'sent back: and is');
$t->emulator->clear_faults;
free($t);
is(scalar(grep { $_->{code} != 50430 } $t->submits($prompt)), 0,
   'sent back: nothing was ordered');


# ---- a restart

$holder = hold($t, 3);
$id = $t->request(named('alice', async => \1))->json->{task_id};
$prompt = "a crane, $named";
stop_nginx($t, 'KILL');
start_nginx($t);
$r = retrieve($id, 'alice');
is($r->json->{task_status}, 'failed', 'killed: what waited is known')
    or diag($r->body);
like($r->json->{error}{message}, qr/nothing was ordered/, 'killed: what became');
is($t->request(named('bob'))->status, 200, 'killed: others are served');
is(scalar $t->submits($prompt), 0, 'killed: it is not submitted');

$t->done;
