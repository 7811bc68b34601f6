#!/usr/bin/perl

# POST images/edits: forms as curl and the openai package send them, forms that
# are written by hand, and JSON.
#
# Seen failing: with values of a form in a file that are not read from there;
# with a file field where nothing was chosen as a picture; with "1" as a number.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Envelope;
use Jimeng::Test::Picture qw(base64 jpeg png);

my %location = (
    file => 'client_body_buffer_size 1k;',
    memory => 'client_body_buffer_size 64m;',
    none => 'jimeng_upload off; client_body_buffer_size 1k;',
);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    http => 'client_max_body_size 64m;'
            . 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    server => join '', 'location /up/ { alias %%DIR%%/up/; }',
        map { "location /$_/ { jimeng_pass /_volcengine; $location{$_} }" }
            sort keys %location,
);

my @places = qw(file memory);
my $key = 'sk-a-key-that-goes-nowhere';
$t->secret($key);


# A form of [header lines, value].
sub form {
    my ($boundary, @parts) = @_;
    return join('', map { "--$boundary\r\n$_->[0]\r\n\r\n$_->[1]\r\n" } @parts)
           . "--$boundary--\r\n";
}

sub field { [ qq(Content-Disposition: form-data; name="$_[0]"), $_[1] ] }

sub file {
    my ($name, $bytes, $file) = @_;
    $file //= 'a.png';
    return [ qq(Content-Disposition: form-data; name="$name"; )
             . qq(filename="$file"\r\nContent-Type: image/png), $bytes ];
}

sub post {
    my ($place, @parts) = @_;
    return post_as('multipart/form-data; boundary=xYzZy', $place,
                   form('xYzZy', @parts));
}

sub post_as {
    my ($type, $place, $body) = @_;
    utf8::encode($body) if utf8::is_utf8($body);
    return $t->request('POST', "/$place/images/edits",
                       { 'Content-Type' => $type,
                         'GeekAI-API-Key' => $key,
                         Authorization => "Bearer $key" }, $body);
}

# What was submitted last, when it has these pictures.
sub is_sent {
    my ($r, $name, @pictures) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: status") or diag($r->body);
    return are_stored($name, @pictures);
}

sub are_stored {
    my ($name, @pictures) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $sent = ($t->submits)[-1];
    my @urls = @{ $sent->{json}{image_urls} || [] };
    is(scalar @urls, scalar @pictures, "$name: pictures");

    for my $i (0 .. $#urls) {
        if ($pictures[$i] =~ /^http/) {
            is($urls[$i], $pictures[$i], "$name: URL $i");
            next;
        }

        my ($path) = $urls[$i] =~ m{(/up/[^/]+)\z};
        ok($t->request('GET', $path)->body eq $pictures[$i],
           "$name: picture $i, byte for byte");
    }

    ok(index(join(' ', map { "$_: $sent->{headers}{$_}" }
                       keys %{ $sent->{headers} }), $key) < 0,
       "$name: the client's key goes nowhere");

    return $sent->{json};
}

my $prompt = field('prompt', 'the same in winter, 冬天');
utf8::encode($prompt->[1]);

my $png = png(700, 500, 2500);
my $jpeg = jpeg(700, 500, 2501);
my @large = map { png(1024, 1024, 800_000 + $_, $_) } 1 .. 3;

# Of all that looks like a delimiter.
my $tricky = png(700, 500) . "\r\n--xYzZ\r\n--xYzZyy\r\n-\r\n--\r\n\r--xYzZy\n";


# ---- by hand

for my $place (@places) {
    my $json = is_sent(post($place, $prompt, file('image', $png),
                            field('size', '1024x1024'), field('n', '1'),
                            field('model', 'jimeng-4.0'),
                            field('watermark', 'true')),
                       "$place, a form", $png);

    is($json->{prompt}, 'the same in winter, 冬天', "$place: the prompt");
    is($json->{width}, 1024, "$place: the size");

    is_sent(post($place, file('image[]', $large[0]), file('image[]', $jpeg),
                 $prompt, file('image[]', $large[1])),
            "$place, several", $large[0], $jpeg, $large[1]);
    is_sent(post($place, $prompt, file('image', $png), file('image', $jpeg)),
            "$place, a name twice", $png, $jpeg);
    is_sent(post($place, $prompt, file('image', $tricky)),
            "$place, delimiters that are none", $tricky);
    is_sent(post($place, $prompt, field('image', 'https://a.example/b.png'),
                 file('image', $png), field('image', base64($jpeg)),
                 field('image', 'data:image/png;base64,'
                                . base64($large[2], "\r\n"))),
            "$place, URLs, text and files", 'https://a.example/b.png', $png,
            $jpeg, $large[2]);
    is_sent(post_as('Multipart/Form-Data; charset=utf-8; boundary="a b:c"',
                    $place, "preamble\r\n"
                    . form('a b:c', $prompt, file('image', $png)) . 'more'),
            "$place, a boundary in quotes", $png);

    my $before = $t->submits;
    is(post($place, $prompt, file('image', $large[0]), field('n', '3'))->status,
       200, "$place, three tasks");
    is($t->submits - $before, 3, "$place, three submits");
}

# A picture and its mask go into the submit.
for my $place (@places, 'none') {
    my $r = post($place, file('mask', $jpeg), $prompt, file('image', $png),
                 field('model', 'jimeng_image2image_dream_inpaint'));

    is($r->status, 200, "$place, a mask: status") or diag($r->body);
    is_deeply(($t->submits)[-1]{json}{binary_data_base64},
              [ map { base64($_) } $png, $jpeg ], "$place, a mask");
}


# ---- names that clients give to pictures, and their numbers

for my $place (@places) {
    my $url = 'https://a.example/b.png';

    is_sent(post($place, file('image[0]', $png), file('image[1]', $jpeg),
                 $prompt), "$place, PHP", $png, $jpeg);
    is_sent(post($place, file('image[1]', $png), $prompt,
                 file('image[0]', $large[0])),
            "$place, PHP, the second first", $large[0], $png);
    is_sent(post($place, $prompt, map { file("images[$_]", $large[$_ % 2]) }
                                      reverse 0 .. 9),
            "$place, PHP, ten", (@large[0, 1]) x 5);
    is_sent(post($place, file('images[0]', $png), $prompt,
                 field('images[1]', $url)), "$place, images[0]", $png, $url);
    is_sent(post($place, field('image_urls[]', $url), $prompt,
                 field('image_urls[]', 'http://h/2')),
            "$place, image_urls[]", $url, 'http://h/2');
    is_sent(post($place, $prompt, field('image_url', $url),
                 field('binary_data_base64', base64($large[0])),
                 file('input_image', $jpeg), file('reference_images[]', $png)),
            "$place, other names", $large[0], $url, $jpeg, $png);
    is_sent(post($place, $prompt, file('image', $png), file('image[]', '', ''),
                 file('mask', '', ''), file('prompt', '', ''),
                 file('unknown', '', '')),
            "$place, file fields where nothing was chosen", $png);
    is_sent(post($place, $prompt, file('image', $png, '')),
            "$place, a file without a name", $png);
}


# ---- booleans, as PHP, Python and browsers write them

for my $word ('1', 'True', 'true', 'TRUE', 'on', 'yes') {
    my $no = { 1 => '0', True => 'False', true => 'false', TRUE => 'FALSE',
               on => 'off', yes => 'no' }->{$word};

    is_sent(post('file', $prompt, file('image', $png),
                 field('watermark', $word), field('force_single', $no),
                 field('stream', $no), field('async', $no)),
            "watermark=$word", $png);
    is(($t->submits)[-1]{json}{force_single}, JSON::PP::false,
       "force_single=$no");
    like(($t->queries)[-1]{json}{req_json}, qr/"add_logo":true/,
         "watermark=$word");

    my $queries = $t->queries;
    my $r = post('file', $prompt, file('image', $png),
                 field('watermark[add_logo]', $no), field('async', $word));
    is($r->status, 200, "async=$word: status") or diag($r->body);
    is($r->json->{task_status}, 'pending', "async=$word");
    Jimeng::Test::wait_for { $t->queries > $queries } 'it is asked for';
    unlike(($t->queries)[-1]{json}{req_json}, qr/add_logo/,
           "watermark[add_logo]=$no");

    $r = post('file', $prompt, file('image', $png), field('stream', $word));
    is($r->header('Content-Type'), 'text/event-stream', "stream=$word");

    is(post('none', $prompt, field('image', 'http://h/'),
            field('model', 'jimeng_i2i_v30'), field('seed', '1'))->status, 200,
       'a number is one');
    is(($t->submits)[-1]{json}{seed}, 1, 'whatever it looks like');
}


# ---- charsets

for my $charset ('utf-8', '"UTF-8"', 'us-ascii', 'Utf8') {
    is_sent(post('file', [ qq(Content-Disposition: form-data; name="prompt"\r\n)
                           . "Content-Type: text/plain; charset=$charset",
                           'in winter' ],
                 field('_charset_', 'UTF-8'), file('image', $png)),
            "charset=$charset", $png);
}


# ---- JSON

my %json = (prompt => 'in winter', image => base64($png));

is_sent(post_as('application/json', $_, JSON::PP::encode_json(\%json)),
        "$_, JSON", $png) for @places;
is_sent(post_as('application/json', 'file', JSON::PP::encode_json(
            { prompt => 'in winter', image => 'https://a.example/b.png' })),
        'JSON with a URL', 'https://a.example/b.png');


# ---- curl

for my $place (@places) {
    my @file = map { $t->write_file("picture-$_", $large[$_]) } 0, 1;
    my ($code, $out) = $t->curl(
        '-F', 'prompt=in winter', '-F', "image[]=\@$file[0];type=image/png",
        '-F', "image[]=\@$file[1]", '-F', 'size=2K',
        '-H', "Authorization: Bearer $key", $t->url("/$place/images/edits"));

    my $answer = eval { JSON::PP::decode_json($out) } // {};
    like($answer->{data}[0]{url} // '', qr/^http/, "$place, curl: a picture")
        or diag($out);
    is(are_stored("$place, curl", @large[0, 1])->{size}, 4194304,
       "$place, curl: the size");
}


# ---- the openai package

SKIP: {
    my $why = no_clients();

    if (defined $why) {
        skip $why, 1 if !$ENV{CI};
        fail("the clients are there: $why");
        last SKIP;
    }

    my $path = $t->write_file('client.png', $large[0]);
    my $other = $t->write_file('other.jpg', $jpeg);

    my @calls = (
        [ 'a picture', { image => { file => $path } }, $large[0] ],
        [ 'several', { image => [ { file => $other }, { file => $path } ],
                       n => 1, response_format => 'url' }, $jpeg, $large[0] ],
    );

    for my $call (@calls) {
        my ($name, $params, @pictures) = @$call;

        my ($answer) = answers_of(start_client($t->dir, 'openai.mjs',
            [ $t->url('/file'), JSON::PP::encode_json({
                method => 'images.edit', client => { apiKey => $key },
                params => { prompt => 'in winter', model => 'jimeng-4.0',
                            %$params } }) ]));
        is($answer->{status}, 200, "openai, $name: status")
            or diag(explain($answer));
        like($answer->{result}{data}[0]{url} // '', qr/^http/,
             "openai, $name: a picture");
        are_stored("openai, $name", @pictures);
    }
}


# ---- what is refused

my $before = $t->submits;
my $multipart = 'multipart/form-data; boundary=xYzZy';

for my $place (@places) {
    my $is_refused = sub {
        my ($name, $param, $message, @parts) = @_;
        is_error(post($place, @parts), "$place, $name", 400, 'invalid_request',
                 param => $param, message => $message);
    };

    $is_refused->('no picture', 'image', qr/ needs a picture /, $prompt);
    $is_refused->('no prompt', 'prompt', qr/./, file('image', $png));
    $is_refused->('a bad value', 'n', qr/./, $prompt, file('image', $png),
                  field('n', 'many'));
    $is_refused->('text in a file', 'image', qr/ is neither a JPEG nor a PNG\./,
                  $prompt, file('image', 'x' x 400));
    $is_refused->('an empty file', 'image[1]', qr/ is empty\./,
                  $prompt, file('image[]', $png), file('image[]', '', 'b.png'));
    $is_refused->('the third', 'image[2]', qr/ is 9000x9: /,
                  $prompt, (file('image[]', $large[0])) x 2,
                  file('image[]', png(9000, 9)));
    $is_refused->('too many bytes', 'image', qr/ has more than 15 MB\./,
                  $prompt, file('image', png(99, 99, 15_728_641)));
    $is_refused->('a file that is none', 'prompt', qr/./,
                  file('prompt', $png), file('image', $png));
    $is_refused->('a PNG that is cut', 'image', qr/ is a PNG that is cut off: /,
                  $prompt, file('image', substr $large[0], 0, 800_000 - 1));
    $is_refused->('a JPEG that is cut', 'image[1]',
                  qr/ is a JPEG that is cut off: /, $prompt,
                  file('image[]', $png),
                  file('image[]', substr $jpeg, 0, -2));
    $is_refused->('blanks in base64', 'image[1]', qr/ has a blank within its /,
                  $prompt, file('image', $png),
                  field('image', base64($large[0]) =~ tr/+/ /r));
    $is_refused->('an empty file of a name', 'image', qr/ is empty\./,
                  $prompt, file('image', '', 'a.png'));
    $is_refused->('nothing chosen', 'image', qr/ needs a picture /, $prompt,
                  file('image', '', ''));
    $is_refused->("a file, $_", $_, qr/ a file in a field that is not for one/,
                  $prompt, file('image', $png), file($_, $jpeg))
        for 'picture', 'image[a]', 'image[0][file]', 'ref_image', 'markup',
            'watermark[x]';
    $is_refused->("a text, $_", $_, qr/ looks like a picture, /, $prompt,
                  file('image', $png), field($_, 'https://a.example/'))
        for 'picture', 'image[a]', 'image[0][url]', 'ref_images[]';
    $is_refused->("a picture in $_->[0]", $_->[0], qr/ looks like a picture, /,
                  $prompt, file('image', $png), field(@$_))
        for [ foo => base64($jpeg) ], [ foo => base64($large[0]) ],
            [ bar => 'data:image/png;base64,' . base64($large[0]) ];
    $is_refused->("$_->[0]=$_->[1]", $_->[0], qr/ must be true or false/,
                  $prompt, file('image', $png), field(@$_))
        for [ stream => '2' ], [ async => 'y' ], [ force_single => 'None' ];
    $is_refused->("charset=$_", 'prompt', qr/ charset than UTF-8; send it as /,
                  [ qq(Content-Disposition: form-data; name="prompt"\r\n)
                    . "Content-Type: text/plain; charset=$_", 'in winter' ],
                  file('image', $png))
        for 'gbk', '"GB2312"', 'iso-8859-1', 'utf-16';
    $is_refused->('charset=big5 of what is not known', 'foo', qr/ charset /,
                  $prompt, file('image', $png),
                  [ qq(Content-Disposition: form-data; name="foo"\r\n)
                    . 'Content-Type: text/plain; charset=big5', 'x' ]);
    $is_refused->('_charset_', '_charset_', qr/^The form is in another charset/,
                  $prompt, file('image', $png), field('_charset_', 'GBK'));
    $is_refused->('too many parts', undef, qr/^The form has more than 64 parts/,
                  map { field("f$_", '') } 1 .. 65);

    is_error(post($place, field('prompt', 'p' x 300_000), file('image', $png)),
             "$place, a long prompt", 413, 'prompt_too_long',
             param => 'prompt');
    is_error(post_as($multipart, $place, ''), "$place, nothing", 400,
             'invalid_request', message => qr/^The form /);
    is_error(post_as($multipart, $place, 'x' x 100_000), "$place, no form", 400,
             'invalid_request', message => qr/^The form /);
    is_error(post_as($multipart, $place, substr(
                 form('xYzZy', $prompt, file('image', $large[0])), 0, 500_000)),
             "$place, a form that is cut", 400, 'invalid_request',
             message => qr/^The form ends before /);
    is_error(post_as('multipart/form-data', $place,
                     form('xYzZy', $prompt, file('image', $png))),
             "$place, no boundary", 400, 'invalid_request',
             message => qr/ no valid boundary\.\z/);
}

is_error(post('none', $prompt, file('image', $png)), 'without jimeng_upload',
         400, 'invalid_request', param => 'image', message => qr/URLs only/);

for my $type ('text/plain', 'application/x-www-form-urlencoded',
              'multipart/mixed; boundary=xYzZy', 'multipart/form-datax')
{
    is_error(post_as($type, 'file', form('xYzZy', $prompt)), $type, 415,
             'unsupported_media_type', message => qr{multipart/form-data});
}

is_error($t->request('POST', '/file/images/generations',
                     { 'Content-Type' => $multipart },
                     form('xYzZy', $prompt, file('image', $png))),
         'a form to images/generations', 415, 'unsupported_media_type',
         message => qr{application/json});

my $r = $t->request('GET', '/file/images/edits');
is_error($r, 'GET', 405, 'method_not_allowed');
is($r->header('Allow'), 'POST', 'GET: what is allowed');

is(scalar $t->submits, $before, 'nothing of that was submitted');
is_deeply([ glob $t->dir . '/{up/*.tmp,temp_client_body/*}' ], [],
          'and nothing is left of it');

$t->done;
