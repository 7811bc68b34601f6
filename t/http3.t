#!/usr/bin/perl

# HTTP/3: what comes back over it, and that a reply that is whole ends for its
# client, whatever its tasks still do.
#
# Seen failing: "async", "given up" and "a stream is given up" end with their
# tasks, without ngx_quic_shutdown_stream() in ngx_http_jimeng_send_fin().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use JSON::PP ();
use Jimeng::Test::Http3;
use Jimeng::Test::Pictures;
use Jimeng::Test::Queue;

need_http3();

my $t = Jimeng::Test->new(with_http3(with_queue(
    strict => 1, emulator => { seconds => 0.3 }, account => 'concurrency 4;',
    server => <<'EOT',
        location /late/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 700ms;
            jimeng_heartbeat 100ms;
        }
EOT
)));

my $prompts = 0;

sub prompt { "a bridge in the fog, $_[0], " . ++$prompts }

sub ids { map { $_->{task_id} } submits_of($t, $_[0]) }

sub connection { Jimeng::Test::Http3->new($t->port('http3')) }

# Below /late, what is not done soon is given up.
sub start {
    my ($h3, $prompt, $fields, $path) = @_;
    my ($method, $uri, @rest) = $t->generation({ prompt => $prompt,
                                                 %{ $fields || {} } });
    return $h3->start($method, ($path // '') . $uri, @rest);
}

sub json { JSON::PP->new->utf8->decode($_[0]{body}) }

sub row_of { $t->logged($_[0]{headers}{'x-request-id'}) }

sub is_whole {
    my ($r, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status") or diag($r->{body});
    ok($r->{end}, "$name: it is whole");
    is($r->{reset}, undef, "$name: it was not reset");
    return;
}

sub another {
    my ($h3, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_whole($h3->response($h3->start('GET', '/v1/models')), 200, $name);
    return;
}

# A reply has ended, and its task, which has a slot, has not.
sub is_followed {
    my ($h3, $r, $prompt, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is(account_of($t)->{running}, 1, "$name: its task is followed");
    is_whole($r, $status, $name);
    another($h3, "$name, another of its connection");
    is(account_of($t)->{running}, 1, "$name: its task is still followed");

    free($t);
    my $row = row_of($r);
    is($row->{status}, $status, "$name: status in the log");
    is(join(' ', ids($prompt)), $row->{jimeng_task_id}, "$name: one submit");

    # It is read only with what was asked for after it.
    another($h3, "$name, one more of its connection");
    is($r->{after}, undef, "$name: nothing came after its end");
    return;
}


# ---- replies

my $h3 = connection();
my $prompt = prompt('links');
my $r = $h3->response(start($h3, $prompt, { n => 3 }));
is_whole($r, 200, 'links');
is($r->{headers}{'content-type'}, 'application/json', 'links: JSON');
is($r->{headers}{'content-length'}, length $r->{body}, 'links: length');
is(scalar(grep { $_->{url} } @{ json($r)->{data} }), 3, 'links: three');
is(row_of($r)->{request}, 'POST /v1/images/generations HTTP/3.0',
   'links: the line in the log');

$prompt = prompt('data [[bytes=300000]]');
my @three = (n => 3, response_format => 'b64_json');
$r = $h3->response(start($h3, $prompt, { @three }));
is_whole($r, 200, 'data');
my (undef, @pictures) = pictures($r->{body});
is_deeply([ sort @pictures ],
          [ sort map { noise_of($_, 300_000, 0) } ids($prompt) ],
          'data: the pictures');

$prompt = prompt('a stream [[bytes=300000]]');
$r = $h3->response(start($h3, $prompt, { @three, stream => \1 }));
is_whole($r, 200, 'a stream');
is($r->{headers}{'content-type'}, 'text/event-stream', 'a stream: its type');
is(scalar(() = $r->{body} =~ /^event: image_generation\.completed$/mg), 3,
   'a stream: events');
(undef, @pictures) = pictures($r->{body});
is_deeply([ sort @pictures ],
          [ sort map { noise_of($_, 300_000, 0) } ids($prompt) ],
          'a stream: the pictures');

$r = $h3->response(start($h3, ''));
is_whole($r, 400, 'an error');
is(json($r)->{error}{param}, 'prompt', 'an error: which field');

my @prompts = map { prompt("one of three, $_") } 1 .. 3;
my @streams = map { start($h3, $_) } @prompts;
is_whole($h3->response($_), 200, 'at the same time') for @streams;
is(scalar(map { ids($_) } @prompts), 3, 'at the same time: submits');


# ---- the reply is whole before its task is over

$prompt = prompt('async [[seconds=3]]');
$r = $h3->response(start($h3, $prompt, { async => \1 }));
is(json($r)->{task_status}, 'pending', 'async: pending');
is_followed($h3, $r, $prompt, 200, 'async');

$prompt = prompt('given up [[seconds=3]]');
$r = $h3->response(start($h3, $prompt, {}, '/late'));
is(json($r)->{code}, 'generation_timeout', 'given up: why');
is_followed($h3, $r, $prompt, 504, 'given up');

$prompt = prompt('a stream is given up [[seconds=3]]');
$r = $h3->response(start($h3, $prompt, { stream => \1 }, '/late'));
like($r->{body}, qr/\nevent: error\ndata: .*"generation_timeout".*\n\n\z/,
     'a stream is given up: why');
is_followed($h3, $r, $prompt, 200, 'a stream is given up');

$h3->close;
$t->done;
