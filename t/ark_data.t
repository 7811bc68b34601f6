#!/usr/bin/perl

# Pictures of Ark's as data: Ark gives links, so each is fetched by the location
# that shows pictures, and encoded on its way.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Shown qw(asked_for path_of pictures_conf);
use Jimeng::Test::Sse;

my $t = with_ark(zone => ' ', pictures_conf(
    server => 'location /bare/ { jimeng_pass /_volcengine; }',
));
my %data = (model => 'jimeng-4.5', response_format => 'b64_json');

# The bytes of the pictures in a reply, and those that their links have.
sub is_as_linked {
    my ($prompt, $r, $n, $name) = @_;

    is($r->status, 200, "$name: status") or diag($r->body);

    my $json = JSON::PP->new->utf8->decode($r->body);
    is(scalar @{ $json->{data} }, $n, "$name: pictures");

    my $linked = $t->request('GET', "/v1/images/$json->{task_id}"
                                    . '?response_format=url');

    for my $i (0 .. $n - 1) {
        my $picture = $t->request('GET',
            path_of($linked->json->{data}[$i]{url} // '/'));

        is($picture->status, 200, "$name: picture $i is there");
        ok(decode_base64($json->{data}[$i]{b64_json}) eq $picture->body,
           "$name: picture $i has its bytes");
        ok($json->{data}[$i]{b64_json}
           eq encode_base64($picture->body, ''), "$name: picture $i as base64");
    }

    is(scalar $t->emulator->calls($prompt), 1, "$name: one call");
    return;
}

for my $bytes (1000, 1001, 1002, 49152, 49153, 300_000, 5_000_000) {
    my $prompt = "a gull [[bytes=$bytes]]";
    my $r = $t->generate({ %data, prompt => $prompt });

    is_as_linked($prompt, $r, 1, "$bytes bytes");
}

my $group = 'gulls [[pictures=3]] [[bytes=200000]]';
is_as_linked($group, $t->generate({
    %data, prompt => $group, sequential_image_generation => 'auto',
    sequential_image_generation_options => { max_images => 3 },
}), 3, 'a group');

is_as_linked('two gulls', $t->generate({ %data, prompt => 'two gulls',
                                         n => 1 }), 1, 'a repeat of none');


# ---- a stream

my $sse = Jimeng::Test::Sse->new($t->start_generate({
    %data, prompt => 'streamed gull', stream => \1 }));
my ($event, @more) = $sse->all;

is($event->{event}, 'image_generation.completed', 'a stream: a picture');
like($event->{picture}, qr/^[0-9a-f]{64}$/, 'a stream: its bytes');
is(scalar @more, 0, 'a stream: that is all');
ok($sse->complete, 'a stream: it ends well');


# ---- by an id

my $id = $t->generate({ model => 'jimeng-4.5', prompt => 'a gull by its id' })
           ->json->{task_id};
my $r = $t->request('GET', "/v1/images/$id?response_format=b64_json");
is_as_linked('a gull by its id', $r, 1, 'by an id');


# ---- without the location

$r = $t->request('POST', '/bare/images/generations',
                 { 'Content-Type' => 'application/json' },
                 '{"prompt":"none","model":"jimeng-4.5",'
                 . '"response_format":"b64_json"}');

is($r->status, 400, 'without it');
is($r->json->{error}{param}, 'response_format', 'without it: why');
is(scalar $t->emulator->calls('none'), 0, 'without it: no call');

$t->done;
