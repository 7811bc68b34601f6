#!/usr/bin/perl

# Lua that waits in a phase of the internal location, or leaves something
# behind there: timers, threads, sockets, subrequests of its own.  None of it
# may come back to a subrequest that is gone, or be the cause of a second
# submit; what is not sent when the client leaves is never sent.
#
# Seen failing:
# - "later" and "udp", without ngx_http_jimeng_exchange_shared(): such a socket
#   lies in Lua's memory, and its cleanup in that of the client's request;
# - "capture, gone", without ngx_http_jimeng_exchange_inactive();
# - "and the client leaves", without ngx_http_jimeng_exchange_waits() in
#   ngx_http_jimeng_exchange_cancel().

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

needs_modules('lua');

my $connect = 'local s = ngx.socket.tcp()
    s:connect("127.0.0.1", %%PORT%%)
    s:send("GET /stub_status HTTP/1.0\r\n\r\n")
    local line = s:receive("*l")';

my %phase = (
    sleeps => 'rewrite_by_lua_block { ngx.sleep(0.02) }',
    twice  => 'rewrite_by_lua_block {
        ngx.sleep(0.01)
        ngx.ctx.a = {}
        ngx.sleep(0.01)
    }',
    threads => 'rewrite_by_lua_block {
        local function f() ngx.sleep(0.01) end
        ngx.thread.wait(ngx.thread.spawn(f))
        ngx.thread.spawn(f)
    }',
    timer => 'rewrite_by_lua_block {
        ngx.timer.at(0.05, function () local a = ngx.now() end)
    }',
    socket => "rewrite_by_lua_block { $connect }",
    closed => "rewrite_by_lua_block { $connect s:close() }",
    later  => "rewrite_by_lua_block { ngx.sleep(0.01) $connect }",
    kept   => "rewrite_by_lua_block { $connect s:setkeepalive(1000, 4) }",
    udp    => 'rewrite_by_lua_block {
        ngx.sleep(0.01)
        local s = ngx.socket.udp()
        s:setpeername("127.0.0.1", %%PORT%%)
    }',
    capture => 'rewrite_by_lua_block {
        ngx.location.capture("/x")
        ngx.location.capture_multi({ { "/x" }, { "/slow" } })
    }',
    exec   => 'rewrite_by_lua_block { ngx.sleep(0.01) ngx.exec("/_plain", ngx.var.args) }',
    ends   => 'rewrite_by_lua_block {
        ngx.sleep(0.01)
        if ngx.var.arg_none then ngx.exit(502) end
    }',
    aborts => 'lua_check_client_abort on;
        rewrite_by_lua_block { ngx.on_abort(function () end) ngx.sleep(0.01) }',
);

my $pass = 'internal; proxy_pass http://volcengine/; proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;
    client_max_body_size 0;';

my %orders = load_orders('lua');

for my $order (sort keys %orders) {
    my $t = Jimeng::Test->new(
        %{ $orders{$order} }, strict => 1, poll_interval => '20ms',
        env    => { MALLOC_PERTURB_ => 165 },
        http   => 'lingering_close off; client_max_body_size 1m;
            jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
        server => join("\n", map { "
            location /$_/ { jimeng_pass /_$_; }
            location = /_$_ { $phase{$_} $pass }
        " } sort keys %phase) . "
            location = /_plain { $pass }
            location = /x { return 200 'x'; }
            location = /slow {
                content_by_lua_block { ngx.sleep(0.01) ngx.print('x') }
            }
            location /long/ { jimeng_pass /_long; }
            location = /_long {
                rewrite_by_lua_block { ngx.sleep(0.7) }
                $pass
            }
        ",
    );

    all_served(map { start_all($t, "$order, $_", path => "/$_") }
               sort keys %phase);

    # A client that leaves while Lua sleeps before the submit.
    my ($worker) = $t->workers;
    my @clients = map {
        my (undef, undef, $headers, $body) = $t->generation({
            prompt => "a late ferry $_", n => $_,
        });
        $t->start_request('POST', '/long/images/generations', $headers, $body);
    } 1, 3;

    ok(!$clients[0]->response(0.3)->status, "$order, long: it waits");
    $_->abort for @clients;

    wait_for {
        2 == grep { $_->{request} =~ /long/ && $_->{status} == 499 }
             $t->access_log
    } "$order, and the client leaves";

    # Longer than Lua would have slept.
    my $x = $t->start_request(
        'POST', '/long/images/generations',
        ($t->generation({ prompt => 'an early ferry' }))[2, 3]);
    is($x->response->status, 200, "$order, long: a picture");

    is(scalar(() = $t->submits('a late ferry')), 0,
       "$order, and the client leaves: nothing is sent");
    is(join(' ', $t->workers), $worker, "$order, long: the same worker");

    $t->finish;
}

done_testing;
