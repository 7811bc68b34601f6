#!/usr/bin/perl

# jimeng_zone: the shared memory.  It outlives a reload, starts empty with
# another size, and is refused where it was laid out otherwise.
#
# Seen failing without ngx_http_jimeng_zone_emptied(), and without the
# comparisons in ngx_http_jimeng_zone_reuse().

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
    for 'a:1m', 'a-b_c.d:128k', 'jimeng:' . 8 * $page, '"with a blank:1m"';

for my $value (qw(jimeng :10m), '""') {
    my $shown = $value =~ s/"//gr;
    bad($value, '"jimeng_zone" takes a name and a size, as "jimeng:10m", '
                . qq(not "$shown"));
}

bad("jimeng:$_", qq(invalid zone size "jimeng:$_"))
    for '', 'x', '-1', '10x', '1.5m', '99999999999999999999';

bad("jimeng:$_", qq(zone "jimeng:$_" is too small))
    for 0, 1, '8k', 8 * $page - 1;

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
        return ($mem, $at + $offset) if $offset >= 0;
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

    # magic, then two halves of a version
    poke($mem, $at + 4, pack('vv', 7, 9));

    my $refused = qr/emerg.*zone "shared" has layout 9\.7 of \d+ bytes, this /;
    $t->allow_log(qr/zone "shared" has layout/);
    $t->signal('HUP');
    $t->log_like(qr/${refused}module needs layout 1\.1 of \d+ bytes: restart/,
                 'another layout: refused');
    is($t->generate->status, 200, 'another layout: what there was goes on');

    ok(poke($mem, $at + 4, pack('vv', 1, 1)), 'the layout is as it was');
    $t->reload;
    is($t->generate->status, 200, 'and is taken again');
    $t->log_unlike($emptied, 'it was kept all the time');
}

$t->reload(http => 'jimeng_zone shared:2m;');
$t->log_like($emptied, 'another size: it is empty again');
is(join(' ', $t->error_log =~ $emptied), '1048576 2097152',
   'and the log says from what to what');
is($t->generate->status, 200, 'another size: a picture');

$t->allow_log(qr/worker process \d+ exited on signal 9/);
$t->kill_worker;
is($t->generate->status, 200, 'a worker was killed: a picture');

$t->done;
