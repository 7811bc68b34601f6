#!/usr/bin/perl

# What may stand in the internal location in place of a plain proxy_pass: a
# handler that answers by itself, which is one good error, soon, and named in
# the log; one that goes on to the upstream, which is a picture; and a cache,
# which has nothing to say.  Each has three tasks under way at a time: what
# wakes one of them wakes the handlers of the others.
#
# Seen failing:
# - "perl_sleep", without ngx_http_jimeng_exchange_handled(): it waited for
#   ever, and its worker could not leave;
# - "cached", without "u->cacheable = 0" in ngx_http_jimeng_answer_limit(): the
#   second client got the first one's picture, and no task of its own; by the
#   default key, the answer to the submit for that to the query;
# - every "the log names it", without that in ngx_http_jimeng_answer_read().

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Modules;
use Time::HiRes qw(time);

my $pass = 'proxy_pass http://volcengine/; proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;
    client_max_body_size 0;';
my $to = $pass =~ s{volcengine/}{%s/}r;

# By the module; "" is nginx's own.  These answer by themselves.
my @answers = (
    [ '', return => 'return 200 "x";' ],
    [ '', json => 'return 200 "{}";' ],
    [ '', gif => 'empty_gif;' ],
    [ '', status => 'stub_status;' ],
    [ 'perl', perl => 'perl "sub { my $r = shift; $r->send_http_header;
        $r->print(q(x)); return OK; }";' ],
    [ 'perl', perl_sleep => 'perl "sub { my $r = shift;
        $r->sleep(50, sub { my $r = shift; $r->send_http_header;
            $r->print(q(x)); return OK; });
        return OK; }";' ],
    [ 'echo', echo => 'echo x;' ],
    [ 'echo', echo_sleep => 'echo_sleep 0.05; echo x; echo_flush;' ],
    [ 'echo', echo_location => 'echo_location /x; echo_location_async /x;' ],
    [ 'js', js => 'js_content m.text;' ],
    [ 'js', js_later => 'js_content m.later;' ],
    [ 'js', js_throws => 'js_content m.throws;' ],
    [ 'js', js_subrequest => 'js_content m.subrequest;' ],
    [ 'lua', lua => 'content_by_lua_block { ngx.print("x") }' ],
    [ 'lua', lua_flush => 'content_by_lua_block {
        ngx.print("{")
        ngx.flush(true)
        ngx.sleep(0.05)
        ngx.print("}")
        ngx.eof()
        ngx.sleep(0.05)
    }' ],
    [ 'lua', lua_capture => 'content_by_lua_block {
        ngx.print(ngx.location.capture("/x").body)
    }' ],
    [ 'nchan', nchan => 'nchan_publisher; nchan_channel_id a;' ],
);

# And these go on to the upstream.
my @goes_on = (
    [ '', plain => $pass ],
    [ '', cached => "proxy_cache all; $pass" ],
    [ '', by_call => "proxy_cache all; proxy_cache_key \$uri\$args;
                      proxy_cache_lock on; $pass" ],
    [ '', stored => "proxy_store %%DIR%%/stored; $pass" ],
    [ '', tried => 'try_files /none /_plain?$args;' ],
    [ 'perl', perl_redirect => 'perl "sub { my $r = shift;
        $r->internal_redirect(q(/_plain?) . $r->args); return OK; }";' ],
    [ 'echo', echo_exec => 'echo_exec /_plain $args;' ],
    [ 'lua', lua_exec => 'content_by_lua_block {
        return ngx.exec("/_plain", ngx.var.args)
    }' ],
    [ 'lua', balancer => sprintf($to, 'balanced') ],
    [ 'upstream_fair', fair => sprintf($to, 'fair') ],
    [ 'srcache_filter', srcache => "srcache_fetch GET /x;
        srcache_store PUT /x; srcache_methods POST; $pass" ],
    [ 'headers_more_filter', input => "more_set_input_headers 'X-A: b';
        more_clear_input_headers Cookie User-Agent; $pass" ],
    [ 'modsecurity', modsecurity => "modsecurity on;
        modsecurity_rules 'SecRuleEngine On\nSecRequestBodyAccess On';
        $pass" ],
);

my %http = (
    js => 'js_import m from %%DIR%%/m.js;',
    lua => 'upstream balanced {
                server 0.0.0.1;
                balancer_by_lua_block {
                    local balancer = require "ngx.balancer"
                    balancer.set_more_tries(2)
                    balancer.set_current_peer("127.0.0.1", %%EMULATOR_PORT%%)
                }
                keepalive 4;
            }',
    upstream_fair => 'upstream fair {
                          server 127.0.0.1:%%EMULATOR_PORT%%;
                          server 127.0.0.1:%%EMULATOR_PORT%%;
                          fair;
                      }',
);

my %loaded;
$loaded{$_} = 1 for grep { length && has_module($_) }
                    map { $_->[0] } @answers, @goes_on;

# Its library is not in each of the packages.
delete $loaded{lua} if !-e '/usr/share/lua/5.1/ngx/balancer.lua'
                       && !-e '/usr/share/lua/5.1/resty/core.lua';

@$_ = grep { $_->[0] eq '' || $loaded{ $_->[0] } } @$_
    for \@answers, \@goes_on;

my $script = <<'EOT';
function text(r) { r.return(200, '{}'); }
function later(r) { setTimeout(function () { r.return(200, '{}'); }, 50); }
function throws(r) { throw new Error('x'); }
async function subrequest(r) { await r.subrequest('/x'); r.return(200, '{}'); }
export default {text, later, throws, subrequest};
EOT

my %orders = load_orders(sort keys %loaded);

for my $order (sort keys %orders) {
    my $t = Jimeng::Test->new(
        start => 0, strict => 1, poll_interval => '20ms',
        emulator => { seconds => 0 },
        env => { MALLOC_PERTURB_ => 165 }, %{ $orders{$order} },
        http => join("\n", 'lingering_close off;
            proxy_cache_path %%DIR%%/cache keys_zone=all:1m;
            proxy_cache_methods POST; proxy_cache_valid any 1m;',
            map { $http{$_} // '' } sort keys %loaded),
        server => join("\n", 'location = /x { return 200 "xxx"; }', map { "
            location /$_->[1]/ { jimeng_pass /_$_->[1]; }
            location = /_$_->[1] { internal; $_->[2] }
        " } @answers, @goes_on),
    );

    $t->write_file('m.js', $script);
    $t->start;

    my @workers = $t->workers;
    my $begin = time;

    my $start = sub {
        my ($name, $prompt, %fields) = @_;

        my (undef, undef, $headers, $body) = $t->generation({
            prompt => "$prompt, $name.", n => 3, %fields,
        });

        return $t->start_request('POST', "/$name/images/generations",
                                 $headers, $body);
    };

    my @forms = ({}, { response_format => 'b64_json' }, { stream => \1 });
    my %client = map {
        my $name = $_->[1];
        $name => [ map { $start->($name, 'a quay', %$_) } @forms ];
    } @answers, @goes_on;

    for my $one (@answers) {
        my $name = $one->[1];
        my ($r, $base64, $stream) = map { $_->response } @{ $client{$name} };

        is_error($t, $_, "$order, $name", code => 'upstream_error',
                 no_retry => 1) for $r, $base64;
        like($stream->body, qr/"code":"upstream_error"/,
             "$order, $name: a stream");
        is(scalar(() = $t->submits("a quay, $name.")), 0,
           "$order, $name: nothing is sent");
        $t->log_like(qr/"\/_$name" itself answered with \d+, and not as/,
                     "$order, $name: the log names it");
    }

    for my $one (@goes_on) {
        my $name = $one->[1];

        for my $r (map { $_->response } @{ $client{$name} }) {
            is($r->status, 200, "$order, $name") or diag($r->body);
            unlike($r->body, qr/"error"/, "$order, $name: no error");
        }

        is(scalar(() = $t->submits("a quay, $name.")), 9,
           "$order, $name: submits");
    }

    # One after the other: what was kept would be found.
    for my $name (qw(cached by_call)) {
        my %seen;

        for my $prompt ('a pier', 'a dock') {
            my $r = $start->($name, $prompt)->response;
            is($r->status, 200, "$order, $name, $prompt") or diag($r->body);
            $seen{ $_->{url} }++ for @{ $r->json->{data} || [] };
            is(scalar(() = $t->submits("$prompt, $name.")), 3,
               "$order, $name, $prompt: submits");
        }

        is(scalar keys %seen, 6, "$order, $name: six pictures");
    }

    cmp_ok(time - $begin, '<', 30, "$order: nothing has waited");
    is(join(' ', $t->workers), "@workers", "$order: the same workers");
    $t->finish;
}

done_testing;
