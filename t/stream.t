#!/usr/bin/perl

# "stream": true: the reply is a stream of events.  In OpenAI's dialect each
# picture is one, as data unless links are asked for by name, and it is sent
# when the next is there or the others are over: the last one tells what failed.
# In Ark's, for its models' names and with sequential_image_generation, they are
# sent as their tasks end, and are followed by one that sums up and by [DONE].
#
# Seen failing: "not within an event", with a heartbeat that does not look
# whether a picture is under way; "a group", with an index of the task alone;
# "by default", with the format that a reply has.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done envelope http pending submitted upstream);
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Schema qw(look_of usage_of);
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(
    strict => 1, http2 => 1, poll_interval => '20ms',
    http => 'lingering_close off;', emulator => { seconds => 0.3 },
    server => <<'EOT',
        location /beats/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 100ms;
        }
        location /gzip/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 100ms;
            gzip on;
            gzip_types text/event-stream;
            gzip_min_length 0;
        }
EOT
);

my $prompts = 0;
my $lane = 'v1';
my $images = 'generations';

sub prompt { 'a stork ' . $prompts . '.' }

sub request_of {
    my ($fields, $words, $headers) = @_;

    $prompts++;
    my ($method, $path, @rest) = $t->generation(
        { stream => \1, %$fields, prompt => prompt() . ($words // '') },
        $headers);
    return ($method, "/$lane/images/$images", @rest);
}

sub begin {
    my (@arguments) = @_;
    return Jimeng::Test::Sse->new($t->start_request(request_of(@arguments)));
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

sub results { $t->results(prompt()) }

# The events, without what is a time; each has to say so itself, too.
sub shown {
    my ($name, @events) = @_;
    my @shown;

    for my $event (@events) {
        if ($event->{data} eq '[DONE]') {
            push @shown, [ $event->{event}, '[DONE]' ];
            next;
        }

        my %json = %{ $event->{json} || {} };
        my ($time) = grep { defined } delete @json{qw(created created_at)};

        is($json{type}, $event->{event}, "$name: type");
        like($time // '', qr/^\d{10}\z/, "$name: a time");
        $json{b64_json} = $event->{picture} if exists $json{b64_json};
        push @shown, [ $event->{event}, \%json ];
    }

    return \@shown;
}

sub is_stream {
    my ($sse, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($sse->status, 200, "$name: status") or diag($sse->response->body);
    like($sse->header('Content-Type') // '', qr{^text/event-stream\b},
         "$name: type");
    is($sse->header('Cache-Control'), 'no-cache', "$name: Cache-Control");
    is($sse->header('X-Accel-Buffering'), 'no', "$name: X-Accel-Buffering");
    like($sse->header('X-Request-Id') // '', qr/^[0-9a-f]{32}\z/,
         "$name: X-Request-Id");
    is($sse->header('Content-Length'), undef, "$name: no length");
    return;
}

sub is_over {
    my ($sse, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($sse->complete, "$name: complete");
    is($sse->strange, '', "$name: nothing else");

    my @comments = $sse->comments;
    ok(@comments > 0, "$name: a comment");
    is(scalar(grep { $_->{comment} !~ /^\{.*"task_status":"(?:pending|running)"/ } @comments), 0,
       "$name: how it stands");
    return;
}

my @size = (size => '2048x2048');
my $openai = 'image_generation.completed';
my $partial = 'image_generation.partial_succeeded';
my $completed = 'image_generation.completed';
my $ark = 'doubao-seedream-4-0-250828';

sub link_of {
    my ($id, $index) = @_;
    return $t->emulator->url("/pictures/$id-" . ($index // 0) . '.png');
}


# ---- OpenAI's dialect

my @url = (response_format => 'url');

my $sse = begin({ @size, @url });
is_stream($sse, 'one picture');
my $first = $sse->next;
like($first->{comment}, qr/^\{/, 'one picture: first a comment');
cmp_ok($first->{time}, '<', 0.25, 'one picture: as soon as it was accepted');
my @events = $sse->all;
is_deeply(shown('one picture', @events), [ [ $openai, {
    type => $openai, url => link_of(ids()), b64_json => 'empty',
    look_of(@size), usage => usage_of(1),
} ] ], 'one picture: the event');
ok(exists $events[0]{json}{created_at}, 'one picture: created_at');
cmp_ok($events[0]{time}, '>=', 0.29, 'one picture: when the task has ended');
is_over($sse, 'one picture');
is(scalar submits(), 1, 'one picture: one submit');
is(scalar results(), 0, 'one picture: no base64');

my $row = $t->logged($sse);
is_deeply([ @$row{qw(status jimeng_status jimeng_images jimeng_task_id)} ],
          [ 200, 'succeed', 1, ids() ], 'one picture: variables');

for my $bytes (0, 30, 1000, 100_000, 1_500_000) {
    my $name = $bytes ? "base64, $bytes" : 'by default';
    $sse = begin({ @size, $bytes ? (response_format => 'b64_json') : () },
                 ' [[bytes=' . ($bytes || 30) . ']]');
    is_deeply(shown($name, $sse->all), [ [ $openai, {
        type => $openai, b64_json => noise_of(ids(), $bytes || 30),
        look_of(@size), usage => usage_of(1),
    } ] ], "$name: the event");
    is_over($sse, $name);
    is(scalar results(), 1, "$name: asked for it once");
}

for my $words ('[[escape]]', '[[wrap=76]] [[pieces=3001]]', '[[late]]') {
    $sse = begin({ response_format => 'b64_json' }, " [[bytes=20000]] $words");
    my ($event) = $sse->all;
    is($event->{picture}, noise_of(ids(), 20_000), "base64, $words");
    is_over($sse, "base64, $words");
}

for my $format ('url', 'b64_json') {
    my $name = "n 3, $format";
    $sse = begin({ @size, n => 3, response_format => $format },
                 ' [[bytes=50000]]');
    my $shown = shown($name, $sse->all);
    my %expected = map {
        $format eq 'url' ? link_of($_) : noise_of($_, 50_000) => 1;
    } ids();

    is(scalar @$shown, 3, "$name: three events");
    is(join(' ', sort map { $_->[1]{$format} } @$shown),
       join(' ', sort keys %expected), "$name: a picture of each");
    is_deeply([ map { [ $_->[0], { %{ $_->[1] }, $format => '' } ] } @$shown ],
        [ ([ $openai, { type => $openai, b64_json => 'empty', $format => '',
                        look_of(@size), usage => usage_of(1) } ]) x 3 ],
        "$name: what each says");
    is_over($sse, $name);
    is(scalar submits(), 3, "$name: submits");
    is($t->logged($sse)->{jimeng_images}, 3, "$name: \$jimeng_images");
}

for my $format ('url', 'b64_json') {
    my $name = "a group, $format";
    $sse = begin({ @size, force_single => \0, response_format => $format },
                 ' [[bytes=3000]] [[pictures=4]]');
    my ($shown, $id) = (shown($name, $sse->all), ids());

    is_deeply([ map { $_->[1]{$format} } @$shown ],
        [ map { $format eq 'url' ? link_of($id, $_)
                                 : noise_of($id, 3000, $_) } 0 .. 3 ],
        "$name: its pictures, in order");
    is_over($sse, $name);
}


# ---- each as its task ends

$t->emulator->fault({ on => 'query', do => 'delay', seconds => 1 });
$sse = begin({ n => 3, @url });
@events = $sse->all;
my ($slow) = map { $_->{json}{task_id} } grep { $_->{fault} } $t->queries;
is(scalar @events, 3, 'a slow one: three events');
isnt($events[0]{json}{url}, link_of($slow), 'a slow one: it is not the first');
cmp_ok($events[0]{time}, '<', $events[2]{time} - 0.3,
       'a slow one: the first did not wait');
cmp_ok($events[1]{time}, '>', $events[2]{time} - 0.2,
       'a slow one: the second could have been the last');

$t->emulator->fault({ on => 'query', do => 'delay', seconds => 1 });
$sse = begin({ n => 3, model => $ark });
@events = $sse->all;
cmp_ok($events[1]{time}, '<', $events[2]{time} - 0.3,
       'a slow one, Ark: the others did not wait');


# ---- Ark's dialect

my @common = (model => 'jimeng_t2i_v40');

sub done_with {
    my ($n) = @_;
    return ([ $completed, { type => $completed, @common,
                            usage => usage_of($n) } ],
            [ '', '[DONE]' ]);
}

for my $format ('url', 'b64_json') {
    for my $case (
        [ 'S4\'s name', { model => $ark, watermark => \0 } ],
        [ 'sequential_image_generation disabled',
          { sequential_image_generation => 'disabled' } ],
        [ '... in extra_body',
          { extra_body => { sequential_image_generation => 'disabled' } } ],
    ) {
        my ($name, $fields) = @$case;
        $name = "Ark, $name, $format";
        $sse = begin({ @size, response_format => $format, %$fields },
                     ' [[bytes=4000]]');
        is_stream($sse, $name);
        is_deeply(shown($name, $sse->all), [
            [ $partial, {
                type => $partial, @common, image_index => 0, @size,
                $format => $format eq 'url' ? link_of(ids())
                                            : noise_of(ids(), 4000),
            } ],
            done_with(1),
        ], "$name: events");
        is_over($sse, $name);
    }

    my $name = "Ark, a group, $format";
    $sse = begin({ @size, sequential_image_generation => 'auto',
        sequential_image_generation_options => { max_images => 3 },
        response_format => $format }, ' [[bytes=4000]] [[pictures=4]]');
    is_deeply(shown($name, $sse->all), [
        map({ [ $partial, {
            type => $partial, @common, image_index => $_, @size,
            $format => $format eq 'url' ? link_of(ids(), $_)
                                        : noise_of(ids(), 4000, $_),
        } ] } 0 .. 2), done_with(4),
    ], "$name: events");
    is_over($sse, $name);

    $name = "Ark, n 3, $format";
    $sse = begin({ @size, model => $ark, watermark => \0, n => 3,
                   response_format => $format }, ' [[bytes=4000]]');
    my $shown = shown($name, $sse->all);
    my @ids = split /, /, $t->logged($sse)->{jimeng_task_id} // '';
    is_deeply([ sort { $a->[1]{image_index} <=> $b->[1]{image_index} }
                     @$shown[0 .. 2] ],
        [ map { [ $partial, {
            type => $partial, @common, image_index => $_, @size,
            $format => $format eq 'url' ? link_of($ids[$_])
                                        : noise_of($ids[$_], 4000),
        } ] } 0 .. 2 ], "$name: its pictures, with their place");
    is_deeply([ @$shown[3, 4] ], [ done_with(3) ], "$name: the end");
}


# ---- images/edits

$images = 'edits';

for my $dialect ('OpenAI', 'Ark') {
    my $name = "edits, $dialect";
    $sse = begin({ @size, image => 'https://pictures.example/1.png',
        $dialect eq 'Ark' ? (model => $ark, watermark => \0) : () });
    is(join(' ', map { $_->{event} } $sse->all),
       $dialect eq 'Ark'
           ? 'image_edit.partial_succeeded image_edit.completed '
           : 'image_edit.completed', "$name: events");
    is_over($sse, $name);
}

$images = 'generations';


# ---- what a stream has of its own is not said upstream

$sse = begin({ partial_images => 2 });
is(scalar(() = $sse->all), 1, 'partial_images: one event');
is_deeply([ sort keys %{ (submits())[0]{json} } ],
          [ qw(force_single prompt req_key) ], 'the submit has no stream');

$prompts++;
my $r = $t->generate({ prompt => prompt(), stream => \0 });
is($r->header('Content-Type'), 'application/json', 'stream false: JSON');
is(scalar @{ $r->json->{data} }, 1, 'stream false: a picture');


# ---- comments

$lane = 'beats';
$sse = begin({});
@events = $sse->all;
my @beats = map { $_->{time} } $sse->comments;
cmp_ok(scalar @beats, '>=', 3, 'heartbeat: comments');
cmp_ok(scalar @beats, '<=', 7, 'heartbeat: not too many');
is(scalar(grep { $beats[$_] - $beats[$_ - 1] < 0.07 } 1 .. $#beats), 0,
   'heartbeat: with its time between them');

# They do not come into the midst of an event.
$t->emulator->fault({ on => 'result', do => 'stall', body_bytes => 500_000,
                      seconds => 0.7 });
$sse = begin({ response_format => 'b64_json' }, ' [[bytes=1000000]]');
@events = $sse->all;
is($events[0]{picture}, noise_of(ids(), 1_000_000),
   'heartbeat: not within an event');
is_over($sse, 'heartbeat: not within an event');

$lane = 'gzip';
$sse = begin({}, '', { 'Accept-Encoding' => 'gzip' });
is($sse->status, 200, 'gzip: status');
is($sse->header('Content-Encoding'), 'gzip', 'gzip: as it was asked for');
$sse->response;
ok($sse->complete, 'gzip: complete');
$lane = 'v1';


# ---- connections

my $x = $t->start_request(request_of({}), keepalive => 1);
$sse = Jimeng::Test::Sse->new($x);
is(scalar(() = $sse->all), 1, 'a kept connection: an event');
is_over($sse, 'a kept connection');
$x = $t->start_request(request_of({ n => 2 }), on => $x);
$sse = Jimeng::Test::Sse->new($x);
is(scalar(() = $sse->all), 2, 'a kept connection: and two more');

$x = $t->start_request(request_of({}), version => '1.0');
$sse = Jimeng::Test::Sse->new($x);
is(scalar(() = $sse->all), 1, 'HTTP/1.0: an event');
is($sse->header('Transfer-Encoding'), undef, 'HTTP/1.0: no chunks');

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @streams = map {
    $h2->start(request_of({ n => 2, response_format => $_ },
                          ' [[bytes=100000]]'));
} 'url', 'b64_json';
for my $i (0, 1) {
    my $answer = $h2->response($streams[$i]);
    is($answer->{status}, 200, "HTTP/2, $i: status");
    ok($answer->{over} && !defined $answer->{reset}, "HTTP/2, $i: ends");
    is(scalar(() = $answer->{body} =~ /^event: \Q$openai\E\ndata: \{/mg), 2,
       "HTTP/2, $i: events");
}

my @many = map { begin({ n => 2 }) } 1 .. 20;
is(scalar(grep { 2 == (() = $_->all) } @many), 20, 'twenty at once');

$t->done;
