#!/usr/bin/perl

# Variables in the location of jimeng_pass: a subrequest has the client's by
# default, with values cached from one query to the next, in a pool that has
# gone; and the client's headers would go upstream.
#
# Seen failing: "of its own each time", "a map" and "cached once", without "sr->variables = variables" in
# ngx_http_jimeng_exchange_request(); "no header of the client's", without
# ngx_memzero() of sr->headers_in there.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

my $t = Jimeng::Test->new(
    strict => 1, poll_interval => '50ms', emulator => { seconds => 0.3 },
    http => 'map $args $stage { default other; ~Submit submit; ~Get query; }
             map $stage-$request_id $cached { default $stage-$request_id; }',
    server => 'set $ours client;',
    location => 'set $ours location; set $seen $stage;',
    proxy => 'proxy_set_header X-Stage $stage;
              proxy_set_header X-Cached $cached;
              proxy_set_header X-Request-Id $request_id;
              proxy_set_header X-Ours $ours;
              proxy_set_header X-Cookie $http_cookie;
              proxy_set_header X-Agent $http_user_agent;
              proxy_set_header X-Length $content_length;
              proxy_set_header X-Task $jimeng_task_id;
              proxy_set_header X-Account $jimeng_account;
              proxy_set_header X-Addr $remote_addr;
              proxy_set_header X-Client $jimeng_request_id;
              proxy_set_header X-Method $request_method;
              proxy_set_header X-Main $request_uri;',
);

my %sent = (
    Cookie => 'session=of-the-client', 'User-Agent' => 'a client',
    'X-Other' => 'of the client', Authorization => 'Bearer of-the-client',
    Range => 'bytes=0-1', 'If-None-Match' => '"x"', Expect => '100-continue',
    'Accept-Encoding' => 'gzip', 'X-Forwarded-For' => '10.0.0.1',
    'X-Request-Id' => 'of-the-client', TE => 'trailers',
    'X-Date' => '20000101T000000Z', 'X-Content-Sha256' => 'of-the-client',
);

my $r = $t->generate({ prompt => 'a street of lanterns' }, \%sent);
is($r->status, 200, 'status');

my $client = $r->header('X-Request-Id');
my @calls = $t->emulator->journal;
cmp_ok(scalar @calls, '>=', 4, 'a submit and queries');
is(scalar(grep { $_->{signature} eq 'ok' } @calls), scalar @calls,
   'all are signed, over headers of their own');

my %ids = map { $_->{headers}{'x-request-id'} => 1 } @calls;
is(scalar keys %ids, scalar @calls, '$request_id: of its own each time');

for my $i (0 .. $#calls) {
    my $h = $calls[$i]{headers};
    my $name = $i ? "query $i" : 'submit';
    my $stage = $i ? 'query' : 'submit';

    is($h->{'x-stage'}, $stage, "$name: a map");
    is($h->{'x-cached'}, "$stage-$h->{'x-request-id'}", "$name: cached once");
    is($h->{'x-length'}, length($calls[$i]{body}), "$name: the length");
    is($h->{'x-account'}, 'main', "$name: the account");
    is($h->{'x-task'} // '', $i ? $calls[0]{task_id} : '', "$name: the task");
    is($h->{'x-client'}, $client, "$name: the request of the client");
    is($h->{'x-addr'}, '127.0.0.1', "$name: the address");
    is($h->{'x-method'}, 'POST', "$name: the method");
    is(join(' ', grep { /of-the-client|of the client|a client/ } values %$h),
       '', "$name: no header of the client's");
    is(join(' ', grep { exists $h->{$_} }
            qw(range if-none-match accept-encoding te x-cookie x-agent
               x-forwarded-for expect)),
       '', "$name: no header that the client sent");
}

my ($row) = $t->access_lines(1);
is($row->{jimeng_request_id}, $client, 'the log has the same id');
is($row->{status}, 200, 'status in the log');

$t->done;
