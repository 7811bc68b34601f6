#!/usr/bin/perl

# worker_shutdown_timeout, and submits that have not left: they are taken back
# before the worker is gone, and their clients told that nothing was ordered; a
# repeat is a new order.
#
# Seen failing: "nothing has left", without JM_EVENT_EXITING and
# JM_EVENT_CLOSING in jm_task_submit().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;

my $t = Jimeng::Test->new(with_queue(
    account => 'concurrency 8;', strict => 1, emulator => { seconds => 0.5 },
    main => 'worker_shutdown_timeout 3s;', proxy => 'limit_req zone=slow burst=100;',
    http => 'limit_req_zone $server_addr zone=slow:1m rate=1r/m;
             lingering_close off;',
));

# The zone's first is not delayed.
is($t->request(of('a tug that left'))->status, 200, 'one leaves at once');
free($t);

my %prompt = map { $_ => "a tug in the harbour, $_" } qw(alone async stream);
my %fields = (alone => [], async => [ async => \1 ], stream => [ stream => \1 ]);
my %waits = map {
    $_ => $t->start_request(of($prompt{$_}, undef, @{ $fields{$_} }))
} sort keys %prompt;

wait_for { account_of($t)->{running} == 3 } 'all have their slots';
my @old = $t->workers;
$t->reload;

for my $what (sort keys %prompt) {
    my $r = $waits{$what}->response;
    is_error($t, $r, "$what: nothing has left", code => 'service_unavailable');
    is(($r->json // {})->{task_id}, undef, "$what: there is no task");
    is(scalar submits_of($t, $prompt{$what}), 0,
       "$what: nothing is submitted");
}

wait_for { !grep { kill 0, $_ } @old } 'the old workers leave';
free($t);

is(scalar(() = $t->submits), 1, 'nothing else was submitted');
$t->done;
