#!/usr/bin/perl

# The zone's file where it can be, and where it cannot: beside nginx -t, behind
# a link, where something else has its name, on a disk that is full or cannot be
# written.  nginx starts, serves, and says where it keeps what it knows.
#
# Seen failing without the look at ngx_test_config in
# ngx_http_jimeng_memory_open(), without realpath() ("it is still a link"),
# without both looks at S_ISREG, without ngx_http_jimeng_memory_file_without(),
# and without the file that is opened to be read only.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart;
use POSIX qw(mkfifo);

my $named = 0;

sub of_key {
    my ($t, $key) = @_;
    return $t->generation({ prompt => "a boat, $key" },
                          { 'Idempotency-Key' => $key });
}

sub serves {
    my ($t, $name) = @_;
    return is($t->generate({ prompt => 'a shell ' . ++$named })->status, 200,
              "$name: it serves");
}

sub no_file {
    my ($t, $name) = @_;
    return like(said($t), qr/\[error\].*zone "ledger" is not in "[^"]+": what /,
                "$name: it says so");
}

my $t = Jimeng::Test->new(with_file());
my $file = file_of($t);

my $first = $t->request(of_key($t, 'k'));
is($first->status, 200, 'a picture');
is((stat $file)[2] & 07777, 0600, 'the file is for nobody else');
is(-s $file, 1048576, 'it has its size');


# ---- nginx -t

sub looks { return join ' ', (stat $file)[0, 1, 7, 9, 10], slurp($file) }

# A worker that is stopped stores nothing more of its last request.
my ($worker) = $t->workers;
kill 'STOP', $worker;
wait_for { slurp("/proc/$worker/stat") =~ /\) T / } 'it is stopped';

my $looked = looks();
my ($code) = $t->test_config;
is($code, 0, '-t beside it: good');
ok(looks() eq $looked, '-t beside it: the file is as it was');
kill 'CONT', $worker;
serves($t, '-t beside it');

($code) = $t->test_config(http => 'jimeng_zone ledger:2m file=state.zone;');
is($code, 0, '-t with another size: good');
is(-s $file, 1048576, '-t with another size: the file is as it was');

($code) = $t->test_config(http => 'jimeng_zone ledger:1m file=other.zone;');
is($code, 0, '-t without a file: good');
is(join(' ', glob($t->dir . '/*.zone*')), $file, '-t without a file: none');


# ---- links

my $real = $t->dir . '/real.zone';

stop_nginx($t, 'QUIT');
rename $file, $real or die "$file: $!";
symlink 'real.zone', $file or die "$file: $!";
start_nginx($t);

is(links($t->request(of_key($t, 'k'))), links($first), 'a link: it is read');
is(readlink $file, 'real.zone', 'a link: it is still a link');
serves($t, 'a link');
ok(!-e "$file.new" && !-e "$real.new", 'a link: nothing else is left');

stop_nginx($t, 'QUIT');
unlink $real;
start_nginx($t);
serves($t, 'a link to nothing');
is(readlink $file, 'real.zone', 'a link to nothing: it is still a link');
is(-s $real, 1048576, 'a link to nothing: the file is made');


# ---- what is no file

sub in_place {
    my ($name, $make) = @_;

    stop_nginx($t, 'QUIT');
    unlink $file;
    $make->();
    start_nginx($t);

    serves($t, $name);
    no_file($t, $name);
    return;
}

in_place('a directory', sub { mkdir $file });
ok(-d $file, 'a directory: it is left alone');
rmdir $file;

in_place('a FIFO', sub { mkfifo($file, 0600) });
ok(-p $file, 'a FIFO: it is left alone');

in_place('a loop of links', sub { symlink $file, $file });
unlink $file;

$t->{http} =~ s{file=\S+?;}{file=nowhere/state.zone;};
in_place('a directory that is not there', sub { });
ok(!-e $t->dir . '/nowhere', 'a directory that is not there: none is made');

# The name of a reload's file may be the same.
mkdir $t->dir . '/nowhere';
$t->reload;
serves($t, 'and after a reload, when it is there');
is(-s $t->dir . '/nowhere/state.zone', 1048576, 'and the file is there');


# ---- disks

my $disk = $t->dir . '/disk';
my $mounted = 0;

END {
    my $status = $?;
    system('umount', '-l', $disk) if $mounted;
    $? = $status;
}

sub mount_with {
    my ($options) = @_;

    system('umount', $disk) if $mounted;
    $mounted = 0;

    mkdir $disk;
    $mounted = system("mount -t tmpfs -o $options jimeng '$disk' 2>/dev/null")
               == 0;
    return $mounted;
}

SKIP: {
    stop_nginx($t, 'QUIT');
    $t->{http} =~ s{file=\S+?;}{file=disk/state.zone;};

    skip('no disk can be mounted here', 14) unless mount_with('size=3m');

    start_nginx($t);
    $first = $t->request(of_key($t, 'on a disk'));
    is($first->status, 200, 'a disk: a picture');
    stop_nginx($t, 'QUIT');

    ok(system('mount', '-o', 'remount,ro', $disk) == 0, 'it is read only now');
    start_nginx($t);
    serves($t, 'read only');
    no_file($t, 'read only');
    is(links($t->request(of_key($t, 'on a disk'))), links($first),
       'read only: what was there is known');
    $t->reload;
    is(links($t->request(of_key($t, 'on a disk'))), links($first),
       'read only: after a reload, too');
    stop_nginx($t, 'QUIT');

    ok(system('mount', '-o', 'remount,rw', $disk) == 0, 'and not any more');

    # There is room for one.
    $t->write_file('disk/filler', 'x' x (1900 * 1024));
    start_nginx($t);
    serves($t, 'full');
    no_file($t, 'full');
    like(said($t), qr/posix_fallocate\(\) "[^"]+\.new" failed \(28:/,
         'full: it says why');
    is(links($t->request(of_key($t, 'on a disk'))), links($first),
       'full: what was there is known');
    ok(!-e "$disk/state.zone.new", 'full: nothing is left');

    unlink "$disk/filler";
    $t->reload;
    stop_nginx($t, 'QUIT');
    start_nginx($t);
    is(links($t->request(of_key($t, 'on a disk'))), links($first),
       'room again: a reload takes it');
    unlike(said($t), qr/\[error\]/, 'room again: no error');
    stop_nginx($t, 'QUIT');

    $mounted = 0 if system('umount', $disk) == 0;
}

$t->done;
