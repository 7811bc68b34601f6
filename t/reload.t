#!/usr/bin/perl

# Jobs over a reload, and over two in a row: the worker they are in follows
# them to their end, answers, and leaves.
#
# Seen failing:
# - "200", with job->timer.cancelable set in ngx_http_jimeng_job_start(): the
#   old worker leaves at once, with open sockets;
# - "200", without ngx_http_run_posted_requests() in
#   ngx_http_jimeng_job_timer(): the first query is never sent;
# - "200", without ngx_http_post_request() in ngx_http_jimeng_exchange_end():
#   nothing wakes the job when its submit was answered.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;

my $t = Jimeng::Test->new(
    http2 => 1, strict => 1, workers => 2,
    emulator => { seconds => 2 }, http => 'lingering_close off;',
);

my $post = '/v1/images/generations';
my $type = { 'Content-Type' => 'application/json' };
my $clients = 0;


# Jobs in all states: a query in flight, a submit in flight, between queries,
# with a client that has gone, over HTTP/2.
sub jobs {
    my ($name) = @_;
    my $queries = $t->queries;
    my @clients = map { $t->start_generate({ prompt => "$name $_" }) } 1 .. 8;
    my $gone = $t->start_generate({ prompt => "$name gone" });
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my @streams = map {
        $h2->start('POST', $post, $type, qq({"prompt":"$name stream $_"}));
    } 1 .. 3;

    wait_for { (grep { $_->{json}{prompt} =~ /^$name / } $t->submits) == 12 }
        "$name: all are submitted";

    my $left = () = $t->error_log =~ /client closed connection, task/g;
    $gone->abort;
    wait_for {
        $left < (() = $t->error_log =~ /client closed connection, task/g);
    } "$name: a client leaves";

    $t->emulator->fault({ on => 'query', times => 3, do => 'delay',
                          seconds => 0.5 });
    wait_for {
        3 <= grep { ($_->{fault} // '') eq 'delay' } $t->queries;
    } "$name: queries are in flight";
    $t->emulator->clear_faults;

    $t->emulator->fault({ on => 'submit', times => 1, do => 'delay',
                          seconds => 0.5 });
    push @clients, $t->start_generate({ prompt => "$name last" });
    wait_for { grep { $_->{json}{prompt} eq "$name last" } $t->submits }
        "$name: a submit is in flight";

    return sub {
        my @status = map { $_->response->status } @clients;
        is("@status", "@{[ (200) x 9 ]}", "$name: 200 for HTTP/1.1");

        @status = map { $h2->response($_)->{status} } @streams;
        is("@status", '200 200 200', "$name: 200 for HTTP/2");
        $clients += 13;
        return;
    };
}


# ---- one reload

my @old = $t->workers;
my $check = jobs('lantern');

ok($t->reload, 'reload');
ok(scalar(grep { kill 0, $_ } @old), 'an old worker has jobs');

is($t->generate({ prompt => 'a new one' })->status, 200, 'the new ones serve');
$clients++;
$check->();

ok(wait_for(sub { !grep { kill 0, $_ } @old }, 'all old workers have left'),
   'all old workers have left');


# ---- two in a row

my @first = $t->workers('staying');
my $check_first = jobs('first');

ok($t->reload, 'first of two');

my @second = $t->workers('staying');
my $check_second = jobs('second');

ok($t->reload(location => 'jimeng_timeout 100s;'), 'second of two');
is($t->generate({ prompt => 'the newest one' })->status, 200,
   'the newest workers serve');
$clients++;

$check_first->();
$check_second->();

ok(wait_for(sub { !grep { kill 0, $_ } @first, @second },
            'the workers of two generations have left'),
   'the workers of two generations have left');
is(scalar $t->workers, 2, 'two workers');


# ---- what was done for it

is(scalar $t->submits, $clients, 'each was submitted once');

my @rows = $t->access_lines($clients);
is(scalar(grep { $_->{jimeng_status} eq 'succeed' } @rows), $clients,
   'each has ended');
is(scalar(grep { $_->{status} == 499 } @rows), 3, 'three had left');
is(scalar(grep { $_->{signature} ne 'ok' } $t->emulator->journal), 0,
   'all were signed');

$t->done;
