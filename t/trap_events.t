#!/usr/bin/perl

# Event methods without EPOLLRDHUP, and level-triggered ones: clients that
# leave are noticed, and bytes of a pipelined request do not make the worker
# spin.
#
# Seen failing: "pipelined: the worker rests" with poll and select, on an
# nginx built with these, without ngx_del_event() in
# ngx_http_jimeng_client_left().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Process qw(slurp);

# Which of them nginx has is a matter of how it was built.
my @methods = grep {
    my ($code) = Jimeng::Test->test_config(events => "use $_;");
    $code == 0;
} qw(epoll poll select);

for my $method (@methods) {
    my $t = Jimeng::Test->new(
        strict => 1, events => "use $method;",
        emulator => { seconds => 0.8 },
    );

    # ---- two requests in one go

    my ($worker) = $t->workers;
    my $ticks = sub {
        my ($user, $system) =
            (split ' ', slurp("/proc/$worker/stat") =~ s/.*\) //r)[11, 12];
        return $user + $system;
    };

    my $x = $t->start_generate({ prompt => "the first tram, $method" }, {},
                               keepalive => 1);
    wait_for { $t->submits } "$method: a task";
    my $before = $ticks->();

    my $y = $t->start_generate({ prompt => "the second tram, $method" }, {},
                               on => $x);
    is($x->response->status, 200, "$method: pipelined: the first");

    # 100 ticks are a second.
    cmp_ok($ticks->() - $before, '<', 25,
           "$method: pipelined: the worker rests");

    $y->{buffer} = $x->{buffer};
    is($y->response->status, 200, "$method: pipelined: the second");

    # ---- clients that leave

    my @clients = map {
        $t->start_generate({ prompt => "the last tram, $_, $method" });
    } 1 .. 3;
    wait_for { $t->submits == 5 } "$method: three tasks";

    $clients[0]->abort;
    $clients[1]->reset;
    $clients[2]->half_close;

    my @rows = $t->access_lines(5);
    is(join(' ', map { $_->{status} } @rows), '200 200 499 499 499',
       "$method: status");
    is(join(' ', map { $_->{jimeng_status} } @rows),
       join(' ', ('succeed') x 5), "$method: every task has ended");

    @clients = ();
    wait_for { $t->stub_status->{active} <= 2 } "$method: connections";
    $x->abort;
    $t->finish;
}

done_testing();
