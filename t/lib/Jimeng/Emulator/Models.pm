package Jimeng::Emulator::Models;

# What the service accepts in the body of a submit, by req_key. A violation
# is a sentence for the answer's message; the code is always 50215.

use strict;
use warnings;

use B          ();
use Exporter   qw(import);
use Mojo::JSON ();
use Mojo::Util qw(b64_decode);

our @EXPORT_OK = qw(is_string is_number is_whole is_bool);

use constant {
    MIN_AREA     => 1024 * 1024,
    MAX_AREA     => 4096 * 4096,
    DEFAULT_AREA => 2048 * 2048,
    MAX_PROMPT   => 800,
    MAX_BYTES    => 4.7 * 1024 * 1024,
};

# prompt: the name of the field, which is required unless "bare" is set;
# pictures: least and most; upload: base64 is taken beside URLs; bytes: of such
# a picture; skew: its longer side to the other; area: width * height, least and
# most; ratio: the longer of them to the other; side: each of them is bounded,
# and what it is by default; scale: least, most, whole numbers only; expand: see
# expand().
my %MODEL = (
    jimeng_t2i_v40 => {
        prompt   => 'prompt',
        pictures => [0, 10],
        area     => [MIN_AREA, MAX_AREA],
        ratio    => 16,
        scale    => [0, 1],
    },
    jimeng_seedream46_cvtob => {
        prompt   => 'prompt',
        pictures => [0, 14],
        area     => [MIN_AREA, MAX_AREA],
        ratio    => 16,
        scale    => [1, 100, 'whole'],
    },
    jimeng_t2i_v31 => {
        prompt   => 'prompt',
        pictures => [0, 0],
        area     => [512 * 512, 2048 * 2048],
        ratio    => 3,
        default  => 1328,
    },
    jimeng_t2i_v30 => {
        prompt   => 'prompt',
        pictures => [0, 0],
        side     => [512, 2048],
        default  => 1328,
    },
    jimeng_i2i_v30 => {
        prompt   => 'prompt',
        pictures => [1, 1],
        upload   => 1,
        bytes    => MAX_BYTES,
        skew     => 3,
        side     => [512, 2016],
        default  => 1328,
        scale    => [0, 1],
    },
    jimeng_image2image_dream_inpaint => {
        prompt   => 'prompt',
        pictures => [2, 2],
        upload   => 1,
        bytes    => MAX_BYTES,
    },
    jimeng_i2i_seed3_tilesr_cvtob => {
        pictures   => [1, 1],
        upload     => 1,
        bytes      => MAX_BYTES,
        skew       => 3,
        resolution => { '4k' => 4096, '8k' => 8192 },
        scale      => [0, 100, 'whole'],
    },
    jimeng_img2img_seed3_painting_edit => {
        prompt   => 'prompt',
        bare     => 1,
        pictures => [1, 2],
        upload   => 1,
        expand   => 1,
        default  => 1024,
    },
    i2i_material_extraction => {
        prompt   => 'image_edit_prompt',
        pictures => [1, 1],
        side     => [1024, 4096],
        default  => 2048,
    },
    jimeng_i2i_extract_tiled_images => {
        prompt   => 'edit_prompt',
        pictures => [1, 1],
        side     => [1024, 4096],
        default  => 2048,
    },
);


sub known { return defined $_[0] && exists $MODEL{ $_[0] } }


# A JSON string, as opposed to a number that Perl would take for one.
sub is_string {
    my ($value) = @_;

    return 0 if !defined $value || ref $value;
    return B::svref_2object(\$value)->FLAGS & B::SVf_POK ? 1 : 0;
}


sub is_number {
    my ($value) = @_;

    return defined $value && !ref $value && !is_string($value);
}


sub is_whole { return is_number($_[0]) && $_[0] == int $_[0] }

sub is_bool { return ref $_[0] eq ref Mojo::JSON->true }

# To the letter: one alphabet, padded, nothing between (RFC 4648, section 4).
sub is_base64 {
    my ($text) = @_;

    return is_string($text) && length $text && length($text) % 4 == 0
        && $text !~ m{[^A-Za-z0-9+/=]} && $text !~ /=[^=]|===\z/;
}


sub is_picture { return $_[0] =~ /\A(?:\x89PNG\r\n\x1a\n|\xff\xd8\xff)/ }

sub is_url { return is_string($_[0]) && $_[0] =~ m{^https?://[^\s/]+}i }


# A sentence that says what is wrong with the body, or nothing.
sub violation {
    my ($body) = @_;

    my $model = $MODEL{ $body->{req_key} };

    for my $check (\&prompt, \&pictures, \&sides, \&expand, \&ratios, \&scale,
        \&rest)
    {
        my $text = $check->($body, $model);
        return $text if defined $text;
    }

    return;
}


sub prompt {
    my ($body, $model) = @_;

    my $name   = $model->{prompt} // 'prompt';
    my $prompt = $body->{$name};

    return if !defined $prompt && (!$model->{prompt} || $model->{bare});
    return "$name must be a string" if !is_string($prompt);

    my $length = length $prompt;

    return "$name is empty"    if $length == 0;
    return "$name is too long" if $length > MAX_PROMPT;
    return;
}


# The prompt of an accepted body, by whatever name.
sub prompt_of {
    my ($body) = @_;

    return $body->{ $MODEL{ $body->{req_key} }{prompt} // 'prompt' } // '';
}


sub pictures {
    my ($body, $model) = @_;

    my ($least, $most) = @{ $model->{pictures} };
    my ($urls, $uploads) = @$body{qw(image_urls binary_data_base64)};

    return 'image_urls must be an array of URLs'
        if exists $body->{image_urls}
        && (ref $urls ne 'ARRAY' || grep { !is_url($_) } @$urls);

    if (exists $body->{binary_data_base64}) {
        return 'binary_data_base64 is not taken by this req_key'
            if !$model->{upload};
        return 'binary_data_base64 must be an array of base64 strings'
            if ref $uploads ne 'ARRAY'
            || grep { !is_base64($_) } @$uploads;
        return 'binary_data_base64 must be of JPEG or PNG'
            if grep { !is_picture(b64_decode(substr $_, 0, 12)) } @$uploads;
        return 'image_urls and binary_data_base64 exclude each other'
            if @{ $urls // [] } && @$uploads;

        for my $picture (map { b64_decode($_) } @$uploads) {
            return 'a picture is too large'
                if $model->{bytes} && length $picture > $model->{bytes};
            return 'a picture is too narrow'
                if $model->{skew} && skew($picture) > $model->{skew};
        }
    }

    my $count = @{ $urls // [] } + @{ $uploads // [] };

    return "this req_key takes $least to $most pictures, not $count"
        if $count < $least || $count > $most;
    return;
}


# The longer side to the shorter one, of a PNG; 1 of what is none.
sub skew {
    my ($bytes) = @_;

    return 1 if $bytes !~ /\A\x89PNG/ || length $bytes < 24;

    my ($width, $height) = unpack 'x16 N N', $bytes;

    return 1 if !$width || !$height;
    return $width > $height ? $width / $height : $height / $width;
}


sub sides {
    my ($body, $model) = @_;

    my ($width, $height, $size) = @$body{qw(width height size)};

    return 'width and height go together'
        if exists $body->{width} xor exists $body->{height};

    if (exists $body->{size}) {
        return 'size must be a whole number' if !is_whole($size);
        return 'size must be 1048576 to 16777216'
            if $size < MIN_AREA || $size > MAX_AREA;
    }

    return if !exists $body->{width};

    return 'width and height must be whole numbers above 0'
        if grep { !is_whole($_) || $_ <= 0 } $width, $height;

    if (my $range = $model->{area}) {
        my $area = $width * $height;

        return "width * height must be $range->[0] to $range->[1]"
            if $area < $range->[0] || $area > $range->[1];
    }

    if (my $most = $model->{ratio}) {
        return "width / height must be 1/$most to $most"
            if $width > $most * $height || $height > $most * $width;
    }

    if (my $side = $model->{side}) {
        return "width and height must be $side->[0] to $side->[1]"
            if grep { $_ < $side->[0] || $_ > $side->[1] } $width, $height;
    }

    return;
}


# One picture and how far to expand it on each side, or one and a mask.
sub expand {
    my ($body, $model) = @_;

    return if !$model->{expand};

    my @given = grep { exists $body->{$_} } qw(top bottom left right);

    for my $name (@given) {
        return "$name must be 0 to 1"
            if !is_number($body->{$name}) || $body->{$name} < 0
            || $body->{$name} > 1;
    }

    for my $name (grep { exists $body->{$_} } qw(max_width max_height)) {
        return "$name must be a whole number above 0"
            if !is_whole($body->{$name}) || $body->{$name} <= 0;
    }

    my $count = map { @{ $_ // [] } } @$body{qw(image_urls binary_data_base64)};

    return 'a mask excludes top, bottom, left and right'
        if $count > 1 && @given;
    return;
}


sub ratios {
    my ($body) = @_;

    for my $name (qw(min_ratio max_ratio)) {
        next if !exists $body->{$name};
        return "$name must be a number" if !is_number($body->{$name});
        return "$name must be at least 1/16 and less than 16"
            if $body->{$name} < 1 / 16 || $body->{$name} >= 16;
    }

    return 'min_ratio is above max_ratio'
        if ($body->{min_ratio} // 1 / 3) > ($body->{max_ratio} // 3);
    return;
}


sub scale {
    my ($body, $model) = @_;

    return if !exists $body->{scale} || !$model->{scale};

    my ($least, $most, $whole) = @{ $model->{scale} };
    my $scale = $body->{scale};

    return 'scale must be a number' if !is_number($scale);
    return 'scale must be a whole number' if $whole && !is_whole($scale);
    return "scale must be $least to $most"
        if $scale < $least || $scale > $most;
    return;
}


sub rest {
    my ($body, $model) = @_;

    for my $name (qw(force_single use_pre_llm)) {
        return "$name must be a boolean"
            if exists $body->{$name} && !is_bool($body->{$name});
    }

    return 'seed must be a whole number'
        if exists $body->{seed} && !is_whole($body->{seed});
    return 'lora_weight must be a number'
        if exists $body->{lora_weight} && !is_number($body->{lora_weight});
    return 'callback_url must be a URL'
        if exists $body->{callback_url} && !is_url($body->{callback_url});
    return 'resolution must be 4k or 8k'
        if exists $body->{resolution} && $model->{resolution}
        && !(is_string($body->{resolution})
            && $model->{resolution}{ $body->{resolution} });
    return;
}


# (width, height) of the picture that an accepted body asks for.
sub dimensions {
    my ($body) = @_;

    my $model = $MODEL{ $body->{req_key} };

    return @$body{qw(width height)} if exists $body->{width};
    return ($model->{default}) x 2  if $model->{default};

    my $side = $model->{resolution}
        && $model->{resolution}{ $body->{resolution} // '4k' };
    return ($side, $side) if $side;

    my $ratio = 1;
    $ratio = $body->{min_ratio} if ($body->{min_ratio} // 0) > $ratio;
    $ratio = $body->{max_ratio} if ($body->{max_ratio} // 16) < $ratio;

    my $width = sqrt(($body->{size} // DEFAULT_AREA) * $ratio);

    return (int($width + 0.5), int($width / $ratio + 0.5));
}

1;
