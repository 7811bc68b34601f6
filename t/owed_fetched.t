#!/usr/bin/perl

# What was owed, and was fetched by its task_id instead, is not owed any more:
# the same request is a new one.  It is owed still after a GET that has not
# brought all of it, or whose reply broke on its way, and after one of an id
# that is not the entry's.
#
# Seen failing:
# - every "fetched", without jm_ledger_forgive() in jm_ledger_fetched();
# - "HEAD", "running" and "one of two", without their looks in
#   ngx_http_jimeng_taken_fetches();
# - "broken URLs", without the look at ngx_http_jimeng_client_took(); "broken",
#   of what the system's buffers have room for, without that at
#   ngx_http_jimeng_taken_late();
# - "at a pace", without ngx_http_jimeng_taken_fetched() at the request's end;
# - "another entry", without the look at the ids in jm_ledger_fetched().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Ledger;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, http2 => 1, emulator => { seconds => 0.4 },
    poll_interval => '50ms',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 150ms;
               }
               location /paced/ {
                   jimeng_pass /_volcengine;
                   limit_rate 300;
               }',
));

my ($one, $other) = $t->workers;

sub prompt { "a heron in the reeds, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $headers) = @_;
    my @request = $t->generation({ prompt => $prompt, %{ $fields || {} } },
                                 $headers);
    $request[1] = '/short/images/generations';
    return @request;
}

sub lines { return scalar $t->access_log }

# A request that was not ready in time: its id, when its tasks are over.
sub late {
    my ($name, @request) = @_;
    my $r = ask($t, $one, @request)->response;
    my $id = ($r->json // {})->{task_id};

    is_error($t, $r, "$name: the error", code => 'generation_timeout',
             task_id => qr/./);
    wait_for { $t->emulator->state->{running} == 0 } "$name: it is done";
    return $id;
}

sub get {
    my ($id, %opt) = @_;
    my $path = join '/', '', $opt{lane} // 'v1', 'images', $id;

    $path .= "?$opt{args}" if $opt{args};
    return ($opt{method} // 'GET', $path, $opt{headers} // {}, undef);
}

# How many tasks the same request makes now.
sub next_makes {
    my ($prompt, $n, $name, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = submits_of($t, $prompt);

    ask($t, $other, @request)->response;
    return is(submits_of($t, $prompt) - $before, $n,
              "$name: " . ($n ? "a new one" : "joins"));
}


# ---- fetched

my $data = { response_format => 'b64_json' };

for my $case (
    [ 'URLs' ], [ 'two tasks', { n => 2 } ], [ 'data', $data ],
    [ 'two tasks of data', { %$data, n => 2 } ],
    [ 'data of URLs', {}, args => 'response_format=b64_json' ],
    [ 'URLs of data', $data, args => 'response_format=url' ],
    [ 'of a stream', { stream => \1 } ],
    [ 'at a pace', {}, lane => 'paced' ],
    [ 'waited for', {}, args => 'wait=100ms', lane => 'short' ],
) {
    my ($name, $fields, @opt) = @$case;
    my $prompt = prompt("[[bytes=30000]] $name");
    my @request = request($prompt, { n => 1, %{ $fields || {} } });
    my $n = $fields->{n} // 1;
    my $id;

    if ($fields->{stream}) {
        my ($error) = ask($t, $one, @request)->response->body
                      =~ /"task_id":"([^"]+)"/;
        $id = $error // 'none';
        wait_for { $t->emulator->state->{running} == 0 } "$name: it is done";

    } else {
        $id = late($name, @request);
    }

    for my $at ($one, $other) {
        my $r = ask($t, $at, get($id, @opt))->response;
        is($r->status, 200, "fetched, $name: status");
        is(scalar @{ ($r->json // {})->{data} // [] }, $n,
           "fetched, $name: pictures");
        next_makes($prompt, $n, "fetched, $name", @request) if $at eq $one;
    }

    # The second GET was of the first try, and what is owed by now is another.
    next_makes($prompt, 0, "fetched, $name, again", @request);
}

for my $args ('', 'response_format=b64_json') {
    my $name = "HTTP/2, $args";
    my $prompt = prompt($name);
    my @request = request($prompt);
    my $id = late($name, @request);
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $before = lines();

    is($h2->response($h2->start(get($id, args => $args)))->{status}, 200,
       "fetched, $name: status");
    wait_for { lines() > $before } "$name: its end is noticed";
    next_makes($prompt, 1, "fetched, $name", @request);
}


# ---- not delivered

my $prompt = prompt('HEAD');
my @request = request($prompt);
my $id = late('HEAD', @request);
is(ask($t, $_, get($id, method => 'HEAD'))->response->status, 200,
   'HEAD: status') for $one, $other;
is($t->request(get($id, method => 'HEAD',
                   args => 'response_format=b64_json'))->status, 200,
   'HEAD of data: status');
next_makes($prompt, 0, 'HEAD', @request);

$prompt = prompt('[[seconds=1.5]] running');
@request = request($prompt);
my $r = ask($t, $one, @request)->response;
$id = $r->json->{task_id};
$r = ask($t, $other, get($id))->response;
isnt(($r->json // {})->{task_status}, 'succeed', 'running: its status');
next_makes($prompt, 0, 'running', @request);

$prompt = prompt('another client');
@request = request($prompt, {}, { Authorization => 'Bearer sk-alice' });
$id = late('another client', @request);
is(ask($t, $one, get($id, headers => { Authorization => 'Bearer sk-bob' }))
   ->response->status, 200, 'another client: status');

# Without jimeng_keys an id is good for whoever has it.
next_makes($prompt, 1, 'another client', @request);

# One of two tasks has failed, which may be billed.
$prompt = prompt('[[seconds=1]] one of two');
@request = request($prompt, { n => 2 });
$id = ask($t, $one, @request)->response->json->{task_id};
$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      task => ($t->task_ids($id))[1], times => -1,
                      body => '{"code":50511,"data":null,"message":"Risk"}' });
wait_for {
    $r = $t->request(get($id));
    ($r->json // {})->{task_status} eq 'succeed';
} 'one of two: one is done';
is(scalar @{ $r->json->{errors} // [] }, 1, 'one of two: the other has failed');
next_makes($prompt, 0, 'one of two', @request);
$t->emulator->clear_faults;

# The smaller ones lie in the system's buffers as a whole.
for my $size (10_000, 16_000, 1_000_000) {
    for my $how (qw(abort reset)) {
        my $name = "broken, $size, $how";
        $prompt = prompt("[[bytes=$size]] $name");
        @request = request($prompt);
        $id = late($name, @request);
        my $before = lines();
        my $x = $t->start_request(get($id, args => 'response_format=b64_json'),
                                  buffer => 4096);

        ok($x->read_until(qr/"b64_json":"/, 10), "$name: it has begun");
        $x->$how;
        wait_for { lines() > $before } "$name: its end is noticed";
        next_makes($prompt, 0, $name, @request);
    }
}

$prompt = prompt('broken URLs');
@request = request($prompt, { n => 2 });
$id = late('broken URLs', @request);
my $before = lines();
my $x = $t->start_request(get($id, lane => 'paced'));
ok($x->read_until(qr/\r\n\r\n/, 10), 'broken URLs: the reply has begun');
$x->abort;
wait_for { lines() > $before } 'broken URLs: its end is noticed';
next_makes($prompt, 0, 'broken URLs', @request);


# ---- of another entry, and of none

$prompt = prompt('another entry');
@request = request($prompt);
$id = late('another entry', @request);
my $entry = $t->unseal($id)->{entry};
ok($entry > 0, 'another entry: its number');

for my $change ([ 'another number', entry => $entry + 1 ],
                [ 'no entry', entry => 0 ])
{
    my ($name, @change) = @$change;
    is($t->request(get($t->reseal($id, @change)))->status, 200,
       "$name: status");
}

my $strange = prompt('of another task');
my $id2 = late('of another task', request($strange));
is($t->request(get($t->reseal($id2, entry => $entry)))->status, 200,
   'another entry: status');
next_makes($prompt, 0, 'another entry', @request);
is($t->request(get($t->reseal($id2, entry => 2 ** 62)))->status, 200,
   'an entry that never was: status');
next_makes($strange, 0, 'an entry that never was', request($strange));

is(scalar(grep { $_->{status} == 500 } $t->access_log), 0, 'no 500');
wait_for { $t->emulator->state->{running} == 0 } 'all tasks end';
$t->done;
