#!/usr/bin/perl

# A reply that breaks on its way was not taken: in whatever form, at whatever
# byte, over HTTP/1.1 and HTTP/2, the same request gets it, and nothing is
# submitted.  One that was taken to its end was: the same request is a new one.
#
# Seen failing:
# - every "repeat", with ngx_http_jimeng_client_took() that returns 1;
# - "in the system's buffers", without SIOCOUTQ: what was handed to the system
#   counts as taken;
# - every "whole", with one that returns 0.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Http2;
use Jimeng::Test::Ledger;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    strict => 1, http2 => 1, emulator => { seconds => 0 },
    poll_interval => '20ms',
    server => 'location /paced/ {
                   jimeng_pass /_volcengine;
                   limit_rate 200;
               }
               location /impatient/ {
                   jimeng_pass /_volcengine;
                   limit_rate 200;
                   send_timeout 200ms;
               }',
));

sub prompt { "a ferry in the ice, $_[0], " . ++$prompts }

sub request {
    my ($prompt, $fields, $lane) = @_;
    my @request = $t->generation({ prompt => $prompt, %{ $fields || {} } });

    $request[1] = "/$lane/images/generations" if $lane;
    return @request;
}

sub lines { return scalar $t->access_log }

# Waits until the log has the end of the request that this one has begun.
sub over {
    my ($before, $name) = @_;
    return wait_for { lines() > $before } "$name: its end is noticed";
}

sub is_repeat {
    my ($name, $prompt, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $n = submits_of($t, $prompt);
    my $each = ($request[-1] =~ /"n":(\d+)/)[0] // 1;
    my $before = lines();

    my $r = $t->request(@request);
    is($r->status, 200, "$name, a repeat: status");
    ok($r->complete, "$name, a repeat: complete");
    is(scalar submits_of($t, $prompt), $n,
       "$name, a repeat: nothing is submitted");
    over($before, "$name, a repeat");

    is($t->request(@request)->status, 200, "$name, whole: status");
    return is(scalar submits_of($t, $prompt), $n + $each,
              "$name, whole: the next is a new one");
}

my $data = { response_format => 'b64_json' };
my $large = '[[bytes=1000000]]';


# ---- URLs, which nginx sends at the pace of limit_rate

for my $lane (qw(paced impatient)) {
    my $name = "URLs, $lane";
    my $prompt = prompt($name);
    my @request = request($prompt, { n => 2 }, 'paced');
    my $before = lines();
    my $x = $t->start_request(@request);

    ok($x->read_until(qr/\r\n\r\n/, 10), "$name: the reply has begun");
    $lane eq 'paced' ? $x->abort : $x->reset;
    over($before, $name);
    is_repeat($name, $prompt, @request);
}

# ---- data, at several places

for my $bytes (0, 400, 100_000) {
    for my $how (qw(abort reset)) {
        my $name = "data, $bytes, $how";
        my $prompt = prompt("$large $name");
        my @request = request($prompt, $data);
        my $before = lines();
        my $x = $t->start_request(@request, buffer => 4096);

        ok($x->read_until(qr/"b64_json":"/, 10), "$name: it has begun")
            if $bytes;
        read_some($x, $bytes);
        $x->$how;
        over($before, $name);
        is_repeat($name, $prompt, @request);
    }
}

sub read_some {
    my ($x, $bytes) = @_;
    my $got = 0;

    while ($got < $bytes) {
        my $n = sysread $x->socket, my $piece, 4096 or last;
        $got += $n;
    }
    return;
}

$t->done;
