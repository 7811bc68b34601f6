#!/usr/bin/perl

# Several nginx that are not each other's children have one file: they share
# slots, what was asked, and what clients have used, also when one of them is
# killed, or only its master is, and from other containers.  One whose zone has
# another size does not start.
#
# Seen failing without flock() of the file, without both comparisons of sizes,
# in ngx_http_jimeng_memory_file_share() and in jm_store_matches(), and with
# owners that are all taken to live.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(processes_in slurp);
use Jimeng::Test::Restart;

my $t = with_keys([ 'alice images=900/d', 'bob' ], workers => 2,
                  emulator => { seconds => 2, concurrency => 2 },
                  account => 'concurrency 2;', zone => '1m file=state.zone',
                  strict => 0);
$t->allow_log(qr/open socket #\d+ left in connection|aborting/);

my $file = file_of($t);
my $keys = $t->dir . '/keys';

sub other { return another($t, location => "jimeng_keys $keys;", @_) }

sub shares {
    my ($u, $name) = @_;
    return $u->log_like(qr/\[notice\].*zone "ledger" shares "\Q$file\E" with /,
                        "$name: it shares the file");
}

# As many as these have run at a time without one that was refused.
sub no_more_than_two {
    my ($name) = @_;
    return is(scalar refusals($t), 0, "$name: none too many upstream");
}

sub marked {
    my ($u, $key) = @_;
    return $u->start_request(request_as($t, 'alice', "a raft, $key", {},
                                        { 'Idempotency-Key' => $key }));
}

my $inode = (stat $file)[1];
my $u = other();
shares($u, 'a second');
is((stat $file)[1], $inode, 'a second: it is the same file');


# ---- slots and what was asked

my @x = map { marked($_ % 2 ? $t : $u, "slot $_") } 1 .. 6;
is(join(' ', map { $_->response->status } @x), '200 200 200 200 200 200',
   'six pictures by two of them');
no_more_than_two('six pictures');

my $first = marked($t, 'a repeat');
wait_submits($t, 'a raft, a repeat');
my $again = marked($u, 'a repeat');
is_picture($t, $again->response, 'a raft, a repeat', 'a repeat at the other');
is_picture($t, $first->response, 'a raft, a repeat', 'and the first');
used($_, 'alice', images => [ 7, 0 ]) for $t, $u;


# ---- another size, another layout

my $bad = other(zone => '2m', start => 0);

ok(!eval { $bad->start; 1 }, 'another size: it does not start');
like(slurp($bad->dir . '/error.log'),
     qr/\[emerg\].*"\Q$file\E" is in use by another nginx, with another size or /,
     'another size: it says why');
is($t->generate({}, bearer('bob'))->status, 200,
   'another size: the first serves');
is(-s $file, 1048576, 'another size: the file is as it was');

{
    open my $fh, '+<:raw', $file or die "$file: $!";
    sysseek $fh, 8, 0;
    sysread $fh, my $layout, 8;
    sysseek $fh, 8, 0;
    syswrite $fh, pack 'Q', 4711;

    ok(!eval { $bad->start; 1 }, 'another layout: it does not start');
    is($t->generate({}, bearer('bob'))->status, 200,
       'another layout: the first serves');

    sysseek $fh, 8, 0;
    syswrite $fh, $layout;
}

$bad->allow_log(qr/is in use by another nginx/);
$bad->finish;


# ---- the first is killed

@x = map { marked($t, "killed $_") } 1, 2;
wait_submits($t, "a raft, killed $_") for 1, 2;

stop_nginx($t, 'KILL');
$_->abort for @x;

my $r = $u->request(request_as($t, 'bob', 'the next'));
is_picture($t, $r, 'the next', 'the first is killed');
no_more_than_two('the first is killed');
is_picture($t, marked($u, "killed $_")->response, "a raft, killed $_",
           'a repeat at the second') for 1, 2;
used($u, 'alice', images => [ 9, 0 ]);

start_nginx($t);
shares($t, 'it starts again');
is((stat $file)[1], $inode, 'it starts again: it is the same file');
is_picture($t, marked($t, 'killed 1')->response, 'a raft, killed 1',
           'it starts again');


# ---- only a master is killed: its workers live on

my @orphans = $u->workers;
kill 'KILL', $u->nginx->pid;
$u->wait_exit;
stop_nginx($t, 'QUIT');

is((grep { kill 0, $_ } @orphans), 2, 'workers live on');
start_nginx($t);
like(said($t), qr/shares "\Q$file\E"/, 'workers live on: the file is shared');
@x = map { marked($_ % 2 ? $t : $u, "left $_") } 1 .. 4;
is(join(' ', map { $_->response->status } @x), '200 200 200 200',
   'workers live on: pictures');
no_more_than_two('workers live on');

my @late = map { marked($u, "late $_") } 1, 2;
wait_submits($t, "a raft, late $_") for 1, 2;
kill 'KILL', @orphans;
wait_for { !grep { kill 0, $_ } @orphans } 'they are killed, too';
$_->abort for @late;
is_picture($t, marked($t, 'late 1')->response, 'a raft, late 1',
           'they are killed, too');
no_more_than_two('they are killed, too');

# Nobody else has it now.
stop_nginx($t, 'QUIT');
start_nginx($t);
unlike(said($t), qr/shares/, 'alone again: it is not shared');
isnt((stat $file)[1], $inode, 'alone again: the file is a new one');
is_picture($t, marked($t, 'late 2')->response, 'a raft, late 2', 'alone again');


# ---- another container, where processes have the same numbers

SKIP: {
    skip('there are no other pid namespaces here', 8)
        if system('unshare -fp --mount-proc true 2>/dev/null') != 0;

    my $c = other(start => 0, workers => 2);
    my $conf = $c->write_file('nginx.conf', $c->conf);
    my $p = Jimeng::Test::Process->start(
        name => 'unshare', dir => $c->dir, env => $c->{env},
        command => [ qw(unshare -fp --kill-child --mount-proc),
                     Jimeng::Test::Nginx::binary(), '-p', $c->dir . '/',
                     '-c', $conf ]);

    wait_for { $c->request('GET', '/pid')->status == 200 } 'it is there';
    shares($c, 'a container');

    my $pid = $c->request('GET', '/pid')->body;
    cmp_ok($pid, '<', 10, 'a container: it counts its own processes');

    @x = map { marked($_ % 2 ? $t : $c, "contained $_") } 1 .. 4;
    is(join(' ', map { $_->response->status } @x), '200 200 200 200',
       'a container: pictures');
    no_more_than_two('a container');

    @x = map { marked($c, "thrown $_") } 1, 2;
    wait_submits($t, "a raft, thrown $_") for 1, 2;
    kill 'KILL', processes_in($c->dir);
    $p->wait;
    $_->abort for @x;

    is_picture($t, marked($t, 'thrown 1')->response, 'a raft, thrown 1',
               'a container is killed');
    is_picture($t, $t->request(request_as($t, 'bob', 'after that')),
               'after that', 'a container is killed: another');
    no_more_than_two('a container is killed');
    $c->finish;
}

$u->finish;
$t->done;
