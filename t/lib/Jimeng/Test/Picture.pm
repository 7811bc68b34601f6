package Jimeng::Test::Picture;

# Input pictures of any size, side by side with what they are told apart by:
# their first bytes.  Nobody draws them.
#
#   png($width, $height, $bytes, $salt)
#   jpeg($width, $height, $bytes, $salt)
#
# $bytes is how many there are in all, at least some hundred; what fills them
# has every byte, and depends on $salt.

use strict;
use warnings;

use Compress::Zlib ();
use Digest::SHA qw(sha256);
use Exporter qw(import);
use MIME::Base64 ();

our @EXPORT_OK = qw(png jpeg base64);


sub png {
    my ($width, $height, $bytes, $salt) = @_;

    my $ihdr = pack 'NNCCCCC', $width, $height, 8, 2, 0, 0, 0;
    my $head = "\x89PNG\r\n\x1a\n" . _chunk('IHDR', $ihdr);
    my $end = _chunk('IEND', '');
    my $fill = ($bytes // 300) - length($head) - length($end) - 12;

    return $head . _chunk('IDAT', _filling($fill, $salt)) . $end;
}


sub _chunk {
    my ($type, $data) = @_;
    return pack 'Na*N', length $data, $type . $data,
                Compress::Zlib::crc32($type . $data);
}


# With a thumbnail in front, whose size is another.
sub jpeg {
    my ($width, $height, $bytes, $salt) = @_;

    my $frame = sub { _segment(0xc0, pack 'CnnC a*', 8, $_[1], $_[0], 3,
                               "\x01\x22\x00\x02\x11\x01\x03\x11\x01") };
    my $head = "\xff\xd8"
        . _segment(0xe1, "Exif\0\0\xff\xd8" . $frame->(160, 120) . "\xff\xd9")
        . _segment(0xdb, "\0" x 65) . $frame->($width, $height)
        . _segment(0xda, "\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00");

    my $fill = ($bytes // 400) - length($head) - 2;

    return $head . (_filling($fill, $salt) =~ tr/\xff/\xfe/r) . "\xff\xd9";
}


sub _segment { pack 'CCn a*', 0xff, $_[0], 2 + length $_[1], $_[1] }


sub _filling {
    my ($bytes, $salt) = @_;
    my $block = join '', map { sha256(($salt // '') . $_) } 1 .. 512;

    $block .= join '', map { chr } 0 .. 255;
    return substr $block x (1 + $bytes / length $block), 0, $bytes;
}


sub base64 { MIME::Base64::encode_base64($_[0], $_[1] // '') }

1;
