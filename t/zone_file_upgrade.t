#!/usr/bin/perl

# The binary is replaced while tasks run, with a zone in a file: the old and
# the new one share slots, what was asked and what clients have used while both
# live, and the new one goes on with all of it.  upgrade.t has no zone's file.
#
# Seen failing without file=, and without flock() of the file.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(children process_title processes_in slurp);
use Jimeng::Test::Restart;

my $t = Jimeng::Test->new(with_file(
    emulator => { seconds => 2, concurrency => 2 },
    account => 'concurrency 2;', daemon => 1, start => 0,
    location => 'jimeng_keys %%DIR%%/keys;',
));
set_clients($t, 'alice images=5/d', 'bob');

# nginx replaces its binary only as a daemon, which the harness does not run.
eval { $t->start };

my $dir = $t->dir;
my $pid = sub { (slurp("$dir/nginx.pid$_[0]") // '') =~ /^(\d+)$/m ? $1 : 0 };
my $alive = sub { $_[0] && kill 0, $_[0] };
my $worker = sub {
    my ($master) = @_;
    return wait_for {
        (grep { process_title($_) eq 'nginx: worker process' }
              children($master))[0];
    } 'a worker';
};

sub marked {
    my ($pid, $name, $key) = @_;
    return ask($t, $pid, request_as($t, $name, "a bridge, $key", {},
                                    { 'Idempotency-Key' => $key }));
}

wait_for { $alive->($pid->('')) } 'nginx is there';
my $old = $pid->('');
my $of_old = $worker->($old);

is(generate_as($t, 'alice', { prompt => 'a bridge before' })->status, 200,
   'a picture before');

my @x = marked($of_old, 'alice', 'old');
wait_submits($t, 'a bridge, old');

kill 'USR2', $old;
wait_for { -e "$dir/nginx.pid.oldbin" && $alive->($pid->(''))
           && $pid->('') != $old } 'the new binary is there';
my $new = $pid->('');
my $of_new = $worker->($new);

$t->log_like(qr/zone "ledger" shares "\Q$dir\E\/state.zone" with another/,
             'the new one shares the file');

# Both serve the same port.
push @x, marked($of_new, 'alice', 'old');
push @x, marked($of_new, 'bob', 'new');
push @x, marked($of_old, 'alice', "more $_") for 1, 2;
push @x, marked($of_new, 'bob', "more $_") for 3, 4;

my @r = map { $_->response } @x;
is_picture($t, $r[$_], 'a bridge, old', "a repeat at the new one: $_")
    for 0, 1;
is(join(' ', map { $_->status } @r), '200 200 200 200 200 200 200',
   'pictures of both');
is(scalar refusals($t), 0, 'none too many upstream');
used($t, 'alice', images => [ 4, 0 ]);

# The old one leaves, with a task that runs.
my $late = marked($of_old, 'alice', 'late');
wait_submits($t, 'a bridge, late');
kill 'QUIT', $old;
is(marked($of_new, 'alice', 'too many')->response->status, 429,
   'what runs at the old one is counted at the new one');
is_picture($t, marked($of_new, 'alice', 'late')->response, 'a bridge, late',
           'a repeat while the old one leaves');
is_picture($t, $late->response, 'a bridge, late', 'who waits at the old one');
wait_for { !$alive->($old) } 'the old one leaves when all is over';

used($t, 'alice', images => [ 5, 0 ]);
is_picture($t, marked($of_new, 'alice', 'old')->response, 'a bridge, old',
           'what the old one made is known');
is(scalar refusals($t), 0, 'and none too many upstream at the end');

kill 'QUIT', $new;
wait_for { !grep { process_title($_) =~ /^nginx/ } processes_in($dir) }
    'the new one leaves, too';

$t->done;
