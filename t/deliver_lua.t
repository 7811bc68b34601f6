#!/usr/bin/perl

# Pictures from Lua in the internal location: what its handler sends from
# within is handed on when it has returned, and kept until the client took it.
#
# Seen failing:
# - "fast", with ngx_http_jimeng_answer_body_filter() handing it on from within
#   the handler: what nginx allocates for the client's reply comes from the
#   exchange's pool then, and the worker crashed;
# - "later", without c->data set in ngx_http_jimeng_pass_output(): while Lua
#   runs the connection is the subrequest's, and nginx put off what the client's
#   request sent until the reply's end.

use strict;
use warnings;

use lib 't/lib';

use IO::Select;
use IO::Uncompress::Gunzip ();
use Jimeng::Test;
use Jimeng::Test::Answer qw(done http pending submitted upstream);
use Jimeng::Test::Http2;
use Jimeng::Test::Modules;

needs_modules('lua');

my $ids = File::Temp->newdir;
my $gate = File::Temp->new;

# The second task takes until the gate is open.
my $server = upstream(
    submit => sub {
        my $id = 1;
        $id++ until mkdir "$ids/$id";
        return http(submitted($id));
    },
    query => sub {
        my ($request) = @_;
        my $waits = $request =~ /task_id\W+(?:2|4)\b/ && !-s "$gate";
        return http($waits ? pending() : done());
    },
);

my $n = 3;
my ($small, $large) = (1_000, 75_000);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '10ms', listen => 'sndbuf=4k',
    http     => 'jimeng_poll_attempts 10000;',
    main     => load_modules('lua'),
    env      => { MALLOC_PERTURB_ => 165 },
    server   => <<"EOT",
        listen 127.0.0.1:%%PORT:http2%% http2 sndbuf=4k;
        listen 127.0.0.1:%%PORT:fast%%;
        listen 127.0.0.1:%%PORT:later%%;
        gzip_types *;
        gzip on;

        location = /_lua {
            internal;
            content_by_lua_block {
                local port = ngx.var.server_port
                local fast = port ~= "%%PORT:http%%"
                             and port ~= "%%PORT:http2%%"
                if port == "%%PORT:later%%" then
                    ngx.sleep(0.01)
                end
                ngx.print('{"code":10000,"data":{"status":"done",')
                ngx.print('"binary_data_base64":["')
                ngx.print(string.rep('QUJD', fast and $small or $large))
                ngx.print('"]}}')
            }
        }
EOT
    proxy    => <<'EOT',
        if ($request_body ~ "return_url[^:]*:false") { rewrite ^ /_lua last; }
        proxy_pass http://volcengine/;
EOT
);

for my $port (qw(fast later)) {
    my $name = $port eq 'fast' ? 'at once' : 'later';

    my $x = $t->start_generate({
        prompt => 'a drum', n => 2, response_format => 'b64_json',
        stream => JSON::PP::true(),
        # In Ark's form no picture waits for another.
        sequential_image_generation => 'disabled',
    }, undef, port => $port);

    ok($x->read_until(qr/(?:QUJD){$small}/, 5),
       "$name: the first picture");
    syswrite $gate, '.';
    ok($x->response->complete, "$name: and the rest");
    truncate $gate, 0 or die $!;
}

syswrite $gate, '.';

for my $stream (0, 1) {
    my ($method, $path, $headers, $body) = $t->generation({
        prompt => 'a drum', n => $n, response_format => 'b64_json',
        ($stream ? (stream => JSON::PP::true()) : ()),
    });

    for my $how (qw(fast http1 http2)) {
        my $name = $how . ($stream ? ', stream' : '');
        my $picture = 'QUJD' x ($how eq 'fast' ? $small : $large);
        my $text;

        if ($how eq 'http2') {
            my $h2 = Jimeng::Test::Http2->new($t->port('http2'),
                                              window => 65535);
            my $id = $h2->start($method, $path, $headers, $body);
            ok(!$h2->response($id, 0.5)->{over}, "$name: it waits");

            $h2->_send(Jimeng::Test::Http2::_frame(8, 0, $id,
                                                   pack 'N', 1 << 24));
            $text = $h2->response($id)->{body};

        } else {
            my $x = $how eq 'fast'
                ? $t->start_request($method, $path, {
                      %$headers, 'Accept-Encoding' => 'gzip',
                  }, $body, port => 'fast')
                : $t->start_request($method, $path, $headers, $body);
            wait_for { IO::Select->new($x->socket)->can_read(0) }
                "$name: it began";
            is($t->request('GET', '/stub_status')->status, 200,
               "$name: the worker goes on");
            my $r = $x->response;
            $text = $r->body;

            if ($how eq 'fast') {
                is($r->header('content-encoding'), 'gzip', "$name: coding");
                IO::Uncompress::Gunzip::gunzip(\$r->body, \$text)
                    or $text = '';
            }
        }

        my @pictures = $text =~ /"b64_json":"([^"]*)"/g;
        is(scalar(grep { $_ eq $picture } @pictures), $n, "$name: pictures");
    }
}

$t->done;
