#!/usr/bin/perl

# jimeng_zone: the shared memory.  It outlives a reload, starts empty with
# another size, and is refused where it was laid out otherwise, or is too small
# for what the configuration names.
#
# Seen failing without ngx_http_jimeng_zone_emptied(), without the comparisons
# in ngx_http_jimeng_zone_reuse(), without jm_ledger_shrink() and without
# ngx_http_jimeng_zone_reserve() at a reload, and with ngx_shmtx_lock() there.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use POSIX ();
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_zone', only => [ 'http' ]);
my $page = POSIX::sysconf(POSIX::_SC_PAGESIZE());

$d->common('jimeng:10m');

sub bad {
    my ($value, $text) = @_;
    $d->refuses("bad: $value", $text, http => "jimeng_zone $value;");
    return;
}

$d->accepts("good: $_", http => "jimeng_zone $_;")
    for 'a:1m', 'a-b_c.d:128k', 'jimeng:64k', '"with a blank:1m"';

for my $value (qw(jimeng :10m), '""') {
    my $shown = $value =~ s/"//gr;
    bad($value, '"jimeng_zone" takes a name and a size, as "jimeng:10m", '
                . qq(not "$shown"));
}

bad("jimeng:$_", qq(invalid zone size "jimeng:$_"))
    for '', 'x', '-1', '10x', '1.5m', '99999999999999999999';

bad("jimeng:$_", qq(zone "jimeng:$_" is too small))
    for 0, 1, '8k', 8 * $page - 1;

my $small = 'zone "shared" is too small for this configuration: it has';

sub account {
    my ($queue, $name) = @_;
    $name //= 'other';

    return "jimeng_accounts main; jimeng_account $name { access_key a; "
           . "secret_key s; concurrency 2; queue $queue; }";
}

$d->refuses('no room for anything', "$small 32k and needs 128k",
            http => 'jimeng_zone shared:32k;');

for my $queue (500, 5000, 65000) {
    my $http = account($queue);
    my ($text) = $d->check(http => "jimeng_zone shared:64k; $http");

    like($text, qr/^\Q$small\E 64k and needs \d+k\z/,
         "$queue places: too small");

    my ($needed) = $text =~ /needs (\d+)k/;

    cmp_ok($needed, '<', 64 + $queue / 2, "$queue places: not much is needed");
    $d->accepts("$queue places: what is needed does",
                http => "jimeng_zone shared:${needed}k; $http");
}

$d->refuses('another module\'s zone',
            'the shared memory zone "one" is already declared for a different '
            . 'use',
            http => 'limit_req_zone $uri zone=one:1m rate=1r/s; '
                    . 'jimeng_zone one:1m;');
$d->test->finish;


# ---- reload

my $t = Jimeng::Test->new(workers => 2, http => 'jimeng_zone shared:1m;');

is($t->generate->status, 200, 'with a zone: a picture');

my $emptied = qr/\[notice\].*zone "shared" had (\d+) bytes and has (\d+) now/;

$t->log_unlike($emptied, 'at start: no word about it');

# What is in the master's copy is in all of them.
sub zone {
    my $pid = $t->{nginx}->process->pid;

    open my $maps, '<', "/proc/$pid/maps" or return;

    for my $line (<$maps>) {
        my ($from, $to) = $line =~ m{^(\w+)-(\w+) rw-s .*/dev/zero} or next;
        no warnings 'portable';
        my ($at, $size) = (hex $from, hex($to) - hex $from);

        open my $mem, '+<:raw', "/proc/$pid/mem" or return;
        sysseek $mem, $at, 0;
        sysread($mem, my $bytes, $size);

        my $offset = index $bytes // '', 'JMNG';
        return ($mem, $at + $offset, $at) if $offset >= 0;
    }

    return;
}

sub poke {
    my ($mem, $at, $bytes) = @_;
    sysseek $mem, $at, 0;
    return syswrite $mem, $bytes;
}

$t->reload;
$t->log_unlike($emptied, 'the same size: it is kept');

SKIP: {
    my ($mem, $at) = zone();
    skip('nobody may look into the memory of nginx here', 5) unless $mem;

    # magic, then the versions
    sysseek $mem, $at + 4, 0;
    sysread $mem, my $versions, 8;
    poke($mem, $at + 4, pack('VV', 9, 7));

    my $refused = qr/emerg.*zone "shared" has layout 9\.7\.\d.* of \d+ bytes, /;
    $t->allow_log(qr/zone "shared" has layout/);
    $t->signal('HUP');
    $t->log_like(qr/${refused}this module needs layout 2\.\d[\d.]* of \d+ bytes/,
                 'another layout: refused');
    is($t->generate->status, 200, 'another layout: what there was goes on');

    ok(poke($mem, $at + 4, $versions), 'the layout is as it was');
    $t->reload;
    is($t->generate->status, 200, 'and is taken again');
    $t->log_unlike($emptied, 'it was kept all the time');
}



# ---- a reload that needs more room

my $queued = 'jimeng_zone shared:1m; ' . account(1000);

$t->reload(http => $queued);
is($t->generate->status, 200, 'an account was added: a picture');
$t->log_unlike($emptied, 'an account was added: the zone is kept');

$t->allow_log(qr/zone "shared" is too small/);
$t->{nginx}->write_conf($t->conf(
    http => 'jimeng_zone shared:1m; ' . account(50000)));
$t->signal('HUP');
$t->log_like(qr/emerg.*\Q$small\E 1024k and needs \d+k/,
             'a queue that does not fit: refused');
is($t->generate->status, 200, 'what there was goes on');

$t->allow_log(qr/worker process \d+ exited on signal 9/);

SKIP: {
    my ($mem, undef, $lock) = zone();
    skip('nobody may look into the memory of nginx here', 1) unless $mem;

    # A worker that is killed has the lock, and the master, which is to give it
    # back, is at work: the zone begins with the lock, which is a process's
    # number.
    my @old = $t->workers;
    my $n = () = $t->error_log =~ /: reconfiguring/g;

    $t->{nginx}->write_conf($t->conf);
    kill 'STOP', $old[0];
    poke($mem, $lock, pack 'Q', $old[0]);
    $t->signal('HUP');
    wait_for { (() = $t->error_log =~ /: reconfiguring/g) > $n } 'a reload';
    kill 'KILL', $old[0];

    wait_for { my @new = $t->workers('staying'); @new >= 2
               && !grep { $_ == $old[0] || $_ == $old[1] } @new }
        'a reload takes the lock of a worker that was killed';
    is($t->generate->status, 200, 'a killed worker had the lock: a picture');
}

$t->reload(http => 'jimeng_zone shared:2m;');
$t->log_like($emptied, 'another size: it is empty again');
is(join(' ', $t->error_log =~ $emptied), '1048576 2097152',
   'and the log says from what to what');
is($t->generate->status, 200, 'another size: a picture');

$t->kill_worker;
is($t->generate->status, 200, 'a worker was killed: a picture');

$t->done;
