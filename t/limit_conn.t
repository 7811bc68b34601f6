#!/usr/bin/perl

# A request counts for limit_conn, and for "concurrency" of jimeng_keys, until
# its tasks are over: also one that was answered at once, one that was too late
# and whose task is followed, and one whose client has left.
#
# Seen failing: "counts" of "async" and "late", with a
# ngx_http_jimeng_job_taken() that ends the request with its reply.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Keys;

my $t = with_keys(
    [ 'alice concurrency=1' ],
    poll_interval => '50ms', account => 'concurrency 4;', emulator => { seconds => 3 }, strict => 1,
    http => 'limit_conn_zone $server_addr zone=one:1m; limit_conn_status 429;
             lingering_close off;',
    server => <<'EOT',
        location /conn/ {
            jimeng_pass /_volcengine;
            limit_conn one 1;
        }
        location /conn_late/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
            limit_conn one 1;
        }
        location /keys/ {
            jimeng_pass /_volcengine;
            jimeng_keys %%DIR%%/keys;
        }
        location /keys_late/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
            jimeng_keys %%DIR%%/keys;
        }
EOT
);

my $prompts = 0;

sub request {
    my ($path, %fields) = @_;
    my ($method, undef, @rest) = $t->generation(
        { prompt => 'a weir, ' . ++$prompts, %fields }, bearer('alice'));
    return ($method, "/$path/images/generations", @rest);
}

for my $what (qw(conn keys)) {
    for my $how (qw(async late left)) {
        my $name = "$what, $how";
        my $submits = () = $t->submits;
        my $x = $t->start_request(request(
            $how eq 'late' ? "${what}_late" : $what,
            $how eq 'async' ? (async => \1) : ()));

        if ($how eq 'left') {
            wait_for { $t->queries > 0 && $t->submits > $submits }
                "$name: it is submitted";
            $x->abort;

        } else {
            is($x->response->status, $how eq 'async' ? 200 : 504,
               "$name: it is answered");
        }

        is($t->request(request($what))->status, 429, "$name: it counts");
        is($t->emulator->state->{running}, 1, "$name: as its task runs");
        is(scalar(() = $t->submits), $submits + 1,
           "$name: and nothing else is submitted");

        wait_for { $t->emulator->state->{running} == 0 } "$name: it is over";
        wait_for {
            $t->request(request($what, async => \1))->status == 200;
        } "$name: and does not count any more";
        wait_for { $t->emulator->state->{running} == 0 } "$name: nor the next";
        wait_for {
            my @rows = grep { length $_->{jimeng_task_id} } $t->access_log;
            @rows == $submits + 2;
        } "$name: both are logged";
    }
}

$t->done;
