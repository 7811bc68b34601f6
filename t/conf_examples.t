#!/usr/bin/perl

# conf-examples: nginx -t takes each of them as it stands, but for places;
# each complete one makes a picture, without TLS, which t/tls.t has.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Example qw(internal rewrite);
use Jimeng::Test::Picture qw(jpeg png);
use Jimeng::Test::Process qw(slurp);

my $folder = Jimeng::Test::Nginx::root() . '/conf-examples';
my @files = map { s{.*/}{}r } sort glob "$folder/*.conf";
my %text = map { $_ => slurp("$folder/$_") } @files;
my @complete = grep { $text{$_} =~ /^events/m } @files;

is("@complete", 'auth-injection.conf minimal.conf uploads.conf',
   'the complete examples');
is(join(' ', grep { $text{$_} !~ /^events/m } @files), 'volcengine.conf',
   'the one that is included');

for my $name (@complete) {
    like($text{$name}, qr/^ +include volcengine\.conf;/m,
         "$name includes volcengine.conf");
}

sub keys_of {
    my ($t) = @_;
    $t->write_file('access_key', $t->access_key . "\n");
    $t->write_file('secret_key', $t->secret_key . "\n");
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


# ---- nginx -t, and a picture without TLS

for my $name (@complete) {
    my $t = Jimeng::Test->new(start => 0, conf => rewrite($text{$name}),
                              emulator => { seconds => 0.1 });

    keys_of($t);
    internal($t);

    my ($rc, $said) = $t->test_config;
    is($rc, 0, "$name: nginx -t") or diag($said);
    unlike($said, qr/\[(?:warn|error|emerg)\]/, "$name: without a warning");

    internal($t, plain => 1);
    $t->start;

    # The key of a client is nothing to the service upstream.
    my $r = $t->generate({ model => $name =~ /^auth/ ? 'gpt-image-1' : undef },
                         { Authorization => 'Bearer sk-of-the-client' });

    is($r->status, 200, "$name: a picture") or diag($r->body);
    like($r->json->{data}[0]{url}, qr{^http://}, "$name: a link to it");

    my @sent = $t->emulator->journal;
    is(scalar(grep { $_->{signature} ne 'ok' } @sent), 0,
       "$name: every signature is good");
    is($sent[0]{headers}{host}, 'visual.volcengineapi.com', "$name: the host");
    unlike($sent[0]{headers}{authorization}, qr/sk-of/,
           "$name: the client's key stays here");

    is($t->request('GET', '/_volcengine')->status, 404,
       "$name: the internal location is internal");

    limits($t) if $name =~ /^auth/;
    uploads($t) if $name =~ /^uploads/;
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
    is($row->{task}, 'succeed', 'auth-injection: the state');
    is($row->{images}, 1, 'auth-injection: one picture');
    like($row->{task_id}, qr/^\d+$/, 'auth-injection: the task');

    my @many = map { $t->post_raw('{}') } 1 .. 20;
    is_error($t, $many[-1], 'auth-injection: too many requests',
             code => 'rate_limit_exceeded');

    is(scalar(grep { $_->status != 400 } @many[0 .. 9]), 0,
       'auth-injection: a burst of ten');
    $t->allow_log(qr/limiting requests/);
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
