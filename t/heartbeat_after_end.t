#!/usr/bin/perl

# Heartbeats end with their stream: nothing is sent after the error of a task
# that was not done in time, while the task is followed.  And they wait for
# their turn where a filter's subrequest holds up what is sent.
#
# Seen failing:
# - "nothing was sent", without ngx_http_jimeng_deliver_stop() in
#   ngx_http_jimeng_job_replied();
# - "before it", without the look at r->postponed in
#   ngx_http_jimeng_stream_heartbeat().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Certificate;
use Jimeng::Test::Http2;
use Jimeng::Test::Protocols;
use Jimeng::Test::Queue;

my $slow = raw_server(sub {
    my ($socket) = @_;
    read_request($socket);
    select undef, undef, undef, 1.5;
    print $socket "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n: late\n";
});

my $t = Jimeng::Test->new(with_queue(
    account => 'concurrency 8;', http2 => 1, emulator => { seconds => 4 },
    http => 'lingering_close off; addition_types *;',
    location => 'jimeng_timeout 1s; jimeng_heartbeat 50ms;',
    server => certificate() . '
        listen 127.0.0.1:%%PORT:tls%% ssl http2;
        location = /late {
            proxy_pass http://127.0.0.1:' . $slow->port . ';
            proxy_method GET;
        }
        location /before/ {
            jimeng_pass /_volcengine;
            jimeng_heartbeat 50ms;
            add_before_body /late;
        }',
));

my $n = 0;

sub request {
    my ($name) = @_;
    return of("a tide mill, $name, " . ++$n, undef, stream => \1);
}


# ---- after the end

for my $name (protocols()) {
    my ($code, $out) = curl_over($t, $name, request($name));

    is($code, 0, "$name: the stream ends");
    like($out, qr/(?:: \{[^\n]*\}\n){2}/, "$name: there were heartbeats");
    like($out, qr/\nevent: error\ndata: .*generation_timeout.*\n\n\z/,
         "$name: and an error is its end");
    cmp_ok(account_of($t)->{running}, '>=', 1, "$name: the task is followed");
}

# The session stays, and the stream could still be written to.
my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $stream = $h2->start(request('a session'));
my $reply = $h2->response($stream);

ok($reply->{over} && !$reply->{reset}, 'a session: the stream ends');
cmp_ok(account_of($t)->{running}, '>=', 1, 'a session: the task is followed');
free($t);
is($h2->response($h2->start('GET', '/v1/models', {}))->{status}, 200,
   'a session: another stream works');
is($reply->{after}, undef, 'a session: nothing follows the end');
$h2->abort;

$t->log_unlike(
    qr/SSL_write\(\) failed|output on closed stream|Broken pipe/,
    'nothing was sent after an end');


# ---- behind a subrequest that is late

my $r = $t->request(of('a tide mill, late [[seconds=0.5]]', undef,
                       stream => \1, path => '/before'));
is($r->status, 200, 'before it: status');
ok($r->complete, 'before it: the reply is whole');
like($r->body, qr/\A: late\n(?:: \{[^\n]*\}\n){1,3}event: .*\ndata: \{.*\}\n\n\z/,
     'before it: not a heartbeat more than has room');

free($t);
$t->done;
