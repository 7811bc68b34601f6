#!/usr/bin/perl

# The line of a task whose worker was killed is written for a request without
# a connection, a header or a reply: whatever a format, a map, "if=" or Lua in
# the phase of the log asks of it, there is an answer, and the worker lives.
#
# Seen failing: with no socket address, nginx crashed for $remote_port, and
# "geo" did for its map.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of);
use Jimeng::Test::Modules;
use Jimeng::Test::Process qw(slurp);

needs_modules('lua');

my $variables = join ' ', map { "\$$_" } qw(
    jimeng_client jimeng_billed remote_addr binary_remote_addr remote_port
    server_addr server_port server_name server_protocol host hostname scheme
    https request request_uri uri args query_string is_args document_uri
    request_method request_length request_time request_body request_body_file
    request_completion request_filename document_root
    remote_user http_user_agent http_x_none cookie_none arg_none
    sent_http_content_type sent_http_content_length sent_trailer_none
    content_type content_length status body_bytes_sent bytes_sent
    connection connection_requests connection_time pipe limit_rate msec
    time_local tcpinfo_rtt tcpinfo_snd_cwnd proxy_protocol_addr
    ssl_protocol ssl_cipher ssl_client_s_dn ssl_server_name ssl_session_id
    upstream_addr upstream_status upstream_response_time upstream_cache_status
    upstream_http_server gzip_ratio http2 invalid_referer proxy_host
    proxy_add_x_forwarded_for slice_none request_id jimeng_request_id
    jimeng_account jimeng_model jimeng_requested_model jimeng_size jimeng_task
    jimeng_join jimeng_upstream_request_id jimeng_task_id jimeng_status
    jimeng_code jimeng_n jimeng_tries jimeng_polls jimeng_images jimeng_cost
    jimeng_queue_position jimeng_queue_time jimeng_task_time
    jimeng_upstream_time mapped near);

$variables =~ s/ \$slice_none//;
$variables =~ s/ \$(?:http2|gzip_ratio)//g;

my $t = with_keys(
    [ qw(alice carol) ],
    workers => 2, emulator => { seconds => 1.5, concurrency => 2 },
    account => 'concurrency 2;',
    main => load_modules('lua'), env => { MALLOC_PERTURB_ => 165 },
    http => <<"EOT",
        log_format all '$variables';
        map \$remote_addr \$mapped { default other; unix: local; }
        geo \$near { default 0; 127.0.0.0/8 1; }
EOT
    server => <<'EOT',
        access_log %%DIR%%/access.log jimeng;
        access_log %%DIR%%/all.log all if=$jimeng_billed;
        log_by_lua_block {
            local file = io.open("%%DIR%%/lua.log", "a")
            file:write(ngx.var.jimeng_client, " ", ngx.var.jimeng_billed, " ",
                       ngx.var.remote_addr, " ", ngx.status, " ",
                       tostring(ngx.req.get_headers().host), " ",
                       ngx.ctx.none or "-", "\n")
            file:close()
        }
EOT
);
$t->allow_log(qr/worker process \d+ exited on signal 9/);

my ($one) = $t->workers('staying');
my $lost = ask($t, $one, request_as($t, 'alice', 'a lock'));

wait_for { submits_of($t, 'a lock') } 'it runs';
ok($t->kill_worker($one), 'its worker is killed');
$lost->response;

my $served = 0;

wait_for {
    $served += generate_as($t, 'carol', { prompt => "a gate $served" })->status
               == 200;
    return slurp($t->dir . '/all.log') =~ /^alice /m;
} 'its end is seen';

ok($t->signal('QUIT') && defined $t->wait_exit, 'nginx ends');

my @all = split /\n/, slurp($t->dir . '/all.log');
my ($line) = grep { /^alice / } @all;

like($line, qr/^alice 1 unix: /, 'the line');
like($line, qr/ local 0\z/, 'maps by the address');
is(scalar(@all), 1 + $served, 'and one for each other picture');

my @lua = grep { /^alice/ } split /\n/, slurp($t->dir . '/lua.log');

diag(grep { /lua/ } slurp($t->dir . '/error.log') =~ /^(.*\n)/mg) if !@lua;
is_deeply([ grep { / 1 / } @lua ], [ 'alice 1 unix: 0 nil -' ],
          'Lua sees the same');

$t->done;
