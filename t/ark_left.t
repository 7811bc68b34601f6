#!/usr/bin/perl

# A call of Ark's is its client's whatever becomes of the client: it goes on
# when the client leaves, or its time is over, holds its slot and its share of
# the client's limits meanwhile, and what it brings is kept.  Whoever comes for
# the same finds it, in any worker, and it is billed once.
#
# Seen failing:
# - "left", "late" and "at once", with JM_LEAVE_OVER in place of JM_LEAVE_DONE in
#   ngx_http_jimeng_task_done(): there is nothing to be found;
# - "late: its slot is held", with a slot that is given back in
#   ngx_http_jimeng_task_follow();
# - "waited", with a task whose client has left that is not taken from the queue;
# - "one line of each has it", with op->billed set to 1 in jm_memory_over().

use strict;
use warnings;

use lib 't/lib';
use List::Util qw(sum0);
use Jimeng::Test;
use Jimeng::Test::Accounting;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Sse;

my $prompts = 0;
my $model = 'doubao-seedream-4-5-251128';

my $t = with_ark(accounted(
    workers => 2, listen => 'reuseport', start => 0, strict => 1,
    account => 'concurrency 2; queue 20;', ark => { seconds => 0.6 },
    http => 'lingering_close off;',
    location => 'jimeng_keys %%DIR%%/keys;',
    server => <<'EOT',
        location = /pid { return 200 $pid; }
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_keys %%DIR%%/keys;
            jimeng_timeout 300ms;
        }
        location /nodedupe/ {
            jimeng_pass /_volcengine;
            jimeng_keys %%DIR%%/keys;
            jimeng_timeout 300ms;
            jimeng_dedupe off;
        }
EOT
));
set_clients($t, 'alice', 'bob concurrency=1 images=100/d', 'carol');
$t->start;

my ($one, $other) = $t->workers;

sub prompt { sprintf 'a heron, %s, %03d. ', $_[0], ++$prompts }

sub order {
    my ($client, $prompt, $fields, $headers, $path) = @_;
    my @request = request_as($t, $client, $prompt,
                             { model => $model, %{ $fields || {} } }, $headers);

    $request[1] =~ s{^/v1}{/$path} if defined $path;
    return @request;
}

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

sub begun {
    my ($prompt, $n) = @_;
    return wait_for { calls($prompt) == ($n // 1) } 'it is called';
}

sub ended {
    my ($prompt) = @_;
    return wait_for { !grep { !$_->{ended} } calls($prompt) } 'it ends';
}

sub is_call {
    my ($r, $prompt, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @calls = calls($prompt);

    like(links($r), qr{/pictures/ark/\Q$calls[0]{request_id}\E_0\.jpeg\?},
         "$name: the picture") or diag($r->body);
    return is(scalar @calls, 1, "$name: one call");
}

sub id_of { return $_[0]->json->{task_id} }

sub get {
    my ($client, $id, $args) = @_;
    return $t->request('GET', "/v1/images/$id" . ($args // ''),
                       bearer($client));
}


# ---- a client leaves in the call

for my $case ([ 'left, it runs', 0 ], [ 'left, it is over', 1 ]) {
    my ($name, $over) = @$case;
    my $prompt = prompt($name);
    my $x = ask($t, $one, order('alice', $prompt));

    begun($prompt);
    $x->abort;
    $t->log_like(qr/client closed connection, task/, "$name: it is noticed");
    ended($prompt) if $over;

    my $r = ask($t, $other, order('alice', $prompt))->response;
    is_call($r, $prompt, "$name: its unmarked repeat");
    is(get('alice', id_of($r))->json->{data}[0]{url},
       $r->json->{data}[0]{url}, "$name: by its id");
    is(get('carol', id_of($r))->status, 404, "$name: which is the owner's");

    ok(!(calls($prompt))[0]{gone}, "$name: Ark's client has not left");
    is_line($t, $r, "$name: its repeat is not billed", billed => 0, images => 1,
            join => 'owed');
}

# A stream of a group; one picture has come.
{
    my $name = 'left, a stream';
    my $prompt = prompt($name) . '[[pictures=3]]';
    my %fields = (stream => \1, sequential_image_generation => 'auto');
    my $sse = Jimeng::Test::Sse->new(ask($t, $one, order('alice', $prompt,
                                                         \%fields)));

    is($sse->event->{json}{image_index}, 0, "$name: one picture");
    $sse->abort;
    ended($prompt);
    my @got = Jimeng::Test::Sse->new(ask($t, $other, order(
        'alice', $prompt, \%fields)))->all;
    is(join(' ', map { $_->{json}{image_index} // '-' } @got), '0 1 2 - -',
       "$name: its repeat has all");
    is(scalar(calls($prompt)), 1, "$name: one call");
}


# ---- a client leaves in the queue

my $prompt;
my @busy = map { prompt('busy') } 1, 2;
my @x = map { ask($t, $one, order('carol', $_)) } @busy;
begun($_) for @busy;

$prompt = prompt('waited');
my $x = ask($t, $one, order('alice', $prompt));
wait_for { ($t->request('GET', '/v1/usage', bearer('alice'))->json->{concurrency}
            // { used => 1 })->{used} } 'it waits';
my $async = ask($t, $other, order('alice', "$prompt async", { async => \1 }))
            ->response;
is($async->json->{task_status}, 'pending', 'waited, async: it is pending');
$x->abort;
is($_->response->status, 200, 'waited: those before it') for @x;
wait_for { calls("$prompt async") } 'waited: the next one is called';
is(scalar(calls($prompt)), 0, 'waited: nothing is called');


# ---- async

is(get('alice', id_of($async))->json->{task_status}, 'running',
   'async: it runs');
is_error($t, $t->request('DELETE', '/v1/images/' . id_of($async),
                         bearer('alice')),
         'async: DELETE of what runs', code => 'task_running', no_retry => 1);
my $r = get('alice', id_of($async), '?wait=10s');
is($r->json->{task_status}, 'succeed', 'async: it is done');
is_call($r, "$prompt async", 'async');
is_call(get('alice', id_of($async)), "$prompt async", 'async, again');
is($t->request('DELETE', '/v1/images/' . id_of($async), bearer('alice'))
   ->status, 409, 'async: DELETE of what is done');
is(account_line($t, $async)->{billed}, 1, 'async: its line has it');

@busy = map { prompt('busy') } 1, 2;
@x = map { ask($t, $one, order('carol', $_)) } @busy;
begun($_) for @busy;
$prompt = prompt('canceled');
$async = ask($t, $one, order('alice', $prompt, { async => \1 }))->response;
$r = $t->request('DELETE', '/v1/images/' . id_of($async), bearer('alice'));
is($r->json->{error}{code}, 'canceled', 'canceled: DELETE of what waits');
$_->response for @x;
is(get('alice', id_of($async), '?wait=1s')->json->{error}{code}, 'canceled',
   'canceled: GET');
is(scalar(calls($prompt)), 0, 'canceled: nothing is called');

# ---- jimeng_timeout is shorter than the call

for my $path ('short', 'nodedupe') {
    my $name = "late, $path";
    my $prompt = prompt($name) . '[[seconds=2]]';
    my @request = order('bob', $prompt, {}, {}, $path);
    my $r = ask($t, $one, @request)->response;

    is_error($t, $r, $name, code => 'generation_timeout',
             $path eq 'short' ? (waited => 1) : (no_retry => 1));
    ok(!(calls($prompt))[0]{ended}, "$name: the call goes on");
    is(get('bob', id_of($r))->json->{task_status}, 'running',
       "$name: GET: it runs") if $path eq 'short';
    is($t->request('GET', '/v1/usage', bearer('bob'))->json
       ->{concurrency}{used}, 1, "$name: its share of the limits is held");
    is(ask($t, $other, order('bob', "$prompt more"))->response->status, 429,
       "$name: nothing more for its client");

    if ($path eq 'short') {
        my $s = ask($t, $other, @request)->response;
        is_error($t, $s, "$name: its repeat is late as well",
                 code => 'service_unavailable');
        ended($prompt);

        $s = ask($t, $other, @request)->response;
        is_call($s, $prompt, "$name: its repeat");
        is(links(get('bob', id_of($r))), links($s), "$name: GET");
        is_line($t, $s, "$name: its repeat is not billed", billed => 0);
    }

    ended($prompt);
    is(scalar(calls($prompt)), 1, "$name: one call");
    used($t, 'bob', concurrency => 0,
         images => [ $path eq 'short' ? 1 : 2, 0 ]);
    is_line($t, $r, "$name: its line has it", billed => 1, status => 504);
}


# Its slot, while two others have to share the other one.
{
    my $name = 'late';
    my $prompt = prompt($name) . '[[seconds=3]]';
    is(ask($t, $one, order('carol', $prompt, {}, {}, 'short'))
       ->response->status, 504, "$name: 504");
    my @beside = map { "beside it $_" } 1, 2;
    my @x = map { ask($t, $other, order('carol', $_)) } @beside;
    is($_->response->status, 200, "$name: others are served") for @x;
    my ($first, $second) = sort { $a->{begun} <=> $b->{begun} }
                           map { calls($_) } @beside;
    cmp_ok($second->{begun}, '>=', $first->{ended}, "$name: its slot is held");
    ended($prompt);
}


# ---- the same at once, with a key, in one worker and in two

for my $case ([ $one, 'one worker' ], [ $other, 'two workers' ]) {
    my ($second, $name) = @$case;
    my $prompt = prompt("at once, $name");
    my @request = order('alice', $prompt, {},
                        { 'Idempotency-Key' => "the key $prompt" });
    my $x = ask($t, $one, @request);
    begun($prompt);
    my @y = map { ask($t, $second, @request) } 1, 2;
    my @r = map { $_->response } $x, @y;

    is_call($_, $prompt, "at once, $name") for @r;
    my $later = ask($t, $second, @request)->response;
    is_call($later, $prompt, "at once, $name, later");

    is(join(' ', map { account_line($t, $_)->{billed} } @r, $later), '1 0 0 0',
       "at once, $name: one line of each has it");
    is(join(' ', map { account_line($t, $_)->{join} } @r, $later),
       'new joined joined replayed', "at once, $name: \$jimeng_join");
}


# ---- async, and an answer that is lost, whose slot is held for a while

$prompt = prompt('async, lost');
$t->emulator->fault({ on => 'ark', do => 'drop' });
$async = ask($t, $one, order('alice', $prompt, { async => \1 }))->response;
$r = get('alice', id_of($async), '?wait=10s');
is($r->json->{task_status}, 'failed', 'async, lost: it failed');
is($r->json->{error}{code}, 'upstream_error', 'async, lost: it says why');



# ---- all in all

$t->reload;
my @rows = account_lines($t);
my $made = sum0(map { $_->{made} } $t->emulator->calls);
is(sum0(map { $_->{billed} } @rows) + 1, $made,
   'what the lines have is what was made, less what was lost');

$t->done;
