#!/usr/bin/perl

# A submit that is lost after any of its bytes, and its answer before any of its
# own, may have been taken: who repeats the request without any mark gets the
# same error, and no second submit is sent.
#
# Seen failing: every one, with jm_ledger_owed() that returns NULL: two submits
# for each.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;
use Socket qw(SHUT_WR);

use constant WAVE => 16;

my $accepted = '{"code":10000,"data":{"task_id":"15977608121972527084"},'
             . '"message":"Success","request_id":"R1","status":10000}';
my $answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
           . 'Content-Length: ' . length($accepted) . "\r\n\r\n$accepted";

# The connection's number is how many bytes are read, or answered less one.
my %server = (
    submit => raw_server(sub {
        my ($socket, $n) = @_;
        my $text = '';

        while ($n > length $text) {
            sysread $socket, $text, $n - length $text, length $text or last;
        }

        shutdown $socket, SHUT_WR;
        sysread $socket, $text, 65536;
    }),
    answer => raw_server(sub {
        my ($socket, $n) = @_;

        read_request($socket) // return;
        syswrite $socket, substr $answer, 0, $n - 1;
        shutdown $socket, SHUT_WR;
        sysread $socket, my $rest, 65536;
    }),
);

my $t = Jimeng::Test->new(with_ledger(
    emulator => { seconds => 0 }, poll_interval => '20ms',
    http => 'jimeng_timeout 10s;' . join('', map {
        "upstream $_ { server 127.0.0.1:" . $server{$_}->port . '; }'
    } sort keys %server),
    server => 'proxy_http_version 1.1;
               proxy_set_header Connection "";
               proxy_set_header Host visual.volcengineapi.com;'
              . join('', map {
                  "location /$_/ { jimeng_pass /_$_; }
                   location = /_$_ { internal; proxy_pass http://$_/; }"
              } sort keys %server),
));

sub start {
    my ($lane, $n) = @_;
    my (undef, undef, @rest) = $t->generation(
        { prompt => sprintf 'a submit %04d', $n });

    return $t->start_request('POST', "/$lane/images/generations", @rest);
}

my %bytes = (submit => 420, answer => length $answer);

for my $lane (sort keys %bytes) {
    my @numbers = 1 .. $bytes{$lane};
    my (@first, @again, @differ);

    while (my @wave = splice @numbers, 0, WAVE) {
        my @x = map { start($lane, $_) } @wave;
        my @r = map { $_->response } @x;
        my @y = map { start($lane, $_) } @wave;
        my @s = map { $_->response } @y;

        push @first, grep { $_->status != 502 } @r;
        push @again, grep { $_->status != 502 } @s;
        push @differ, grep { $r[$_]->body ne $s[$_]->body } 0 .. $#wave;
    }

    is(@first, 0, "$lane, 1 .. $bytes{$lane} bytes: a 502");
    is(@again, 0, "$lane: a repeat: a 502");
    is(@differ, 0, "$lane: a repeat: the same");
    is($server{$lane}->connections, $bytes{$lane},
       "$lane: none is sent twice");
}

$t->done;
