#!/usr/bin/perl

# A reload: slots that old workers have stay taken, and those who wait in old
# workers are served there, in their turn. Limits are those of the new
# configuration.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(with_queue(
    workers => 2, strict => 1, emulator => { seconds => 0.2, concurrency => 1 },
    http => 'lingering_close off; jimeng_heartbeat 100ms;',
));

my $prompts = 0;
sub prompt { "a change of guards, $_[0], " . ++$prompts }


# ---- once, and once more

for my $reloads (1, 2) {
    my $name = "reloads: $reloads";
    my @old = $t->workers('staying');
    my $holder = hold($t, 5, $old[0]);
    my $before = accepted($t);

    my @prompts = map { prompt($_) } qw(first second stream third last);
    my @old_ones = in_turn($t, map { [ $old[ $_ % 2 ], of($prompts[$_], 'a') ] }
                               0, 1);
    push @old_ones, in_turn($t, [ $old[0], of($prompts[2], 'a',
                                              stream => \1) ]);

    my @all = @old;

    for (1 .. $reloads) {
        $t->reload(location => "jimeng_timeout 10${_}s;");
        push @all, $t->workers('staying');
    }

    is(account_of($t)->{running}, 1, "$name: the slot is taken");
    is(account_of($t)->{waiting}, 3, "$name: they wait");

    my @new = $t->workers('staying');
    my @new_ones = in_turn($t, map {
        [ $new[ $_ % 2 ], of($prompts[$_], 'a') ]
    } 3, 4);

    my $sse = Jimeng::Test::Sse->new(pop @old_ones);
    is(statuses(@old_ones), '200 200', "$name: old workers serve them");
    is(join(' ', map { $_->{event} } $sse->all), 'image_generation.completed',
       "$name: a stream, too");
    is(statuses(@new_ones), '200 200', "$name: new workers serve theirs");
    is_deeply([ order_of($t, $before) ], \@prompts, "$name: in their order");
    is($holder->response->status, 200, "$name: who had the slot");
    wait_for { !grep { kill 0, $_ } @old } "$name: the old workers leave";
    free($t);
}

is(scalar busy_rows($t), 0, 'nothing was refused for load');


# ---- other limits

$t->emulator->set_account('main', concurrency => 2);
my ($pid) = $t->workers('staying');
my $holder = hold($t, 5, $pid);
my ($waits) = in_turn($t, [ of(prompt('more slots'), 'a') ]);
$t->reload(account => 'concurrency 2;');
is($waits->response->status, 200, 'more slots: who waits gets one');
is($t->emulator->accounts->{main}{running}, 1, 'more slots: at once');
is(account_of($t)->{concurrency}, 2, 'more slots: jimeng_status');
$holder->response;
free($t);

# With fewer, what runs is counted, and none is begun until it is less.
my @holders = map { hold($t, 3) } 1, 2;
$t->emulator->set_account('main', concurrency => 1);
$t->reload(account => 'concurrency 1;');
my $before = accepted($t);
my @two = in_turn($t, map { [ of(prompt("fewer slots $_"), 'a') ] } 1, 2);
is(statuses(@two, @holders), '200 200 200 200', 'fewer slots: all are served');
my ($one, $other) = (accepted($t))[ $before, $before + 1 ];
cmp_ok($other->{time} - $one->{time}, '>=', 0.2,
       'fewer slots: one after another');
is(scalar busy_rows($t), 0, 'fewer slots: nothing was refused for load');

# None: nobody waits any more.
$holder = hold($t, 4);
($waits) = in_turn($t, [ of(prompt('no slots'), 'a') ]);
$t->emulator->set_account('main', concurrency => 0);
$t->reload(account => '', location => 'jimeng_timeout 100s;');
is($t->request(of(prompt('no slots, a new one'), 'a'))->status, 200,
   'no slots: new workers do not wait');
is(statuses($waits, $holder), '200 200', 'no slots: old ones are served');
$t->finish;


# ---- the end of nginx

$t = Jimeng::Test->new(with_queue(
    workers => 2, strict => 1, emulator => { seconds => 0.2, concurrency => 1 },
));
my @pids = $t->workers;
$holder = hold($t, 1.5, $pids[0]);
my @last = in_turn($t, map { [ $pids[ $_ % 2 ], of(prompt("QUIT $_"), 'a') ] }
                       1 .. 4);
$t->signal('QUIT');
is(statuses(@last), '200 200 200 200', 'QUIT: those who wait are served');
is($holder->response->status, 200, 'QUIT: who had the slot');
is($t->wait_exit, 0, 'QUIT: nginx leaves');
is(scalar busy_rows($t), 0, 'QUIT: nothing was refused for load');
$t->finish;

# ... with no time left.
$t = Jimeng::Test->new(with_queue(
    workers => 2, emulator => { seconds => 0.2, concurrency => 1 },
    main => 'worker_shutdown_timeout 3s;',
));
@pids = $t->workers;
$holder = hold($t, 30, $pids[0]);
my $submits = $t->submits;
@last = in_turn($t, map { [ $pids[ $_ % 2 ], of(prompt("near $_"), 'a') ] }
                    1 .. 2);
$t->signal('QUIT');
is_error($t, $_->response, 'no time left: who waits',
         code => 'service_unavailable', waited => 1) for @last;
is($holder->response->status, 503, 'no time left: who had the slot');
is($t->wait_exit, 0, 'no time left: nginx leaves');
is(scalar $t->submits, $submits, 'no time left: nothing was submitted');
$t->done;
