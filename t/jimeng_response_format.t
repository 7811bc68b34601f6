#!/usr/bin/perl

# In which form pictures come when a client does not say: as the model's row,
# or the location, has it.  The client's own word counts before all of them,
# then the row's option, then the row's name, then the location's directive.
#
# Seen failing: "gpt-image-1", without JM_MODEL_DATA in jm_model_init();
# "links, by data", with the location before the row in jm_request_format();
# "asked for later", with the location's form instead of the ticket's.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Pictures qw(noise_of pictures);
use Jimeng::Test::Schema qw(look_of);
use Jimeng::Test::Sse;

my $d = Jimeng::Test::Directive->new('jimeng_response_format');

$d->common('url');
$d->good('url', 'b64_json');
$d->bad(map { [ $_, qq(\\invalid value "$_") ] }
        'base64', 'urls', 'b64', 'b64_json_');
$d->bad([ '""', '\\invalid value ""' ]);

my $rows = <<'EOT';
    jimeng_model gpt-image-1 jimeng_t2i_v40;
    jimeng_model gpt-image-2-2026-04-21 jimeng_t2i_v40 images=3;
    jimeng_model gpt-image-1-links jimeng_t2i_v40 response_format=url;
    jimeng_model links jimeng_t2i_v40 response_format=url;
    jimeng_model data jimeng_t2i_v40 response_format=b64_json;
    jimeng_model gpt-image jimeng_t2i_v40;
    jimeng_model my-gpt-image-1 jimeng_t2i_v40;
EOT

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '20ms', strict => 1,
    http => $rows, server => <<'EOT',
        location /by-data/ {
            jimeng_pass /_volcengine;
            jimeng_response_format b64_json;
            location /by-data/inner/ { jimeng_pass /_volcengine; }
            location /by-data/not/ {
                jimeng_pass /_volcengine;
                jimeng_response_format url;
            }
        }
        location /by-url/ {
            jimeng_pass /_volcengine;
            jimeng_response_format url;
        }
EOT
);

my $prompts = 0;

sub request_of {
    my ($path, %fields) = @_;

    $prompts++;
    my ($method, undef, @rest) = $t->generation(
        { prompt => "a crane, number $prompts", size => '2048x2048', %fields });
    return ($method, "/$path", @rest);
}

# ---- replies

my @as = ('url', 'b64_json');

for my $case (
    [ 'v1', undef, 0 ], [ 'by-data', undef, 1 ], [ 'by-data/inner', undef, 1 ],
    [ 'by-data/not', undef, 0 ], [ 'by-url', undef, 0 ],
    [ 'v1', 'gpt-image-1', 1 ], [ 'by-url', 'gpt-image-1', 1 ],
    [ 'v1', 'gpt-image-2-2026-04-21', 1 ],
    [ 'v1', 'gpt-image-1-links', 0 ], [ 'by-data', 'gpt-image-1-links', 0 ],
    [ 'v1', 'links', 0 ], [ 'by-data', 'links', 0 ],
    [ 'v1', 'data', 1 ], [ 'by-url', 'data', 1 ],
    [ 'v1', 'gpt-image', 0 ], [ 'v1', 'my-gpt-image-1', 0 ],
    [ 'by-data', 'doubao-seedream-4-0-250828', 1 ],
) {
    my ($lane, $model, $form) = @$case;

    for my $images ('generations', 'edits') {
        my $name = ($model // 'no model') . ", $lane, $images";
        my $r = $t->request(request_of("$lane/images/$images",
            $model ? (model => $model) : (),
            $images eq 'edits' ? (image => 'https://h/1.png') : ()));
        is($r->status, 200, "$name: status") or diag($r->body);
        is(exists(($r->json->{data}[0] || {})->{url}) ? 'url' : 'b64_json',
           $as[$form], $name);
    }
}

# What a client says counts, wherever it says it.
for my $lane ('v1', 'by-data', 'by-url') {
    for my $model ('jimeng-4.0', 'gpt-image-1', 'links', 'data') {
        for my $form (@as) {
            my $r = $t->request(request_of("$lane/images/generations",
                model => $model, response_format => $form));
            ok(exists $r->json->{data}[0]{$form}, "$lane, $model, $form");
        }
    }
}


# ---- the picture, and what it is

my $r = $t->request(request_of('v1/images/generations',
    prompt => 'a crane [[bytes=1000]]', model => 'gpt-image-1',
    quality => 'low'));
my ($rest, @pictures) = pictures($r->body);
is("@pictures", noise_of(($t->submits)[-1]{task_id}, 1000),
   'gpt-image-1: the picture');
my %look = look_of(size => '2048x2048', quality => 'low');
is_deeply({ map { $_ => $rest->{$_} } keys %look }, \%look,
          'gpt-image-1: what it is like');
is_deeply($rest->{ignored}, [ 'quality' ], 'gpt-image-1: ignored');


# ---- streams: data, unless somebody said "url"

for my $case (
    [ 'v1', {}, 1 ], [ 'by-url', {}, 0 ], [ 'by-data', {}, 1 ],
    [ 'v1', { model => 'links' }, 0 ], [ 'v1', { model => 'data' }, 1 ],
    [ 'by-url', { model => 'gpt-image-1' }, 1 ],
    [ 'v1', { response_format => 'url' }, 0 ],
    [ 'by-url', { response_format => 'b64_json' }, 1 ],
    [ 'v1', { model => 'doubao-seedream-4-0-250828' }, 0 ],
    [ 'by-data', { model => 'doubao-seedream-4-0-250828' }, 1 ],
) {
    my ($lane, $fields, $form) = @$case;
    my $name = "stream, $lane, " . JSON::PP->new->canonical->encode($fields);

    my $sse = Jimeng::Test::Sse->new($t->start_request(
        request_of("$lane/images/generations", stream => \1, %$fields)));
    my ($event) = $sse->all;

    is(exists $event->{json}{url} ? 'url' : 'b64_json', $as[$form], $name);
    is($event->{picture} // 'none',
       exists $event->{json}{model} && !$form ? 'none' : 'empty', "$name: data")
        if !$form;
    ok($sse->complete, "$name: complete");
}


# ---- asked for later: as the request would have had it

for my $case ([ 'v1', 'gpt-image-1', 1 ], [ 'by-data', 'jimeng-4.0', 1 ],
              [ 'by-data', 'links', 0 ], [ 'v1', 'jimeng-4.0', 0 ])
{
    my ($lane, $model, $form) = @$case;
    my $name = "async, $lane, $model";

    $r = $t->request(request_of("$lane/images/generations", model => $model,
                                async => \1, quality => 'medium'));
    is($r->json->{task_status}, 'pending', "$name: pending");
    is($r->json->{data}, undef, "$name: no data");

    my $id = $r->json->{task_id};

    for my $place ('v1', 'by-data', 'by-url') {
        $r = $t->request('GET', "/$place/images/$id?wait=10s");
        ok(exists $r->json->{data}[0]{ $as[$form] },
           "$name, asked for later: $place") or diag($r->body);
        is($r->json->{quality}, 'medium', "$name: quality");
    }

    my $other = $as[!$form];
    $r = $t->request('GET', "/v1/images/$id?wait=10s&response_format=$other");
    ok(exists $r->json->{data}[0]{$other}, "$name, asked for later: $other");
}

$t->done;
