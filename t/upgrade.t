#!/usr/bin/perl

# The binary is replaced while tasks run: the old worker finishes what it has
# begun, for clients that wait and for one that left, and the new one answers
# for the ids that the old one gave.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(poll process_title processes_in slurp);

my $t = Jimeng::Test->new(
    strict => 1, emulator => { seconds => 2 },
    daemon => 1, start => 0,
    http => 'jimeng_zone upgrade:1m;',
);

# nginx replaces its binary only as a daemon, which the harness does not run.
eval { $t->start };

my $dir = $t->dir;
my $pid = sub { (slurp("$dir/nginx.pid$_[0]") // '') =~ /^(\d+)$/m ? $1 : 0 };
my $alive = sub { $_[0] && kill 0, $_[0] };

wait_for { $alive->($pid->('')) } 'nginx is there';
my $old = $pid->('');

my $asked = $t->generate({ prompt => 'a bridge that is built', async => \1 });
is($asked->status, 200, 'submitted') or diag($asked->body);
my $waits = $t->start_generate({ prompt => 'a bridge with people on it' });
my $leaves = $t->start_generate({ prompt => 'a bridge without' });
wait_for { $t->submits == 3 } 'all are submitted';
$leaves->abort;

kill 'USR2', $old;
wait_for { -e "$dir/nginx.pid.oldbin" && $alive->($pid->(''))
           && $pid->('') != $old } 'the new binary is there';
my $new = $pid->('');
kill 'QUIT', $old;

my $r = $waits->response;
is($r->status, 200, 'who waits gets its picture') or diag($r->body);

wait_for { !$alive->($old) } 'the old binary leaves when all is over';

my $id = $asked->json->{task_id};
$r = $t->request('GET', "/v1/images/$id");
is($r->status, 200, 'the new one answers for an id of the old one');
is($r->json->{task_status}, 'succeed', 'and the task was finished');

$r = $t->generate({ prompt => 'a bridge of the new one' });
is($r->status, 200, 'and serves') or diag($r->body);
is(scalar $t->submits, 4, 'nothing was submitted twice');

kill 'QUIT', $new;
wait_for { !grep { process_title($_) =~ /^nginx/ } processes_in($dir) }
    'the new one leaves, too';

$t->done;
