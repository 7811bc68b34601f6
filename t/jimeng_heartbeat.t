#!/usr/bin/perl

# jimeng_heartbeat: the time between two comments of a stream that waits.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Sse;

my $d = Jimeng::Test::Directive->new('jimeng_heartbeat');

$d->common('15s');
$d->good('off', '1ms', '500ms', 15, '1m30s', '1d');
$d->bad(
    [ 0, 'must be greater than 0, or "off"' ],
    [ '0s', 'must be greater than 0, or "off"' ],
    [ -1, 'invalid value' ], [ 'x', 'invalid value' ],
    [ 'on', 'invalid value' ], [ 'OFF', 'invalid value' ],
    [ '1x', 'invalid value' ], [ '""', 'invalid value' ],
    [ '0.5s', 'invalid value' ], [ '99999999999999999999s', 'invalid value' ],
);


my $t = Jimeng::Test->new(
    emulator => { seconds => 1.5 }, strict => 1, poll_interval => '50ms',
    server => <<'EOT',
        jimeng_heartbeat 500ms;

        location /inherits/ { jimeng_pass /_volcengine; }
        location /often/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 100ms;
        }
        location /off/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat off;
        }
        location /default/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 15s;
        }
EOT
    location => 'jimeng_heartbeat 300ms;',
);

# The path, the time between two comments, how many there are at least and at
# most.  The first comes with the header.
my @cases = ([ 'inherits', 0.5, 3, 5 ], [ 'often', 0.1, 9, 17 ],
             [ 'v1', 0.3, 4, 7 ], [ 'off', 0, 1, 1 ],
             [ 'default', 15, 1, 1 ]);

my @streams = map {
    Jimeng::Test::Sse->new($t->start_request(
        'POST', "/$_->[0]/images/generations",
        { 'Content-Type' => 'application/json' },
        qq({"prompt":"a boat, $_->[0]","stream":true,"response_format":"url"})));
} @cases;

# All at the same time: each item is read when it comes.
for my $i (0 .. $#cases) {
    my ($path, $interval, $least, $most) = @{ $cases[$i] };
    my $sse = $streams[$i];
    my @events = $sse->all;
    my @comments = $sse->comments;

    is(scalar @events, 1, "$path: a picture");
    cmp_ok(scalar @comments, '>=', $least, "$path: comments");
    cmp_ok(scalar @comments, '<=', $most, "$path: not too many");
    is(scalar(grep { $_->{comment} !~ /^\{.*"task_status"/ } @comments), 0,
       "$path: what they say");
    is($sse->strange, '', "$path: nothing else");

    # Only the first was read as it came.
    next if $i;
    my @intervals = map { $comments[$_]{time} - $comments[$_ - 1]{time} }
                    1 .. $#comments;
    is(scalar(grep { $_ < $interval - 0.1 } @intervals), 0,
       "$path: none before the time was over");
}


# ---- before the submit was answered

$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1 });
my $sse = Jimeng::Test::Sse->new($t->start_request(
    'POST', '/v1/images/generations', { 'Content-Type' => 'application/json' },
    '{"prompt":"a boat that waits","stream":true}'));
my $first = $sse->next;
like($first->{comment}, qr/"pending"/, 'a slow submit: a comment');
cmp_ok($first->{time}, '<', 0.9, 'a slow submit: before it was answered');
cmp_ok($first->{time}, '>=', 0.29, 'a slow submit: with the first heartbeat');
is(scalar(() = $sse->all), 1, 'a slow submit: a picture');

$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 0.6 });
$sse = Jimeng::Test::Sse->new($t->start_request(
    'POST', '/off/images/generations',
    { 'Content-Type' => 'application/json' },
    '{"prompt":"a boat that waits","stream":true}'));
$first = $sse->next;
like($first->{comment}, qr/"running"/, 'a slow submit, off: a comment');
cmp_ok($first->{time}, '>=', 0.59, 'a slow submit, off: when it was answered');
is(scalar(() = $sse->all), 1, 'a slow submit, off: a picture');


# ---- what is no stream has none

my $r = $t->request('POST', '/often/images/generations',
                    { 'Content-Type' => 'application/json' },
                    '{"prompt":"a boat at rest"}');
is($r->status, 200, 'no stream: status');
is(ref $r->json, 'HASH', 'no stream: JSON, and nothing else');

$t->done;
