#!/usr/bin/perl

# A server that is not what jimeng_store takes it for: half answers, none, wrong
# types, lengths that are lies, answers to nothing, and ends at any time.  Each
# is an error, and another connection is made; no worker dies or waits.
#
# Seen failing: arrays of a million, without ngx_http_jimeng_resp_array(); what
# has no end, without NGX_HTTP_JIMENG_RESP_REPLY; two answers, without a look at
# what was asked (signal 11).  hiredis' own asynchronous connection ended the
# process at ":1" (assertion in redisProcessCallbacks).

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Store;

my %count;

# Reads a command, as the server does: its arguments.
sub read_command {
    my ($socket) = @_;
    my ($n) = (readline($socket) // return) =~ /^\*(\d+)/ or return;

    return map {
        my ($len) = (readline($socket) // return) =~ /^\$(\d+)/ or return;
        read $socket, my $text, $len + 2;
        substr $text, 0, $len;
    } 1 .. $n;
}


# A server that is good to begin with.
sub begin {
    my ($socket) = @_;

    while (my @command = read_command($socket)) {
        my $name = uc $command[0];

        if ($name eq 'FCALL' || $name eq 'SUBSCRIBE') {
            return @command;
        }

        print $socket $name eq 'INFO'     ? "\$0\r\n\r\n"
                    : $name eq 'CONFIG'   ? "*0\r\n"
                    : $name eq 'FUNCTION' ? "*1\r\n:1\r\n"
                    :                       "+PONG\r\n";
        $socket->flush;
    }

    return;
}


sub rss {
    my ($t) = @_;
    my ($kb) = slurp('/proc/' . ($t->workers)[0] . '/status')
               =~ /^VmHWM:\s+(\d+)/m;
    return $kb;
}


# What is answered at once, before anything was asked, and to anything.
my @greetings = (
    [ 'text', "HTTP/1.1 400 Bad Request\r\n\r\n", 'garbage' ],
    [ 'a number', ":1\r\n", 'garbage' ],
    [ 'an empty array', "*0\r\n", 'garbage' ],
    [ 'no array', "*-1\r\n", 'garbage' ],
    [ 'a message', "*3\r\n\$7\r\nmessage\r\n\$1\r\na\r\n:1\r\n", 'garbage' ],
    [ 'zeros', "\0" x 1000, 'garbage' ],
    [ 'too many clients', "-ERR max number of clients reached\r\n",
      'it has too many clients' ],
    [ 'protected', "-DENIED Redis is running in protected mode\r\n",
      'it is in protected mode' ],
    [ 'an error', "-WHAT is this\r\n",
      'it refuses what each|it closed the connection' ],
    [ 'a line of an error', "-\r\n",
      'it refuses what each|it closed the connection' ],
    [ 'nothing', '', 'it closed the connection|the connection broke' ],
);

# What is answered to SUBSCRIBE.
my @subscriptions = (
    [ 'a number', ":1\r\n" ],
    [ 'nil', "\$-1\r\n" ],
    [ 'an array of one', "*1\r\n\$1\r\na\r\n" ],
    [ 'an array of nil', "*3\r\n\$-1\r\n\$-1\r\n\$-1\r\n" ],
    [ 'no number', "*3\r\n\$9\r\nsubscribe\r\n\$1\r\na\r\n\$1\r\n1\r\n" ],
    [ 'a message of numbers', "*3\r\n\$7\r\nmessage\r\n:1\r\n:1\r\n" ],
    [ 'two answers', "*3\r\n\$9\r\nsubscribe\r\n\$1\r\na\r\n:1\r\n" x 2 ],
);

# What is answered to a call, by a server that was good until then.
my @answers = (
    [ 'half a text', "\$10\r\nhalf", 'closed' ],
    [ 'half a length', '$1', 'closed' ],
    [ 'half an array', "*3\r\n:1\r\n", 'closed' ],
    [ 'an array of 2^31 - 1', "*2147483647\r\n", 'garbage' ],
    [ 'an array of 2^63 - 1', "*9223372036854775807\r\n", 'garbage' ],
    [ 'arrays of a million', "*1000000\r\n" x 100, 'garbage' ],
    [ 'an array of -2', "*-2\r\n", 'garbage' ],
    [ 'a text of -2', "\$-2\r\n", 'garbage' ],
    [ 'a text of 2^63', "\$9223372036854775808\r\n", 'garbage' ],
    [ 'a text of 2^63 - 1', "\$9223372036854775807\r\nx", 'closed' ],
    [ 'a length that is none', "\$x\r\n", 'garbage' ],
    [ 'a thousand arrays', "*1\r\n" x 1000, 'garbage' ],
    [ 'a text that is longer', "\$1\r\nxyz\r\n", 'string x', 'garbage' ],
    [ 'two answers', ":1\r\n:2\r\n", 'integer 1', 'garbage' ],
    [ 'a message', "*3\r\n\$7\r\nmessage\r\n\$1\r\na\r\n\$1\r\nb\r\n",
      'type 2 of 3', 'closed' ],
    [ 'a line without an end', '+' . 'x' x 5_000_000, 'garbage' ],
    [ 'a text without an end', "\$2000000000\r\n" . 'x' x 5_000_000,
      'garbage' ],
    [ 'an array without an end', "*200000\r\n" . "*100\r\n" x 100000
      . ":1\r\n" x 2_000_000, 'garbage' ],
    [ 'no function', "-ERR Function not found\r\n" x 3, 'garbage' ],
    [ 'LOADING', "-LOADING Redis is loading\r\n", 'it is loading its data' ],
    [ 'READONLY', "-READONLY You can't write\r\n", 'that takes no writes' ],
    [ 'nothing', '', 'closed' ],
);

my %why = (
    garbage => 'it does not speak Redis. protocol',
    closed => 'it closed the connection|the connection broke',
);


# ---- before it is asked

for my $case (@greetings) {
    my ($name, $text, $why) = @$case;

    my $server = raw_server(sub {
        my ($socket) = @_;
        print $socket $text;
        $socket->flush;
        shutdown $socket, 1;
        1 while readline($socket);
    });

    my $t = store_test('redis://127.0.0.1:' . $server->port
                       . ' timeout=300ms');

    my $pattern = $why{$why} // $why;
    $t->log_like(qr/redis:\S+ is away: (?:$pattern)/, "greeting: $name");
    wait_for(sub { $server->connections > 3 }, 'it tries again');
    is(call($t, qw(FCALL echo 0 x)), 'away', 'and serves requests');
    is(() = $t->error_log =~ /redis:\S+ is away/g, 1, 'logged once')
        if $why !~ /\|/;

    $t->finish;
    $server->stop;
}


# ---- an answer to a call

for my $case (@answers) {
    my ($name, $text, @expected) = @$case;
    my $why = pop @expected;

    my $server = raw_server(sub {
        my ($socket) = @_;
        my @command = begin($socket) or return;

        if ($command[0] eq 'SUBSCRIBE') {
            print $socket "*3\r\n\$9\r\nsubscribe\r\n\$1\r\na\r\n:1\r\n";
            $socket->flush;
            sleep 20;
            return;
        }

        print $socket $text;
        $socket->flush;
        shutdown $socket, 1;
        1 while readline($socket);
    });

    my $t = store_test('redis://127.0.0.1:' . $server->port
                       . ' timeout=1s');
    reachable($t);

    my $answer = call($t, qw(FCALL echo 0 x));
    is($answer, $expected[0] // 'nothing', "answer: $name");

    my $pattern = $why{$why} // $why;
    $t->log_like(qr/redis:\S+ is away: .*(?:$pattern)/, 'and why');
    reachable($t);
    cmp_ok(rss($t), '<', 200_000, 'it did not take much memory');

    $t->finish;
    $server->stop;
}


# ---- an answer to SUBSCRIBE

for my $case (@subscriptions) {
    my ($name, $text) = @$case;

    my $server = raw_server(sub {
        my ($socket) = @_;

        while (my @command = begin($socket)) {
            print $socket $text if $command[0] eq 'SUBSCRIBE';
            print $socket "+x\r\n" if $command[0] eq 'FCALL';
            $socket->flush;
        }
    });

    my $t = store_test('redis://127.0.0.1:' . $server->port
                       . ' timeout=1s');
    reachable($t);
    $t->log_like(qr/ \(messages\) is away: it does not speak/,
                 "subscription: $name");
    is(call($t, qw(FCALL echo 0 x)), 'string x', 'calls go on');

    $t->finish;
    $server->stop;
}


# ---- no answer, and an answer that comes byte by byte

my $server = raw_server(sub {
    my ($socket, $n) = @_;

    if ($n < 3) {
        sleep 30;
        return;
    }

    my @command = begin($socket) or return;

    for my $byte (split //, $command[0] eq 'FCALL'
                            ? "\$5\r\nslow!\r\n" : "*3\r\n\$9\r\nsubscribe"
                                                   . "\r\n\$1\r\na\r\n:1\r\n")
    {
        syswrite $socket, $byte;
        select undef, undef, undef, 0.01;
    }

    begin($socket);
});

my $t = store_test('redis://127.0.0.1:' . $server->port . ' timeout=1s');
$t->log_like(qr/redis:\S+ is away: it does not answer in time/, 'no answer');
reachable($t);
is(call($t, qw(FCALL echo 0 x)), 'string slow!', 'byte by byte');
$t->finish;
$server->stop;


# ---- no answer any more, for so long that it is given up

$server = raw_server(sub {
    my ($socket) = @_;
    my @command = begin($socket);

    print $socket "*3\r\n\$9\r\nsubscribe\r\n\$1\r\na\r\n:1\r\n"
        if @command && $command[0] eq 'SUBSCRIBE';
    $socket->flush;
    sleep 60;
});

$t = store_test('redis://127.0.0.1:' . $server->port . ' timeout=200ms');
reachable($t);
is(call($t, qw(FCALL echo 0 x)), 'nothing', 'no answer to a call');
is(call($t, qw(FCALL echo 0 x)), 'away', 'nor is it asked again');
is($server->connections, 2, 'the connections are kept');
wait_for(sub { $server->connections > 2 }, 'another one', 40);
reachable($t);

$t->done;
