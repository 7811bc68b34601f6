#!/usr/bin/perl

# What Volcengine lists for each req_key passes, at its bounds; what is one
# beyond is refused here, and nothing is submitted.  The upstream has a table of
# its own, so that what is wrong in this one is seen there.
#
# Seen failing, with the rows as they were before: three of the five sizes that
# are listed for jimeng_i2i_v30, and four of the ten for jimeng_t2i_v31.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);
use Jimeng::Test::Errors qw(is_error);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    location => 'jimeng_size strict; client_max_body_size 64m; '
                . 'jimeng_upload %%DIR%%/pictures http://pictures.example/;',
);

my $url = 'https://pictures.example/a.png';
my @one = (image => $url);
my @two = (images => [ $url, "$url?mask" ]);

# Returns the reply, and what was submitted.
sub ask {
    my ($model, @fields) = @_;
    my $before = $t->submits;

    my $r = $t->generate({ prompt => 'a mill', model => $model, @fields });
    my @new = $t->submits;

    return ($r, map { $_->{json} } @new[$before .. $#new]);
}

sub passes {
    my ($name, $sent, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($r, @bodies) = ask(@request);

    is($r->status, 200, "$request[0], $name: passes") or diag($r->body);
    is_deeply({ map { $_ => $bodies[0]{$_} } keys %$sent }, $sent,
              "$request[0], $name: sent");
    return $bodies[0];
}

sub refused {
    my ($name, $param, @request) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($r, @bodies) = ask(@request);

    is_error($t, $r, "$request[0], $name: refused", code => 'invalid_request',
             param => $param);
    is(@bodies, 0, "$request[0], $name: nothing was submitted");
    return;
}


# ---- sizes, both ways round

my @listed = qw(1472x1104 1584x1056 1664x936 2016x864);
my @large = qw(2048x2048 2304x1728 2496x1664 2560x1440 3024x1296);
my @extraction = ([ qw(1024x1024 2048x2048 4096x4096 1024x4096) ],
                  [ qw(1023x2048 4097x2048) ], @one);

my %sizes = (
    'jimeng_t2i_v40' => [
        [ @listed, @large, qw(1024x1024 4096x4096 4694x3520 4992x3328
          5404x3040 6198x2656 4096x256 16384x1024) ],
        [ qw(1023x1025 4097x4096 16385x1024 4097x256) ] ],
    'jimeng_seedream46_cvtob' => [
        [ @listed, @large, qw(1024x1024 4096x4096 4693x3520 4992x3328
          5404x3040 6197x2656) ],
        [ qw(1023x1025 4097x4096) ] ],
    'jimeng_t2i_v31' => [
        [ '1328x1328', @listed, @large, qw(512x512 888x296 3546x1182) ],
        [ qw(511x513 2049x2048 889x296 3547x1182) ] ],
    'jimeng_t2i_v30' => [
        [ '1328x1328', @listed, qw(512x512 2048x2048 512x2048) ],
        [ qw(511x1024 2049x1024) ] ],
    'jimeng_i2i_v30' => [
        [ '1328x1328', @listed, qw(512x512 2016x2016 512x2016) ],
        [ qw(511x1024 2017x1024) ], @one ],
    'i2i_material_extraction' => \@extraction,
    'jimeng_i2i_extract_tiled_images' => \@extraction,
);

for my $model (sort keys %sizes) {
    my ($good, $bad, @fields) = @{ $sizes{$model} };

    for my $size (map { [ split /x/ ] } @$good) {
        for my $sides ($size, [ reverse @$size ]) {
            my ($width, $height) = @$sides;
            passes("${width}x$height", { width => $width, height => $height },
                   $model, @fields, size => "${width}x$height");
        }
    }

    for my $size (map { [ split /x/ ] } @$bad) {
        for my $sides ($size, [ reverse @$size ]) {
            refused(join('x', @$sides), 'size', $model, @fields,
                    size => join('x', @$sides));
        }
    }

    refused('one side', 'height', $model, @fields, width => 1328);
    my $body = passes('no size', {}, $model, @fields);
    ok(!grep({ exists $body->{$_} } qw(width height size)),
       "$model, no size: none is sent");
}

# The table of 4K sides is each model's own.
passes('4:3 of 4k', { width => 4693, height => 3520 }, 'jimeng-4.6',
       ratio => '4:3', resolution => '4k');
passes('21:9 of 4k', { width => 6197, height => 2656 }, 'jimeng-4.6',
       ratio => '21:9', resolution => '4k');
passes('4:3 of 4k', { width => 4694, height => 3520 }, 'jimeng-4.0',
       ratio => '4:3', resolution => '4k');
passes('3:1 of 2k', { width => 3528, height => 1176 }, 'jimeng_t2i_v31',
       ratio => '3:1', resolution => '2k');


# ---- numbers

for my $case (
    [ 'jimeng-4.6', 'scale', [ [ 2, 2 ], [ 100, 100 ], [ 0.5, 50 ] ],
      [ 101, 1.5, -1 ] ],
    [ 'jimeng_i2i_v30', 'scale', [ [ 0, 0 ], [ 1, 1 ], [ 0.5, 0.5 ] ],
      [ 1.1, -0.1 ], @one ],
    [ 'jimeng_i2i_seed3_tilesr_cvtob', 'scale',
      [ [ 0, 0 ], [ 1, 1 ], [ 50, 50 ], [ 100, 100 ] ], [ 101, -1, 0.5 ],
      @one ],
    [ 'jimeng_image2image_dream_inpaint', 'seed', [ [ 101, 101 ], [ -1, -1 ] ],
      [ -2, 0.5 ], @two ],
    (map { [ 'jimeng_img2img_seed3_painting_edit', $_,
             [ [ 0, 0 ], [ 0.25, 0.25 ], [ 1, 1 ] ], [ 1.01, -0.01 ], @one ] }
        qw(top bottom left right)),
    (map { [ 'jimeng_img2img_seed3_painting_edit', $_,
             [ [ 1, 1 ], [ 4096, 4096 ] ], [ 0, 0.5 ], @one ] }
        qw(max_width max_height)),
    (map { [ $_, 'seed', [ [ -1, -1 ], [ 7, 7 ] ], [ -2 ], @one ] }
        'jimeng_img2img_seed3_painting_edit', 'i2i_material_extraction',
        'jimeng_i2i_extract_tiled_images'),
    (map { [ $_, 'lora_weight', [ [ 0.75, 0.75 ], [ 2, 2 ] ], [], @one ] }
        'i2i_material_extraction', 'jimeng_i2i_extract_tiled_images'),
) {
    my ($model, $field, $good, $bad, @fields) = @$case;

    passes("$field $_->[0]", { $field => $_->[1] }, $model, @fields,
           $field => $_->[0]) for @$good;
    refused("$field $_", $field, $model, @fields, $field => $_) for @$bad;
}


# ---- prompts by other names

for my $case ([ 'i2i_material_extraction', 'image_edit_prompt' ],
              [ 'jimeng_i2i_extract_tiled_images', 'edit_prompt' ])
{
    my ($model, $name) = @$case;

    for my $field ('prompt', 'edit_prompt', 'image_edit_prompt') {
        my $body = passes("the prompt as $field", { $name => 'a shirt' },
                          $model, @one, prompt => undef, $field => 'a shirt');
        is_deeply([ grep { /prompt/ } sort keys %$body ], [ $name ],
                  "$model, the prompt as $field: under one name");
    }

    my ($r) = ask($model, @one, $name => 'x', lora_weight => 1, top => 1);
    is_deeply([ sort @{ $r->json->{ignored} } ], [ sort $name, 'top' ],
              "$model: what has no effect");
    refused('no prompt', 'prompt', $model, @one, prompt => undef);
}

my $body = passes('no prompt', { top => 0.5 },
                  'jimeng_img2img_seed3_painting_edit', @one, top => 0.5,
                  prompt => undef);
ok(!exists $body->{prompt}, 'none is sent');


# ---- pictures by their number

for my $case (
    [ 'jimeng_t2i_v40', 0, 10 ], [ 'jimeng_seedream46_cvtob', 0, 14 ],
    [ 'jimeng_t2i_v31', 0, 0 ], [ 'jimeng_t2i_v30', 0, 0 ],
    [ 'jimeng_i2i_v30', 1, 1 ], [ 'jimeng_image2image_dream_inpaint', 2, 2 ],
    [ 'jimeng_i2i_seed3_tilesr_cvtob', 1, 1 ],
    [ 'jimeng_img2img_seed3_painting_edit', 1, 2 ],
    [ 'i2i_material_extraction', 1, 1 ],
    [ 'jimeng_i2i_extract_tiled_images', 1, 1 ],
) {
    my ($model, $least, $most) = @$case;
    my @urls = map { "$url?$_" } 0 .. $most;

    for my $n ($least, $most) {
        passes("$n pictures", { image_urls => $n ? [ @urls[0 .. $n - 1] ]
                                                 : undef },
               $model, $n ? (images => [ @urls[0 .. $n - 1] ]) : ());
    }

    refused($most + 1 . ' pictures', 'images', $model, images => \@urls);
    refused($least - 1 . ' pictures', $least > 1 ? 'images' : 'image', $model,
            $least > 1 ? (images => [ @urls[0 .. $least - 2] ]) : ())
        if $least;
}

passes('a mask', { image_urls => [ $url, "$url?mask" ] },
       'jimeng_img2img_seed3_painting_edit', @one, mask => "$url?mask");
refused('a mask, and a side', 'left', 'jimeng_img2img_seed3_painting_edit',
        @two, left => 0.5);


# ---- pictures as data: what is too narrow, or too large

sub data { return base64(png(@_)) }

my $limit = int(4.7 * 1024 * 1024);
my %narrow = (jimeng_i2i_v30 => 3, jimeng_i2i_seed3_tilesr_cvtob => 3,
              jimeng_t2i_v40 => 3);

for my $model (qw(jimeng_t2i_v40 jimeng-4.6 jimeng_i2i_v30
                  jimeng_i2i_seed3_tilesr_cvtob i2i_material_extraction
                  jimeng_img2img_seed3_painting_edit))
{
    passes('a picture of 3:1', {}, $model, image => data(300, 100));
    $narrow{$model}
        ? refused('a picture of more', 'image', $model,
                  image => data(301, 100))
        : passes('a picture of more', {}, $model, image => data(301, 100));
}

refused('a byte more', 'image', $_, image => data(300, 100, $limit + 1))
    for 'jimeng_i2i_v30', 'jimeng_i2i_seed3_tilesr_cvtob';

# The first is good, or it would be named: it is not sent for the second's sake.
refused('a byte more', 'mask', 'jimeng_image2image_dream_inpaint',
        image => data(300, 100, $limit), mask => data(300, 100, $limit + 1));
passes('over 4.7 MB', {}, 'jimeng_t2i_v40',
       image => data(300, 100, $limit + 1));


# ---- names

for my $model ('doubao-seedream-4-0-250828', 'doubao-seedream-4-0-20260415',
               'seedream-4-0-250828', 'seedream-4-0-260415')
{
    my $before = $t->queries;

    passes('the name', { req_key => 'jimeng_t2i_v40' }, $model);
    like(($t->queries)[$before]{json}{req_json}, qr/"add_logo":true/,
         "$model: a watermark by default");

    $before = $t->queries;
    passes('without a watermark', {}, $model, watermark => \0);
    unlike(($t->queries)[$before]{json}{req_json}, qr/add_logo/,
           "$model: none when told so");

    like($t->generate({ model => $model, stream => \1 })->body,
         qr/^event: image_generation\.partial_succeeded$/m,
         "$model: Ark's events");
}

$t->done;
