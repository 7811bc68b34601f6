#!/usr/bin/perl

# A task that was given up is followed, for its slot, on the request of a
# client that has its reply: all of it, at the pace it is to have, and the end
# of its connection, as it was told, while the task goes on.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use IO::Socket::INET;
use Jimeng::Test::Certificate;
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(with_queue(
    account => 'concurrency 4;', emulator => { seconds => 0.1 },
    location => 'jimeng_timeout 1s;', http => 'lingering_close off;',
    server => certificate() . <<'EOT',
        listen 127.0.0.1:%%PORT:tls%% ssl;
        location /slow/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
            limit_rate 100;
        }
        location /left/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 4s;
        }
EOT
));

my $n = 0;
sub prompt { return "a ferry, $_[0], " . ++$n . " [[seconds=$_[1]]]" }

# What is sent until the connection's end, and how long that took.
sub talk {
    my ($request) = @_;
    my ($begin, $got) = (time, '');

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $t->port) or die $!;
    print $socket $request;

    while (IO::Select->new($socket)->can_read(20)) {
        sysread($socket, $got, 65536, length $got) or last;
    }

    return ($got, time - $begin);
}

sub post {
    my ($version, $prompt, %opt) = @_;
    my $path = delete $opt{path} // '/v1';
    my $body = JSON::PP->new->utf8->encode({ prompt => $prompt, %opt });

    return "POST $path/images/generations HTTP/$version\r\nHost: localhost\r\n"
           . "Content-Type: application/json\r\n"
           . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}


# ---- the end of the connection.  A stream's header was sent before anybody
# knew, and a reply without a length ends where the connection does.

for my $case ([ '1.1', stream => \1 ], [ '1.0', stream => \1 ], ['1.1'],
              [ '1.0' ])
{
    my ($version, %fields) = @$case;
    my $name = "HTTP/$version, "
               . ($fields{stream} ? 'a stream' : 'a reply');

    my ($got, $took) = talk(post($version, prompt($name, 8), %fields));
    like($got, qr/"code":"generation_timeout"/, "$name: it is told");
    cmp_ok($took, '<', 5, "$name: and the connection ends");
    is(account_of($t)->{running}, 1, "$name: its task is followed");
    free($t);
}

# So does TLS, in its own way.
$t->write_file('request', post('1.0', prompt('TLS', 8), stream => \1));
my $begin = time;
my $to = '127.0.0.1:' . $t->port('tls');
my $said = `openssl s_client -quiet -connect $to < $t->{dir}/request 2>&1`;
like($said, qr/"code":"generation_timeout"/, 'TLS: it is told');
unlike($said, qr/unexpected eof/, 'TLS: nothing was cut off');
cmp_ok(time - $begin, '<', 5, 'TLS: and the connection ends');
is(account_of($t)->{running}, 1, 'TLS: its task is followed');
free($t);

# What a client asks next on that connection is not taken, nor lost in silence.
my $next = prompt('pipelined', 0);
my ($got, $took) = talk(post('1.1', prompt('before it', 8), stream => \1)
                        . post('1.1', $next));
is(scalar(() = $got =~ m{HTTP/1\.1 }g), 1, 'pipelined: one reply');
cmp_ok($took, '<', 5, 'pipelined: and the connection ends');
is(scalar submits_of($t, $next), 0, 'pipelined: nothing was submitted');
free($t);


# ---- the pace of a reply

($got, $took) = talk(post('1.1', prompt('limit_rate', 20), path => '/slow'));
like($got, qr/"code":"generation_timeout".*\}\z/, 'limit_rate: all of it');
cmp_ok($took, '<', 15, 'limit_rate: no slower than it says');
is(account_of($t)->{running}, 1, 'limit_rate: its task is followed');
free($t);


# ---- who left before is logged as anybody who left

my $prompt = prompt('left', 8);
my $x = $t->start_request(of($prompt, undef, path => '/left'));
wait_submits($t, $prompt);
$x->abort;
free($t);
wait_for { ($t->access_log)[-1]{body_bytes_sent} eq '0' } 'it is logged';
is(($t->access_log)[-1]{status}, 499, 'a client that left: its status');

$t->done;
