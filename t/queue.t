#!/usr/bin/perl

# Who waits for a slot: first come, first served within a client, turn by turn
# between clients; who is told at once that there is no use in waiting, and who
# after a while.  Nothing is submitted for those who do not get one.
#
# Seen failing: the orders, with lines of clients that stay the first when one
# of theirs was served; "too late" and "a long queue", with places that are
# never late when they are entered.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Queue;
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(with_queue(
    workers => 2, http2 => 1, strict => 1,
    emulator => { seconds => 0.1, concurrency => 1 },
    http => 'lingering_close off;', log => ['jimeng_queue_time'],
    server => <<'EOT',
        location /beat/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 100ms;
        }
EOT
));

my @pids = $t->workers;
my $named = 0;

sub names { return map { (/^(\S+) in the queue/)[0] // $_ } @_ }
sub named { return of("$_[0] in the queue, " . ++$named, @_[1 .. $#_]) }

# The order in which these are submitted, each [worker, name, client].
sub is_order {
    my ($name, $expected, @who) = @_;
    my $holder = hold($t, 1.5 + @who * 0.2);
    my $before = accepted($t);
    my @waiting = in_turn($t, map {
        [ $pids[ $_->[0] ], named(@$_[1, 2]) ]
    } @who);

    is(statuses(@waiting), join(' ', (200) x @who), "$name: all are served");
    is(join(' ', names(order_of($t, $before))), $expected, "$name: the order");
    $holder->response;
    return;
}


# ---- order

is_order('one client', 'a1 a2 a3 a4 a5 a6',
         map { [ $_ % 2, "a$_", 'alice' ] } 1 .. 6);

is_order('several clients', 'a1 b1 c1 a2 c2 a3 a4 a5',
         (map { [ $_ % 2, "a$_", 'alice' ] } 1 .. 5), [ 0, 'b1', 'bob' ],
         [ 0, 'c1', 'carol' ], [ 1, 'c2', 'carol' ]);

is_order('no key: the address', 'x1 a1 x2 x3',
         (map { [ $_ % 2, "x$_", undef ] } 1 .. 3), [ 0, 'a1', 'alice' ]);

# n pictures are n tasks, each with a place of its own.
my $holder = hold($t, 2);
my $before = accepted($t);
my $three = $t->start_request(named('three', 'alice', n => 3));
queued($t, 3);
my $one = $t->start_request(named('one', 'bob'));
queued($t, 4);
is(statuses($three, $one), '200 200', 'n: both are served');
is(join(' ', names(order_of($t, $before))), 'three one three three',
   'n: the order');
$holder->response;

# Only what is free at the moment is taken at once.
$three = $t->request(named('three', 'alice', n => 3));
is(scalar @{ $three->json->{data} || [] }, 3, 'n, one slot: three pictures');
free($t);


# ---- who leaves

$holder = hold($t, 4);
$before = $t->submits;
my @waiting = in_turn($t, map { [ $pids[ $_ % 2 ], named("l$_", 'alice') ] }
                          1 .. 4);
my $several = $t->start_request(named('several', 'bob', n => 3));
queued($t, 7);
my $stream = Jimeng::Test::Sse->new($t->start_request(
    named('stream', 'alice', stream => \1, path => '/beat')));
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my @h2 = map {
    $h2->start('POST', '/v1/images/generations',
               { 'Content-Type' => 'application/json' },
               qq({"prompt":"h2 in the queue, $_"}));
} 1, 2;
queued($t, 10);

is($stream->status, 200, 'who leaves: a stream has begun');
$waiting[$_]->abort for 0, 2;
$several->abort;
$stream->abort;
$h2->reset_stream($h2[0]);
queued($t, 3);
is(scalar $t->submits, $before, 'who leaves: nothing was submitted meanwhile');

is(statuses(@waiting[1, 3]), '200 200', 'who leaves: others are served');
is($h2->response($h2[1])->{status}, 200, 'who leaves: HTTP/2');
is(join(' ', sort(names(order_of($t, $before)))), 'h2 l2 l4',
   'who leaves: costs nothing');
$holder->response;
free($t);


# ---- streams

$holder = hold($t, 1.5);
$stream = Jimeng::Test::Sse->new($t->start_request(
    named('stream', 'alice', stream => \1, path => '/beat')));
queued($t, 1);
my $item = $stream->next;
like($item->{comment}, qr/"pending","position":1,/, 'a stream: it waits');
$item = $stream->next;
like($item->{comment}, qr/"pending","position":1,/, 'a stream: and more');
is(account_of($t)->{waiting}, 1, 'a stream: it still waits');
my @events = $stream->all;
is(join(' ', map { $_->{event} } @events), 'image_generation.completed',
   'a stream: then its picture');
$holder->response;


# ---- async

$holder = hold($t, 1.5);
my $async = $t->start_request(named('async', 'alice', async => \1));
queued($t, 1);
my $r = $async->response;
is($r->json->{task_status}, 'pending', 'async: it is answered');
is($r->json->{position}, 1, 'async: at once');
$holder->response;
free($t);

is(scalar busy_rows($t), 0, 'none was refused for load');
$t->finish;


# ---- a wait that is longer than jimeng_timeout.  No task was over so far, so
# that nobody knows it before.

$t = Jimeng::Test->new(with_queue(
    emulator => { seconds => 0.1, concurrency => 1 },
    location => 'jimeng_heartbeat 100ms; jimeng_timeout 900ms;',
));

my $short = 'jimeng_timeout 900ms';
$holder = hold($t, 4);
$before = $t->submits;
$stream = Jimeng::Test::Sse->new($t->start_request(
    named('stream', 'alice', stream => \1)));
is($stream->status, 200, 'a stream that waits too long: it has begun');
@events = $stream->all;
is(join(' ', map { "$_->{event} $_->{json}{error}{code}" } @events),
   'error concurrency_limit_exceeded',
   'a stream that waits too long: its error');

my $begin = time;
is_error($t, $t->request(named('late', 'alice')), $short,
         code => 'concurrency_limit_exceeded', waited => 1);
cmp_ok(time - $begin, '>=', 0.85, "$short: not before it");
cmp_ok(time - $begin, '<', 2.5, "$short: not long after it");
is(scalar $t->submits, $before, "$short: nothing was submitted");
is($holder->response->status, 504, "$short: who had the slot");
$t->finish;


# ---- a full queue, no queue, a time-out of the queue

sub is_full {
    my ($name, $r, $submits, $took) = @_;
    is_error($t, $r, $name, code => 'concurrency_limit_exceeded');
    is(scalar $t->submits, $submits, "$name: nothing was submitted");
    cmp_ok($took, '<', 1, "$name: at once");
    return;
}

sub timed {
    my ($code) = @_;
    my $from = time;
    return ($code->(), time - $from);
}

$t = Jimeng::Test->new(with_queue(
    account => 'concurrency 1; queue 2;', workers => 2,
    emulator => { seconds => 0.1, concurrency => 1 },
));

$holder = hold($t, 2);
@waiting = in_turn($t, map { [ named("w$_", 'alice') ] } 1, 2);
$before = $t->submits;
($r, my $took) = timed(sub { $t->request(named('w3', 'bob')) });
is_full('a full queue', $r, $before, $took);
($r, $took) = timed(sub { $t->request(named('w4', 'bob', async => \1)) });
is_full('a full queue, async', $r, $before, $took);
($r, $took) = timed(sub { $t->request(named('w5', 'bob', stream => \1)) });
is_full('a full queue, a stream', $r, $before, $took);

is(statuses(@waiting), '200 200', 'a full queue: those in it are served');
$holder->response;
free($t);

# One has a slot at once, two wait: the fourth has no place.
$r = $t->request(named('four', 'alice', n => 4));
is($r->status, 200, 'more than the queue takes: what it takes');
is(scalar @{ $r->json->{data} }, 3, 'more than the queue takes: pictures');
is(join(' ', map { "$_->{index} $_->{code}" } @{ $r->json->{errors} }),
   '3 concurrency_limit_exceeded', 'more than the queue takes: errors');
free($t);
is(scalar @{ $t->request(named('three', 'alice', n => 3))->json->{data} }, 3,
   'as much as the queue takes');
$t->finish;

$t = Jimeng::Test->new(with_queue(
    account => 'concurrency 1; queue off;',
    emulator => { seconds => 0.1, concurrency => 1 },
));
$holder = hold($t, 1);
$before = $t->submits;
($r, $took) = timed(sub { $t->request(named('off', 'alice')) });
is_full('no queue', $r, $before, $took);
$holder->response;
free($t);
is($t->request(named('later', 'alice'))->status, 200, 'no queue: later');
$t->finish;

$t = Jimeng::Test->new(with_queue(
    account => 'concurrency 1; queue 10 timeout=1s;',
    emulator => { seconds => 0.1, concurrency => 1 },
));
$holder = hold($t, 4);
$before = $t->submits;
($r, $took) = timed(sub { $t->request(named('waits', 'alice')) });
is_error($t, $r, 'timeout=', code => 'concurrency_limit_exceeded',
         waited => 1);
is(scalar $t->submits, $before, 'timeout=: nothing was submitted');
cmp_ok($took, '>=', 0.95, 'timeout=: not before it');
cmp_ok($took, '<', 3, 'timeout=: not long after it');
is(account_of($t)->{waiting}, 0, 'timeout=: its place is gone');
$holder->response;
$t->finish;


# ---- too late by what tasks take.  With tasks of 1 s the first one to wait has
# its picture after 2 s, the second after 3 s.

$t = Jimeng::Test->new(with_queue(
    workers => 2, emulator => { seconds => 1, concurrency => 1 },
    http => 'lingering_close off;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 2800ms;
               }',
));

$t->request(named('before', 'alice'));
cmp_ok(account_of($t)->{average_time}, '>=', 1, 'the average');
cmp_ok(account_of($t)->{average_time}, '<', 1.4, 'the average: not more');

$holder = hold($t, 1);
my $first = $t->start_request(named('first', 'alice', path => '/short'));
queued($t, 1);
$before = $t->submits;
($r, $took) = timed(sub {
    $t->request(named('second', 'alice', path => '/short'))
});
is_full('too late', $r, $before, $took);
like($r->header('Retry-After'), qr/^[1-3]$/, 'too late: Retry-After');

# Somebody else's turn comes sooner, somebody with more time can wait.
my $other = $t->start_request(named('patient', 'alice'));
queued($t, 2);
is($first->response->status, 200, 'too late: the first one is not');
is($other->response->status, 200, 'too late: nor who has time');
$holder->response;

# A long queue gives a large Retry-After.
$holder = hold($t, 1);
my @long = in_turn($t, map { [ named("long$_", 'alice') ] } 1 .. 8);
$r = $t->request(named('last', 'alice', path => '/short'));
is($r->status, 429, 'a long queue: refused');
cmp_ok($r->header('Retry-After'), '>=', 5, 'a long queue: Retry-After');
cmp_ok($r->header('Retry-After'), '<=', 12, 'a long queue: not more');
$_->abort for @long;
queued($t, 0);
$holder->response;
free($t);

$t->done;
