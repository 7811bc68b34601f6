# HTTP/2 marks a stream's connection as failed twice: when the stream is reset,
# and when its session ends.  A paid task is followed to its end after both.
#
# Seen failing with the mark cleared only the first time: the next query that
# ended took the request with it, status 000.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Http2;

my $t = Jimeng::Test->new(http2 => 1, strict => 1, emulator => { seconds => 1 });

my $session = Jimeng::Test::Http2->new($t->port('http2'));
my $stream = $session->start('POST', '/v1/images/generations',
    { 'Content-Type' => 'application/json' }, '{"prompt":"a weir"}');

wait_for { $t->queries >= 1 } 'the task is asked for';
$session->reset_stream($stream);

wait_for { $t->error_log =~ /client closed connection, task/ } 'it is noticed';
$session->abort;

my ($line) = $t->access_lines(1);

is($line->{status}, 499, 'status in the log');
is($line->{jimeng_status}, 'succeed', 'the task was followed to its end');
is(scalar $t->submits, 1, 'one submit');

$t->done;
