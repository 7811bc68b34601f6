#!/usr/bin/perl

# How long tasks take is there again when nginx is started: the first task then
# is asked for when it is likely to have ended, by the emulator's log, and not
# every two seconds.  Without a file nothing is known.
#
# Seen failing without the import of JM_RECORD_CLASS.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Restart;

use constant {
    SECONDS => 3.5,     # a fixed interval asks after 2 s and after 4 s
    TASKS   => 10,      # at the same time: enough for a plan
};

# Pictures that are ordered at the same time; returns after how many seconds
# each was asked for first.
sub first_queries {
    my ($t, $name, $n) = @_;

    my @x = map { $t->start_request(request_as($t, 'alice', "$name $_")) }
                1 .. $n;
    my @replies = map { $_->response } @x;
    is(scalar(grep { $_->status == 200 } @replies), $n, "$name: pictures");

    my (%born, %first);

    for my $row ($t->submits) {
        $born{ $row->{task_id} } = $row->{time} if defined $row->{task_id};
    }

    for my $row ($t->queries) {
        $first{ $row->{task_id} } //= $row->{time} - $born{ $row->{task_id} };
    }

    return map { $first{ $t->upstream_ids($_->json->{task_id}) } } @replies;
}

sub early { return scalar(grep { $_ < 2.5 } @_) }

for my $file (1, 0) {
    my $name = $file ? 'a file' : 'no file';
    my $t = with_keys(
        [ 'alice' ], workers => 2, poll_interval => 'adaptive',
        emulator => { seconds => SECONDS },
        zone => $file ? '1m file=state.zone' : '1m',
    );

    is(early(first_queries($t, "$name, first", TASKS)), TASKS,
       "$name: nothing is known: each is asked for after 2 s");

    stop_nginx($t, 'TERM');
    start_nginx($t);

    is(early(first_queries($t, "$name, then", 1)), $file ? 0 : 1,
       $file ? "$name: the first one then is asked for as learned"
             : "$name: nothing is known again");

    $t->finish;
}

done_testing;
