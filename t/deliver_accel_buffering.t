#!/usr/bin/perl

# An upstream that asks nginx to buffer its answer: pictures are not buffered
# whatever it asks.
#
# Seen failing, without conf->change_buffering in
# ngx_http_jimeng_answer_limit(): what the client did not take at once went
# into nginx's own buffers, which waited for each other: the reply never came.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use Jimeng::Test::Answer qw(done envelope http submitted upstream);

my $picture = 'QUJD' x 750_000;
my $data = envelope({ binary_data_base64 => [$picture], status => 'done' });

my $server = upstream(
    submit => sub { http(submitted()) },
    query => sub {
        my ($request) = @_;

        return $request =~ /return_url\W+false/
               ? http($data, 'X-Accel-Buffering' => 'yes') : http(done());
    },
);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '10ms', listen => 'sndbuf=4k',
    proxy => 'proxy_ignore_headers X-Accel-Redirect;',
);

my $x = $t->start_generate({
    prompt => 'a windmill', response_format => 'b64_json',
});

wait_for { IO::Select->new($x->socket)->can_read(0) } 'it began';
is($t->request('GET', '/stub_status')->status, 200, 'the worker goes on');

my $r = $x->response;

ok($r->complete, 'the reply is whole');
ok($r->body =~ /"b64_json":"([^"]*)"/ && $1 eq $picture, 'the picture');
$t->log_unlike(qr/temporary file/, 'no file');

$t->done;
