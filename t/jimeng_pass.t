#!/usr/bin/perl

# jimeng_pass: where it can be written, what kinds of locations serve, and
# that it does not serve the subrequests of other modules: a mirror of a
# request that is paid for would be paid for again.  That guard was seen
# failing, as said below.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

my $d = Jimeng::Test::Directive->new('jimeng_pass', only => [ 'location' ]);
my $no_uri = sub { '\\"jimeng_pass" takes the URI of an internal location, '
                   . qq(as "/_volcengine", not "$_[0]") };

$d->common('/_volcengine');
$d->good('/', '/_volcengine', '"/a b"', '/nowhere');
$d->bad(map { [ $_, $no_uri->($_) ] }
        'x', '@volcengine', 'https://volcengine/', 'volcengine/', '$uri',
        '=/_volcengine');
$d->bad([ '""', $no_uri->('') ]);
$d->bad([ '/_volcengine?x=1', $no_uri->('/_volcengine?x=1') ]);
$d->bad([ 'on', $no_uri->('on') ], [ 'off', $no_uri->('off') ]);

# A plain configuration, for what the harness would add to.
sub conf {
    my ($http, $location) = @_;
    return (conf => "%%MODULE%%\n%%GLOBALS%%\nevents { }\nhttp {\n"
                    . "%%GLOBALS_HTTP%%\n$http\nserver { listen "
                    . "127.0.0.1:%%PORT%%;\n$location\n} }\n");
}

$d->refuses('no account', '"jimeng_pass" needs a "jimeng_account"',
            conf('', 'location / { jimeng_pass /x; }'));
$d->refuses('no account, in a limit_except',
            '"jimeng_pass" needs a "jimeng_account"',
            conf('', 'location / { limit_except GET { deny all; } '
                     . 'jimeng_pass /x; }'));
$d->accepts('no account, and no jimeng_pass', conf('', 'location / { }'));


# ---- kinds of locations

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms',
    location => <<'EOT',
        jimeng_pass /_volcengine;

        location /v1/nested/ { }
        location /v1/own/ { jimeng_pass /_volcengine; jimeng_max_prompt 5; }
EOT
    server => <<'EOT',
        location = /exact/images/generations { jimeng_pass /_volcengine; }

        location ~ ^/regex/(?<who>\w+)/ { jimeng_pass /_volcengine; }

        location ^~ /prefix/ { jimeng_pass /_volcengine; }

        location /named/ { try_files /nothing @named; }
        location @named { jimeng_pass /_volcengine; }

        location /rewritten/ {
            rewrite ^/rewritten/(.*) /v1/$1 last;
        }
        location /broken-off/ {
            rewrite ^ /any/images/generations break;
            jimeng_pass /_volcengine;
        }

        location /only-post/ {
            limit_except POST { deny all; }
            jimeng_pass /_volcengine;
        }
        location /others/ {
            limit_except GET { allow all; }
            jimeng_pass /_volcengine;
            jimeng_max_prompt 20;
        }
        location /if/ {
            jimeng_max_prompt 20;
            if ($arg_marked) { add_header X-Marked yes always; }
            jimeng_pass /_volcengine;
        }

        location /to-prefix/ { jimeng_pass /_volcengine/by/prefix; }
        location /_volcengine/by/ {
            internal;
            proxy_pass http://volcengine/;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host visual.volcengineapi.com;
            rewrite ^ / break;
        }

        location /to-nowhere/ { jimeng_pass /nowhere; }
        location /to-itself/ {
            jimeng_pass /to-itself/images/generations;
            jimeng_timeout 2s;
        }
        location /to-page/ { jimeng_pass /page; }
        location = /page { return 200 "fine"; }
EOT
);

my $json = { 'Content-Type' => 'application/json' };

sub post {
    my ($path, $prompt) = @_;
    $prompt //= 'a boat';
    return $t->request('POST', $path, $json, qq({"prompt":"$prompt"}));
}

for my $path ('/v1', '/v1/any/prefix', '/exact', '/regex/me/v1', '/prefix',
              '/named', '/rewritten', '/broken-off', '/only-post', '/others',
              '/if', '/to-prefix')
{
    my $submits = $t->submits;

    is(post("$path/images/generations")->status, 200, "$path: a picture");
    is($t->submits - $submits, 1, "$path: submitted once");
}

is(post('/v1/images/generations?x=1&Action=Other')->status, 200,
   'arguments are of no account');
is_error(post('/broken-off/x', 'x' x 801), 'the rewritten URI counts', 413,
         'prompt_too_long', param => 'prompt', message => qr/limit is 800/);
is_error(post('/v1/own/images/generations', 'too long'), 'a nested location',
         413, 'prompt_too_long', param => 'prompt', message => qr/limit is 5/);
like(post('/v1/nested/images/generations')->body, qr/^<html>/,
     'a nested location does not inherit jimeng_pass');


# ---- limit_except and if have a configuration of their own

my $submits = $t->submits;

is_error($t->request('GET', '/only-post/images/generations'),
         'limit_except denies', 403, 'permission_denied');
is_error($t->request('GET', '/others/images/generations'),
         'limit_except is not in force', 405, 'method_not_allowed');
is_error(post('/others/images/generations', 'x' x 21),
         'limit_except: settings of the location', 413, 'prompt_too_long',
         param => 'prompt', message => qr/limit is 20;/);

my $r = post('/if/images/generations?marked=1', 'x' x 21);
is_error($r, 'if: settings of the location', 413, 'prompt_too_long',
         param => 'prompt', message => qr/limit is 20;/);
is($r->header('X-Marked'), 'yes', 'if: its own as well');
is(scalar $t->submits, $submits, 'nothing of these was submitted');

is(post('/if/images/generations?marked=1')->status, 200, 'if: a picture');


# ---- a URI that leads elsewhere: nothing is submitted, and the client is told

$submits = $t->submits;

for my $path ('/to-nowhere', '/to-itself', '/to-page') {
    is_error(post("$path/images/generations"), $path, 502, 'upstream_error',
             retry => $path eq '/to-page' ? 0 : 1);
}

is(scalar $t->submits, $submits, 'nothing of these was submitted');
$t->log_like(qr{\[error\].* not subrequests such as "/to-itself/images/gener},
             'the log tells of a location that leads to itself');
$t->finish;


# ---- in somebody else's subrequest
#
# Seen failing without the test of r->main in the handler: the mirrored request
# was submitted, and a worker died of it.

my $refused = qr{\[error\].*"jimeng_pass" serves requests of clients, not };

$t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms',
    server => <<'EOT',
        location /asking/ {
            auth_request /v1/images/generations;
            alias %%DIR%%/page/;
        }
        location /mirrored/ {
            mirror /v1/images/generations;
            proxy_pass http://127.0.0.1:%%PORT%%/plain/;
        }
        location /including/ {
            ssi on;
            ssi_types text/plain;
            default_type text/plain;
            alias %%DIR%%/page/;
        }
        location /plain/ { return 200 "fine"; }
EOT
    start => 0,
);

mkdir $t->dir . '/page';
$t->write_file('page/x', '[<!--#include virtual="/v1/images/generations" -->]');
$t->start;

my %served = (
    '/asking/x' => [ 'GET', 500, qr/500 Internal/ ],
    '/mirrored/x' => [ 'POST', 200, qr/^fine\z/ ],
    '/including/x' => [ 'GET', 200, qr/^\[.*\]\z/s ],
);

for my $path (sort keys %served) {
    my ($method, $status, $body) = @{ $served{$path} };
    my $logged = () = $t->error_log =~ /$refused/g;
    my $r = $t->request($method, $path, $json, '{"prompt":"a boat"}');

    is($r->status, $status, "$path: status");
    like($r->body, $body, "$path: body");
    wait_for { (() = $t->error_log =~ /$refused/g) > $logged }
        "$path: a line in the log";
}

is_deeply([ $t->emulator->journal ], [], 'nothing was submitted');
$t->finish;


# ---- other modules' subrequests beside ours

$t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '50ms', strict => 1,
    location => 'auth_request /let-in; mirror /copy; mirror /copy2;',
    server => <<'EOT',
        location = /let-in { internal; return 204; }
        location = /copy {
            internal;
            proxy_pass http://127.0.0.1:%%PORT%%/log-copy;
        }
        location = /copy2 { internal; return 204; }
        location = /log-copy { return 204; }
EOT
    proxy => 'mirror /copy; auth_request /let-in;',
);

for my $size (30, 40_000) {
    my $user = 'u' x $size;
    my $submits = $t->submits;
    my @asked = map { $t->start_generate({ user => $user }) } 1 .. 3;

    is_deeply([ map { $_->response->status } @asked ], [ (200) x 3 ],
              "with auth_request and mirror, $size bytes: pictures");
    is($t->submits - $submits, 3, "$size bytes: submitted once each");
    $_->abort for @asked;
}

is(scalar grep({ $_->{request} =~ /log-copy/ } $t->access_log), 6,
   'mirrored once for each request of a client');

$t->done;
