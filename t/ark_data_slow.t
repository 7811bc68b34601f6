#!/usr/bin/perl

# Pictures of Ark's as data, where all does not go well: clients that are slow
# or leave, pictures that cannot be fetched or are none.  What a worker keeps
# does not depend on the pictures.
#
# Seen failing: "slow", where ngx_http_jimeng_encode() goes on while the client
# has yet to take what it made before.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Pictures;
use Jimeng::Test::Shown qw(asked_for pictures_conf);

# How much a worker may grow, in KiB, whatever the pictures' size.
use constant GROWTH => 16384;

my $t = with_ark(zone => ' ', pictures_conf(
    http => 'lingering_close off;', location => 'jimeng_poll_interval 50ms;',
));

sub request_of {
    my ($prompt) = @_;
    return $t->generation({ model => 'jimeng-4.5', prompt => $prompt,
                            response_format => 'b64_json' });
}

sub read_some {
    my ($x, $bytes) = @_;
    my $text = '';

    return $text unless $x->head->status == 200;

    while (length $text < $bytes) {
        $text .= $x->piece // last;
    }

    return $text;
}


# ---- a slow client

# From the cache, and on its way into it.
for my $cached (0, 1) {
    my $name = $cached ? 'slow, cached' : 'slow';
    my ($worker) = $t->workers;
    my $before = memory($worker);
    my $prompt = "[[bytes=20000000]] a crane";

    my $x = $t->start_request(request_of($prompt), buffer => 65536);
    my $text = read_some($x, 100_000);

    # Another client is served meanwhile.
    is($t->generate({ model => 'jimeng-4.5', prompt => "$name, another" })
         ->status, 200, "$name: another");
    cmp_ok(memory($worker) - $before, '<', GROWTH, "$name: memory");

    while (defined(my $piece = $x->piece)) {
        $text .= $piece;
    }

    ok($x->complete, "$name: the reply is whole") or diag($x->error);

    my ($rest, @pictures) = pictures($text);
    is(scalar @pictures, 1, "$name: a picture");
    like($pictures[0], qr/^[0-9a-f]{64}$/, "$name: it is one");
    cmp_ok(memory($worker) - $before, '<', GROWTH, "$name: memory at the end");
}


# ---- a client that leaves in the middle

my $prompt = '[[bytes=9000000]] a crane that leaves';
my $x = $t->start_request(request_of($prompt), buffer => 65536);
read_some($x, 100_000);
$x->abort;

is($t->generate({ model => 'jimeng-4.5', prompt => 'after it' })->status, 200,
   'left: others are served');

my $r = $t->request(request_of($prompt));
is($r->status, 200, 'left: its repeat');
is(scalar $t->emulator->calls($prompt), 1, 'left: one call');


# ---- pictures that cannot be fetched

$t->allow_log(qr{jimeng: (?:the pictures of task|a picture is handed)});
$t->reload(http => 'jimeng_zone shared:8m; proxy_cache_path %%DIR%%/cache'
                   . ' keys_zone=pictures:1m inactive=30d use_temp_path=off;'
                   . ' jimeng_picture_hosts example.com;'
                   . " jimeng_accounts main ark; jimeng_account ark {"
                   . " api_key $Jimeng::Test::Ark::KEY; pass /_ark;"
                   . ' concurrency 20; }');

$prompt = 'a crane of another server';
$r = $t->request(request_of($prompt));

is($r->status, 502, 'not listed: no picture');
is($r->json->{error}{code}, 'upstream_error', 'not listed: why');
like($r->json->{error}{message}, qr/^The picture was made, and could not be/,
     'not listed: what happened');
ok(length $r->json->{task_id}, 'not listed: it has an id');

my $linked = $t->request('GET', '/v1/images/' . $r->json->{task_id}
                                . '?response_format=url');
like($linked->json->{data}[0]{url}, qr{^http://127}, 'not listed: its link');
is(scalar $t->emulator->calls($prompt), 1, 'not listed: one call');

$t->done;
