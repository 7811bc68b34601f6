package Jimeng::Emulator::Ark::Models;

# What Ark accepts in the body of a call, by model. A violation is the code of
# an error, the field, and a sentence. Fields that are not named here are
# ignored, as is null.

use strict;
use warnings;

use List::Util qw(max);
use Mojo::Util qw(b64_decode);

use Jimeng::Emulator::Models qw(is_bool is_number is_string is_whole);

use constant {
    MAX_GROUP    => 15,
    MAX_BYTES    => 30 * 1024 * 1024,
    MAX_AREA     => 36_000_000,
    MAX_RATIO    => 16,
    DEFAULT_SIZE => '2048x2048',
};

my %SIDE = ('1K' => 1024, '1.5K' => 1536, '2K' => 2048, '3K' => 3072,
    '4K' => 4096);

# sizes: by name; area: width * height, least and most; images: how many come
# in at most; groups: and streams; formats: of output_format; layers:
# background and layer_decomposition; tools.
my %PRO = (
    sizes   => [qw(1K 1.5K 2K)],
    area    => [921_600, 4_624_220],
    images  => 10,
    formats => [qw(png jpeg)],
    layers  => 1,
);
my %LITE = (
    sizes   => [qw(2K 3K 4K)],
    area    => [3_686_400, 16_777_216],
    images  => 14,
    groups  => 1,
    formats => [qw(png jpeg)],
    tools   => 1,
);
my %V45 = (
    sizes  => [qw(2K 4K)],
    area   => [3_686_400, 16_777_216],
    images => 14,
    groups => 1,
);
my %V40 = (%V45, sizes => [qw(1K 2K 4K)], area => [921_600, 16_777_216]);

my %MODEL = (
    'seedream-5-0-pro-260628'   => \%PRO,
    'seedream-5-0-flash-260915' => \%PRO,
    'seedream-5-0-260128'       => \%LITE,
    'seedream-5-0-lite-260128'  => \%LITE,
    'seedream-4-5-251128'       => \%V45,
    'seedream-4-0-20260415'     => \%V40,
    'seedream-4-0-250828'       => \%V40,
);

# What pictures of a type begin with.
my %MAGIC = (
    jpeg => qr{\A\xff\xd8\xff},
    png  => qr{\A\x89PNG\r\n\x1a\n},
    webp => qr{\ARIFF....WEBP}s,
    bmp  => qr{\ABM},
    tiff => qr{\A(?:II\*\0|MM\0\*)},
    gif  => qr{\AGIF8[79]a},
    heic => qr{\A....ftyp}s,
);


# In China a name begins with "doubao-", elsewhere with nothing or "dola-".
sub model {
    my ($name) = @_;

    return $MODEL{ $name =~ s/^(?:doubao|dola)-(?=seedream-)//r };
}


# Nothing, or (code, field, sentence).
sub violation {
    my ($body) = @_;

    return ('MissingParameter', 'model') if !defined $body->{model};
    return invalid('model', 'it must be a string')
        if !is_string($body->{model});

    my $model = model($body->{model})
        or return ('InvalidEndpointOrModel.NotFound', 'model');

    for my $check (\&prompt, \&images, \&size, \&group, \&output, \&extras,
        \&numbers)
    {
        my @found = $check->($body, $model);
        return @found if @found;
    }

    return;
}


sub invalid { return ('InvalidParameter', @_) }


# That a field is one of these words.
sub one_of {
    my ($body, $name, @words) = @_;

    my $value = $body->{$name};

    return if !defined $value;
    return if is_string($value) && grep { $_ eq $value } @words;
    return invalid($name, 'it must be one of ' . join ', ', @words);
}


# That a field is not there where the model does not take it.
sub taken {
    my ($body, $name, $is_taken) = @_;

    return if $is_taken || !defined $body->{$name};
    return invalid($name, 'it is not supported by this model');
}


sub prompt {
    my ($body) = @_;

    return ('MissingParameter', 'prompt') if !defined $body->{prompt};
    return invalid('prompt', 'it must be a string')
        if !is_string($body->{prompt});
    return invalid('prompt', 'it is empty') if !length $body->{prompt};
    return;
}


# The pictures that come in.
sub images_of {
    my ($body) = @_;

    my $image = $body->{image};
    return ref $image eq 'ARRAY' ? @$image : defined $image ? $image : ();
}


sub inputs {
    my @images = images_of(@_);
    return scalar @images;
}


sub images {
    my ($body, $model) = @_;

    my @images = images_of($body);

    return invalid('image', 'it is empty')
        if defined $body->{image} && !@images;
    return invalid('image', "at most $model->{images} are taken")
        if @images > $model->{images};

    for my $image (@images) {
        my $text = image($image);
        return invalid('image', $text) if defined $text;
    }

    return;
}


sub image {
    my ($image) = @_;

    return 'it must be a string or an array of strings'
        if !is_string($image);
    return if $image =~ m{^https?://[^\s/]+}i;

    my ($type) = $image =~ m{^data:image/([^;,]*);base64,}
        or return 'it must be a URL or a data: URI with base64';
    my $magic = $MAGIC{$type}
        or return 'its format is none of ' . join ', ', sort keys %MAGIC;

    my $base64 = substr $image, $+[0];
    return 'it is not base64' if !Jimeng::Emulator::Models::is_base64($base64);

    my $bytes = b64_decode($base64);
    return 'it is larger than 30 MB' if length $bytes > MAX_BYTES;
    return "it is not of the format $type" if $bytes !~ $magic;

    my ($width, $height) = sides($type, $bytes) or return;
    return 'it has no sides' if !$width || !$height;
    return 'it has more than 36 megapixels' if $width * $height > MAX_AREA;
    return 'its ratio is not 1/16 to 16'
        if max($width / $height, $height / $width) > MAX_RATIO;
    return;
}


# (width, height), where the header has them at a fixed place, and of a JPEG.
sub sides {
    my ($type, $bytes) = @_;

    return unpack 'x16 N N', $bytes
        if $type eq 'png' && length $bytes >= 24;
    return unpack 'x6 v v', $bytes
        if $type eq 'gif' && length $bytes >= 10;
    return map { abs } unpack 'x18 l< l<', $bytes
        if $type eq 'bmp' && length $bytes >= 26;
    return if $type ne 'jpeg';

    for (my $at = 2; $at + 9 <= length $bytes;) {
        my ($mark, $kind, $length) = unpack "x$at C C n", $bytes;

        return if $mark != 0xff || $length < 2;
        return reverse unpack 'x' . ($at + 5) . ' n n', $bytes
            if $kind >= 0xc0 && $kind <= 0xcf
            && $kind != 0xc4 && $kind != 0xc8 && $kind != 0xcc;
        $at += 2 + $length;
    }

    return;
}


sub size {
    my ($body, $model) = @_;

    my $size = $body->{size};

    return if !defined $size;
    return invalid('size', 'it must be a string') if !is_string($size);
    return if grep { $_ eq $size } @{ $model->{sizes} };

    my ($width, $height) = $size =~ /^([1-9]\d{0,4})x([1-9]\d{0,4})\z/
        or return invalid('size', 'the specified size is not supported');
    my ($least, $most) = @{ $model->{area} };

    return invalid('size', "image size must be at least $least pixels")
        if $width * $height < $least;
    return invalid('size', "image size must be at most $most pixels")
        if $width * $height > $most;
    return invalid('size', 'its ratio must be 1/16 to 16')
        if max($width / $height, $height / $width) > MAX_RATIO;
    return;
}


# (width, height) of the pictures that an accepted body asks for.
sub dimensions {
    my ($body) = @_;

    my $size = $body->{size} // DEFAULT_SIZE;
    return ($SIDE{$size}) x 2 if $SIDE{$size};
    return split /x/, $size;
}


sub wants_group {
    return ($_[0]{sequential_image_generation} // '') eq 'auto';
}


sub group {
    my ($body, $model) = @_;

    my ($group, $options) = qw(sequential_image_generation
        sequential_image_generation_options);
    my @found = one_of($body, $group, qw(auto disabled));
    return @found if @found;

    return invalid($group, 'it is not supported by this model')
        if wants_group($body) && !$model->{groups};

    return if !defined $body->{$options};
    return invalid($options, 'it must be an object')
        if ref $body->{$options} ne 'HASH';

    my $most = $body->{$options}{max_images} // return;

    return invalid("$options.max_images", 'it must be 1 to ' . MAX_GROUP)
        if !is_whole($most) || $most < 1 || $most > MAX_GROUP;
    return invalid("$options.max_images",
        'with the pictures that come in it is more than ' . MAX_GROUP)
        if wants_group($body) && $most + inputs($body) > MAX_GROUP;
    return;
}


# How many pictures an accepted body may bring.
sub most {
    my ($body) = @_;

    return 1 if !wants_group($body);

    my $options = $body->{sequential_image_generation_options} // {};
    return $options->{max_images} // MAX_GROUP - inputs($body);
}


sub output {
    my ($body, $model) = @_;

    for my $name (qw(stream watermark)) {
        return invalid($name, 'it must be a boolean')
            if defined $body->{$name} && !is_bool($body->{$name});
    }

    return invalid('stream', 'it is not supported by this model')
        if $body->{stream} && !$model->{groups};

    my @found = (
        one_of($body, 'response_format', qw(url b64_json)),
        taken($body, 'output_format', $model->{formats}),
        one_of($body, 'output_format', @{ $model->{formats} // [] }));

    return @found[0 .. 2] if @found;
    return;
}


# "png" or "jpeg", of the pictures that an accepted body brings, and whether
# the answer says so.
sub format {
    my ($body) = @_;

    return ($body->{output_format} // 'jpeg',
        defined model($body->{model})->{formats});
}


sub extras {
    my ($body, $model) = @_;

    my ($options, $tools) = @$body{qw(optimize_prompt_options tools)};

    if (defined $options) {
        return invalid('optimize_prompt_options', 'it must be an object')
            if ref $options ne 'HASH';

        my @found = one_of($options, 'mode', qw(standard fast));
        return invalid('optimize_prompt_options.mode', $found[2]) if @found;
    }

    for my $name (qw(background layer_decomposition tools)) {
        my @found = taken($body, $name,
            $model->{ $name eq 'tools' ? 'tools' : 'layers' });
        return @found if @found;
    }

    return invalid('tools', 'it must be an array of web_search')
        if defined $tools
        && (ref $tools ne 'ARRAY' || grep {
            ref $_ ne 'HASH' || ($_->{type} // '') ne 'web_search' } @$tools);
    return invalid('background', 'it must be a string')
        if defined $body->{background} && !is_string($body->{background});
    return invalid('layer_decomposition', 'it must be a boolean or an object')
        if defined $body->{layer_decomposition}
        && !is_bool($body->{layer_decomposition})
        && ref $body->{layer_decomposition} ne 'HASH';
    return;
}


# Of models before these: they have no effect, but must be what they are.
sub numbers {
    my ($body) = @_;

    my ($seed, $scale) = @$body{qw(seed guidance_scale)};

    return invalid('seed', 'it must be -1 to 2147483647')
        if defined $seed
        && (!is_whole($seed) || $seed < -1 || $seed > 2_147_483_647);
    return invalid('guidance_scale', 'it must be 1 to 10')
        if defined $scale
        && (!is_number($scale) || $scale < 1 || $scale > 10);
    return;
}

1;
