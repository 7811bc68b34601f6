# An internal location with Lua in it: what waits before proxy_pass makes its
# upstream later than usual, and a handler of its own may send a submit without
# any upstream of nginx's.  Neither may have a task ordered twice.
#
# Seen failing: with the limit on proxy_next_upstream set only when the
# subrequest is first run, two servers got the submit; with "no upstream"
# taken for "nothing was sent", Lua sent it three times.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Answer qw(done http submitted upstream);
use Jimeng::Test::Modules;

needs_modules('lua');

my $count = File::Temp->new;

my @servers = map {
    upstream(
        submit => sub {
            open my $fh, '>>', "$count" or die $!;
            syswrite $fh, '.';
            return undef;
        },
        query => sub { http(done()) },
    )
} 1, 2;

my $servers = join ' ', map { 'server 127.0.0.1:' . $_->port . ';' } @servers;

my $t = Jimeng::Test->new(
    emulator => 0,
    upstream => '127.0.0.1:%%PORT:nobody%%',
    main     => load_modules('lua'),
    env      => { MALLOC_PERTURB_ => 165 },
    http     => "upstream two { $servers }",
    server   => <<"EOT",
        location /waits/ { jimeng_pass /_waits; }
        location = /_waits {
            internal;
            rewrite_by_lua_block { ngx.sleep(0.05) }
            proxy_http_version 1.1;
            proxy_set_header Host visual.volcengineapi.com;
            proxy_next_upstream error timeout non_idempotent;
            proxy_pass http://two/;
        }

        location /itself/ { jimeng_pass /_itself; }
        location = /_itself {
            internal;
            content_by_lua_block {
                local file = io.open("$count", "a")
                file:write(".")
                file:close()
                ngx.sleep(0.01)
                ngx.exit(502)
            }
        }
EOT
);

for my $name (qw(waits itself)) {
    truncate $count, 0 or die $!;

    my $r = $t->request('POST', "/$name/images/generations",
                        { 'Content-Type' => 'application/json' },
                        '{"prompt":"a lock on a canal"}');

    is($r->status, 502, "$name: status");
    is($r->header('x-should-retry'), 'false', "$name: is not to be retried");
    is(-s "$count", 1, "$name: one submit");
}

$t->done;
