package Jimeng::Emulator::Ark::Body;

# The JSON of a call, which may have tens of megabytes of base64 in it: these
# are no work for Mojo::JSON, and no reading for the journal.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Mojo::JSON  qw(decode_json);
use Mojo::Util  qw(b64_decode);

use constant {
    MARK => ';base64,',
    LONG => 64 * 1024,
};


# (the fields, or undef; the text without long base64, for the journal). Fields
# that are null are as none.
sub parse {
    my ($text) = @_;

    my ($short, @long) = lift($text);
    my $json = eval { decode_json($short) };

    return (undef, $short) if ref $json ne 'HASH';

    my %fields = map { $_ => restore($json->{$_}, @long) }
        grep { defined $json->{$_} } keys %$json;

    return (\%fields, $short);
}


# The text with a note in place of each long base64, and what they stand for.
sub lift {
    my ($text) = @_;

    my ($short, $at, @long) = ('', 0);

    while ((my $mark = index $text, MARK, $at) >= 0) {
        my $start = $mark + length MARK;
        my $end   = index $text, '"', $start;

        $end = length $text if $end < 0;
        $short .= substr $text, $at, $start - $at;
        $at = $end;

        my $base64 = substr $text, $start, $end - $start;

        if ($end - $start < LONG || index($base64, '\\') >= 0) {
            $short .= $base64;
            next;
        }

        push @long, $base64;
        $short .= note($#long, $base64);
    }

    return ($short . substr($text, $at), @long);
}


sub note { return "($_[0]: " . length($_[1]) . ' characters)' }


sub restore {
    my ($value, @long) = @_;

    return [map { restore($_, @long) } @$value] if ref $value eq 'ARRAY';
    return $value if !@long || ref $value || !defined $value;
    return $value if $value !~ /;base64,\((\d+): \d+ characters\)\z/
        || !defined $long[$1];

    my $index = $1;
    return substr($value, 0, rindex($value, MARK) + length MARK)
        . $long[$index];
}


# The fields for the state; of a picture in them only what it is.
sub summary {
    my ($value) = @_;

    return { map { $_ => summary($value->{$_}) } keys %$value }
        if ref $value eq 'HASH';
    return [map { summary($_) } @$value] if ref $value eq 'ARRAY';
    return $value if !defined $value || ref $value
        || $value !~ m{^data:([^;,]*);base64,};

    my $type  = $1;
    my $bytes = b64_decode(substr $value, $+[0]);

    return { data => $type, bytes => length $bytes,
        sha256 => sha256_hex($bytes) };
}

1;
