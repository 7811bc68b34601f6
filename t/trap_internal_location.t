#!/usr/bin/perl

# What the location of jimeng_pass may have in it besides proxy_pass, and what
# it may lack: a job ends with an answer, and nothing is sent twice.
#
# Seen failing: "delayed by limit_req", without ngx_http_jimeng_exchange_wake():
# the event that the delay ends with goes to the client's request, and the
# subrequest is never run; "and the client leaves", without
# ngx_http_jimeng_exchange_waits() in ngx_http_jimeng_exchange_cancel().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

my %location = (
    empty      => 'return 200 "{}";',
    nothing    => 'return 204;',
    too_large  => 'return 413;',
    forbidden  => 'deny all; return 403;',
    redirect   => 'return 302 http://127.0.0.1/;',
    closed     => 'return 444;',
    named      => 'error_page 418 = @other; return 418;',
    body_size  => 'client_max_body_size 10; %s',
    auth       => 'auth_request /deny; %s',
    denied     => 'deny all; %s',
    intercept  => 'proxy_intercept_errors on; error_page 400 500 502 = /x; %s',
    unbuffered => 'proxy_buffering off; %s',
    streamed   => 'proxy_request_buffering off; %s',
    log        => 'log_subrequest on; %s',
    in_file    => 'client_body_in_file_only on; %s',
    delayed    => 'limit_req zone=slow burst=10; %s',
    stopped    => 'limit_req zone=stopped burst=10; %s',
    nodelay    => 'limit_req zone=fast burst=10 nodelay; %s',
    one_conn   => 'limit_conn conns 1; %s',
    rewritten  => 'set $x /; rewrite ^ /elsewhere; %s',
    ignore     => 'proxy_ignore_client_abort on; %s',
    limit_rate => 'limit_rate 1; proxy_limit_rate 100000; %s',
    filtered   => 'gzip on; gzip_types *; gzip_min_length 1;
                   sub_filter_types *; sub_filter succeed x; addition_types *;
                   add_after_body /x; ssi on; ssi_types *; charset utf-8; %s',
    try_files  => 'try_files /none @proxy;',
    mirror     => 'mirror /x; %s',
    auth_basic => 'auth_basic "x"; auth_basic_user_file /nowhere; %s',
);

my $pass = 'internal; proxy_pass http://volcengine/; proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;';

my $named = "rewrite ^ / break; $pass" =~ s{internal;}{}r
                                        =~ s{volcengine/}{volcengine}r;

my @names = sort keys %location;

my $t = Jimeng::Test->new(
    strict => 1,
    http => 'lingering_close off;
             limit_req_zone $server_port zone=slow:1m rate=5r/s;
             limit_req_zone $server_port zone=stopped:1m rate=20r/m;
             limit_req_zone $server_port zone=fast:1m rate=1r/m;
             limit_conn_zone $server_port zone=conns:1m;',
    server => join("\n", map {
        my $text = $location{$_} =~ s/%s/$pass/r;
        "location /$_/ { jimeng_pass /_$_; jimeng_timeout 5s; }
         location = /_$_ { $text }"
    } @names) . "
        location = /elsewhere { $pass }
        location \@other { $named }
        location \@proxy { $named }
        location = /deny { return 403; }
        location = /x { return 200 '{}'; }
        location /missing/ { jimeng_pass /_missing; }
        location /itself/ { jimeng_pass /itself/images/generations; }
    ",
);

my %expected = (
    (map { $_ => 502 } qw(empty nothing too_large forbidden redirect closed
                          body_size missing itself named)),
    (map { $_ => 200 } qw(auth denied intercept unbuffered streamed log
                          in_file delayed nodelay one_conn rewritten ignore
                          limit_rate filtered try_files mirror auth_basic)),
);

my %client = map {
    my ($headers, $body) =
        ($t->generation({ prompt => "a quiet harbour, $_" }))[2, 3];
    $_ => $t->start_request('POST', "/$_/images/generations", $headers, $body,
                            timeout => 12);
} keys %expected;

for my $name (sort keys %expected) {
    my $r = $client{$name}->response;
    is($r->status, $expected{$name}, "$name: status") or diag($r->body);
}

my %submits;
$submits{ $_->{json}{prompt} }++ for $t->submits;

for my $name (sort keys %expected) {
    is($submits{"a quiet harbour, $name"} // 0,
       $expected{$name} == 200 ? 1 : 0, "$name: submits");
}

# The first of them was not delayed.
my ($headers, $body) = ($t->generation({ prompt => 'a late harbour' }))[2, 3];
my @clients = map {
    $t->start_request('POST', '/delayed/images/generations', $headers, $body,
                      timeout => 8);
} 1 .. 3;
is(join(' ', map { $_->response->status } @clients), '200 200 200',
   'delayed by limit_req: status');
is(scalar(grep { $_->{json}{prompt} eq 'a late harbour' } $t->submits), 3,
   'delayed by limit_req: submits');

# A client that leaves meanwhile: nothing is sent.
@clients = map {
    $t->start_request('POST', '/stopped/images/generations', $headers, $body);
} 1, 2;
my $first = $clients[0]->response(0.5)->status ? 0 : 1;
$clients[$first]->response;
$clients[1 - $first]->abort;

wait_for {
    grep { $_->{request} =~ /stopped/ && $_->{status} == 499 } $t->access_log;
} 'delayed by limit_req, and the client leaves';
is(scalar(grep { $_->{json}{prompt} eq 'a late harbour' } $t->submits), 4,
   'delayed by limit_req, and the client leaves: submits');

is(scalar(grep { $_->{signature} ne 'ok' } $t->emulator->journal), 0,
   'all were signed');
$t->allow_log(qr/does not exist|nowhere/);
$t->done;
