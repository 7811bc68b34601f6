#!/usr/bin/perl

# Streams of what Ark makes: a group's picture is the client's when it is made,
# while the next ones are still being made.
#
# A picture that came before the call had ended, as the emulator says, came
# live: no clock is looked at.  The calls of these tests do not end before the
# test has seen that, as a fault holds them.
#
# Seen failing: with pictures that are handed on when the call has ended, and
# with answers that nginx buffers.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Ark;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;
use Jimeng::Test::Sse;

my $t = with_ark(
    strict => 1, http2 => 1, emulator => { seconds => 0.3 },
    ark => { seconds => 0.6 }, log => [ 'jimeng_billed' ],
    server => ark_location()
        =~ s/_ark \{/_buffered {\nproxy_buffering on; proxy_buffers 8 64k;/r
        . ark_location()
        =~ s/_ark \{/_unbuffered {\nproxy_buffering off;/r
        . <<'EOT',
        location /beats/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 50ms;
        }
        location /on/ {
            jimeng_pass /_volcengine;
            jimeng_accounts on;
        }
        location /off/ {
            jimeng_pass /_volcengine;
            jimeng_accounts off;
        }
        location /one/ {
            jimeng_pass /_volcengine;
            jimeng_accounts one;
        }
EOT
    http => join "\n", 'lingering_close off;',
        map({ "jimeng_account $_->[0] { api_key $Jimeng::Test::Ark::KEY; "
              . "pass $_->[1]; concurrency $_->[2]; }" }
            [ on => '/_buffered', 20 ], [ off => '/_unbuffered', 20 ],
            [ one => '/_ark', 1 ]),
);

my $v45 = 'doubao-seedream-4-5-251128';
my %group = (model => $v45, sequential_image_generation => 'auto');
my $prompts = 0;

sub request_of {
    my ($lane, $fields, $words) = @_;

    $prompts++;
    my ($method, $path, @rest) = $t->generation(
        { stream => \1, %$fields, prompt => prompt() . ($words // '') });
    return ($method, "/$lane/images/generations", @rest);
}

sub begin {
    my ($lane, @rest) = @_;
    return Jimeng::Test::Sse->new($t->start_request(request_of($lane, @rest)));
}

sub prompt { "a heron $prompts." }
sub call { ($t->emulator->calls(prompt()))[-1] }

# The events without what is a time, and with the picture's number for its link.
sub shown {
    return map {
        my %json = %{ $_->{json} || {} };

        delete @json{qw(created created_at model type)};
        $json{url} =~ s/.*_(\d+)\.jpeg\?.*/$1/ if exists $json{url};
        [ $_->{event} =~ s/^image_generation\.//r || $_->{data}, \%json ];
    } @_;
}

sub usage {
    my ($made) = @_;
    my %none = (text_tokens => 0, image_tokens => 0);
    my $tokens = $made * 2048 * 2048 / 256;

    return { generated_images => $made, input_tokens => 0,
             output_tokens => $tokens, total_tokens => $tokens,
             input_tokens_details => \%none, output_tokens_details => \%none };
}

sub made { [ 'partial_succeeded', { image_index => $_[0], url => $_[0],
                                    size => '2048x2048' } ] }

sub is_over {
    my ($sse, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($sse->complete, "$name: complete");
    is($sse->strange, '', "$name: nothing else");
    is(scalar(grep { $_->{comment}
                     !~ /^\{.*"task_status":"(?:pending|running)"/ }
              $sse->comments), 0, "$name: comments say how it stands");
    return;
}


# ---- the first picture is there before the last one is made, in both dialects

for my $lane ('v1', 'on', 'off') {
    my $sse = begin($lane, \%group, '[[pictures=3]]');
    my @events = $sse->event;

    is(call()->{ended}, undef, "$lane: Ark still works");
    is($sse->status, 200, "$lane: it is a stream");
    like($sse->header('Content-Type'), qr{^text/event-stream\b},
         "$lane: its type");

    push @events, $sse->all;
    is_over($sse, $lane);
    is_deeply([ shown(@events) ],
              [ made(0), made(1), made(2), [ 'completed', { usage => usage(3) } ],
                [ '[DONE]', {} ] ], "$lane: all of it");
    is($events[0]{json}{model}, $v45, "$lane: the model");
    is(scalar $t->emulator->calls(prompt()), 1, "$lane: one call");
    is($t->logged($sse)->{jimeng_billed}, 3, "$lane: in the log");
}

# OpenAI's form keeps one back, which may be the last, and tells what failed.
my %openai = (model => 'jimeng-4.5', force_single => \0,
              response_format => 'url');
my %look = (background => 'opaque', output_format => 'jpeg', quality => 'high',
            size => 'auto', b64_json => '');
my %none = %{ usage(0) };

{
    my $sse = begin('v1', \%openai, '[[pictures=3]]');
    my @events = $sse->event;
    is(call()->{ended}, undef, "OpenAI's form: Ark still works");

    push @events, $sse->all;
    is_over($sse, "OpenAI's form");
    is_deeply([ shown(@events) ],
              [ map { [ 'completed', { %look, url => $_,
                        usage => $_ == 2 ? { %{ usage(3) },
                                             generated_images => 1 }
                                         : { %none, generated_images => 1 } } ]
                } 0 .. 2 ], "OpenAI's form: all of it");
}


# ---- single failures

for my $case (
    [ 'the first', '@0', [ made(1), made(2) ], 0 ],
    [ 'one in the middle', '@1', [ made(0), made(2) ], 1 ],
    [ 'the last', '@2', [ made(0), made(1) ], 2 ],
) {
    my ($name, $where, $made, $failed) = @$case;
    my $word = "[[OutputImageSensitiveContentDetected$where]]";

    my $sse = begin('v1', \%group, "[[pictures=3]]$word");
    my @events = shown($sse->all);
    is_over($sse, $name);
    my ($failure) = grep { $_->[0] eq 'partial_failed' } @events;

    is_deeply(\@events, [ @$made, $failure,
                          [ 'completed', { usage => usage(2) } ],
                          [ '[DONE]', {} ] ], "$name: it comes last");
    is($failure->[1]{image_index}, $failed, "$name: its number");
    is($failure->[1]{error}{code}, 'content_policy_violation', "$name: why");

    $sse = begin('v1', \%openai, "[[pictures=3]]$word");
    @events = $sse->all;
    is_over($sse, "$name, OpenAI's form");
    is(scalar @events, 2, "$name, OpenAI's form: the pictures");
    is_deeply([ map { [ @$_{qw(index code)} ] }
                @{ $events[-1]{json}{errors} || [] } ],
              [ [ $failed, 'content_policy_violation' ] ],
              "$name, OpenAI's form: what failed");
    is($events[0]{json}{errors}, undef, "$name, OpenAI's form: told once");
}

# n pictures, by a call each
{
    my $sse = begin('v1', { model => $v45, n => 3 });
    my @events = shown($sse->all);

    is_over($sse, 'n');
    is_deeply([ sort map { $_->[1]{image_index} } @events[0 .. 2] ],
              [ 0, 1, 2 ], 'n: each has its number');
    is_deeply($events[3], [ 'completed', { usage => usage(3) } ],
              'n: what they took');
    is(scalar $t->emulator->calls(prompt()), 3, 'n: a call each');
}


# ---- nothing has come yet: an error has its status

for my $case ([ 'InputTextSensitiveContentDetected',
                400, 'content_policy_violation' ],
              [ 'OutputImageSensitiveContentDetected@all',
                400, 'content_policy_violation' ])
{
    my ($word, $status, $code) = @$case;
    my $sse = begin('v1', \%group, "[[pictures=2]][[$word]]");

    is_error($sse->response, $word, $status, $code);
}

# After the first comment it is an event, whatever the dialect.
for my $fields (\%group, \%openai) {
    my $sse = begin('beats', $fields, '[[pictures=2]]'
                    . '[[OutputImageSensitiveContentDetected@all]]');
    my @events = $sse->all;

    is_over($sse, 'all failed');
    is(join(' ', map { $_->{event} } @events), 'error', 'all failed: an event');
    is($events[0]{json}{error}{code}, 'content_policy_violation',
       'all failed: why');
}


# ---- comments: that it waits, that it runs; none within an event

{
    my $first = begin('one', \%group, '[[pictures=4]]');
    wait_for { scalar $t->emulator->calls(prompt()) } 'the first runs';

    my $second = begin('one', \%group, '[[pictures=2]]');
    my $comment = $second->next;

    is(call(), undef, 'the second has to wait');
    like($comment->{comment}, qr/"task_status":"pending","position":1,"of":1/,
         'and is told its place');
    my @events = $second->all;
    is(scalar @events, 4, 'it gets its pictures');
    is_over($second, 'the second');

    my @said = map { /"task_status":"(\w+)"/ } map { $_->{comment} }
               $second->comments;
    is($said[-1], 'running', 'and is told that it runs');
    is(scalar $first->all, 6, 'as does the first');
}

{
    my $sse = begin('beats', { model => $v45 });
    my @events = $sse->all;

    is_over($sse, 'a heartbeat');
    cmp_ok(scalar(() = $sse->comments), '>=', 3, 'a heartbeat: several');
    is(scalar(grep { $_->{comment} !~ /"task_status":"running"/ }
              $sse->comments), 0, 'a heartbeat: that it runs');
    is(scalar @events, 3, 'a heartbeat: the picture');
}

# One begins with the first picture where nothing else was to be told.
{
    my $sse = begin('v1', { model => $v45 });
    is($sse->next->{comment} =~ /"task_status":"(\w+)"/ && $1, 'running',
       'the only comment');
    is_deeply([ shown($sse->all) ],
              [ made(0), [ 'completed', { usage => usage(1) } ],
                [ '[DONE]', {} ] ], 'and a picture');
}


# ---- clients

{
    my $sse = begin('v1', \%group, '[[pictures=4]]');
    ok($sse->event, 'who leaves: has a picture');
    $sse->abort;

    wait_for { call()->{ended} } 'who leaves: the call goes on';
    is(call()->{made}, 4, 'who leaves: all are made');
    is($t->logged($sse)->{jimeng_billed}, 4, 'who leaves: is billed');
}

{
    my $slow = $t->start_request(request_of('v1', \%group, '[[pictures=15]]'),
                                 buffer => 2048);
    wait_for { call() && call()->{ended} } 'a slow client: it is made';

    my $sse = Jimeng::Test::Sse->new($slow);
    my @events = $sse->all;
    is_over($sse, 'a slow client');
    is_deeply([ map { $_->[0] } shown(@events) ],
              [ ('partial_succeeded') x 15, 'completed', '[DONE]' ],
              'a slow client: all of it');
}

{
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $id = $h2->start(request_of('v1', \%group, '[[pictures=3]]'));

    ok($h2->read_until($id, qr/partial_succeeded/, 20),
       'HTTP/2: the first picture');
    is(call()->{ended}, undef, 'HTTP/2: Ark still works');
    like($h2->response($id)->{body}, qr/data: \[DONE\]\n\n\z/,
         'HTTP/2: the end');

    $id = $h2->start(request_of('v1', \%group, '[[pictures=3]]'));
    $h2->read_until($id, qr/partial_succeeded/, 20);
    $h2->reset_stream($id);
    wait_for { call()->{ended} } 'HTTP/2, reset: the call goes on';
    is(call()->{made}, 3, 'HTTP/2, reset: all are made');
}

$t->done;
