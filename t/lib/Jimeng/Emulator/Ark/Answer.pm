package Jimeng::Emulator::Ark::Answer;

# What Ark's answers and events look like. A life, see Jimeng::Emulator::Ark,
# has body (the fields), call, trigger, inputs (how many pictures came in), and
# pictures: an array of hashes with url, width, height, format, and failed (the
# code of an error) of those that were not made.

use strict;
use warnings;

use Digest::SHA  qw(sha256_hex);
use List::Util   qw(sum0);
use MIME::Base64 qw(encode_base64);
use Mojo::JSON   qw(encode_json);
use Time::HiRes  qw(time);

use Jimeng::Emulator::Answers qw(json);
use Jimeng::Emulator::Ark::Errors qw(error);
use Jimeng::Emulator::Ark::Models;
use Jimeng::Emulator::Base64;
use Jimeng::Emulator::Picture;

use constant {
    LOGO    => { position => 0, opacity => 1, text => "AI\x{751f}\x{6210}" },
    TOKEN   => 256,
    PREVIEW => 64,
};


# The pictures of a call that begins, with their links below $url.
sub pictures {
    my ($life, $url) = @_;

    my $call = $life->{call};
    my ($width, $height)
        = Jimeng::Emulator::Ark::Models::dimensions($life->{body});
    my ($format, $told) = Jimeng::Emulator::Ark::Models::format($life->{body});

    return [map {
        my $path = "/pictures/ark/$call->{request_id}_$_.$format";
        {
            url    => "$url$path?X-Tos-Algorithm=TOS4-HMAC-SHA256"
                . '&X-Tos-Expires=86400&X-Tos-Signature='
                . sha256_hex("$path " . rand),
            width  => $width,
            height => $height,
            format => $format,
            told   => $told,
        }
    } 0 .. $call->{pictures} - 1];
}


# The bytes of a picture.
sub bytes {
    my ($life, $index) = @_;

    my ($call, $body, $trigger) = @$life{qw(call body trigger)};
    my ($width, $height, $format)
        = @{ $life->{pictures}[$index] }{qw(width height format)};

    return Jimeng::Emulator::Picture::noise($width, $height,
        $trigger->{bytes}, "$call->{request_id}-$index", $format)
        if $trigger->{bytes};

    my $text = $body->{prompt};
    $text .= "\n#" . ($index + 1) if $call->{pictures} > 1;

    return Jimeng::Emulator::Picture::draw($width, $height, $text,
        $body->{watermark} // 1 ? LOGO : undef, $format);
}


# What stands in the answer of one picture; its base64 is put in by text().
sub item {
    my ($life, $index) = @_;

    my $picture = $life->{pictures}[$index];

    return { error => failed($life, $index) } if defined $picture->{failed};

    return {
        base64($life)
            ? (b64_json => Jimeng::Emulator::Base64::PLACE . $index)
            : (url => $picture->{url}),
        size => "$picture->{width}x$picture->{height}",
        $picture->{told} ? (output_format => $picture->{format}) : (),
    };
}


sub base64 { return ($_[0]{body}{response_format} // 'url') eq 'b64_json' }


sub failed {
    my ($life, $index) = @_;

    my (undef, $error) = error($life->{pictures}[$index]{failed},
        $life->{call}{request_id});
    return { %$error{qw(code message)} };
}


# JSON as the service writes it: "&" is escaped. Tens of megabytes of base64
# are no work for Mojo::JSON.
sub text {
    my ($life, $json) = @_;

    my $text  = encode_json($json) =~ s/&/\\u0026/gr;
    my $place = quotemeta Jimeng::Emulator::Base64::PLACE;

    $text =~ s{$place(\d+)}{
        Jimeng::Emulator::Base64::text(bytes($life, $1), $life->{trigger})
    }ge if base64($life);

    return $text;
}


sub usage {
    my ($life) = @_;

    my @made = grep { !defined $_->{failed} } @{ $life->{pictures} };
    my $tokens = sum0(map { int $_->{width} * $_->{height} / TOKEN } @made);

    return {
        generated_images => scalar @made,
        output_tokens    => $tokens,
        total_tokens     => $tokens,
        input_images     => $life->{inputs},
    };
}


sub success {
    my ($life) = @_;

    my $call = $life->{call};
    my $answer = json(200, {}, %{ $life->{trigger} }{qw(pieces chunked)});

    $answer->{body} = text($life, {
        model   => $call->{model},
        created => int time,
        data    => [map { item($life, $_) } 0 .. $call->{pictures} - 1],
        usage   => usage($life),
    });

    return $answer;
}


sub failure {
    my ($call, $code, $more) = @_;

    my ($status, $error) = error($code, $call->{request_id}, %{ $more // {} });

    return json($status, { error => $error }, code => $code);
}


# The beginning of a stream.
sub stream {
    my ($call, %more) = @_;

    return {
        status  => 200,
        stream  => 1,
        headers => {
            'Content-Type'  => 'text/event-stream; charset=utf-8',
            'Cache-Control' => 'no-cache',
            'X-Request-Id'  => $call->{request_id},
        },
        %more,
    };
}


sub event {
    my ($life, $type, %more) = @_;

    return "event: $type\ndata: " . text($life, {
        type    => $type,
        model   => $life->{call}{model},
        created => int time,
        %more,
    }) . "\n\n";
}


# What a stream says of a picture.
sub picture_events {
    my ($life, $index) = @_;

    my $item = item($life, $index);

    return event($life, 'image_generation.partial_failed',
        image_index => $index, %$item) if $item->{error};

    my $partial = $life->{trigger}{partial} // 0;

    return (
        (map { event($life, 'image_generation.partial_image',
            partial_image_index => $_, b64_json => preview($life, $index))
        } 0 .. $partial - 1),
        event($life, 'image_generation.partial_succeeded',
            image_index => $index, %$item));
}


sub preview {
    my ($life, $index) = @_;

    return encode_base64(Jimeng::Emulator::Picture::draw(PREVIEW, PREVIEW,
        $index, undef, $life->{pictures}[$index]{format}), '');
}


# What ends a stream; $answer is a failure, if there is one.
sub last_events {
    my ($life, $answer) = @_;

    return (
        defined $answer->{body}
            ? "event: error\ndata: $answer->{body}\n\n"
            : event($life, 'image_generation.completed',
                usage => usage($life)),
        "data: [DONE]\n\n");
}

1;
