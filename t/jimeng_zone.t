#!/usr/bin/perl

# jimeng_zone: the shared memory.  It outlives a reload, with another size, too,
# and is refused where another version has made it, or is too small for what
# the configuration names.  restart.t and zone_file.t are about its file.
#
# Seen failing without ngx_http_jimeng_memory_moved(), and without the
# comparisons in ngx_http_jimeng_zone_reuse() and of records in
# ngx_http_jimeng_zone_init().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_zone', only => [ 'http' ]);

$d->common('jimeng:10m', most => 2);

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
    for 0, 1, '8k', 65535;

bad('jimeng:17000m', 'zone "jimeng:17000m" is too large');
bad("jimeng:1m $_", qq("jimeng_zone" takes one "file=path" after its size, )
                    . qq(not "$_"))
    for 'file=', 'path=a', '2m';

$d->accepts('good: a file', http => 'jimeng_zone a:1m file=state.zone;');

my $small = 'zone "shared" is too small for this configuration: it has';

sub account {
    my ($queue, $name) = @_;
    $name //= 'other';

    return "jimeng_accounts main; jimeng_account $name { access_key a; "
           . "secret_key s; concurrency 2; queue $queue; }";
}

for my $queue (500, 5000, 65000) {
    my $http = account($queue);
    my ($text) = $d->check(http => "jimeng_zone shared:64k; $http");

    like($text, qr/^\Q$small\E 64k and needs \d+k\z/,
         "$queue places: too small");

    my ($needed) = $text =~ /needs (\d+)k/;

    cmp_ok($needed, '<', 192 + $queue * 0.55,
           "$queue places: not much is needed");
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

my $moved = qr/\[notice\].*zone "shared" goes on with \d+ requests, 0 slots and /;

$t->log_unlike(qr/goes on with/, 'at start: no word about it');

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
$t->log_unlike(qr/goes on with/, 'the same size: it is kept');

SKIP: {
    my ($mem, $at) = zone();
    skip('nobody may look into the memory of nginx here', 5) unless $mem;

    # magic, then the versions
    sysseek $mem, $at + 4, 0;
    sysread $mem, my $versions, 8;
    poke($mem, $at + 4, pack('VV', 9, 7));

    $t->allow_log(qr/zone "shared" was made by another version/);
    $t->signal('HUP');
    $t->log_like(qr/emerg.*zone "shared" was made by another version/,
                 'another layout: refused');
    is($t->generate->status, 200, 'another layout: what there was goes on');

    ok(poke($mem, $at + 4, $versions), 'the layout is as it was');
    $t->reload;
    is($t->generate->status, 200, 'and is taken again');
    $t->log_unlike(qr/goes on with/, 'it was kept all the time');
}



# ---- a reload that needs more room

my $queued = 'jimeng_zone shared:1m; ' . account(1000);

$t->reload(http => $queued);
is($t->generate->status, 200, 'an account was added: a picture');
$t->log_unlike(qr/goes on with/, 'an account was added: the zone is kept');

$t->allow_log(qr/zone "shared" is too small/);
$t->{nginx}->write_conf($t->conf(
    http => 'jimeng_zone shared:1m; ' . account(50000)));
$t->signal('HUP');
$t->log_like(qr/emerg.*\Q$small\E 1024k and needs \d+k/,
             'a queue that does not fit: refused');
is($t->generate->status, 200, 'what there was goes on');

$t->allow_log(qr/worker process \d+ exited on signal 9/);

$t->reload(http => 'jimeng_zone shared:2m;');
$t->log_like(qr/${moved}0 clients of 1048576 bytes/,
             'another size: it goes on with what there was');
is($t->generate->status, 200, 'another size: a picture');

$t->kill_worker;
is($t->generate->status, 200, 'a worker was killed: a picture');

$t->done;
