#!/usr/bin/perl

# Models that take pictures as data: they go into the submit itself, as base64
# that every decoder takes, and with them in a file, which is hashed while it
# is written, signed, and sent by each task, as often as it takes.
#
# Seen failing: with a body that lacks its last byte; with another hash.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Picture qw(base64 jpeg png);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    proxy => 'proxy_read_timeout 60s;',
    http => 'client_max_body_size 64m;',
    location => 'client_body_buffer_size 1k;',
    server => <<'EOT',
        location /memory/ {
            client_body_buffer_size 64m;
            jimeng_pass /_volcengine;
            jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;
        }
        location /chunks/ {
            jimeng_pass /_chunks;
        }
        location = /_chunks {
            internal;
            client_max_body_size 0;
            proxy_pass http://volcengine/;
            proxy_set_header Host visual.volcengineapi.com;
            proxy_http_version 1.0;
            sendfile on;
        }
EOT
);

sub post {
    my ($place, $fields) = @_;
    return $t->request('POST', "/$place/images/generations",
                       { 'Content-Type' => 'application/json' },
                       JSON::PP->new->canonical->encode($fields));
}

# Whether the last submit has these pictures, and is signed.
sub are_sent {
    my ($r, $name, @pictures) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: status") or return diag($r->body);

    my $sent = ($t->submits)[-1];
    my $body = $sent->{body};
    utf8::encode($body);

    is($sent->{signature}, 'ok', "$name: the signature");
    is($sent->{headers}{'x-content-sha256'}, sha256_hex($body),
       "$name: the hash that was signed");
    is($sent->{headers}{'content-length'}, length $body,
       "$name: the length");

    my $data = $sent->{json}{binary_data_base64} || [];
    is(scalar @$data, scalar @pictures, "$name: pictures");
    ok($data->[$_] eq base64($pictures[$_]), "$name: picture $_")
        for 0 .. $#pictures;
    ok(!exists $sent->{json}{image_urls}, "$name: no URLs");

    return $sent;
}

my %edit = (model => 'jimeng_i2i_v30', prompt => 'the same at night, 夜');
my %paint = (model => 'jimeng_image2image_dream_inpaint', prompt => 'a boat');

# All that a rest of three makes of the end, small and large.
my @pictures = map { png(800, 600, $_), jpeg(800, 600, $_) }
               450, 451, 452, 49_152;
push @pictures, png(1024, 1024, 600_001);

for my $place (qw(v1 memory chunks)) {
    for my $picture (@pictures) {
        my $name = "$place, " . length $picture;
        my $sent = are_sent(post($place, { %edit, size => '1024x768',
                                           image => base64($picture) }),
                            $name, $picture);

        is($sent->{json}{prompt}, $edit{prompt} =~ s/夜/\x{591c}/r,
           "$name: the prompt");
        is($sent->{json}{width}, 1024, "$name: what stands behind");
    }

    are_sent(post($place, { %paint, image => [ map { base64($_) }
                                               @pictures[6, 3] ] }),
             "$place, two", @pictures[6, 3]);
    are_sent(post($place, { %paint, image => base64($pictures[0]),
                            mask => 'data:image/png;base64,'
                                    . base64($pictures[7], "\n") }),
             "$place, a picture and its mask", @pictures[0, 7]);
}

is_deeply([ glob $t->dir . '/up/*' ], [], 'none is stored');


# ---- several tasks, and what is sent again

my $large = png(1024, 1024, 400_000);

my $before = $t->submits;
are_sent(post('v1', { %edit, n => 3, image => base64($large) }),
         'three tasks', $large);
my @new = ($t->submits)[$before .. $t->submits - 1];
is(scalar @new, 3, 'three submits');
is(scalar(grep { $_->{body} eq $new[0]{body} && $_->{signature} eq 'ok' } @new),
   3, 'of the same body');

$before = $t->submits;
$t->emulator->fault({ on => 'submit', do => 'answer', times => 1, status => 429,
                      body => '{"code":50430,"data":null,"message":"x"}' });
are_sent(post('v1', { %edit, image => base64($large) }),
         'refused for load, and sent again', $large);
is($t->submits - $before, 2, 'two submits');

$before = $t->submits;
is(post('v1', { %edit, retries => 1, image => base64($large),
                prompt => 'the same, [[50511]]' })->status, 400,
   'a task that failed, and is submitted again');
@new = ($t->submits)[$before .. $t->submits - 1];
is(scalar @new, 2, 'two submits');
is(scalar(grep { $_->{body} eq $new[0]{body} && $_->{signature} eq 'ok' } @new),
   2, 'of the same body');


# ---- URLs go on as such; what is refused

my $url = 'https://pictures.example/a.png';
is(post('v1', { %edit, image => $url })->status, 200, 'a URL');
is_deeply(($t->submits)[-1]{json}{image_urls}, [ $url ], 'is sent as it is');

$before = $t->submits;

is_error(post('v1', { %paint, image => [ $url, base64($large) ] }),
         'a URL and data', 400, 'invalid_request', param => 'image[1]');
is_error(post('v1', { %paint, image => [ map { base64($_) } $large,
                                         jpeg(640, 480, 4_928_308) ] }),
         'more than 4.7 MB', 400, 'invalid_request', param => 'image[1]',
         message => qr/ has more than 4\.7 MB\.\z/);
is_error(post('v1', { %paint, image => base64($large), mask => base64('x' x 99) }),
         'a mask that is no picture', 400, 'invalid_request', param => 'mask',
         message => qr/ is neither a JPEG nor a PNG\.\z/);
is_error(post('v1', { prompt => 'x', image => base64($large) }),
         'a model that takes URLs only', 400, 'invalid_request',
         param => 'image', message => qr/URLs only/);

is(scalar $t->submits, $before, 'nothing of that was submitted');

is_deeply([ glob $t->dir . '/temp_client_body/*' ], [], 'no file is left');

$t->done;
