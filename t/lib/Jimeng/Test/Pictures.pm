package Jimeng::Test::Pictures;

# Pictures that came as base64, and what they have to be.  Replies of tens of
# megabytes are taken apart by hand: JSON::PP would take minutes.
#
#   my ($rest, @pictures) = pictures($text)
#       the JSON, decoded, with b64_json as '' in it; the SHA-256 of each
#       picture's bytes, or what is wrong with its base64
#   noise_of($task_id, $bytes, $index)
#       the SHA-256 of what the emulator makes for [[bytes=N]]
#   noise_of_call($call)
#       of what a call of Ark made, each of 2048x2048 and [[bytes=1000]]
#   noise_text($task_id, $bytes, $index)      its base64
#   memory($pid)                              VmHWM of a process, in KiB

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use Jimeng::Emulator::Picture;
use Jimeng::Test::Http qw(decode_json_or_undef);
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Schema qw(check_reply);
use MIME::Base64 qw(decode_base64 encode_base64);

our @EXPORT = qw(
    memory noise_of noise_of_call noise_text picture_of pictures
);


sub pictures {
    my ($text) = @_;
    my $rest = '';
    my $at = 0;
    my @pictures;

    while ((my $start = index $text, '"b64_json":"', $at) >= 0) {
        $start += length '"b64_json":"';
        my $end = index $text, '"', $start;
        $end = length $text if $end < 0;

        $rest .= substr $text, $at, $start - $at;
        push @pictures, picture_of(substr $text, $start, $end - $start);
        $at = $end;
    }

    my $json = decode_json_or_undef($rest . substr $text, $at);

    check_reply($json);
    return ($json, @pictures);
}


# Base64 as RFC 4648 has it in its section 4, and nothing else.
sub picture_of {
    my ($base64) = @_;

    return 'empty' unless length $base64;
    return "not whole groups: " . length $base64 if length($base64) % 4;
    return "at $-[0]: " . substr $base64, $-[0], 8
        if $base64 =~ m{[^A-Za-z0-9+/=]};
    return 'padding' if $base64 !~ m{\A[^=]+={0,2}\z};

    return sha256_hex(decode_base64($base64));
}


# Of a task without a size: 2048x2048.
sub _noise {
    my ($id, $bytes, $index, $format) = @_;

    return Jimeng::Emulator::Picture::noise(2048, 2048, $bytes,
        "$id-" . ($index // 0), $format);
}

sub noise_of { sha256_hex(_noise(@_)) }

sub noise_of_call {
    my ($call) = @_;

    return join ' ', map {
        sha256_hex(_noise($call->{request_id}, 1000, $_, 'jpeg'))
    } 0 .. $call->{pictures} - 1;
}

sub noise_text { encode_base64(_noise(@_), '') }


sub memory {
    my ($pid) = @_;
    return (slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m)[0];
}

1;
