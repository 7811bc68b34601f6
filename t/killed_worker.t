#!/usr/bin/perl

# A worker that is killed takes its own jobs with it and nothing else: the
# other worker's jobs end well, and new ones are served.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

my $t = Jimeng::Test->new(
    workers => 2, emulator => { seconds => 2 },
    listen => 'reuseport',
    server => 'location = /pid { return 200 $pid; }',
);

$t->allow_log(qr/worker process \d+ exited on signal 9/);

# Connections that stay open show which worker has which job.
my (%worker, @clients);

wait_for {
    my $x = $t->start_request('GET', '/pid', {}, undef, keepalive => 1);
    my $pid = $x->response->body;

    if (@{ $worker{$pid} // [] } < 3) {
        push @{ $worker{$pid} }, $x;
    } else {
        $x->abort;
    }

    2 == grep { @$_ == 3 } values %worker;
} 'three connections to each worker';

my $n = 0;

for my $pid (keys %worker) {
    $_ = $t->start_generate({ prompt => "a ferry at night, " . ++$n }, {},
                            on => $_)
        for @{ $worker{$pid} };
}

wait_for { $t->queries >= 6 } 'tasks are asked for';

my ($killed, $stays) = keys %worker;
ok($t->kill_worker($killed), 'a worker is killed and replaced');

is($t->generate({ prompt => 'a ferry in the morning' })->status, 200,
   'new requests are served');
is(join(' ', map { $_->response->status } @{ $worker{$stays} }),
   '200 200 200', 'the jobs of the other worker have ended');
is(join(' ', map { $_->response->status } @{ $worker{$killed} }), '0 0 0',
   'the clients of the killed one got nothing');
is(scalar $t->submits, 7, 'nothing was submitted twice');
is(scalar(grep { ($_->{jimeng_status} // '') eq 'succeed' } $t->access_log), 4,
   'the jobs that have ended are in the log');

$t->done;
