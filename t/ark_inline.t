#!/usr/bin/perl

# Pictures that a client sends as data go into the call to Ark, as they are,
# behind the type that their bytes tell.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use GD ();
use MIME::Base64 qw(encode_base64);
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Picture qw(jpeg png);

my $t = with_ark(location => 'client_max_body_size 64m;');
my $n = 0;

# Sends pictures, and returns what Ark got in their place.
sub sent {
    my ($fields, $name) = @_;
    my $prompt = 'a heron ' . $n++;

    my $r = $t->generate({ model => 'jimeng-4.5', prompt => $prompt,
                           %$fields });
    is($r->status, 200, "$name: a picture") or diag($r->body);

    my ($call, @more) = $t->emulator->calls($prompt);
    is(scalar @more, 0, "$name: one call");

    my $image = $call->{fields}{image};
    return ref $image eq 'ARRAY' ? @$image : $image;
}

sub is_sent {
    my ($got, $type, $bytes, $name) = @_;

    is_deeply($got, { data => $type, bytes => length $bytes,
                      sha256 => sha256_hex($bytes) }, $name);
    return;
}

my $drawn = GD::Image->new(64, 48);
$drawn->filledRectangle(0, 0, 63, 47, $drawn->colorAllocate(9, 99, 199));

my %bytes = ('image/png' => png(600, 400), 'image/jpeg' => jpeg(640, 480),
             'image/gif' => $drawn->gif);

for my $type (sort keys %bytes) {
    my $base64 = encode_base64($bytes{$type}, '');

    is_sent(sent({ image => $base64 }, "$type, bare"), $type, $bytes{$type},
            "$type, bare");
    is_sent(sent({ image => "data:image/webp;base64,$base64" },
                 "$type, said to be another"), $type, $bytes{$type},
            "$type, said to be another: its bytes count");
}

# Several, and one that is a link.

my @got = sent({ image => [
    encode_base64($bytes{'image/png'}, ''), 'https://example.com/a.png',
    encode_base64($bytes{'image/jpeg'}, ''),
] }, 'three');

is(scalar @got, 3, 'three: as many');
is_sent($got[0], 'image/png', $bytes{'image/png'}, 'three: the first');
is($got[1], 'https://example.com/a.png', 'three: the link');
is_sent($got[2], 'image/jpeg', $bytes{'image/jpeg'}, 'three: the last');

# One that is larger than any buffer.

my $large = png(600, 400) . "\0" x 3_000_000;
is_sent(sent({ image => encode_base64($large, '') }, 'large'), 'image/png',
        $large, 'large');

# One that is none is not sent.

my $r = $t->generate({ model => 'jimeng-4.5', prompt => 'none',
                       image => encode_base64('this is no picture' x 9, '') });
is($r->status, 400, 'none');
is($r->json->{error}{param}, 'image', 'none: what is wrong');
is(scalar $t->emulator->calls('none'), 0, 'none: no call');

$t->done;
