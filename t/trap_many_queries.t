#!/usr/bin/perl

# Whatever nginx allocates for a subrequest stays until the client's request
# ends: some 11 KB for each query.  A thousand queries of forty jobs must not
# take more memory than ten do; and 1000 subrequests of one request are not
# too many (nginx's limit of 50 is one on nesting).
#
# Seen failing:
# - "memory", without "r->pool = x->pool" in
#   ngx_http_jimeng_exchange_create(), and without
#   ngx_http_jimeng_exchange_enter() in ngx_http_jimeng_exchange_run();
# - "memory", without ngx_http_jimeng_exchange_destroy() at the end of
#   ngx_http_jimeng_job_handler().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(pending submitted);
use Jimeng::Test::Modules;
use Jimeng::Test::Process qw(slurp);

use constant { JOBS => 40, FEW => 10, MANY => 1000, KILOBYTES => 600 };

# An nginx is the only upstream that is fast enough.
my $upstream = Jimeng::Test->new(
    module => 0, emulator => 0,
    http => 'access_log off; keepalive_requests 1000000;',
    server => "location = / { default_type application/json;
        if (\$arg_Action = CVSync2AsyncSubmitTask) {
            return 200 '@{[ submitted() ]}';
        }
        return 200 '@{[ pending() ]}';
    }",
);

# Lua keeps something for each phase of each query, if it may.
my $lua = has_module('lua');

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $upstream->port,
    poll_interval => '1ms', log_level => 'crit',
    main => $lua ? load_modules('lua') : '',
    http => 'jimeng_timeout 60s;'
            . ($lua ? 'rewrite_by_lua_block { local x = ngx.var.uri }' : ''),
    location => 'jimeng_poll_attempts ' . FEW . ';',
    server => 'location /many/ {
        jimeng_pass /_volcengine;
        jimeng_poll_attempts ' . MANY . ';
    }',
);

my ($worker) = $t->workers;

# The worker's greatest size so far, in kilobytes.
sub size_of_worker {
    my ($kilobytes) = slurp("/proc/$worker/status") =~ /^VmHWM:\s+(\d+)/m;
    return $kilobytes;
}

sub run_jobs {
    my ($path, $polls) = @_;
    my (undef, undef, $headers, $body) = $t->generation;
    my @clients = map { $t->start_request('POST', $path, $headers, $body) }
                  1 .. JOBS;

    is(scalar(grep { $_->response->status == 504 } @clients), JOBS,
       "$path: all end");
    return;
}

run_jobs('/v1/images/generations') for 1 .. 3;
my $few = size_of_worker();

run_jobs('/many/images/generations');
my $many = size_of_worker();

is(join(' ', map { $_->{jimeng_polls} } ($t->access_lines(4 * JOBS))[0, -1]),
   FEW . ' ' . MANY, 'queries');

SKIP: {
    skip 'a sanitizer keeps what was freed', 1
        if slurp("/proc/$worker/maps") =~ /libasan/;

    cmp_ok($many - $few, '<', KILOBYTES, 'memory')
        or diag("from $few kB to $many kB");
}

$upstream->finish;
$t->done;
