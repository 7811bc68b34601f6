#!/usr/bin/perl

# Pictures in a request: every way in which JSON may carry one, in memory and
# in a file; what the upstream finds under the URL that it was sent is the
# picture, byte for byte.  What cannot be one is refused before anything is
# sent, by its place.  Forms are in edits.t.
#
# Seen failing: with base64 that is not unescaped; with a decoder that starts
# anew with each piece; without the check of a picture's bytes, of its end, of
# blanks in base64, of a field that looks like a picture.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;
use Jimeng::Test::Picture qw(base64 jpeg png);

my %location = (
    file   => 'client_body_buffer_size 1k;',
    memory => 'client_body_buffer_size 64m;',
    always => 'client_body_in_file_only clean;',
    tiny   => 'client_body_buffer_size 64;',
    none   => 'jimeng_upload off;',
);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', http2 => 1,
    strict => 1,
    http => 'client_max_body_size 64m;'
            . 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    server => join '', 'location /up/ { alias %%DIR%%/up/; }',
        map { "location /$_/ { jimeng_pass /_volcengine; $location{$_} }" }
            sort keys %location,
);

my $type = { 'Content-Type' => 'application/json' };
my @places = qw(file memory always tiny);


# A body with these strings of raw JSON as its pictures.
sub body_of {
    my ($images, $more) = @_;
    return '{"prompt":"a mill by the river","image":'
           . (ref $images ? '[' . join(',', @$images) . ']' : $images)
           . ($more // '') . '}';
}

sub post {
    my ($place, $body, %opt) = @_;
    return $t->request('POST', "/$place/images/generations", $type, $body,
                       %opt);
}

# Whether the last submit has URLs of these pictures, in their order.
sub are_sent {
    my ($r, $name, @pictures) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: status") or return diag($r->body);

    my @urls = @{ ($t->submits)[-1]{json}{image_urls} || [] };
    is(scalar @urls, scalar @pictures, "$name: pictures") or return;

    for my $i (0 .. $#pictures) {
        my $picture = $pictures[$i];

        if (!ref $picture) {
            is($urls[$i], $picture, "$name: URL $i");
            next;
        }

        my ($path) = $urls[$i] =~ m{^http://127\.0\.0\.1:\d+(/up/\w+\.\w+)\z};
        ok($t->request('GET', $path // '/')->body eq $$picture,
           "$name: picture $i, byte for byte");
    }

    return;
}


# ---- how it is written

my $png = png(800, 600, 3000);
my $jpeg = jpeg(800, 600, 3001);
my $bare = base64($png);

# A picture as raw JSON, in every form.
sub forms {
    my ($picture) = @_;
    my $bare = base64($picture);
    my $lines = base64($picture, "\n") =~ s/\n/\\n/gr;
    my $uri = "data:image/png;base64,$bare";

    return (
        'bare base64' => qq("$bare"),
        'a data: URI' => qq("$uri"),
        'a data: URI of another type' =>
            qq("data:application/x;a=b;base64,$bare"),
        'a data: URI in capitals' => qq("DATA:IMAGE/PNG;BASE64,$bare"),
        'an object' => [ qq({"url":"$uri"}) ],
        'an object of an object' => [ qq({"image_url":{"url":"$bare"}}) ],
        'escaped slashes' => '"' . $uri =~ s{/}{\\/}gr . '"',
        'escapes of every kind' => '"' . $uri
            =~ s{([A-Z+])}{sprintf '\\u%04x', ord $1}ger =~ s{/}{\\/}gr . '"',
        'lines' => qq("$lines"),
        'lines of Windows' => '"' . $lines =~ s/\\n/\\r\\n/gr . '"',
        'blanks around it' => qq(" \\t\\r\\n$bare\\r\\n "),
        'lines at its ends' => qq("\\n$lines\\n"),
        'no padding' => '"' . $bare =~ s/=+\z//r . '"',
        'the other alphabet' => '"' . $bare =~ tr{+/}{-_}r . '"',
    );
}

# Small, within a body that is large, and large.
for my $case ([ 'small', $png ],
              [ 'in a long body', $png, ',"pad":"' . 'x' x 600_000 . '"' ],
              [ 'large', png(800, 600, 250_000) ])
{
    my ($size, $picture, $pad) = @$case;
    my %form = forms($picture);

    for my $form (sort keys %form) {
        are_sent(post($_, body_of($form{$form}, $pad)),
                 "$_, $form, $size", \$picture) for @places;
    }
}


# ---- how long it is

# The sizes at which strings are taken out of the body, and pieces end.
for my $bytes (330, 2999, 36_800, 36_900, 49_150 .. 49_154, 65_536, 393_216,
               400_000, 3_000_001)
{
    my $picture = $bytes % 2 ? png(1024, 512, $bytes) : jpeg(1024, 512, $bytes);

    are_sent(post($_, body_of(qq(" ) . base64($picture) . '"')),
             "$_, $bytes bytes", \$picture) for @places;
}


# ---- several

my $url = 'https://pictures.example/a/b.png?c=d';
my @large = map { png(640, 480, 700_000 + $_, $_) } 1 .. 4;
my @b64 = map { '"' . base64($_) . '"' } @large;

for my $place (@places) {
    are_sent(post($place, body_of([ $b64[0], qq("$url"), qq("$bare"), $b64[1],
                                    $b64[0], qq({"url":"$url"}) ])),
             "$place, several", \$large[0], $url, \$png, \$large[1],
             \$large[0], $url);
}

are_sent(post('file', body_of(
             qq("$url"), qq(,"images":[$b64[2],{"url":$b64[3]}]))),
         'image and images', $url, \@large[2, 3]);
are_sent(post('file', '{"prompt":"x","extra_body":{"image":' . $b64[0] . '}}'),
         'in extra_body', \$large[0]);
are_sent(post('file', qq({"image":$b64[1],"prompt":"x","image":$b64[2]})),
         'the last of two', \$large[2]);

my $submits = $t->submits;
are_sent(post('file', body_of($b64[0], ',"n":3')), 'three tasks', \$large[0]);
is($t->submits - $submits, 3, 'three tasks: three submits');

$submits = $t->submits;
is(post('file', qq({"prompt":"a mill","pad":") . 'x' x 700_000 . '"}')->status,
   200, 'a long string that is no picture');
is(($t->submits)[-1]{json}{image_urls}, undef, 'is none');


# ---- under other names, long and short, in memory and in the body

for my $place (@places) {
    for my $image (qq("$bare"), $b64[0]) {
        my $picture = $image eq $b64[0] ? \$large[0] : \$png;

        are_sent(post($place, qq({"prompt":"a mill",$_->[0]$image$_->[1]})),
                 "$place, $_->[0]", $picture) for (
            [ '"binary_data_base64":[', ']' ], [ '"binary_data_base64":', '' ],
            [ '"images":[{"b64_json":', '}]' ], [ '"input_image":', '' ],
            [ '"image_url":{"url":', '}' ], [ '"image":{"b64_json":', '}' ],
            [ '"reference_images":[', ']' ], [ '"image_urls":[', ']' ],
        );

        $submits = $t->submits;
        is_error(post($place, qq({"prompt":"a mill",$_->[0]$image$_->[1]})),
                 "$place, $_->[0] is none of them", 400, 'invalid_request',
                 param => $_->[2], message => qr/ looks like a picture, /) for (
            [ '"photo":', '', 'photo' ], [ '"pad":', '', 'pad' ],
            [ '"x":[{"y":', '}]', 'x' ],
            [ '"extra_body":{"init_image":', '}', 'init_image' ],
        );
        is($t->submits - $submits, 0, "$place: nothing is submitted");
    }

    are_sent(post($place, qq({"prompt":"a mill","image":"","images":[],)
                          . qq("mask":"","image_url":$b64[1]})),
             "$place, what is none beside one", \$large[1]);
}


# ---- how it comes

{
    my $body = body_of($b64[0]);
    my $chunked = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                           $body =~ /(.{1,60000})/gs;

    are_sent($t->request('POST', '/file/images/generations',
                         { %$type, 'Transfer-Encoding' => 'chunked' },
                         "${chunked}0\r\n\r\n"), 'in chunks', \$large[0]);

    my $first = $t->start_request('POST', '/file/images/generations', $type,
                                  $body, keepalive => 1);
    my $next = $t->start_request('POST', '/file/images/generations', $type,
                                 body_of($b64[1]), on => $first);
    is($first->response->status, 200, 'pipelined: the first');
    are_sent($next->response, 'pipelined: the second', \$large[1]);
    $next->abort;

    my $file = $t->write_file('body', $body);
    my ($code, $out) = $t->curl(
        '--http2-prior-knowledge', '-H', 'Content-Type: application/json',
        '-w', "\n%{http_version} %{http_code}", '--data-binary', "\@$file",
        'http://127.0.0.1:' . $t->port('http2') . '/file/images/generations');

    like($out, qr/\n2 200\z/, 'over HTTP/2');
    my ($name) = ($t->submits)[-1]{json}{image_urls}[0] =~ m{/up/(.*)};
    ok($t->request('GET', "/up/$name")->body eq $large[0],
       'over HTTP/2: byte for byte');
}


# ---- what is refused

my $before = $t->submits;
my $neither = qr/ is neither an http:\/\/ or https:\/\/ URL nor /;
my $no_picture = qr/ is neither a JPEG nor a PNG\.\z/;
my $cut = qr/ is a \w+ that is cut off: its end is missing; send all of it\.\z/;
my $blank = qr/ has a blank within its base64: a "\+" became a space .*"%2B"/;
my $plus = $bare =~ tr/+/ /r;

sub b64 { '"' . base64($_[0]) . '"' }

my @refused = (
    [ 'no picture', 'image', b64('x' x 500), $no_picture ],
    [ 'a GIF', 'image', b64('GIF89a' . "\1" x 500), $no_picture ],
    [ 'a WebP', 'image', b64("RIFF\0\0\0\0WEBPVP8 " . "\1" x 50), $no_picture ],
    [ 'an empty string among others', 'image[1]', [ qq("$url"), '""' ],
      $neither ],
    [ 'an empty data: URI', 'image', '"data:image/png;base64,"', qr/ is empty\.\z/ ],
    [ 'a data: URI without base64', 'image', '"data:image/png,abc"', $neither ],
    [ 'a file name', 'image', '"cat.png"', $neither ],
    [ 'another scheme', 'image', '"ftp://pictures.example/a.png"', $neither ],
    [ 'a letter that is none', 'image', qq("$bare*"), $neither ],
    [ 'text behind the end', 'image', qq("$bare====$bare"), $neither ],
    [ 'base64 that is cut', 'image', '"' . substr($bare, 0, 1001) . '"',
      qr/ is base64 that is cut off\.\z/ ],
    [ 'pluses that became spaces', 'image', qq("$plus"), $blank ],
    [ 'a blank in it', 'image',
      '"' . substr($bare, 0, 900) . ' ' . substr($bare, 900) . '"', $blank ],
    [ 'a tab in it', 'image',
      '"' . substr($bare, 0, 901) . '\t' . substr($bare, 901) . '"', $blank ],
    [ 'a blank at a line\'s end', 'image',
      '"' . substr($bare, 0, 902) . ' \r\n' . substr($bare, 902) . '"',
      $blank ],
    (map { [ "$_ bytes of a PNG", 'image', b64(substr $png, 0, $_), $cut ] }
         20, 24, 33, 1000, 2988, 2999),
    (map { [ "$_ bytes of a JPEG", 'image', b64(substr $jpeg, 0, $_), $cut ] }
         60, 150, 1000, 2999, 3000),
    [ 'a large PNG but for its end', 'image',
      b64(substr $large[0], 0, 700_000), $cut ],
    [ 'a large JPEG but for its end', 'image',
      b64(substr jpeg(800, 600, 700_000), 0, 699_998), $cut ],
    [ 'a JPEG of which only the thumbnail has an end', 'image',
      b64("\xff\xd8\xff\xe1\0\x0e\xff\xd8\xff\xda\0\2\xff\xd9abcd"
          . substr $jpeg, 2, 2000), $cut ],
    [ 'a PNG of which a text has an end', 'image',
      b64(substr($png, 0, 33) . "\0\0\0\x0ctEXt\0\0\0\0IEND\xae\x42\x60\x82crc "
          . substr $png, 33, 2000), $cut ],
    [ 'a JPEG without a scan', 'image',
      b64(substr($jpeg, 0, 150) =~ s/\xff\xda.*//sr . "\xff\xd9"),
      qr/ is a damaged JPEG\.\z| is cut off/ ],
    [ 'a PNG without pixels', 'image', b64(substr($png, 0, 33) . substr $png, -12),
      qr/ is a damaged PNG\.\z/ ],
    [ 'too wide', 'image', b64(png(4097, 4096)),
      qr/ is 4097x4096: each side has to be 1 to 4096 pixels\.\z/ ],
    [ 'too high', 'image', b64(jpeg(4096, 4097)), qr/ is 4096x4097: each/ ],
    [ 'too flat', 'image', b64(png(3001, 1000)),
      qr/ is 3001x1000: width\/height has to be within 1\/3 to 3\.\z/ ],
    [ 'too narrow', 'image', b64(jpeg(1000, 3001)), qr/ is 1000x3001: width/ ],
    [ 'without a width', 'image', b64(png(0, 100)), qr/ is 0x100: / ],
    [ 'too many bytes', 'image', b64(png(4096, 4096, 15_728_641)),
      qr/ has more than 15 MB\.\z/ ],
    [ 'the second', 'image[1]', [ qq("$bare"), b64('x' x 90) ], $no_picture ],
    [ 'the third', 'image[2]', [ qq("$url"), qq("$bare"), b64('y' x 70_000) ],
      $no_picture ],
    [ 'one that is large, and then one that is none', 'image[1]',
      [ $b64[0], '"*"' ], $neither ],
    [ 'eleven', 'image', [ (qq("$bare")) x 11 ], qr/ takes at most 10/ ],
    [ 'a number', 'image[1]', [ qq("$bare"), 7 ], qr/ must be a URL/ ],
);

for my $case (@refused) {
    my ($name, $param, $images, $message) = @$case;

    for my $place (length body_of($images) > 9_000_000 ? 'file'
                                                       : @places) {
        is_error(post($place, body_of($images)), "$place, $name", 400,
                 'invalid_request', param => $param, message => $message);
    }
}

is_error(post('file', body_of('null', qq(,"images":["$bare","$bare",$b64[0],)
                              . b64('z' x 90_000) . ']')),
         'the fourth of images', 400, 'invalid_request',
         param => 'images[3]', message => $no_picture);

# The limits themselves are fine.
for my $picture (png(4096, 4096, 15_728_640), jpeg(3000, 1000), png(1000, 3000),
                 png(1, 1))
{
    are_sent(post('file', body_of(b64($picture))), 'at the limit', \$picture);
    $before++;
}

# What stands behind the end is taken along.
for my $picture ("$png\0\0more", $jpeg . "\0" x 9, $jpeg . $jpeg) {
    are_sent(post('file', body_of(b64($picture))), 'behind the end', \$picture);
    $before++;
}

# What is wrong with the request is found before its pictures are looked at.
is_error(post('file', body_of($b64[0], ',"n":11')), 'a bad field', 400,
         'invalid_request', param => 'n');
is_error(post('file', body_of($b64[0], ',"model":"dall-e-9"')), 'a bad model',
         404, 'model_not_found', param => 'model');
is_error(post('file', body_of($b64[0], ',"prompt":"' . 'p' x 801 . '"')),
         'a long prompt', 413, 'prompt_too_long', param => 'prompt');
is_error(post('file', body_of($b64[0], ',"prompt":"' . 'p' x 90_000 . '"')),
         'a prompt that is longer than a picture', 413, 'prompt_too_long',
         param => 'prompt');
is_error(post('file', body_of($b64[0]) . '}'), 'no JSON', 400,
         'invalid_request');
is_error(post('file', substr body_of($b64[0]), 0, 90_000),
         'cut within a picture', 400, 'invalid_request');
is_error(post('file', body_of($b64[0] =~ s/.{9}\z/"/r . ',"')), 'no end', 400,
         'invalid_request');
is_error(post('file', '[' . join(',', (b64('x' x 60_000)) x 33) . ']'),
         'too many long strings', 400, 'invalid_request',
         message => qr/more than 32 long strings/);
is_error(post('file', '{"prompt":"x","user":[' . '"' . 'x' x 9000 . '"'
              . (',"' . 'x' x 9000 . '"') x 500 . ']}'),
         'too much beside pictures', 413, 'request_too_large',
         message => qr/even without its pictures/);

# Without a place for them, and with a model that takes none.
for my $image (qq("$bare"), qq("data:image/png;base64,$bare"), $b64[0]) {
    is_error(post('none', body_of($image)), 'jimeng_upload off', 400,
             'invalid_request', param => 'image', message => qr/URLs only/);
    is_error(post('file', body_of($image, ',"model":"jimeng_t2i_v31"')),
             'a model without pictures', 400, 'invalid_request',
             param => 'image', message => qr/at most 0/);
}

is(scalar $t->submits, $before, 'nothing of all that was submitted');
is_deeply([ grep { !m{/[0-9a-f]{64}\.(?:png|jpg)\z} } glob $t->dir . '/up/*' ],
          [], 'and nothing is left of it');
is_deeply([ glob $t->dir . '/temp_client_body/*' ], [], 'nor of the bodies');

$t->done;
