#!/usr/bin/perl

# A picture of a form that goes into the submit itself: its bytes come in
# pieces as large as those of a body, not in what base64 leaves of them.
#
# Seen failing: with room for a decoded piece only, under AddressSanitizer.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
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
        }
EOT
);

my @sizes = (49_155, 49_156, 65_535, 65_536, 65_537, 131_072, 1_000_001);

for my $place (qw(v1 memory)) {
    for my $size (@sizes) {
        my $picture = $size % 2 ? png(800, 600, $size) : jpeg(800, 600, $size);
        my $body = join "\r\n", '--b',
            'Content-Disposition: form-data; name="model"', '',
            'jimeng_i2i_v30', '--b',
            'Content-Disposition: form-data; name="prompt"', '',
            'the same at night', '--b',
            'Content-Disposition: form-data; name="image"; filename="a"', '',
            $picture, '--b--', '';

        my $r = $t->request('POST', "/$place/images/edits",
                            { 'Content-Type'
                                  => 'multipart/form-data; boundary=b' },
                            $body);
        is($r->status, 200, "$place, $size bytes: status");

        my $sent = ($t->submits)[-1];
        is($sent->{signature}, 'ok', "$place, $size bytes: the signature");
        ok(($sent->{json}{binary_data_base64}[0] // '') eq base64($picture),
           "$place, $size bytes: the picture");
    }
}

$t->done;
