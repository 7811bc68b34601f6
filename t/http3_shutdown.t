#!/usr/bin/perl

# A worker that is to leave, and clients over HTTP/3: who waits is served
# before it leaves, or told in time; who has left is followed; and it leaves.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use JSON::PP ();
use Jimeng::Test::Http3;
use Jimeng::Test::Ledger;

need_http3();

my ($t, $h3);

sub prompt_of { "a lighthouse in the rain, $_[0] [[seconds=$_[1]]]" }

sub start {
    my ($prompt) = @_;
    my $id = $h3->start($t->generation({ prompt => $prompt }));

    wait_submits($t, $prompt);
    return $id;
}


# ---- QUIT

$t = Jimeng::Test->new(with_http3(strict => 1));
$h3 = Jimeng::Test::Http3->new($t->port('http3'));
my $id = start(prompt_of('QUIT', 2));
my $gone = Jimeng::Test::Http3->new($t->port('http3'));
$gone->start($t->generation({ prompt => prompt_of('gone', 2) }));
wait_for { $t->submits == 2 } 'both are submitted';

$t->signal('QUIT');
wait_for { $t->workers('leaving') } 'its worker is to leave';
$gone->close;

is($h3->response($id)->{status}, 200, 'QUIT: who waits is served');
$h3->close;
is($t->wait_exit, 0, 'QUIT: nginx leaves');
is(join(' ', sort map { "$_->{status} $_->{jimeng_status}" } $t->access_log),
   '200 succeed 499 succeed', 'QUIT: both are followed');
$t->finish;


# ---- worker_shutdown_timeout

$t = Jimeng::Test->new(with_http3(
    main => 'worker_shutdown_timeout 2s;', emulator => { seconds => 8 },
));
$h3 = Jimeng::Test::Http3->new($t->port('http3'));
$id = start(prompt_of('told', 8));
$gone = Jimeng::Test::Http3->new($t->port('http3'));
$gone->start($t->generation({ prompt => prompt_of('left', 8) }));
wait_for { $t->submits == 2 } 'both are submitted';
$gone->close;

$t->signal('QUIT');
my $r = $h3->response($id);
is($r->{status}, 503, 'near its end: who waits is told');
is(JSON::PP->new->utf8->decode($r->{body})->{code}, 'service_unavailable',
   'near its end: why');
is($t->wait_exit, 0, 'near its end: nginx leaves');
is(join(' ', sort map { $_->{status} } $t->access_log), '499 503',
   'near its end: the log');
$t->done;
