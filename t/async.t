#!/usr/bin/perl

# async: the reply comes as soon as the submit is answered, with the id to ask
# with; the job goes on to its task's end, whatever the client does.
#
# Seen failing: "the connection is not kept", without "keepalive = 0" in
# ngx_http_jimeng_deliver_async(); "is followed to its end", with a request that
# ends with its reply; "to the end", without ngx_http_jimeng_send_fin().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Ledger;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    http2 => 1, strict => 1, emulator => { seconds => 0.6 },
    http => 'lingering_close off;',
    poll_interval => '50ms',
));

sub prompt { "a harbour at noon, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $headers) = @_;
    return $t->generation({ prompt => $prompt, async => \1, %{ $fields || {} } },
                          $headers);
}

sub ids { map { $_->{task_id} } submits_of($t, $_[0]) }

# A reply that says that all of the prompt's tasks are pending; they are.
sub is_pending {
    my ($json, $name, $prompt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($json->{task_status}, 'pending', "$name: pending");
    is_deeply([ sort $t->task_ids($json->{task_id}) ], [ sort(ids($prompt)) ],
              "$name: the ids of its tasks");
    is($json->{model}, 'jimeng_t2i_v40', "$name: model");
    ok(!exists $json->{data}, "$name: no pictures");
    ok(!exists $json->{error}, "$name: no error");
    return;
}

# The tasks are asked for until they are done, once each then.
sub is_followed {
    my ($name, $prompt, $status) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rows;

    wait_for {
        @rows = grep {
            my $row = $_;
            grep { index($row->{jimeng_task_id} // '', $_) >= 0 } ids($prompt);
        } $t->access_log;
    } "$name: it is in the access log";

    is(scalar @rows, 1, "$name: one line");
    is($rows[0]{jimeng_status}, 'succeed', "$name: it is followed to its end");
    is($rows[0]{status}, $status, "$name: status in the log");
    cmp_ok(scalar queries_of($t, $prompt), '>=', scalar ids($prompt),
           "$name: it was asked for");
    return;
}


# ---- HTTP/1.1

my $prompt = prompt('HTTP/1.1');
my $x = $t->start_request(request($prompt), keepalive => 1);
my $r = $x->response;

is($t->emulator->state->{running}, 1, 'HTTP/1.1: the task runs');
is($r->status, 200, 'HTTP/1.1: status');
like($r->header('Content-Type'), qr{^application/json}, 'HTTP/1.1: JSON');
like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}$/, 'HTTP/1.1: request id');
is($r->header('Connection'), 'close', 'HTTP/1.1: the connection is not kept');
ok($r->complete, 'HTTP/1.1: the reply is whole');
is_pending($r->json, 'HTTP/1.1', $prompt);
is_followed('HTTP/1.1', $prompt, 200);
is($x->read_until(qr/./s), undef, 'HTTP/1.1: nothing more comes');
is($x->error, 'closed', 'HTTP/1.1: it is closed');

my $n = queries_of($t, $prompt);
cmp_ok($n, '>', 2, 'HTTP/1.1: it was asked for several times');


# A client that reads until the connection's end, as file_get_contents() of PHP
# does, has its reply as soon.

for my $version ('1.0', '1.1') {
    my $name = "HTTP/$version, to the end";

    $prompt = prompt("$name [[seconds=4]]");
    $x = $t->start_request(request($prompt), version => $version);
    $r = $x->response;
    is($r->status, 200, "$name: status");
    is($x->read_until(qr/./s), undef, "$name: nothing more comes");
    is($x->error, 'closed', "$name: it is closed");
    is($t->emulator->state->{running}, 1, "$name: while the task runs");
    is_followed($name, $prompt, 200);
}


# ---- HTTP/2: the session is of use for others meanwhile

$prompt = prompt('HTTP/2 [[seconds=3]]');
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $reply = $h2->response($h2->start(request($prompt)));
is($t->emulator->state->{running}, 1, 'HTTP/2: the task runs');
is($reply->{status}, 200, 'HTTP/2: status');
ok($reply->{over} && !$reply->{reset}, 'HTTP/2: the stream has ended');
is_pending(JSON::PP->new->utf8->decode($reply->{body}), 'HTTP/2', $prompt);

$reply = $h2->response($h2->start('GET', '/v1/models'));
is($reply->{status}, 200, 'HTTP/2: another stream is served');
is($t->emulator->state->{running}, 1, 'HTTP/2: and the task still runs');
is_followed('HTTP/2', $prompt, 200);
$h2->abort;


# ---- the client goes, before and after the reply

my (%before, %after, @kept);

for my $how (qw(abort reset)) {
    my $name = "$how, before";
    my $prompt = prompt($name);

    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 0.3 });
    $x = $t->start_request(request($prompt));
    wait_for { submits_of($t, $prompt) == 1 } "$name: it is submitted";
    $x->$how;
    $before{$name} = $prompt;

    $name = "$how, after";
    $prompt = $after{$name} = prompt($name);
    $x = $t->start_request(request($prompt));
    is_pending($x->response->json, $name, $prompt);
    $x->$how;
}

for my $how (qw(abort reset reset_stream)) {
    my $name = "HTTP/2, $how";
    my $prompt = $after{$name} = prompt($name);

    $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $id = $h2->start(request($prompt));
    is_pending(JSON::PP->new->utf8->decode($h2->response($id)->{body}),
               $name, $prompt);
    $h2->$how($id);
    push @kept, $h2;
}

is_followed($_, $before{$_}, 499) for sort keys %before;
is_followed($_, $after{$_}, 200) for sort keys %after;
@kept = ();


# ---- several, and other forms: these are not for such a reply

$prompt = prompt('three');
is_pending($t->request(request($prompt, { n => 3 }))->json, 'three', $prompt);
is(scalar ids($prompt), 3, 'three: three tasks');
my $three = $prompt;

$prompt = prompt('two of three');
refuse($t, skip => 1);
my $json = $t->request(request($prompt, { n => 3 }))->json;
is($json->{task_status}, 'pending', 'two of three: pending');
is(scalar(grep { length } $t->task_ids($json->{task_id})), 2,
   'two of three: the ids of two');
$prompt = prompt('data');
is_pending($t->request(request($prompt, { response_format => 'b64_json' }))
               ->json, 'data', $prompt);
is_followed('three', $three, 200);
is_followed('data', $prompt, 200);
is(scalar $t->results, 0, 'data: nobody fetches them');

$prompt = prompt('false');
is_picture($t, $t->request(request($prompt, { async => \0 })), $prompt,
           'async false');


# ---- errors are what they are for everybody

$prompt = prompt('refused');
refuse($t);
is_error($t, $t->request(request($prompt)), 'refused',
         code => 'content_policy_violation', upstream_code => 50413);

$prompt = prompt('no answer');
$t->emulator->fault({ on => 'submit', do => 'drop' });
is_error($t, $t->request(request($prompt)), 'no answer',
         code => 'upstream_error', no_retry => 1);
is(scalar submits_of($t, $prompt), 1, 'no answer: one submit');

my $submits = $t->submits;
is_error($t, $t->request(request(prompt('a stream'), { stream => \1 })),
         'a stream', code => 'invalid_request', param => 'async');
is_error($t, $t->request(request(prompt('text'), { async => 'yes' })),
         'text', code => 'invalid_request', param => 'async');
is($t->submits - $submits, 0, 'nothing of these is submitted');


# ---- again

my $key = { 'Idempotency-Key' => 'a key of an async request' };
$prompt = prompt('again');
is_pending($t->request(request($prompt, {}, $key))->json, 'again', $prompt)
    for 1, 2;
wait_for { $t->emulator->state->{running} == 0 } 'again: it ends';
$r = $t->request(request($prompt, {}, $key));
is($r->status, 200, 'again, when it is over: status');
is_deeply([ $t->task_ids($r->json->{task_id}) ], [ ids($prompt) ],
          'again, when it is over: the same task');
is(scalar ids($prompt), 1, 'again: one submit');


# ---- the end of nginx is not the end of the task

$prompt = prompt('QUIT');
is_pending($t->request(request($prompt))->json, 'QUIT', $prompt);
$t->signal('QUIT');
is($t->wait_exit, 0, 'QUIT: nginx leaves');
is_followed('QUIT', $prompt, 200);

$t->done;
