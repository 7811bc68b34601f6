#!/usr/bin/perl

# A reload names another file, none, or one for the first time; its file was
# removed, or is another nginx's by now: what runs, what was asked and what
# clients have used goes on, and no file is lost.
#
# Seen failing with a zone that is made of what is in the new file alone
# ("known"), with names compared instead of files ("another name"),
# and without the look at f->before in ngx_http_jimeng_memory_file_share().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart;

my $t = with_keys([ 'alice images=900/d', 'bob' ],
                  emulator => { seconds => 1, concurrency => 2 },
                  account => 'concurrency 2;', strict => 0);
my $dir = $t->dir;
my $made = 0;

sub marked {
    my ($key) = @_;
    return $t->start_request(request_as($t, 'alice', "a kite, $key", {},
                                        { 'Idempotency-Key' => $key }));
}

# One task runs, and one is done, when nginx reads this zone.
sub to {
    my ($name, $zone) = @_;

    my $runs = marked("$name, runs");
    wait_submits($t, "a kite, $name, runs");
    $t->reload(http => "jimeng_zone ledger:$zone;");

    is_picture($t, marked("$name, runs")->response, "a kite, $name, runs",
               "$name: it is known");
    is_picture($t, $runs->response, "a kite, $name, runs",
               "$name: who waits gets it");
    is_picture($t, marked('before')->response, 'a kite, before',
               "$name: what was done is known");

    # As many as there are slots, while one of before may be taken.
    my @x = map { marked("$name, next $_") } 1 .. 2;
    is(join(' ', map { $_->response->status } @x), '200 200',
       "$name: it serves");
    is(scalar refusals($t), 0, "$name: none too many upstream");

    $made += 3;
    used($t, 'alice', images => [ $made, 0 ]);
    wait_for { !$t->workers('leaving') } "$name: old workers leave";
    return;
}

is_picture($t, marked('before')->response, 'a kite, before', 'a picture');
$made = 1;

to('a file', '1m file=a.zone');
is(-s "$dir/a.zone", 1 << 20, 'a file: it is there');

to('the same', '1m file=a.zone');
to('another', '1m file=b.zone');
to('another and another size', '2m file=c.zone');
is(-s "$dir/c.zone", 2 << 20, 'another and another size: it has its size');

link "$dir/c.zone", "$dir/d.zone" or die "$dir/d.zone: $!";
my $inode = (stat "$dir/c.zone")[1];
to('another name', '2m file=d.zone');
is((stat "$dir/d.zone")[1], $inode, 'another name: of the same file');

to('none', '2m');
to('one that was there before', '2m file=c.zone');
is(scalar(my @kept = glob "$dir/c.zone.replaced.*"), 1,
   'one that was there before: it is kept');
$t->log_like(qr/\[warn\].*"\Q$dir\E\/c.zone" is replaced by what zone "ledger" has at the moment; what was there is moved to "\Q$kept[0]\E"/,
             'one that was there before: it is told');

unlink "$dir/c.zone";
to('it was removed', '2m file=c.zone');
is(-s "$dir/c.zone", 2 << 20, 'it was removed: it is there again');


# ---- what cannot be

sub refused {
    my ($name, $zone, $pattern) = @_;

    $t->allow_log($pattern);
    $t->{nginx}->write_conf($t->conf(http => "jimeng_zone ledger:$zone;"));
    $t->signal('HUP');
    $t->log_like(qr/\[emerg\].*$pattern/, "$name: it is refused");
    is_picture($t, marked('before')->response, 'a kite, before',
               "$name: what there was goes on");
    return;
}

refused('another size', '3m file=c.zone',
        qr/zone "ledger" is in use with 2097152 bytes in "\Q$dir\E\/c.zone", and can have 3145728 only when nginx is restarted/);
is(-s "$dir/c.zone", 2 << 20, 'another size: the file is as it was');

my $u = another($t, zone => '2m', start => 0);
$u->{http} =~ s/state\.zone/e.zone/;
$u->start;

refused('another nginx has it', '2m file=e.zone',
        qr/"\Q$dir\E\/e.zone" is in use by another nginx, or by old workers: zone "ledger" can share it only when nginx is restarted/);
is($u->generate->status, 200, 'another nginx has it: that one goes on');
$u->finish;


# ---- where it cannot be

to('a file that cannot be', '2m file=nowhere/a.zone');
$t->log_like(qr/\[error\].*zone "ledger" is not in "\Q$dir\E\/nowhere\/a.zone"/,
             'a file that cannot be: it is told');
to('and another size', '1m file=nowhere/a.zone');
to('a file that can be', '1m file=f.zone');

stop_nginx($t, 'QUIT');
start_nginx($t);
is_picture($t, marked('before')->response, 'a kite, before',
           'after a restart: it is known');
used($t, 'alice', images => [ $made, 0 ]);

$t->done;
