#!/usr/bin/perl

# What the tests of streams and of base64 replies read with.  A reader that
# does not see a cut connection, or takes half an event for a whole one, would
# let the gateway do so, too.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep time);

use Jimeng::Test::Http qw(read_request);
use Jimeng::Test::Pictures;
use Jimeng::Test::RawServer;
use Jimeng::Test::Sse;

# Sends pieces of an answer, with a pause after each.
sub answering {
    my (@pieces) = @_;

    return Jimeng::Test::RawServer->new(sub {
        my ($socket) = @_;

        read_request($socket);
        for (@pieces) {
            syswrite $socket, $_;
            sleep 0.1;
        }
    });
}

sub chunk { sprintf "%x\r\n%s\r\n", length $_[0], $_[0] }

my $head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
my $chunked = $head . "Transfer-Encoding: chunked\r\n\r\n";

sub get {
    my ($server, %opt) = @_;
    return Jimeng::Test::Http->start($server->port, 'GET', '/', {}, undef,
                                     timeout => 5, %opt);
}

# The pieces of a body, and the exchange.
sub pieces_of {
    my ($server) = @_;
    my $x = get($server);
    my @pieces;

    is($x->head->status, 200, 'status');
    while (defined(my $piece = $x->piece)) {
        push @pieces, $piece;
    }

    return (join('|', @pieces), $x);
}


# ---- bodies in pieces

for my $case (
    [ 'chunks', [ $chunked, chunk('ab'), chunk('cd') . chunk('e'),
                  "0\r\n\r\n" ], 'ab|cd|e', 1 ],
    [ 'a chunk in pieces', [ $chunked, "5\r\nab", "cde\r", "\n0\r\n\r\n" ],
      'ab|cde', 1 ],
    [ 'chunks without an end', [ $chunked, chunk('ab') ], 'ab', 0 ],
    [ 'half a chunk', [ $chunked, "5\r\nab" ], 'ab', 0 ],
    [ 'half an end', [ $chunked, chunk('ab'), "0\r\n" ], 'ab', 0 ],
    [ 'a length', [ "${head}Content-Length: 4\r\n\r\n", 'ab', 'cd' ],
      'ab|cd', 1 ],
    [ 'a length, cut', [ "${head}Content-Length: 5\r\n\r\n", 'ab', 'cd' ],
      'ab|cd', 0 ],
    [ 'no length', [ "$head\r\n", 'ab', 'cd' ], 'ab|cd', 1 ],
    [ 'nothing', [ "${head}Content-Length: 0\r\n\r\n" ], '', 1 ],
) {
    my ($name, $sent, $expected, $complete) = @$case;
    my $server = answering(@$sent);

    subtest $name => sub {
        my ($got, $x) = pieces_of($server);
        is($got, $expected, 'pieces');
        is(!!$x->complete, !!$complete, 'complete');

        my $r = get($server)->response;
        is($r->body, $expected =~ tr/|//dr, 'as a whole');
        is(!!$r->complete, !!$complete, 'as a whole: complete');
    };

    $server->stop;
}

my $server = answering($chunked . chunk('one') . "0\r\n\r\n");
my $x = get($server);
is($x->response->body, 'one', 'at once');
$server->stop;


# ---- pictures

my $bytes = join '', map { chr $_ % 256 } 1 .. 1000;
my $text = encode_base64($bytes, '');
my ($rest, @pictures) = pictures(
    qq({"a":1,"data":[{"b64_json":"$text"},{"b64_json":"AA=="}],"b":2}));

is_deeply($rest, { a => 1, b => 2, data => [ ({ b64_json => '' }) x 2 ] },
          'pictures: the rest');
is("@pictures", sha256_hex($bytes) . ' ' . sha256_hex("\0"),
   'pictures: what they are');
is((pictures(qq({"b64_json":"$text)))[0], undef, 'pictures: cut: no JSON');

for my $case ([ '', 'empty' ], [ 'AAA', qr/whole/ ], [ 'A\\/AA', qr/at|whole/ ],
              [ 'AA-_', qr/at 2/ ], [ "AAA\n", qr/at 3/ ], [ 'A===', 'padding' ],
              [ '==AA', 'padding' ], [ 'AA*A', qr/at 2/ ])
{
    my ($bad, $expected) = @$case;
    like(picture_of($bad), ref $expected ? $expected : qr/^$expected\z/,
         "pictures: not $bad" =~ s/\n/\\n/r);
}

is(noise_of('5', 30), picture_of(noise_text('5', 30)), 'noise');
isnt(noise_of('5', 40), noise_of('6', 40), 'noise: of another task');


# ---- events

my @stream = (
    ": running\n",
    "event: a.b\ndata: {\"x\":1}\n\n",
    ": run", "ning", "\nevent: c\nda", "ta: {\"b64_json\":\"$text\"}\n\n",
    "data: [DONE]\n\n",
);

$server = answering($chunked, map({ chunk($_) } @stream), "0\r\n\r\n");
my $sse = Jimeng::Test::Sse->new(get($server));
is($sse->status, 200, 'events: status');
is($sse->header('Content-Type'), 'text/event-stream', 'events: header');
is($sse->next->{comment}, 'running', 'events: a comment');
is($sse->event->{event}, 'a.b', 'events: an event');
my @events = $sse->all;
is(join(' ', map { "$_->{event}:" . ($_->{picture} // $_->{data}) } @events),
   'c:' . sha256_hex($bytes) . ' :[DONE]', 'events: the others');
is(scalar $sse->comments, 2, 'events: comments');
cmp_ok(($sse->comments)[1]{time} - ($sse->comments)[0]{time}, '>=', 0.25,
       'events: their times');
ok($sse->complete, 'events: complete');
is($sse->strange, '', 'events: nothing else');
$server->stop;

$server = answering($chunked, map({ chunk($_) }
    ": running\n", "event: a\ndata: {\"b64_json\":\"AAAA"));
$sse = Jimeng::Test::Sse->new(get($server));
is(scalar(() = $sse->all), 0, 'half an event is none');
ok(!$sse->complete, 'half an event: not complete');
like($sse->strange, qr/^event: a\ndata: \{/, 'half an event: is seen');
$server->stop;

for my $bad ("event: a\n\n", "data: {}\nevent: a\n\n", "event: a\r\ndata: x\n\n",
             ":running\n", "\nevent: a\ndata: {}\n\n", "event: a\ndata: {\ndata: }\n\n", "{}\n\n")
{
    $server = answering("$head\r\n" . $bad . ": running\n");
    $sse = Jimeng::Test::Sse->new(get($server));
    is(scalar(() = $sse->all), 0, 'a stranger: no event');
    is($sse->strange, $bad, 'a stranger: is seen');
    is(scalar $sse->comments, 1, 'a stranger: what follows is read');
    $server->stop;
}

$server = answering("HTTP/1.1 400 Bad Request\r\nContent-Length: 8\r\n\r\n",
                    '{"a":42}');
$sse = Jimeng::Test::Sse->new(get($server));
is($sse->status, 400, 'no stream: status');
is($sse->response->json->{a}, 42, 'no stream: what came instead');
$server->stop;

done_testing();
