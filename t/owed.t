#!/usr/bin/perl

# What a client was not given is owed to it: the same request from the same
# client joins its first try without any mark, once, and no other request does.
# AI SDK, wget, "curl --retry" and urllib3 repeat so, and say nothing of it.
#
# Seen failing:
# - every "joins", with jm_ledger_owed() that returns NULL;
# - "two", with one that takes what a client waits for;
# - "then a new one", without jm_ledger_forgive() in jm_ledger_answered();
# - "another address", without the look at who in jm_ledger_owed();
# - "async", with an answered client's leaving taken for one without a reply.

use strict;
use warnings;

use lib 't/lib';
use IO::Socket::INET;
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;
use Jimeng::Test::Picture qw(png);
use Time::HiRes qw(time);

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0.4 },
    poll_interval => '50ms',
    http => 'client_body_buffer_size 1k;
             jimeng_upload %%DIR%%/up http://pictures.example/up;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 150ms;
               }
               location /brief/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 12h unmarked=1s;
               }
               location /off/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 12h unmarked=off;
               }
               location /off/short/ {
                   jimeng_pass /_volcengine;
                   jimeng_dedupe 12h unmarked=off;
                   jimeng_timeout 150ms;
               }',
));

my ($one, $other) = $t->workers;

sub prompt { "a mill in the fog, $_[0], " . ++$prompts }

# "lane" is the first part of the path.
sub request {
    my ($prompt, $fields, $headers, $lane) = @_;
    my @request = $t->generation({ prompt => $prompt, %{ $fields || {} } },
                                 $headers);
    $request[1] = "/$lane/images/generations" if $lane;
    return @request;
}

sub left { return scalar(() = $t->error_log =~ /client closed connection/g) }

sub leave {
    my ($x, $name) = @_;
    my $before = left();

    $x->abort;
    return wait_for { left() > $before } "$name: it is noticed";
}

# A request whose client has left when its task ran.
sub abandoned {
    my ($pid, $name, @request) = @_;
    my ($prompt) = $request[-1] =~ /"prompt":"([^"]*)"/;
    my $before = submits_of($t, $prompt);
    my $x = ask($t, $pid, @request);

    wait_for { submits_of($t, $prompt) > $before } "$name: it is submitted";
    return leave($x, $name);
}

sub is_new {
    my ($response, $prompt, $n, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @rows = submits_of($t, $prompt);

    is(scalar @rows, $n, "$name: $n tasks");
    return like(links($response), qr{/pictures/\Q$rows[-1]{task_id}\E-0\.png$},
                "$name: the picture of the last");
}


# ---- nobody was there to take the picture, or it was not ready

for my $where ([ 'the same worker', $one ], [ 'another worker', $other ]) {
    my ($at, $pid) = @$where;

    # Left, joined, left once more, joined, and then it is delivered.
    my $name = "left, $at";
    my $prompt = prompt("[[seconds=2]] $name");
    my @request = request($prompt);

    abandoned($one, $name, @request);
    my $before = $t->stub_status->{writing};
    my $x = ask($t, $pid, @request);
    wait_for { $t->stub_status->{writing} > $before } "$name: it has come";
    leave($x, "$name, again");
    is_picture($t, ask($t, $pid, @request)->response, $prompt,
               "$name: joins");
    is_new(ask($t, $pid, @request)->response, $prompt, 2,
           "$name: then a new one");

    # Not in time, more than once.
    $name = "late, $at";
    $prompt = prompt($name);
    @request = request($prompt, {}, {}, 'short');
    my $late = ask($t, $one, @request)->response;
    is_error($t, $late, "$name: the error", code => 'generation_timeout',
             task_id => qr/^\d+$/);
    is($late->header('x-should-retry'), undef, "$name: may be repeated");
    wait_for {
        my $again = ask($t, $pid, @request)->response;
        $again->status == 504 || is_picture($t, $again, $prompt,
                                            "$name: joins");
        $again->status == 200;
    } "$name: until it is done";
    my $new = ask($t, $pid, @request)->response;
    is(scalar submits_of($t, $prompt), 2, "$name: then a new one");

    # The answer to the submit was lost: nobody knows, and nothing is sent.
    $name = "unknown, $at";
    $prompt = prompt($name);
    @request = request($prompt);
    $t->emulator->fault({ on => 'submit', do => 'drop' });
    my @errors = map { ask($t, $_, @request)->response } $one, ($pid) x 3;
    is_error($t, $_, "$name: the error", code => 'upstream_error',
             no_retry => 1) for @errors;
    is($_->json->{message}, $errors[0]->json->{message},
       "$name: the same error") for @errors;
    is(scalar submits_of($t, $prompt), 1, "$name: nothing is sent again");
}


# ---- who asks several times gets several

my $prompt = prompt('at once');
my @at_once = map { ask($t, $_, request($prompt)) } ($one, $other) x 2;
my %links = map { links($_->response) => 1 } @at_once;

is(scalar(grep { m{/pictures/} } keys %links), 4, 'at once: four pictures');
is(scalar submits_of($t, $prompt), 4, 'at once: four tasks');
is_new(ask($t, $one, request($prompt))->response, $prompt, 5,
       'at once: and one more');

# Two are owed: each repeat takes one, and the third is a new one.
$prompt = prompt('[[seconds=1.5]] two');
my @two = map { ask($t, $_, request($prompt)) } $one, $other;
wait_submits($t, $prompt, 2);
leave($_, 'two') for @two;

my @again = map { ask($t, $_, request($prompt)) } $one, $other, $one;
my @links = map { links($_->response) } @again;
my @ids = map { $_->{task_id} } submits_of($t, $prompt);

is(scalar @ids, 3, 'two: one more task');
is(join(' ', sort map { m{/(\d+)-0\.png} ? $1 : $_ } @links),
   join(' ', sort @ids), 'two: each gets one');

# One that waits is not owed, though its twin is.
$prompt = prompt('one of two');
my $waits = ask($t, $one, request($prompt));
wait_submits($t, $prompt);
abandoned($one, 'one of two', request($prompt));
my ($others, $own) = map { $_->{task_id} } submits_of($t, $prompt);
like(links(ask($t, $other, request($prompt))->response), qr{/$own-0\.png},
     'one of two: joins what was left');
like(links($waits->response), qr{/$others-0\.png},
     'one of two: the other gets its own');
is(scalar submits_of($t, $prompt), 2, 'one of two: two tasks');


# ---- for how long

$prompt = prompt('brief');
my @brief = request($prompt, {}, {}, 'brief');
abandoned($one, 'brief', @brief);
my $begin = time;
my $x;
is_picture($t, ask($t, $other, @brief)->response, $prompt, 'brief');

$prompt = prompt('brief, too late');
@brief = request($prompt, {}, {}, 'brief');
abandoned($one, 'brief, too late', @brief);
$begin = time;
wait_for { time - $begin > 1.1 } 'brief: time goes by';
is_new(ask($t, $other, @brief)->response, $prompt, 2, 'brief, too late');

$prompt = prompt('brief, unknown');
@brief = request($prompt, {}, {}, 'brief');
$t->emulator->fault({ on => 'submit', do => 'drop' });
is(ask($t, $one, @brief)->response->status, 502, 'brief, unknown: status');
$begin = time;
my ($last, $same) = ($begin, 0);
wait_for {
    my $now = time;
    my $again = ask($t, $other, @brief)->response;

    return 1 if $again->status == 200;
    $same++;
    $last = $now;
    0;
} 'brief, unknown: it is done anew';
cmp_ok($last - $begin, '<', 1.2, 'brief, unknown: a second from the first');
cmp_ok($same, '>', 1, 'brief, unknown: until then it is the same');
is(scalar submits_of($t, $prompt), 2, 'brief, unknown: two tasks');

$prompt = prompt('off');
my @off = request($prompt, {}, {}, 'off');
abandoned($one, 'off', @off);
is_new(ask($t, $one, @off)->response, $prompt, 2, 'off');
my $late = ask($t, $one, request(prompt('off'), {}, {}, 'off/short'))
           ->response;
is_error($t, $late, 'off: the error', code => 'generation_timeout',
         task_id => qr/^\d+$/, no_retry => 1);


# ---- nothing was sent

$prompt = prompt('refused');
refuse($t, times => 1, status => 429,
       body => '{"code":50430,"data":null,"message":"busy"}');
my $busy = () = $t->error_log =~ /was refused for load/g;
$x = ask($t, $one, request($prompt));
wait_for { $busy < (() = $t->error_log =~ /was refused for load/g) }
    'refused: it waits';
leave($x, 'refused');
is_new(ask($t, $one, request($prompt))->response, $prompt, 2,
       'refused: a new one');


# ---- whose it is

$prompt = prompt('clients');
my @alice = request($prompt, {}, { Authorization => 'Bearer sk-alice' });
my @bob = request($prompt, {}, { Authorization => 'Bearer sk-bob' });
abandoned($one, 'clients', @alice);
is_new(ask($t, $one, @bob)->response, $prompt, 2, 'clients: another key');
is_new(ask($t, $one, request($prompt))->response, $prompt, 3,
       'clients: no key');
like(links(ask($t, $other, @alice)->response),
     qr{/\Q@{[ (submits_of($t, $prompt))[0]{task_id} ]}\E-0},
     'clients: the same joins');
is(scalar submits_of($t, $prompt), 3, 'clients: nothing is submitted');

# Without a key the address counts.
sub from {
    my ($address, @request) = @_;
    my $socket = IO::Socket::INET->new(
        LocalAddr => $address, PeerAddr => '127.0.0.1', PeerPort => $t->port,
    ) or die $!;

    return $t->start_request(@request,
                             on => { socket => $socket, buffer => '' });
}

$prompt = prompt('addresses');
$x = from('127.0.0.2', request($prompt));
wait_submits($t, $prompt);
leave($x, 'addresses');
is_new(from('127.0.0.3', request($prompt))->response, $prompt, 2,
       'addresses: another address');
like(links(from('127.0.0.2', request($prompt))->response),
     qr{/\Q@{[ (submits_of($t, $prompt))[0]{task_id} ]}\E-0},
     'addresses: the same joins');
is(scalar submits_of($t, $prompt), 2, 'addresses: nothing is submitted');


# ---- all kinds of requests

my %kinds = (
    'the first try of an SDK' => [ {}, { 'x-stainless-retry-count' => 0 } ],
    'two tasks' => [ { n => 2 } ],
    'a stream' => [ { stream => \1 } ],
    'data' => [ { response_format => 'b64_json' } ],
    'a stream of data' => [ { stream => \1, response_format => 'b64_json' } ],
);

for my $kind (sort keys %kinds) {
    my ($fields, $headers) = @{ $kinds{$kind} };
    $prompt = prompt($kind);

    my @request = request($prompt, $fields, $headers);
    my $n = $fields->{n} // 1;
    $x = ask($t, $one, @request);
    wait_submits($t, $prompt, $n);
    leave($x, $kind);

    my $r = ask($t, $other, @request)->response;
    is($r->status, 200, "$kind: status");
    is(scalar submits_of($t, $prompt), $n, "$kind: joins");
    is(ask($t, $other, @request)->response->status, 200, "$kind: once more");
    is(scalar submits_of($t, $prompt), 2 * $n, "$kind: then a new one");
}

# Who was told the id has its answer, and may leave.
$prompt = prompt('async');
my @async = request($prompt, { async => \1 });
my $r = ask($t, $one, @async)->response;
is($r->status, 200, 'async: status');
wait_for { left() > 0 } 'async: it has gone';
isnt(ask($t, $other, @async)->response->json->{task_id}, $r->json->{task_id},
     'async: the next is a new one');
is(scalar submits_of($t, $prompt), 2, 'async: two tasks');

# Forms, which have another boundary each time.
sub form {
    my ($prompt, $boundary, $picture) = @_;
    my $part = "--$boundary\r\nContent-Disposition: form-data; name=";

    return ('POST', '/v1/images/edits',
            { 'Content-Type' => "multipart/form-data; boundary=$boundary" },
            qq($part"prompt"\r\n\r\n$prompt\r\n)
            . qq($part"image"; filename="$boundary.png"\r\n)
            . qq(Content-Type: image/png\r\n\r\n$picture\r\n--$boundary--\r\n));
}

$prompt = prompt('a form');
my @pictures = map { png(640, 480, 20_000, $_) } 1, 2;
$x = ask($t, $one, form($prompt, 'first', $pictures[0]));
wait_submits($t, $prompt);
leave($x, 'a form');
is($t->request(form($prompt, 'other', $pictures[1]))->status, 200,
   'a form, another picture: status');
is(scalar submits_of($t, $prompt), 2, 'a form, another picture: a new one');
my ($first) = map { $_->{task_id} } submits_of($t, $prompt);
like(links(ask($t, $other, form($prompt, 'second', $pictures[0]))->response),
     qr{/$first-0\.png}, 'a form, another boundary: joins');
is(scalar submits_of($t, $prompt), 2, 'a form: nothing is submitted');

wait_for { $t->emulator->state->{running} == 0 } 'all tasks end';
$t->done;
