#!/usr/bin/perl

# limit_req with a delay in the location of jimeng_pass: it is the exchange that
# waits, and not the client's connection.  A stream's heartbeats go on
# meanwhile, and the delay is as long as nginx says, whatever send_timeout is.
#
# Seen failing, without ngx_http_jimeng_exchange_delay(): the first byte comes
# after the submit, and that after a send_timeout.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Http2;
use Time::HiRes qw(time);

# The first request of a zone is not delayed, the next one by 1.5 s.
my @zones = qw(http1 http2 link);

my $t = Jimeng::Test->new(
    http2 => 1, strict => 1, poll_interval => '50ms',
    http => 'send_timeout 8s; jimeng_heartbeat 200ms;'
            . join('', map { "limit_req_zone \$server_addr zone=$_:1m
                              rate=40r/m;" } @zones),
    server => join "\n", map { "
        location /$_/ { jimeng_pass /_$_; }
        location = /_$_ {
            internal;
            limit_req zone=$_ burst=10;
            proxy_pass http://volcengine/;
            proxy_set_header Host visual.volcengineapi.com;
        }" } @zones,
);

sub request_of {
    my ($zone, $which, %fields) = @_;
    my (undef, undef, @rest) = $t->generation({ prompt => "$which swan, $zone",
                                                %fields });
    return ('POST', "/$zone/images/generations", @rest);
}

sub submitted {
    my ($which, $zone) = @_;
    my ($row) = $t->submits("$which swan, $zone");
    return $row ? $row->{time} : undef;
}

my @first = map { $t->start_request(request_of($_, 'first')) } @zones;

for my $zone (@zones) {
    wait_for { submitted('first', $zone) } "$zone: the first is submitted";
}

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $stream = $h2->start(request_of('http2', 'second', stream => \1));
my $x = $t->start_request(request_of('http1', 'second', stream => \1));
my $link = $t->start_request(request_of('link', 'second'));

ok($x->read_until(qr/(?:: \{.*){2}/s), 'http1: heartbeats');
ok(!submitted('second', 'http1'), 'http1: before there is a submit');
ok($h2->read_until($stream, qr/(?:: \{.*){2}/s), 'http2: heartbeats');
ok(!submitted('second', 'http2'), 'http2: before there is a submit');

ok($x->read_until(qr/completed.*\n\n/s), 'http1: and a picture');
ok($h2->read_until($stream, qr/completed.*\n\n/s), 'http2: and a picture');
is($link->response->status, 200, 'link: a picture');
is($_->response->status, 200, 'the first: a picture') for @first;

for my $zone (@zones) {
    my $delay = submitted('second', $zone) - submitted('first', $zone);
    cmp_ok($delay, '>', 0.5, "$zone: delayed");
    cmp_ok($delay, '<', 5, "$zone: and no longer than was to be");
}

$t->done;
