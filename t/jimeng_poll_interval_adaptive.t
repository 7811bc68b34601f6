#!/usr/bin/perl

# jimeng_poll_interval adaptive: what tasks of all clients took is learned in
# the zone, and the next are asked for when they are likely to have ended.
#
# Times are compared with each other, by what the emulator received: how long
# after its end a task was found, and by how many queries.
#
# Seen failing: with nothing learned, with what was learned kept in a worker,
# with one class for all tasks, and with a zone that is made anew by a reload.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

use constant {
    SECONDS => 2.5,     # a fixed interval of 2 s finds it 1.5 s later
    TASKS   => 12,      # at the same time
    ROUNDS  => 6,
    SLACK   => 0.01,
};

my $d = Jimeng::Test::Directive->new('jimeng_poll_interval',
                                     http => 'jimeng_zone shared:1m;');

$d->accepts('with a zone', location => 'jimeng_poll_interval adaptive;');
$d->accepts('which comes later', http => 'jimeng_poll_interval adaptive;'
                                         . ' jimeng_zone shared:1m;');

for my $value ('Adaptive', 'adaptive2', '"adaptive 2s"') {
    $d->bad([ $value, 'invalid value' ]);
}

for my $place (qw(http server location)) {
    my $line = 'jimeng_poll_interval adaptive;';

    $d->refuses("no zone, $place",
                '"jimeng_poll_interval adaptive" needs a "jimeng_zone"',
                http => '', $place => $line);
}

$d->refuses('duplicate', '"jimeng_poll_interval" directive is duplicate',
            location => 'jimeng_poll_interval 1s;'
                        . ' jimeng_poll_interval adaptive;');


my $t = Jimeng::Test->new(
    emulator => { seconds => SECONDS }, strict => 1, workers => 2,
    poll_interval => 'adaptive', http => 'jimeng_zone shared:1m;',
);

my $prompts = 0;

# Asks for pictures at the same time, each for a client of its own; returns a
# hash for each: how long after the task's end it was found, and the times of
# its queries since the submit.
sub round_of {
    my ($n, $name, %fields) = @_;

    my @asked = map {
        my $prompt = 'a tide table, number ' . ++$prompts;

        [ $prompt, $t->start_request('POST', '/v1/images/generations',
              { 'Content-Type' => 'application/json',
                Authorization => "Bearer client-$prompts" },
              JSON::PP->new->encode({ prompt => $prompt, %fields })) ];
    } 1 .. $n;

    my @responses = map { $_->[1]->response } @asked;
    is(scalar(grep { $_->status == 200 } @responses), $n, "$name: pictures");

    my (%born, %queries);

    for my $row ($t->submits) {
        $born{ $row->{task_id} } = $row->{time} if defined $row->{task_id};
    }

    push @{ $queries{ $_->{task_id} } }, $_->{time} for $t->queries;

    return map {
        my $id = $t->upstream_ids($_->json->{task_id});
        my @times = map { $_ - $born{$id} } @{ $queries{$id} };

        { late => $times[-1] - SECONDS, times => \@times };
    } @responses;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return $sorted[@sorted / 2];
}

sub late { return median(map { $_->{late} } @_) }

sub asked {
    my $sum = 0;
    $sum += @{ $_->{times} } for @_;
    return $sum;
}

# Never earlier than after 2 s, and again as much later.
sub is_fixed {
    my ($name, @tasks) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @early;

    for my $task (@tasks) {
        my $last = 0;

        for my $time (@{ $task->{times} }) {
            push @early, $time if $time - $last < 2 - SLACK;
            $last = $time;
        }
    }

    is("@early", '', "$name: every 2 s");
    return;
}


my @first = round_of(TASKS, 'nothing is known');
is_fixed('nothing is known', @first);

my (@last, @all);

for my $round (2 .. ROUNDS) {
    push @all, @last = round_of(TASKS, "round $round");
}

cmp_ok(late(@last), '<', late(@first) / 2, 'found in half the time');


# ---- what other tasks take tells nothing; these are at most as large as those

is_fixed('another size', round_of(3, 'another size', size => '1024x1024'));
is_fixed('an input picture', round_of(3, 'an input picture',
                                      image => 'http://example.com/a.png'));


# ---- new workers know what the old ones have learned

my @old = $t->workers;
$t->reload;

my %old = map { $_ => 1 } @old;
wait_for { !grep { $old{$_} } $t->workers } 'the old workers leave';

my @later = round_of(TASKS, 'after a reload');

cmp_ok(late(@later), '<', late(@first) / 2, 'after a reload: known');

# one round may spend what another one has saved
cmp_ok(asked(@all, @later), '<=', ROUNDS * asked(@first),
       'by no more queries, in sum');


# ---- who asks for a task by its id knows nothing of its beginning

my $r = $t->generate({ async => JSON::PP::true });
my $id = $r->json->{task_id};

$r = $t->request('GET', "/v1/images/$id?wait=10s");
is($r->json->{task_status}, 'succeed', 'a task that is waited for');

$t->done;
