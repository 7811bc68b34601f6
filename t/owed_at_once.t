#!/usr/bin/perl

# A client whose connection breaks, and that repeats its request at once, may
# be at another worker before its own has noticed: urllib3's Retry does not
# pause before the first repeat.  The other worker looks twice before it
# submits anything.  So does its own, where what comes on two connections is
# not heard in its order.
#
# Seen failing, with jm_ledger_twin() that returns 0: two tasks in all cases;
# "heard first", with one that does not look at what its own process serves.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Sockets qw(unread);

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0.6 },
    poll_interval => '50ms',
));

$t->allow_log(qr/worker process \d+ exited on signal 9/);

my ($one, $other) = $t->workers;

sub looks { return scalar(() = $t->error_log =~ /seen whether it goes on/g) }

# A request to the other worker, which waits for the first one's client.
sub again {
    my (@request) = @_;
    my $before = looks();
    my $x = ask($t, $other, @request);

    wait_for { looks() > $before } 'it is noticed that it is there already';
    return $x;
}

# Something is done before the other worker looks again.
sub meanwhile {
    my ($do) = @_;

    kill 'STOP', $other;
    $do->();
    kill 'CONT', $other;
    return;
}

sub submitted {
    my ($prompt) = @_;
    my @request = $t->generation({ prompt => $prompt });
    my $x = ask($t, $one, @request);

    wait_submits($t, $prompt);
    return ($x, @request);
}


# ---- a worker that is busy

# While one of them is stopped no connection can be sorted out.
connect_workers($t, 4, $one, $other);

my $prompt = 'a swallow, its client leaves';
my ($x, @request) = submitted($prompt);

kill 'STOP', $one;
$x->abort;
my $again = again(@request);
meanwhile(sub {
    kill 'CONT', $one;
    $t->log_like(qr/client closed connection/, 'its own worker notices');
});

is_picture($t, $again->response, $prompt, 'it has left');


# ---- a worker that hears of the repeat first

my %kinds = (
    'a URL' => {},
    'two tasks' => { n => 2 },
    'a stream' => { stream => \1 },
    'data' => { response_format => 'b64_json' },
);

for my $kind (sort keys %kinds) {
    $prompt = "[[seconds=1]] a swallow, heard first, $kind";
    @request = $t->generation({ prompt => $prompt, %{ $kinds{$kind} } });

    my $n = $kinds{$kind}{n} // 1;
    my $before = looks();

    connect_workers($t, 2, $one);
    $x = ask($t, $one, @request);
    wait_submits($t, $prompt, $n);

    kill 'STOP', $one;
    $again = ask($t, $one, @request);
    wait_for { unread($t->port) } "heard first, $kind: it is there";
    $x->abort;
    kill 'CONT', $one;

    my $r = $again->response;
    is($r->status, 200, "heard first, $kind: status");
    is(scalar submits_of($t, $prompt), $n, "heard first, $kind: joins");
    is(looks(), $before + 1, "heard first, $kind: it was looked at twice");
}


# ---- who wants two

$prompt = 'a swallow, and another';
($x, @request) = submitted($prompt);
$again = again(@request);

my @links = map { links($_->response) } $x, $again;
like($_, qr{/pictures/}, 'two: a picture') for @links;
isnt($links[0], $links[1], 'two: another one');
is(scalar submits_of($t, $prompt), 2, 'two: two tasks');


# ---- who leaves before it is known

$prompt = 'a swallow, left twice';
($x, @request) = submitted($prompt);
again(@request)->abort;
$t->log_like(qr/the same request of its was waited for/, 'left: it is noticed');

like(links($x->response), qr{/pictures/}, 'left: the first gets its picture');
is(scalar submits_of($t, $prompt), 1, 'left: one task');


# ---- a worker that was killed, of which its master has not heard

# Its lock of the zone goes with it: nobody has to wait until it is heard of.

$prompt = 'a swallow, its worker is killed';
($x, @request) = submitted($prompt);

# Before that only the emulator knows of the task.
wait_for { scalar $t->queries($prompt) } 'killed: its worker knows the task';

kill 'STOP', $t->nginx->pid;
kill 'KILL', $one;
$again = ask($t, $other, @request);
meanwhile(sub {
    kill 'CONT', $t->nginx->pid;
    wait_for { !kill 0, $one } 'its master notices';
});

is_picture($t, $again->response, $prompt, 'it was killed');
is($x->response->status, 0, 'it was killed: its client has no answer');

$t->done;
