package Jimeng::Emulator::Picture;

# Draws the pictures: a plain palette image with the prompt on it. Few
# colours and no smoothing keep even 4096x4096 fast to draw and small.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use Digest::SHA qw(sha512);
use Encode qw(encode);
use GD;
use List::Util qw(first max min);

use constant {
    EM_TO_POINT => 72 / 96,
    LINE        => 1.35,
    COMPRESSION => 1,
    QUALITY     => 75,

    # Of a prime length, so that no buffer's end comes upon the same place.
    BLOCK       => 65521,
};

# Fonts that have Chinese come first.
my @FONTS = map { "/usr/share/fonts/$_" } qw(
    truetype/wqy/wqy-microhei.ttc
    truetype/wqy/wqy-zenhei.ttc
    truetype/droid/DroidSansFallbackFull.ttf
    truetype/droid/DroidSansFallback.ttf
    opentype/noto/NotoSansCJK-Regular.ttc
    truetype/dejavu/DejaVuSans.ttf
);

my $font = first { -r } @FONTS;


# A picture of $width x $height with $text. $logo, if given: position (0 right
# bottom, 1 left bottom, 2 left top, 3 right top), opacity, text. $format: "png",
# which is the default, or "jpeg".
sub draw {
    my ($width, $height, $text, $logo, $format) = @_;

    my $image = GD::Image->newPalette($width, $height);
    my @paper = (24, 40, 64);
    my @ink   = (240, 236, 224);

    $image->colorAllocate(@paper);
    write_text($image, $image->colorAllocate(@ink), $text);

    if ($logo) {
        my $opacity = $logo->{opacity};
        my @mixed   = map {
            int $paper[$_] + ($ink[$_] - $paper[$_]) * $opacity
        } 0 .. 2;

        # Of an index of its own, even where the colour is not.
        write_logo($image, $image->colorAllocate(@mixed), $logo);
    }

    return ($format // 'png') eq 'jpeg' ? $image->jpeg(QUALITY)
        : $image->png(COMPRESSION);
}


# What begins as a PNG, or a JPEG, of $width x $height and has $bytes bytes:
# after the header they are noise, the same for the same $seed, and no two parts
# alike.
sub noise {
    my ($width, $height, $bytes, $seed, $format) = @_;

    my $block = '';
    my $noise = ($format // 'png') eq 'jpeg' ? jpeg_head($width, $height)
        : png_head($width, $height);

    $block .= sha512("$seed " . length $block) while length $block < BLOCK;
    $block = substr $block, 0, BLOCK;

    for (my $n = 0; length $noise < $bytes; $n++) {
        $noise .= pack('N', $n) . $block;
    }

    return substr $noise, 0, $bytes;
}


sub png_head {
    my ($width, $height) = @_;

    my $header = pack 'A4 N N C5', 'IHDR', $width, $height, 8, 2, 0, 0, 0;

    return "\x89PNG\r\n\x1a\n" . pack('N', length($header) - 4) . $header
        . pack('N', crc32($header));
}


sub jpeg_head {
    my ($width, $height) = @_;

    my $frame = pack 'C n n C C9', 8, $height, $width, 3,
        1, 0x11, 0, 2, 0x11, 1, 3, 0x11, 1;

    return "\xff\xd8" . pack('C C n', 0xff, 0xc0, 2 + length $frame) . $frame;
}


# In ems: a Chinese character is a square, others are narrower.
sub text_width {
    my ($text) = @_;

    my $wide = () = $text =~ /[\x{1100}-\x{11ff}\x{2e80}-\x{1ffff}]/g;

    return $wide + (length($text) - $wide) * 0.62;
}


sub wrap {
    my ($text, $limit) = @_;

    my @lines = ('');

    # A run of narrow characters is a word; wide ones may break anywhere.
    while ($text =~ /(\s+|[^\s\x{2e80}-\x{1ffff}]+|\S)/g) {
        my $word = $1;

        if (text_width($lines[-1] . $word) <= $limit) {
            $lines[-1] .= $word =~ /\S/ ? $word : ' ';
            next;
        }

        push @lines, '' if length $lines[-1];
        next if $word !~ /\S/;

        while (text_width($word) > $limit && length $word > 1) {
            my $part = max(1, int $limit / text_width(substr $word, 0, 1));
            $lines[-1] = substr $word, 0, $part, '';
            push @lines, '';
        }

        $lines[-1] = $word;
    }

    return @lines;
}


# In the middle, in the largest letters that fit.
sub write_text {
    my ($image, $colour, $text) = @_;

    my ($width, $height) = $image->getBounds;
    my $em = max(8, int min($width, $height) / 10);
    my @lines;

    while (1) {
        @lines = wrap($text, $width * 0.9 / $em);
        last if @lines * $em * LINE <= $height * 0.85 || $em <= 8;
        $em = max(8, int $em * 0.85);
    }

    my $y = int(($height - @lines * $em * LINE) / 2);

    for my $line (@lines) {
        my $x = max(0, int(($width - text_width($line) * $em) / 2));
        write_line($image, $colour, $em, $x, $y, $line);
        $y += int $em * LINE;
    }

    return;
}


sub write_logo {
    my ($image, $colour, $logo) = @_;

    my ($width, $height) = $image->getBounds;
    my $em     = max(8, int min($width, $height) / 32);
    my $length = int text_width($logo->{text}) * $em;
    my $edge   = $em;
    my $left   = $logo->{position} == 1 || $logo->{position} == 2;
    my $bottom = $logo->{position} == 0 || $logo->{position} == 1;

    write_line($image, $colour, $em,
        $left ? $edge : max(0, $width - $length - $edge),
        $bottom ? $height - $em - $edge : $edge, $logo->{text});
    return;
}


# One line with its top left corner at ($x, $y).
sub write_line {
    my ($image, $colour, $em, $x, $y, $text) = @_;

    $text =~ s/[^[:print:]]/ /g;

    # A negative colour asks GD not to smooth the letters' edges.
    return if $font && $image->stringFT(-$colour, $font, $em * EM_TO_POINT,
        0, $x, $y + $em, $text);

    $image->string(gdGiantFont, $x, $y, encode('iso-8859-1', $text),
        $colour);
    return;
}

1;
