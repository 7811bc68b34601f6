#!/usr/bin/perl

# Somebody cuts the zone's file while nginx uses it: what touches the rest is
# killed by the kernel.  Workers are not started again and again for that, a
# reload is refused, and the log says what to do; after that all is well.
#
# Seen failing without ngx_http_jimeng_memory_whole(): workers are killed until
# nginx is stopped, and a reload ends the master.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart;

plan(skip_all => 'a sanitizer takes the signal')
    if Jimeng::Test::Nginx::about() =~ /fsanitize/;

my $t = Jimeng::Test->new(with_file(workers => 2));
my $file = file_of($t);
my $log = $t->dir . '/error.log';

$t->allow_log(qr/exited on signal 7|was cut short|fatal code 2/);

is($t->generate({}, { 'Idempotency-Key' => 'k' })->status, 200, 'a picture');

truncate $file, 4096 or die "truncate: $!";


# ---- a reload

kill 'HUP', $t->nginx->pid;
wait_for { slurp($log) =~ /was cut short/ } 'the reload is refused';
like(slurp($log), qr/stop nginx and start it again/, 'the log says what to do');
ok(kill(0, $t->nginx->pid), 'the master lives');


# ---- requests

sub ends { return scalar(() = slurp($log) =~ /$_[0]/g) }

# Each worker is killed by the first request that it gets.
wait_for {
    $t->generate({}, { 'Idempotency-Key' => 'k' }, timeout => 2);
    ends('exited with fatal code 2') == 2;
} 'neither worker is started again';

is(ends('exited on signal 7'), 2, 'each was killed once');


# ---- after a start

stop_nginx($t, 'TERM');
start_nginx($t);
is($t->generate({}, { 'Idempotency-Key' => 'other' })->status, 200,
   'nginx serves again');
like(said($t), qr/is damaged.*it is moved to/, 'what is left of the file is kept');

$t->done;
