#!/usr/bin/perl

# concurrency: never more tasks at once upstream than an account may run, over
# all workers.  A slot is kept as long as its task runs there, whatever becomes
# of the client, and given back as soon as nothing runs.
#
# Seen failing: "a time-out" and "queries that were too many", with tasks that
# are followed for a millisecond after they were given up; "a lost answer", with
# lost slots that lapse at once.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;
use Time::HiRes qw(time);


# ---- many at once

for my $case ([ 1, 1 ], [ 2, 1 ], [ 1, 4 ], [ 2, 4 ]) {
    my ($concurrency, $workers) = @$case;
    my $name = "$concurrency at once, $workers workers";

    my $t = Jimeng::Test->new(with_queue(
        workers => $workers, strict => 1,
        account => "concurrency $concurrency;",
        emulator => { seconds => 0.2, concurrency => $concurrency },
    ));

    my @pids = $t->workers;
    my @clients = map {
        my $prompt = "a crowd of kites, $_";
        ask($t, $pids[ $_ % @pids ],
            of($prompt, 'client ' . $_ % 3, n => $_ % 4 ? 1 : 3));
    } 1 .. 12;

    is(statuses(@clients), join(' ', (200) x 12), "$name: all are served");
    is(scalar busy_rows($t), 0, "$name: none was refused for load");
    is(scalar $t->submits, 18, "$name: submitted once each");
    is($t->emulator->accounts->{main}{most}, $concurrency,
       "$name: all slots were used");
    free($t);
    is(account_of($t)->{concurrency}, $concurrency, "$name: jimeng_status");
    $t->finish;
}


# ---- a slot that is kept.  The next task is submitted when the one before it
# is over upstream, and not sooner.

my $t = Jimeng::Test->new(with_queue(
    workers => 2, emulator => { seconds => 0.2, concurrency => 1 },
    http => 'lingering_close off;',
    server => <<'EOT',
        location /short/ { jimeng_pass /_volcengine; jimeng_timeout 600ms; }
        location /few/ {
            jimeng_pass /_volcengine;
            jimeng_poll_attempts 3;
        }
EOT
));

my @pids = $t->workers;
my $n = 0;

sub is_kept {
    my ($name, $seconds, %opt) = @_;
    my $prompt = "a kite, $name, " . ++$n . " [[seconds=$seconds]]";
    my $next = "the next kite, $n";

    $t->emulator->fault($opt{fault}) if $opt{fault};
    my $x = ask($t, $pids[0], of($prompt, 'one', %{ $opt{fields} || {} }));
    wait_for { submits_of($t, $prompt) } "$name: it is submitted";
    $opt{then}->($x) if $opt{then};

    my $y = ask($t, $pids[1], of($next, 'two'));
    $opt{first}->($x->response) if $opt{first};
    is($y->response->status, 200, "$name: the next one is served");

    my ($one) = submits_of($t, $prompt);
    my ($two) = submits_of($t, $next);
    my $apart = $two->{time} - $one->{time};

    cmp_ok($apart, '>=', $seconds, "$name: the slot is kept");
    cmp_ok($apart, '<', $seconds + 5, "$name: and then given back");
    is(scalar busy_rows($t), 0, "$name: nothing was refused for load");
    free($t);
    return;
}

is_kept('a client that waits', 1);
is_kept('a client that left', 1, then => sub { $_[0]->abort });
is_kept('a stream that was left', 1, fields => { stream => \1 },
        then => sub { $_[0]->head; $_[0]->abort });
is_kept('async', 1, fields => { async => \1 },
        then => sub { is($_[0]->response->json->{task_status}, 'pending',
                         'async: answered at once') });
is_kept('a time-out', 2, fields => { path => '/short' }, first => sub {
    is_error($t, $_[0], 'a time-out: it is told',
             code => 'generation_timeout', task_id => qr/\d/);
});
is_kept('queries that were too many', 2, fields => { path => '/few' },
        first => sub {
    is_error($t, $_[0], 'queries that were too many: it is told',
             code => 'generation_timeout', task_id => qr/\d/);
});
is_kept('queries fail', 1, then => sub {
    $t->emulator->fault({ on => 'query', times => 5, do => 'answer',
                          status => 500, body => '{"code":50500}' });
});
is_kept('queries get no answer', 1, then => sub {
    $t->emulator->fault({ on => 'query', times => 3, do => 'reset' });
});


# ---- a slot that is given back

sub is_given_back {
    my ($name, $prompt, $code) = @_;
    my $begin = time;

    for my $try (1 .. 4) {
        my $r = ask($t, $pids[ $try % 2 ], of("$prompt $try", 'one'))
                ->response;
        is(links($r), $code, "$name: $try") or diag($r->body);
    }

    is(ask($t, $pids[0], of("a kite after $name", 'two'))->response->status,
       200, "$name: the next one is served");
    cmp_ok(time - $begin, '<', 10, "$name: at once");
    is(scalar busy_rows($t), 0, "$name: nothing was refused for load");
    free($t);
    return;
}

is_given_back('refused', 'a kite [[50413]]', '400 content_policy_violation');
is_given_back('failed', 'a kite [[50511]]', '400 content_policy_violation');
is_given_back('not known', 'a kite [[not_found]] [[seconds=0]]',
              '502 upstream_error');
is_given_back('expired', 'a kite [[expired]] [[seconds=0]]',
              '502 upstream_error');

$t->emulator->fault({ do => 'refuse' });
is(links($t->request(of('a kite without a sky'))), '502 upstream_error',
   'no connection: an error');
$t->emulator->clear_faults;
is($t->request(of('a kite again'))->status, 200,
   'no connection: the slot is free');

# A task that failed and is submitted again.
$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      body => '{"code":50511,"data":null}' });
my $retried = 'a kite, retried [[seconds=0]]';
is($t->request(of($retried, undef, retries => 1))->status, 200,
   'a retry: a picture');
is(scalar submits_of($t, $retried), 2, 'a retry: two tasks');
free($t);
$t->finish;

# By the average of the tasks so far it would come too late behind the others:
# what is told is what has become of the task, and not that none was ordered.
$t = Jimeng::Test->new(with_queue(
    emulator => { seconds => 1, concurrency => 1 },
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 4s;
               }',
));
is($t->request(of('a kite on time'))->status, 200, 'the average is known');

my $failing = 'a kite that fails [[50511]]';
my $failed = $t->start_request(of($failing, 'one', path => '/short',
                                  retries => 1));
wait_for { submits_of($t, $failing) } 'a retry too late: it is submitted';
my @others = in_turn($t, map { [ of("another kite $_", $_) ] } 1 .. 4);
is(links($failed->response), '400 content_policy_violation',
   'a retry too late: why the first failed');
is(scalar submits_of($t, $failing), 1, 'a retry too late: one task');
$_->abort for @others;
free($t);
$t->finish;


# ---- a submit whose answer was lost.  Whether it was accepted nobody knows,
# and here it was: the average of the tasks so far is its likely time.

$t = Jimeng::Test->new(with_queue(
    workers => 2, emulator => { seconds => 2, concurrency => 1 },
));
@pids = $t->workers;
is($t->request(of('a kite on time'))->status, 200, 'the average is known');

is_kept('a lost answer to the submit', 2,
        fault => { on => 'submit', do => 'drop' }, first => sub {
    is_error($t, $_[0], 'a lost answer to the submit: it is told',
             code => 'upstream_error', no_retry => 1);
});

$t->done;
