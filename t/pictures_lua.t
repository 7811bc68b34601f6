#!/usr/bin/perl

# Lua in every phase, and in the filters: a picture is fetched all the same when
# its task ends, though there is no client, and shown.
#
# Seen failing: "it is fetched", without a file descriptor of the connection
# that a fetch has not got: Lua knew no variables.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Modules;
use Jimeng::Test::Shown qw(asked_for fetches path_of pictures_conf shown);

needs_modules('lua');

for my $order ([ 'first', 'before' ], [ 'last', 'main' ]) {
    my ($name, $where) = @$order;

    my $t = Jimeng::Test->new(pictures_conf(
        $where => load_modules('lua'),
        http => <<'EOT',
            rewrite_by_lua_block { ngx.ctx.uri = ngx.var.uri; ngx.sleep(0.01) }
            access_by_lua_block { ngx.ctx.args = ngx.var.args }
            header_filter_by_lua_block { ngx.header["X-Lua"] = ngx.var.uri }
            body_filter_by_lua_block { ngx.ctx.n = (ngx.ctx.n or 0) + 1 }
            log_by_lua_block { ngx.ctx.n = nil }
EOT
    ));

    my $url = $t->generate->json->{data}[0]{url};
    wait_for { fetches($t, 'succeed') == 1 } "$name: it is fetched";

    for my $range (undef, 'bytes=0-3') {
        my $r = shown($t, $url, Range => $range);
        is($r->status, $range ? 206 : 200, "$name: it is shown");
        is(substr($r->body, 0, 4), "\x89PNG", "$name: a picture");
        is($r->header('Content-Type'), 'image/png', "$name: its type");
        is($r->header('X-Lua'), path_of($url), "$name: Lua has seen it");
    }

    is(scalar asked_for($t), 1, "$name: it was asked for once");
    is(fetches($t, 'failed'), 0, "$name: nothing failed");
    $t->finish;
}

done_testing();
