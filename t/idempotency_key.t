#!/usr/bin/perl

# What an Idempotency-Key is a key of: one request of one client, with all
# that it asks for, in every form.
#
# Seen failing: "clients", with keys that do not have the client in them;
# "another ...", without the fingerprint in jm_ledger_open().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Ledger;
use Jimeng::Test::Pictures qw(noise_of pictures);
use Jimeng::Test::Sse;

my @client_keys = map { "Bearer sk-the-key-of-client-$_" } 1 .. 2;
my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, http2 => 1, strict => 1, emulator => { seconds => 0.5 },
    poll_interval => '50ms',
));
$t->secret(@client_keys);

my ($one, $other) = $t->workers;

# A prompt of its own is a key of its own, too.
sub prompt { "a bridge in the fog, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $headers, $path) = @_;
    my @request = $t->generation(
        { prompt => $prompt, %{ $fields || {} } },
        { 'Idempotency-Key' => "key of $prompt", %{ $headers || {} } });

    $request[1] = $path if defined $path;
    return @request;
}


# ---- another request with the same key

my $prompt = prompt('reused');
my $running = ask($t, $one, request($prompt));
wait_for { submits_of($t, $prompt) == 1 } 'reused: it is submitted';

my @reused = (
    [ 'another prompt', { prompt => "$prompt!" } ],
    [ 'another size', { size => '2048x1024' } ],
    [ 'more pictures', { n => 2 } ],
    [ 'another form of the result', { response_format => 'b64_json' } ],
    [ 'a watermark', { watermark => \1 } ],
    [ 'a stream', { stream => \1 } ],
    [ 'not to wait', { async => \1 } ],
    [ 'another path', {}, '/v1/other/images/generations' ],
);

for my $when ('while it runs', 'when it is over') {
    if ($when eq 'when it is over') {
        is_picture($t, $running->response, $prompt, 'reused');
    }

    for my $row (@reused) {
        my ($name, $fields, $path) = @$row;
        my $r = $t->request(request($prompt, $fields, {}, $path));

        is_error($t, $r, "$name, $when", code => 'idempotency_key_reused');
    }
}

is(scalar submits_of($t, $prompt), 1, 'reused: one submit');
is(scalar submits_of($t, "$prompt!"), 0, 'reused: none for another request');


# ---- another client

$prompt = prompt('clients');
my @clients = map {
    ask($t, $one, request($prompt, {}, $_)),
    ask($t, $other, request($prompt, {}, $_))
} {}, (map { { Authorization => $_ } } @client_keys),
      { 'GeekAI-API-Key' => 'sk-of-another-client' };

my @links = map { links($_->response) } @clients;
my %links = map { $_ => 1 } @links;
is(scalar(grep { m{/pictures/} } @links), 8, 'clients: everybody is served');
is(scalar keys %links, 4, 'clients: each has a task of its own');
is("@links[0, 2, 4, 6]", "@links[1, 3, 5, 7]", 'clients: and it alone');
is(scalar submits_of($t, $prompt), 4, 'clients: four submits');


# ---- keys that are none

my %bad = (
    'too long' => 'x' x 256, empty => '', 'two keys' => [ 'a', 'b' ],
);

for my $name (sort keys %bad) {
    $prompt = prompt($name);
    my $r = $t->request(request($prompt, {},
                                { 'Idempotency-Key' => $bad{$name} }));
    is_error($t, $r, "a key, $name", code => 'invalid_request');
    is(scalar submits_of($t, $prompt), 0, "a key, $name: no submit");
}

$prompt = prompt('long');
my @long = request($prompt, {}, { 'Idempotency-Key' => 'x' x 255 });
is_picture($t, $_->response, $prompt, 'a long key')
    for ask($t, $one, @long), ask($t, $other, @long);


# ---- several tasks

sub several {
    my ($r) = @_;
    my $urls = $r->json && $r->json->{data} || [];
    return [ map { $_->{url} =~ m{/(\d+)-0\.png} ? $1 : $_->{url} } @$urls ];
}

$prompt = prompt('three');
my @three = ask($t, $one, request($prompt, { n => 3 }));
wait_for { submits_of($t, $prompt) } 'three: the first is submitted';
push @three, ask($t, $other, request($prompt, { n => 3 }));

my @ids = map { several($_->response) } @three;
is(scalar @{ $ids[0] }, 3, 'three: three pictures');
is_deeply($ids[1], $ids[0], 'three: the same, in their order');
is(scalar submits_of($t, $prompt), 3, 'three: three submits');

$prompt = prompt('two of three');
refuse($t, skip => 1);
my $some = ask($t, $one, request($prompt, { n => 3 }))->response;
my $all = ask($t, $other, request($prompt, { n => 3 }))->response;
my %all = map { $_ => 1 } @{ several($all) };
is(scalar @{ several($some) }, 2, 'two of three: two pictures');
is(scalar keys %all, 3, 'two of three: then the third');
is(scalar(grep { $all{$_} } @{ several($some) }), 2,
   'two of three: and the two');
is(scalar submits_of($t, $prompt), 4, 'two of three: one more submit');


# ---- other forms

for my $when ('while it runs', 'when it is over') {
    $prompt = prompt("[[bytes=30000]], $when");
    my @data = request($prompt, { response_format => 'b64_json' });
    my @both = ask($t, $one, @data);
    wait_for { submits_of($t, $prompt) == 1 } "data, $when: submitted";
    my @replies = $when eq 'while it runs'
                ? () : map { $_->response } splice @both;
    push @replies, map { $_->response } @both, ask($t, $other, @data);

    my ($id) = map { $_->{task_id} } submits_of($t, $prompt);
    is((pictures($_->body))[1], noise_of($id, 30_000), "data, $when")
        for @replies;
    is(scalar submits_of($t, $prompt), 1, "data, $when: one submit");

    $prompt = prompt("stream, $when");
    my @stream = request($prompt, { stream => \1, response_format => 'url' });
    @both = map { Jimeng::Test::Sse->new($_) } ask($t, $one, @stream);
    wait_for { submits_of($t, $prompt) == 1 } "stream, $when: submitted";
    my @first = $when eq 'while it runs' ? () : $both[0]->all;
    push @both, Jimeng::Test::Sse->new(ask($t, $other, @stream));

    for my $sse (@both) {
        my @events = @first ? splice @first : $sse->all;
        ($id) = map { $_->{task_id} } submits_of($t, $prompt);
        is(join(' ', map { $_->{event} } @events),
           'image_generation.completed', "stream, $when: an event");
        like($events[0]{json}{url}, qr{/\Q$id\E-0}, "stream, $when: of it");
    }

    is(scalar submits_of($t, $prompt), 1, "stream, $when: one submit");
}

# The header of a stream is there before the task; then the client goes.
$prompt = prompt('stream, left');
my $sse = Jimeng::Test::Sse->new(
    ask($t, $one, request($prompt, { stream => \1, response_format => 'url' })));
is($sse->status, 200, 'stream, left: a header');
$sse->{exchange}->reset;
my @events = Jimeng::Test::Sse->new(
    ask($t, $other, request($prompt, { stream => \1, response_format => 'url' })))->all;
is(scalar(grep { $_->{json}{url} } @events), 1, 'stream, left: the picture');
is(scalar submits_of($t, $prompt), 1, 'stream, left: one submit');

# HTTP/2
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
$prompt = prompt('HTTP/2');
my @over = request($prompt);
my @streams = map { $h2->start(@over) } 1 .. 2;
my $reply = $t->request(@over);
is_picture($t, $reply, $prompt, 'HTTP/2');
like($h2->response($_)->{body}, qr/\Q${\ links($reply)}\E/, 'HTTP/2: the same')
    for @streams;
$h2->abort;

$t->done;
