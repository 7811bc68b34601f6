#!/usr/bin/perl

# A submit of megabytes that breaks off while it is being sent: it may have
# been taken for whole by whoever is there, so it is sent to nobody else,
# whatever proxy_next_upstream says.  One that no byte of was sent goes to the
# next server as a whole.
#
# Seen failing: with the mask of proxy_next_upstream as it is configured.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);
use Jimeng::Test::Process qw(free_port);

# The first takes some of it, and closes; the second would take it all.
my $broken = raw_server(sub { sysread $_[0], my $some, 65536 });
my $whole = raw_server(sub {
    my ($s) = @_;
    my $request = read_request($s) // return;
    my ($hash) = $request =~ /^x-content-sha256: (\w+)/mi;
    my ($body) = $request =~ /\r\n\r\n(.*)/s;
    my $text = sprintf '{"code":50411,"message":"%s %d","data":null}',
                       $hash eq sha256_hex($body) ? 'right' : 'wrong',
                       length $body;
    print $s "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n"
             . 'Content-Length: ' . length($text) . "\r\nConnection: close\r\n\r\n"
             . $text;
});

my ($first, $second, $nobody) = ($broken->port, $whole->port, free_port());

my $t = Jimeng::Test->new(
    emulator => 0, poll_interval => '5ms',
    http => <<"EOT",
        client_max_body_size 64m;
        upstream half { server 127.0.0.1:$first; server 127.0.0.1:$second backup; }
        upstream down { server 127.0.0.1:$nobody; server 127.0.0.1:$second backup; }
EOT
    server => join '', map { <<"EOT" } qw(half down),
        location /$_/ { client_body_buffer_size 1k; jimeng_pass /_$_; }
        location = /_$_ {
            internal;
            client_max_body_size 0;
            proxy_pass http://$_/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_next_upstream error timeout http_502 non_idempotent;
        }
EOT
);

my $picture = png(2048, 2048, 3_000_000);

sub post {
    my ($place) = @_;
    return $t->request('POST', "/$place/images/generations",
        { 'Content-Type' => 'application/json' },
        '{"model":"jimeng_i2i_v30","prompt":"the same","image":"'
        . base64($picture) . '"}');
}

my $r = post('half');
is($r->status, 502, 'broken off: an error');
is($broken->connections, 1, 'it was sent once');
is($whole->connections, 0, 'and to nobody else');

$r = post('down');
is($whole->connections, 1, 'not sent: the next server has it');
is($r->status, 400, 'which has answered') or diag($r->body);
$t->log_like(qr/text: "right \d{7}"/, 'all of it, as it was signed');

$t->allow_log(qr/prematurely closed|reset by peer|Broken pipe|refused/);
$t->done;
