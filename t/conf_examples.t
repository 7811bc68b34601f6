#!/usr/bin/perl

# conf-examples: nginx -t takes each of them as it stands, but for places;
# each complete one makes a picture, without TLS upstream, which t/tls.t has.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Certificate;
use Jimeng::Test::Example qw(internal rewrite);
use Jimeng::Test::Picture qw(jpeg png);
use Jimeng::Test::Process qw(slurp);

my $folder = Jimeng::Test::Nginx::root() . '/conf-examples';
my @files = grep { $_ ne 'systemd.conf' }
            map { s{.*/}{}r } sort glob "$folder/*.conf";
my %text = map { $_ => slurp("$folder/$_") } @files;

# t/store_nodes.t has two-nodes.conf, with a Redis.
my @complete = grep { $_ ne 'two-nodes.conf' && $text{$_} =~ /^events/m }
               @files;

is("@complete", 'auth-injection.conf browser.conf edge-gateway.conf'
   . ' minimal.conf pictures.conf shared-access.conf uploads.conf', 'the complete examples');
is(join(' ', grep { $text{$_} !~ /^events/m } @files),
   'ark.conf log.conf volcengine.conf', 'those that are included');

for my $name (@complete) {
    like($text{$name}, qr/^ +include volcengine\.conf;/m,
         "$name includes volcengine.conf");
    like($text{$name}, qr/^ +include log\.conf;\n +access_log \S+ jimeng;/m,
         "$name has the log") if $name ne 'minimal.conf';

    # At info nginx writes the keys of a request that has two.
    unlike($text{$name}, qr/^ *error_log .*(?:info|debug);/m,
           "$name: the level of its log");
}

# The files that examples name, of the account and of clients.
sub keys_of {
    my ($t) = @_;

    for my $account ('', 'second_') {
        $t->write_file("${account}access_key", $t->access_key . "\n");
        $t->write_file("${account}secret_key", $t->secret_key . "\n");
    }

    my %client = (
        'sk-of-the-client' => 'alice  rate=60r/m concurrency=4 images=100/d',
        'sk-of-bob' => "bob\tmodels=jimeng-4.0 expires=2999-01-01",
    );

    $t->write_file('task_secret', "a secret that seals links, of 64 bytes\n");
    $t->write_file('keys', join '', "# clients\n",
        map { sha256_hex($_) . "  $client{$_}\n" } sort keys %client);
    $t->secret(keys %client);
}


# What answers for the company's login service: it knows one key.
sub login {
    return raw_server(sub {
        my ($socket) = @_;

        while (defined(my $request = read_request($socket))) {
            my ($who) = $request =~ /^Authorization: Bearer sk-of-(\S+)/mi;
            my $status = $who ? "204 No Content\r\nX-User: $who\@example.com"
                              : '401 Unauthorized';

            print $socket "HTTP/1.1 $status\r\nContent-Length: 0\r\n"
                          . "WWW-Authenticate: Bearer\r\n\r\n";
        }
    });
}


# A request to the gateway with TLS, over HTTP/2 as clients do.
sub https {
    my ($t, $path, @more) = @_;

    my ($code, $out) = $t->curl('--http2', '-k', '-i', '--resolve',
        'gateway.example.com:' . $t->port . ':127.0.0.1', @more,
        'https://gateway.example.com:' . $t->port . $path);

    my ($head, $body) = split /\r\n\r\n/, $out, 2;
    my ($status) = $head =~ m{^HTTP/2 (\d+)};
    my %headers = $head =~ /^([\w-]+):[ ]*(.*?)\r?$/mg;

    %headers = map { lc $_ => $headers{$_} } keys %headers;

    return bless {
        status => $status // "none, $code", headers => \%headers,
        body => $body // '',
        json => Jimeng::Test::Http::decode_json_or_undef($body),
    }, 'Jimeng::Test::Http::Response';
}


sub picture_over_https {
    my ($t, $key, $fields) = @_;

    return https($t, '/v1/images/generations',
        '-H', 'Content-Type: application/json',
        defined $key ? ('-H', "Authorization: Bearer $key") : (),
        '-d', '{"prompt":"a heron in the reeds"' . ($fields // '') . '}');
}


# ---- the internal location

# What it is unsafe, or does not work, without.
my $internal = $text{'volcengine.conf'} =~ s/^\s*#.*//mgr =~ s/\s+/ /gr;

for my $line (
    'location = /_volcengine { internal;',
    'proxy_pass https://volcengine/;',
    'proxy_set_header Host visual.volcengineapi.com;',
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    'proxy_ssl_server_name on;',
    'proxy_ssl_name visual.volcengineapi.com;',
    'proxy_ssl_verify on;',
    'proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;',
    'client_max_body_size 0;',
) {
    ok(index($internal, $line) >= 0, "volcengine.conf: $line");
}

my ($ignored) = $internal =~ /proxy_ignore_headers ([^;]+);/;
is(join(' ', sort split ' ', $ignored // ''),
   'X-Accel-Buffering X-Accel-Charset X-Accel-Expires X-Accel-Limit-Rate'
   . ' X-Accel-Redirect', 'volcengine.conf ignores the family of X-Accel');
unlike($internal, qr/non_idempotent/, 'volcengine.conf: no second submit');


my $ark = $text{'ark.conf'} =~ s/^\s*#.*//mgr =~ s/\s+/ /gr;

for my $line (
    'location = /_ark { internal;',
    'proxy_pass https://ark/api/v3/images/generations;',
    'proxy_set_header Host ark.cn-beijing.volces.com;',
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    'proxy_ssl_server_name on;',
    'proxy_ssl_name ark.cn-beijing.volces.com;',
    'proxy_ssl_verify on;',
    'proxy_ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;',
    'proxy_next_upstream error timeout;',
    'client_max_body_size 0;',
) {
    ok(index($ark, $line) >= 0, "ark.conf: $line");
}

($ignored) = $ark =~ /proxy_ignore_headers ([^;]+);/;
is(join(' ', sort split ' ', $ignored // ''),
   'X-Accel-Buffering X-Accel-Charset X-Accel-Expires X-Accel-Limit-Rate'
   . ' X-Accel-Redirect', 'ark.conf ignores the family of X-Accel');
unlike($ark, qr/non_idempotent/, 'ark.conf: no second call');


# ---- nginx -t, and a picture without TLS

for my $name (@complete) {
    my $edge = $name =~ /^edge/;
    my $tls = $edge || $name =~ /^(?:browser|pictures)/;
    my $conf = rewrite($text{$name});
    my $login = $name =~ /^shared/ && login();

    if ($login) {
        my $port = $login->port;
        $conf =~ s/server 127\.0\.0\.1:9000;/server 127.0.0.1:$port;/
            or die "$name has no login service";

        # An office at home.
        $conf =~ s{allow 10\.0\.0\.0/8;}{allow 127.0.0.2;}
            or die "$name has no office";
    }

    my $t = Jimeng::Test->new(start => 0, conf => $conf,
                              emulator => { seconds => 0.1 });

    keys_of($t);
    write_certificate($t->dir . '/gateway', 'gateway.example.com') if $tls;
    internal($t);

    my ($rc, $said) = $t->test_config;
    is($rc, 0, "$name: nginx -t") or diag($said);
    unlike($said, qr/\[(?:warn|error|emerg)\]/, "$name: without a warning");

    internal($t, plain => 1);
    $t->start;

    # The key of a client is nothing to the service upstream.
    my $key = 'sk-of-the-client';
    my $r = $tls ? picture_over_https($t, $key)
          : $t->generate({ model => $name =~ /^auth/ ? 'gpt-image-1' : undef },
                         { Authorization => "Bearer $key" });

    is($r->status, 200, "$name: a picture") or diag($r->body);
    my $r_picture = $r;

    # Its clients ask for gpt-image-1, which gives no links.
    my ($form, $begins) = $name =~ /^auth/ ? (b64_json => 'iVBORw0KGgo')
                        : (url => $name =~ /^pictures/ ? 'https://' : 'http://');
    like($r->json->{data}[0]{$form}, qr{^\Q$begins\E}, "$name: its $form");

    my @sent = grep { $_->{path} eq '/' } $t->emulator->journal;
    is(scalar(grep { $_->{signature} ne 'ok' } @sent), 0,
       "$name: every signature is good");
    is($sent[0]{headers}{host}, 'visual.volcengineapi.com', "$name: the host");
    unlike($sent[0]{headers}{authorization}, qr/sk-of/,
           "$name: the client's key stays here");

    $r = $tls ? https($t, '/_volcengine') : $t->request('GET', '/_volcengine');
    is($r->status, 404, "$name: the internal location is internal");

    limits($t) if $name =~ /^auth/;
    edge($t) if $edge;
    browser($t) if $name =~ /^browser/;
    shared($t) if $login;
    pictures($t, $r_picture) if $name =~ /^pictures/;
    uploads($t) if $name =~ /^uploads/;
    $t->finish;
}


# ---- both services: the minimal one, with what README adds to it for Ark

{
    my $readme = slurp(Jimeng::Test::Nginx::root() . '/README.md');
    my ($both) = $readme =~ /^## Two services\n.*?^```nginx\n(.*?)^```/ms;
    my ($account) = $both =~ /^( +jimeng_account ark .*?^    \}\n)/ms;
    my ($zone) = $both =~ /^( +jimeng_zone .*?;)/m;
    my ($accounts) = $both =~ /^ +(jimeng_accounts .*?;)/m;
    my ($upstream) = $text{'ark.conf'}
        =~ /^(#     upstream ark \{\n.*?^#     \}\n)/ms;

    $upstream =~ s/^#//mg;
    like($both =~ s/^ +//mgr, qr/\Q@{[ $upstream =~ s{^ +}{}mgr ]}/,
         'ark.conf: the same upstream in README');

    my $conf = $text{'minimal.conf'} =~ s/^http \{\n/http {\n$zone\n$account/mr
        =~ s/^( +upstream )/$upstream$1/mr
        =~ s/(secret_key env:VOLC_SECRETKEY;)/$1 concurrency 2;/r
        =~ s/(jimeng_pass \/_volcengine;)/$1 $accounts/r
        =~ s/(include volcengine\.conf;)/$1 include ark.conf;/r;
    my $key = 'ark-0123456789-that-opens-nothing';

    my $t = Jimeng::Test->new(start => 0, env => { ARK_API_KEY => $key },
        conf => rewrite($conf)
            =~ s/server ark\.cn-beijing\S+:443;/server 127.0.0.1:%%EMULATOR_PORT%%;/r,
        emulator => { seconds => 0.1, ark => [ { name => 'ark', key => $key,
                                                 seconds => 0.1 } ] });

    internal($t);
    $t->write_file('ark.conf', $text{'ark.conf'});

    my ($rc, $said) = $t->test_config;
    is($rc, 0, 'ark.conf: nginx -t') or diag($said);
    unlike($said, qr/\[(?:warn|error|emerg)\]/, 'ark.conf: without a warning');

    internal($t, plain => 1);
    $t->write_file('ark.conf', $text{'ark.conf'} =~ s/https:\/\/ark/http:\/\/ark/r);
    $t->start;

    is($t->generate({})->status, 200, 'ark.conf: a picture of Jimeng');
    is(scalar $t->submits, 1, 'ark.conf: by a task');

    my $r = $t->generate({ model => 'jimeng-4.5' },
                         { Authorization => 'Bearer sk-of-the-client' });
    is($r->status, 200, 'ark.conf: a picture of Ark') or diag($r->body);

    my ($call) = $t->emulator->journal(action => 'ark');
    is($call->{headers}{host}, 'ark.cn-beijing.volces.com', 'ark.conf: the host');
    is($call->{key}, 'ark', 'ark.conf: the key of the account');
    is($t->request('POST', '/_ark', {}, '{}')->status, 404,
       'ark.conf: the internal location is internal');
    $t->finish;
}


# What auth-injection.conf has beside the minimal one.
sub limits {
    my ($t) = @_;

    # A request is logged when its connection is closed, not when it is answered.
    my $row;
    wait_for { ($row) = grep { $_->{model} } $t->access_log }
        'auth-injection: a picture in the access log';

    is($row->{status}, 200, 'auth-injection: the access log is JSON');
    is($row->{model}, 'jimeng_t2i_v40', 'auth-injection: the model');
    is($row->{requested_model}, 'gpt-image-1',
       'auth-injection: as it was asked for');
    is($row->{task_status}, 'succeed', 'auth-injection: the state');
    is($row->{billed}, 1, 'auth-injection: one picture');
    like($row->{upstream_task_id}, qr/^\d+$/, 'auth-injection: the task');

    my @many = map { $t->post_raw('{}') } 1 .. 20;
    is_error($t, $many[-1], 'auth-injection: too many requests',
             code => 'rate_limit_exceeded');

    is(scalar(grep { $_->status != 400 } @many[0 .. 9]), 0,
       'auth-injection: a burst of ten');
    $t->allow_log(qr/limiting requests/);
}


# What edge-gateway.conf has beside the minimal one.
sub edge {
    my ($t) = @_;
    my ($alice, $bob) = ('sk-of-the-client', 'sk-of-bob');

    my $r = picture_over_https($t);
    is_error($t, $r, 'edge-gateway: no key', code => 'invalid_api_key');
    is($r->header('Strict-Transport-Security'), 'max-age=31536000',
       'edge-gateway: to be asked with TLS only');
    is_error($t, picture_over_https($t, 'sk-of-nobody'),
             'edge-gateway: an unknown key', code => 'invalid_api_key');
    is_error($t, picture_over_https($t, $bob, ',"model":"jimeng-4.6"'),
             'edge-gateway: not a model of his', code => 'permission_denied',
             param => 'model');

    $r = picture_over_https($t, $alice, ',"n":2');
    is($r->status, 200, 'edge-gateway: two pictures') or diag($r->body);
    is($r->header('x-ratelimit-limit-requests'), 60, 'edge-gateway: the rate');
    like($r->header('x-ratelimit-remaining-requests'), qr/^5[89]$/,
         'edge-gateway: what is left of it');

    $r = https($t, '/v1/usage', '-H', "Authorization: Bearer $alice");
    is($r->json->{client}, 'alice', 'edge-gateway: usage');
    is($r->json->{images}{used}, 3, 'edge-gateway: pictures so far');

    for my $path (qw(/ /metrics /status)) {
        $r = https($t, $path);
        is_error($t, $r, "edge-gateway: no $path for the public",
                 code => 'not_found');
        is($r->header('Strict-Transport-Security'), 'max-age=31536000',
           "edge-gateway: $path has its headers nevertheless");
    }

    # A request is logged when its connection is closed.
    my @rows;
    wait_for { (@rows = grep { $_->{task_id} } $t->access_log) == 2 }
        'edge-gateway: both in the access log';

    my ($row) = @rows;
    is_deeply([ @$row{qw(client status account model task_status join billed
                         protocol request)} ],
              [ 'alice', 200, 'first', 'jimeng_t2i_v40', 'succeed', 'new', 1,
                'HTTP/2.0', 'POST /v1/images/generations' ],
              'edge-gateway: the access log');
    like(slurp($t->dir . '/access.log'), qr/"queue_time":0\.\d{3},/,
         'edge-gateway: time in the queue');

    $r = $t->request('GET', '/metrics', {}, undef, port => 'private');
    is($r->status, 200, 'edge-gateway: metrics') or diag($r->body);
    like($r->header('Content-Type'), qr{^text/plain; version=0\.0\.4},
         'edge-gateway: for Prometheus');
    like($r->body, qr/^jimeng_slots\{account="$_->[0]"\} $_->[1]$/m,
         "edge-gateway: slots of the $_->[0] account")
        for [ first => 2 ], [ second => 4 ];

    $r = $t->request('GET', '/status', {}, undef, port => 'private');
    is(join(' ', map { $_->{name} } @{ $r->json->{accounts} }),
       'first second', 'edge-gateway: status');
    is($t->request('GET', '/v1/models', {}, undef, port => 'private')->status,
       404, 'edge-gateway: nothing else there');
}


# What browser.conf has beside the minimal one; t/browser.t has a browser.
sub browser {
    my ($t) = @_;
    my $name = 'browser';
    my $page = 'https://app.example.com';
    my $asked = 'authorization,content-type,x-stainless-lang';

    for my $case (
        [ $page, 'images/generations', $page ],
        [ 'https://studio.example.com', 'images/edits',
          'https://studio.example.com' ],
        [ 'https://app.example.com.evil.example', 'images/generations' ],
        [ 'https://example.com', 'images/generations' ],
        [ 'http://app.example.com', 'images/generations' ],
        [ 'https://app.example.com:8443', 'images/generations' ],
        [ 'null', 'images/generations' ],
    ) {
        my ($origin, $path, $allowed) = @$case;
        my $r = https($t, "/v1/$path", '-X', 'OPTIONS', '-H',
            "Origin: $origin", '-H', 'Access-Control-Request-Method: POST',
            '-H', "Access-Control-Request-Headers: $asked");

        is($r->status, 204, "$name: a preflight of $origin");
        is($r->header('Access-Control-Allow-Origin'), $allowed,
           "$name: whether $origin may");
        is($r->header('Access-Control-Allow-Headers'), $asked,
           "$name: the headers of $origin") if $allowed;
        like($r->header('Vary'), qr/^Origin\b/, "$name: to $origin only");
        is($r->body, '', "$name: and no more to $origin");
    }

    my ($code, $out) = $t->curl('--http2', '-k', '-i', '--resolve',
        'gateway.example.com:' . $t->port . ':127.0.0.1',
        '-H', "Origin: $page",
        'https://gateway.example.com:' . $t->port . '/v1/models');
    like($out, qr{^HTTP/2 401}, "$name: no key");
    like($out, qr/^access-control-allow-origin: \Q$page\E\r$/m,
         "$name: which the page may read");
    like($out, qr/^vary: Origin\r$/m, "$name: no other page's");

    # All that the module sends, less what any page may read, and what is
    # between it and a proxy.
    my $source = join '', map { slurp($_) }
                 map { glob Jimeng::Test::Nginx::root() . "/src/$_.c" }
                 '*', '*/*';
    my %sent = map { lc $_ => 1 }
               $source =~ /ngx_http_jimeng_reply_header\(r, "([\w-]+)"/g,
               $source =~ /"(x-ratelimit-[\w-]+)"/g;
    delete @sent{qw(cache-control x-accel-buffering)};

    my %shown = map { lc $_ => 1 } map { split /, / }
                $out =~ /^access-control-expose-headers: (.*)\r$/mg;
    is(join(' ', sort keys %shown), join(' ', sort keys %sent),
       "$name: the headers that the page may read");
    cmp_ok(scalar(keys %sent), '>=', 8, "$name: those of the source");
}


# What shared-access.conf has beside the minimal one.
sub shared {
    my ($t) = @_;
    my %bob = (Authorization => 'Bearer sk-of-bob');
    my %carol = (Authorization => 'Bearer sk-of-carol');
    my $name = 'shared-access';

    $t->secret('sk-of-carol');

    my $r = $t->generate;
    is_error($t, $r, "$name: nobody the login service knows",
             code => 'invalid_api_key');
    is($r->header('WWW-Authenticate'), 'Bearer', "$name: what it asks for");

    my ($code, $out) = $t->curl('--interface', '127.0.0.2',
                                $t->url('/v1/models'));
    like($out, qr/"object":"list"/, "$name: the office needs no key");
    $t->allow_log(qr/access forbidden by rule/);

    # Eight at a time, those that wait included.
    my @waiting = map { $t->start_generate({}, \%bob) } 1 .. 8;
    wait_for { $t->submits >= 3 } "$name: two of bob's are under way";
    is_error($t, $t->generate({}, \%bob), "$name: the ninth",
             code => 'rate_limit_exceeded');
    is($t->generate({ prompt => 'a fox of carol\'s' }, \%carol)->status, 200,
       "$name: another client's");
    is(scalar(grep { $_->response->status != 200 } @waiting), 0,
       "$name: all of the eight are served");

    my @prompts = map { $_->{json}{prompt} } $t->submits;
    my ($place) = grep { $prompts[$_] =~ /^a fox/ } 0 .. $#prompts;
    is(scalar @prompts, 10, "$name: ten tasks");
    cmp_ok($place, '<=', 5, "$name: she has not waited for all of his");

    # Twenty at once, then one every two seconds.
    my @many = map { $t->post_raw('{}', \%bob) } 1 .. 20;
    is_error($t, $many[-1], "$name: too many requests",
             code => 'rate_limit_exceeded');
    is($t->post_raw('{}', \%carol)->status, 400, "$name: of one client");
    is($t->request('GET', '/v1/models', \%bob)->status, 200,
       "$name: what makes no pictures is not counted");
    $t->allow_log(qr/limiting (?:requests|connections)/);

    my ($row) = grep { $_->{task_id} } $t->access_log;
    is($row->{client}, 'the-client@example.com',
       "$name: the access log has who it was");

    # A request is logged when its connection is closed.
    @waiting = ();
    wait_for { 6 <= grep { ($_->{queue_time} || 0) > 0 } $t->access_log }
        "$name: the access log has who waited";
}


# What pictures.conf has beside the minimal one.
sub pictures {
    my ($t, $made) = @_;
    my $name = 'pictures';
    my $asked = sub { grep { $_->{path} =~ m{^/pictures/} }
                      $t->emulator->journal };

    my ($path) = $made->json->{data}[0]{url}
        =~ m{^https://gateway\.example\.com:\d+(/pictures/A[\w-]{80,}\.png)\z};
    ok(defined $path, "$name: a link to the gateway") or return;

    wait_for { $asked->() } "$name: it is fetched";

    for my $n (1 .. 3) {
        my $r = https($t, $path, '-H', 'Origin: https://app.example.com',
                      '-H', 'Authorization: Bearer sk-of-the-client');
        is($r->status, 200, "$name: it is there");
        like($r->body, qr/^\x89PNG\r\n/, "$name: a picture");
        is($r->header('Content-Type'), 'image/png', "$name: its type");
        is($r->header('Access-Control-Allow-Origin'),
           'https://app.example.com', "$name: the page may read it");
        is($r->header('Cache-Control'), 'max-age=2592000', "$name: kept");
    }

    is(scalar $asked->(), 1, "$name: it was asked for once");
    unlike(join(' ', map { %{ $_->{headers} } } $asked->()), qr/sk-of|origin/,
           "$name: without anything of its client's");
    is_error($t, https($t, '/pictures/x.png'), "$name: no link",
             code => 'not_found');
}


# What uploads.conf has beside the minimal one.
sub uploads {
    my ($t) = @_;
    my @pictures = (png(640, 480, 300_000), jpeg(640, 480, 2_000_000));
    my @files = map { $t->write_file("picture-$_", $pictures[$_]) } 0, 1;

    my ($code, $out) = $t->curl(
        (map { ('-F', "image[]=\@$_") } @files),
        '-F', 'prompt=put the chair into the room', '-w', "\n%{http_code}",
        $t->url('/v1/images/edits'));
    like($out, qr/\n200\z/, 'uploads: an edit');

    my @urls = @{ ($t->submits)[-1]{json}{image_urls} || [] };
    is(scalar @urls, 2, 'uploads: two pictures');

    for my $i (0, 1) {
        my ($path) = $urls[$i] =~ m{^http://127\.0\.0\.1:\d+(/pictures/.*)};
        my $r = $t->request('GET', $path // '/');

        ok($r->body eq $pictures[$i], "uploads: picture $i is served");
        is($r->header('Content-Type'), $i ? 'image/jpeg' : 'image/png',
           "uploads: the type of picture $i");
        is($t->request('DELETE', $path // '/')->status, 403,
           "uploads: picture $i can only be read");
    }

    is($t->request('GET', '/pictures/')->status, 403,
       'uploads: the directory is not listed');
    $t->allow_log(qr/directory index of/, qr/access forbidden by rule/);
}


done_testing();
