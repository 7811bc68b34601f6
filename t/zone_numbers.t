#!/usr/bin/perl

# An id that was given out before there was a task names its request by a number
# of the zone.  A zone that is not kept in a file begins anew with nginx: an id
# of the days before is no other request's then.
#
# Seen failing where numbers begin with 1 each time: the id of one client brought
# the picture of another.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Restart;

my $t = with_keys(
    [ 'alice', 'bob' ], account => 'concurrency 1;', zone => '1m',
    emulator => { seconds => 0.5 },
);

# Of two, the second waits, and is told an id that has no task.
sub ids {
    my ($client) = @_;

    return map {
        generate_as($t, $client, { async => \1, prompt => "$client $_",
                                   model => 'jimeng-4.0' })->json->{task_id};
    } 1 .. 4;
}

my @old = ids('alice');
ok(!(grep { !defined } @old), 'four ids');

wait_for { scalar(() = $t->submits) == 4 } 'all are submitted';
stop_nginx($t, 'TERM');
start_nginx($t);

my @new = ids('bob');
wait_for { scalar(() = $t->submits('bob')) == 4 } 'so are those of another';

for my $i (0 .. $#old) {
    my $r = $t->request('GET', "/v1/images/$old[$i]?wait=10s", bearer('alice'));
    my @urls = map { $_->{url} } @{ $r->json->{data} // [] };
    my %mine = map { $_->{task_id} => 1 } $t->submits('alice');

    is(scalar(grep { m{/(\d+)-\d+\.png$} && !$mine{$1} } @urls), 0,
       "id $i brings no picture of another's");
}

for my $i (0 .. $#new) {
    my $r = $t->request('GET', "/v1/images/$new[$i]?wait=10s", bearer('bob'));
    is($r->json->{task_status}, 'succeed', "a new id $i has its picture");
}

$t->done;
