#!/usr/bin/perl

# Clients that do not take the end of their reply at once: it is sent once, and
# whole, when they do.
#
# Seen failing, with NGX_AGAIN of the last output taken for "more is to come":
# the reply was begun a second time ("header already sent"), and never ended.

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use Jimeng::Test;
use Jimeng::Test::Answer qw(done envelope http submitted upstream);

my $tasks = 10;
my $url = 'http://127.0.0.1/' . 'x' x 200_000 . '.png';

my $queries = File::Temp->new;

my $server = upstream(
    submit => sub { http(submitted()) },
    query => sub {
        syswrite $queries, '.';
        return http(done($url));
    },
);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '10ms', listen => 'sndbuf=4k',
);

for my $stream (0, 1) {
    my $name = $stream ? 'stream' : 'reply';
    my $x = $t->start_generate({
        prompt => 'an orchard in May', n => $tasks, response_format => 'url',
        ($stream ? (stream => JSON::PP::true()) : ()),
    });

    # Served after the last answer was.
    wait_for { -s "$queries" == ($stream + 1) * $tasks } "$name: every task was asked for";
    wait_for { IO::Select->new($x->socket)->can_read(0) } "$name: it began";
    is($t->request('GET', '/stub_status')->status, 200, "$name: the worker");

    my $r = $x->response;
    is($r->status, 200, "$name: status");
    ok($r->complete, "$name: it ended");

    my $urls = () = $r->body =~ /\Q$url\E/g;
    is($urls, $tasks, "$name: pictures");
    is(scalar(() = $r->body =~ /"created(?:_at)?"/g), $stream ? $tasks : 1,
       "$name: nothing is sent twice");
}

$t->done;
