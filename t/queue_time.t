#!/usr/bin/perl

# $jimeng_queue_time: how long a request waited for its slots, the longest of
# its tasks; and $jimeng_queue_position: the place that it got when it came.
#
# Seen failing: the positions, with the sum of several tasks'.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Queue;

my $t = Jimeng::Test->new(with_queue(
    workers => 2, emulator => { seconds => 0.3, concurrency => 1 },
    account => 'concurrency 1; queue 3;', log => ['jimeng_queue_time', 'jimeng_queue_position'],
    http => 'lingering_close off;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 600ms;
               }',
));
my $lines = 0;

my $row;

sub queue_time {
    $row = ($t->access_lines(++$lines))[-1];
    return $row->{jimeng_queue_time};
}

sub is_position {
    my ($expected, $name) = @_;
    return is($row->{jimeng_queue_position}, $expected, "$name: position");
}

sub is_time {
    my ($name, $least, $most) = @_;
    my $time = queue_time();

    like($time, qr/^\d+\.\d{3}$/, "$name: seconds and milliseconds");
    cmp_ok($time, '>=', $least, "$name: at least $least");
    cmp_ok($time, '<=', $most, "$name: at most $most");
    return;
}

# No task was over so far, so that nobody knows that it is in vain.
my $holder = hold($t, 2);
$t->request(of('a clock in vain', 'alice', path => '/short'));
is_time('in vain', 0.5, 1.9);
is_position(1, 'in vain');
$holder->response;
queue_time();

$t->request(of('a clock that is not waited for'));
like(queue_time(), qr/^0\.0\d\d\z/, 'no wait');
is_position(0, 'no wait');

$t->request(of('a clock refused [[50413]]'));
like(queue_time(), qr/^0\.0\d\d\z/, 'no wait, refused');

$holder = hold($t, 1);
my ($x) = in_turn($t, [ of('a clock that is waited for', 'alice') ]);
$holder->response;
is(queue_time(), '0.000', 'who had the slot');
$x->response;
is_time('a wait', 0.5, 3);
is_position(1, 'a wait');

$t->request(of('three clocks', undef, n => 3));
is_time('three, one after another', 0.6, 3);
is_position(2, 'three, one after another');

$holder = hold($t, 3);
($x) = in_turn($t, [ of('a clock that is left', 'alice') ]);
$x->abort;
is_time('who left', 0, 2);

my @x = in_turn($t, map { [ of("a row of clocks $_", 'alice') ] } 1 .. 3);
$t->request(of('a clock too much', 'bob'));
like(queue_time(), qr/^0\.00\d$/, 'a full queue');
is_position(0, 'a full queue');
$holder->response;
queue_time();
is_position(0, 'who had the slot');

for my $n (1 .. 3) {
    $x[$n - 1]->response;
    queue_time();
    is_position($n, "a row, $n");
}

is($t->request('GET', '/v1/models')->status, 200, 'another endpoint');
is(queue_time(), '0.000', 'another endpoint: none');
is_position(0, 'another endpoint');
$t->request(of('', undef));
is(queue_time(), '0.000', 'a bad request: none');
$t->finish;

$t = Jimeng::Test->new(log => ['jimeng_queue_time']);
$lines = 0;
$t->generate;
is(queue_time(), '0.000', 'without a queue: none');
$t->done;
