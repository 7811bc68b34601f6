#!/usr/bin/perl

# Several nginx start at the same time, with a file that is damaged, is not
# there, or is good: they come to one file, and one of them moves aside what is
# damaged.  One finds the file locked by another that is gone a moment later: it
# does not share what nobody has, whose lock is nobody's to give back.
#
# Seen failing without the comparison of inodes in
# ngx_http_jimeng_memory_file_try(), with ngx_rename_file() in place of link()
# ("the same file"), and without f->seen in ngx_http_jimeng_memory_file_lock()
# ("left locked": it does not start).

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Nginx;
use Jimeng::Test::Preload;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart;

use constant NGINX => 5;

my $t = Jimeng::Test->new(with_file(strict => 0));
my $file = file_of($t);

is($t->generate({}, { 'Idempotency-Key' => 'k' })->status, 200, 'a picture');
stop_nginx($t, 'QUIT');
my $good = slurp($file);


# ---- at the same time

# Between any two steps there is time for another nginx.
my $slow = preload('slow', <<'EOT');
#include <stdio.h>

int
flock(int fd, int what)
{
    usleep(20000);
    return ((int (*)(int, int)) dlsym(RTLD_NEXT, "flock"))(fd, what);
}

int
rename(const char *from, const char *to)
{
    usleep(100000);
    return ((int (*)(const char *, const char *)) dlsym(RTLD_NEXT, "rename"))
           (from, to);
}
EOT

sub start_all {
    my (@all) = @_;

    for my $u (@all) {
        unlink $u->dir . '/error.log';
        $u->{process} = Jimeng::Test::Process->start(
            name => 'nginx', dir => $u->dir,
            env => { %{ $u->{env} }, %{ $slow || {} } },
            command => [ Jimeng::Test::Nginx::binary(), '-p', $u->dir . '/',
                         '-c', $u->write_file('nginx.conf', $u->conf) ],
        );
    }

    for my $u (@all) {
        wait_for { $u->{process}->alive
                   && $u->request('GET', '/pid')->status == 200 } 'it serves';
    }

    return;
}

sub mapped {
    my ($u) = @_;
    my $maps = slurp('/proc/' . $u->{process}->pid . '/maps');

    return $maps =~ /:\w\w (\d+)\s+\Q$file\E$/m ? $1 : 'none';
}

my @all = map { another($t, start => 0) } 1 .. NGINX;
my @rounds = (undef, "a text\n" x 40_000, $good) x 3;

for my $n (1 .. @rounds) {
    my $bytes = $rounds[$n - 1];
    my $name = "round $n";

    unlink $file, glob("$file.*");
    $t->write_file('state.zone', $bytes) if defined $bytes;

    start_all(@all);

    my $inode = (stat $file)[1];
    is(join(' ', map { mapped($_) } @all), join(' ', ($inode) x NGINX),
       "$name: all have the same file");
    is(scalar(() = glob "$file.*"), ($bytes // '') =~ /^a text/ ? 1 : 0,
       "$name: what is moved aside");

    my @r = map { $_->generate({}, { 'Idempotency-Key' => 'k' }) } @all;
    my %links = map { links($_) => 1 } @r;
    is(scalar keys %links, 1, "$name: they know of each other");

    $_->{process}->stop for @all;
}


# ---- left locked

my $late = preload('late', <<'EOT');
#include <errno.h>
#include <sys/file.h>

int
flock(int fd, int what)
{
    static int  called;

    if ((what & LOCK_EX) && called++ == 0) {
        errno = EWOULDBLOCK;
        return -1;
    }

    return ((int (*)(int, int)) dlsym(RTLD_NEXT, "flock"))(fd, what);
}
EOT

SKIP: {
    skip('nothing can be loaded before the system\'s own here', 3) unless $late;

    # As a power failure leaves it: a process has the lock, and died long ago.
    unlink $file, glob("$file.*");
    substr $good, 72 + 1024 * 16, 4, pack 'V', 1;
    $t->write_file('state.zone', $good);

    my $before = () = $t->submits;

    $t->{nginx}{env}{LD_PRELOAD} = $late->{LD_PRELOAD};
    start_nginx($t);
    unlike(said($t), qr/shares/, 'left locked: it is not shared');
    is($t->generate({}, { 'Idempotency-Key' => 'k' })->status, 200,
       'left locked: it serves');
    is(scalar(() = $t->submits), $before, 'left locked: it knows all');
    stop_nginx($t, 'QUIT');
}

$_->finish for @all;
$t->done;
