#!/usr/bin/perl

# Lua in every phase, inherited by the internal location and in it.  Lua keeps
# a cleanup in the list of the client's request for each phase, which refers to
# the subrequest; the subrequest's pool is gone long before that list is run.
# What is freed is overwritten here, so that who still uses it dies of it.
#
# Seen failing: all of them, with ngx_http_jimeng_exchange_clean() for those
# cleanups only that were added while the content handler ran.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

needs_modules('lua');

my %phase = (
    set           => 'set_by_lua_block $x { return ngx.var.uri }',
    rewrite       => 'rewrite_by_lua_block { local x = ngx.var.uri }',
    access        => 'access_by_lua_block { local x = ngx.var.uri }',
    ctx           => 'rewrite_by_lua_block { ngx.ctx.a = { 1, 2 } }
                      log_by_lua_block { local x = ngx.ctx.a[2] }',
    header_filter => 'header_filter_by_lua_block { local x = ngx.var.uri }',
    body_filter   => 'body_filter_by_lua_block { local x = ngx.arg[1] }',
    log           => 'log_subrequest on;
                      log_by_lua_block { local x = ngx.var.uri }',
    every         => 'log_subrequest on;
                      rewrite_by_lua_block { local x = ngx.var.uri }
                      access_by_lua_block { local x = ngx.var.uri }
                      header_filter_by_lua_block { local x = ngx.status }
                      body_filter_by_lua_block { local x = ngx.arg[2] }
                      log_by_lua_block { local x = ngx.var.uri }',
);

# Only of a server.
my %server = (
    %phase,
    server_rewrite => 'server_rewrite_by_lua_block { local x = ngx.var.uri }',
);

my $pass = 'internal; proxy_pass http://volcengine/; proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;
    client_max_body_size 0;';

my %orders = load_orders('lua');

for my $order (sort keys %orders) {
    my $t = Jimeng::Test->new(
        %{ $orders{$order} }, strict => 1, poll_interval => '20ms',
        env  => { MALLOC_PERTURB_ => 165 },
        http => join("\n", 'lingering_close off;
            client_max_body_size 1m; jimeng_upload %%DIR%%/up
            http://127.0.0.1:%%PORT%%/up;', map { "
            server {
                listen 127.0.0.1:%%PORT:$_%%;
                $server{$_}
                location /v1/ { jimeng_pass /_volcengine; }
                location = /_volcengine { $pass }
            }
        " } sort keys %server),
        server => join("\n", map { "
            location /$_/ { jimeng_pass /_$_; }
            location = /_$_ { $phase{$_} $pass }
        " } sort keys %phase),
    );

    all_served(
        (map { start_all($t, "$order, of the server, $_", port => $_) }
            sort keys %server),
        (map { start_all($t, "$order, in the location, $_", path => "/$_") }
            sort keys %phase),
    );

    $t->finish;
}

done_testing;
