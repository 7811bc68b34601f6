#!/usr/bin/perl

# What is not a good request: the client is told so, in the envelope, and
# nothing is submitted.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 },
    location => 'client_max_body_size 64k; client_body_buffer_size 8k;',
);

my $json = { 'Content-Type' => 'application/json' };
my $requests = 0;

sub refused {
    my ($name, $body, $status, $code, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    utf8::encode($body);
    $requests++;
    return is_error($t->post_raw($body), $name, $status, $code, %more);
}

sub invalid {
    my ($name, $body, $message, $param) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return refused($name, $body, 400, 'invalid_request', param => $param,
                   message => $message);
}


# ---- no JSON

my $not_json = qr/^The request body is not valid JSON\.\z/;
my $not_utf8 = qr/^The request body is not valid UTF-8\.\z/;
my $empty = qr/^The request body is empty\.\z/;
my $deep = qr/^The request body is nested too deeply\.\z/;
my $prompt = '"prompt":"a boat on a lake"';

invalid($_->[0], $_->[1], $not_json) for (
    [ 'a word', 'hello' ],
    [ 'a form', 'prompt=a+boat' ],
    [ 'cut off in a string', '{"prompt":"a boat' ],
    [ 'cut off in a key', '{"pro' ],
    [ 'cut off before its end', "{$prompt" ],
    [ 'cut off in a literal', "{$prompt,\"stream\":fals" ],
    [ 'cut off in an escape', '{"prompt":"a \\u00' ],
    [ 'garbage behind it', "{$prompt} x" ],
    [ 'another value behind it', "{$prompt}{$prompt}" ],
    [ 'a brace behind it', "{$prompt}}" ],
    [ 'a zero byte behind it', "{$prompt}\0" ],
    [ 'two byte order marks', "\x{feff}\x{feff}{$prompt}" ],
    [ 'a byte order mark behind it', "{$prompt}\x{feff}" ],
    [ 'a comma too many', "{$prompt,}" ],
    [ 'a comment', "{$prompt /* here */}" ],
    [ 'single quotes', q({'prompt':'a boat'}) ],
    [ 'a key without quotes', '{prompt:"a boat"}' ],
    [ 'a raw line break in a string', qq({"prompt":"a\nboat"}) ],
    [ 'a form feed between', qq({"prompt":\f"a boat"}) ],
    [ 'an unknown escape', '{"prompt":"a \\x41"}' ],
    [ 'half of a pair', '{"prompt":"a \\ud83d"}' ],
    [ 'the other half', '{"prompt":"a \\ude00"}' ],
    [ 'a number with zeros', "{$prompt,\"n\":01}" ],
    [ 'NaN', "{$prompt,\"scale\":NaN}" ],
    [ 'a sign', "{$prompt,\"n\":+1}" ],
    [ 'a colon missing', '{"prompt" "a boat"}' ],
    [ 'brackets crossed', "{$prompt,\"x\":[}]" ],
);

invalid($_->[0], $_->[1], $empty) for (
    [ 'no body', '' ], [ 'a blank body', " \r\n\t" ],
    [ 'a byte order mark alone', "\x{feff}" ],
);

# Bytes that are no UTF-8, and so not to be encoded.
for my $case (
    [ 'a stray byte', "\xff" ], [ 'Latin-1', "caf\xe9" ],
    [ 'GBK', "\xc4\xe3\xba\xc3" ], [ 'cut off', "\xe4\xb8" ],
    [ 'overlong', "\xc0\xaf" ], [ 'a surrogate', "\xed\xa0\x80" ],
    [ 'above U+10FFFF', "\xf4\x90\x80\x80" ],
    [ 'a stray continuation', "\x80" ],
) {
    my ($name, $bytes) = @$case;
    $requests += 2;

    is_error($t->post_raw(qq({"prompt":"a boat $bytes"})),
             "invalid UTF-8, $name", 400, 'invalid_request',
             message => $not_utf8);
    is_error($t->post_raw(qq({$prompt,"x":["$bytes"]})),
             "invalid UTF-8 in an unknown field, $name", 400,
             'invalid_request', message => $not_utf8);
}


# ---- JSON of another shape

my $object = qr/^The request body must be a JSON object\.\z/;

invalid("a top level of $_", $_, $object)
    for '[]', '"a boat"', '1', 'null', 'true', "[{$prompt}]";

for my $levels (33, 10_000) {
    my ($open, $close) = ('[' x $levels, ']' x $levels);

    invalid("$levels arrays", "$open$close", $deep);
    invalid("$levels arrays in a field", qq({$prompt,"x":$open$close}), $deep);
    invalid("$levels arrays, never closed", $open, $deep);
}

invalid('10,000 objects', '{"a":' x 10_000, $deep);
invalid('10,000 values', "{$prompt,\"x\":[" . join(',', (1) x 10_000) . ']}',
        qr/^The request body has too many values\.\z/);


# ---- wrong types

my %wrong = (
    string => [ '1', 'true', '{}', '[]' ],
    boolean => [ '1', '0', '"true"', '{}', '[]' ],
    number => [ '"1"', 'true', '{}', '[]' ],
    object => [ '1', '"{}"', 'true', '[]' ],
    mark => [ '1', '0', '"true"', '[]' ],
);

my %type = (
    string => [ qw(model prompt ratio aspect_ratio resolution response_format
                   user sequential_image_generation) ],
    boolean => [ qw(stream force_single) ],
    mark => [ 'watermark' ],
    number => [ qw(width height n strength scale min_ratio max_ratio retries) ],
    object => [ qw(extra_body aigc_meta
                   sequential_image_generation_options) ],
);

for my $type (sort keys %type) {
    my $wanted = { boolean => 'true or false', string => 'a string',
                   number => 'a number', object => 'an object',
                   mark => 'true or false, or an object' }->{$type};

    for my $field (@{ $type{$type} }) {
        my $rest = $field eq 'prompt' ? '' : "$prompt,";

        invalid("$field is $_", "{$rest\"$field\":$_}",
                qr/^The field "$field" must be $wanted\.\z/, $field)
            for @{ $wrong{$type} };
    }
}

invalid("size is $_", "{$prompt,\"size\":$_}",
        qr/^The field "size" must be a string like "2048x2048"/, 'size')
    for 'true', '{}', '[1024,1024]';

invalid('of equal keys the last counts', '{"prompt":"a boat","prompt":1}',
        qr/must be a string/, 'prompt');
invalid('a wrong type in extra_body', "{$prompt,\"extra_body\":{\"n\":\"1\"}}",
        qr/^The field "n" must be a number/, 'n');


# ---- prompts

my $missing = qr/^The field "prompt" is missing;/;
my $blank = qr/^The field "prompt" is empty;/;

invalid('no field', '{}', $missing, 'prompt');
invalid('a null prompt', '{"prompt":null}', $missing, 'prompt');
invalid('a prompt and then null', "{$prompt,\"prompt\":null}", $missing,
        'prompt');
invalid("a blank prompt, '$_'", qq({"prompt":"$_"}), $blank, 'prompt')
    for '', ' ', '\n\t\u0000', '\u3000\u00a0', '　';

for my $char ('a', '猫', '😀', '\u732b', '\ud83d\ude00', '\n\u0061') {
    my $n = $char eq '\n\u0061' ? 2 : 1;
    my $long = $char x int(801 / $n + 0.5);

    refused("a prompt of 801 or more, $char", qq({"prompt":"$long"}), 413,
            'prompt_too_long', param => 'prompt',
            message => qr/^The prompt has 80\d char.* the limit is 800; /);
}


# ---- values

my $n = qr/^The field "n"/;
my $unit = qr/must be within 0 and 1\.\z/;
my $limit = qr/must be at least 0\.0625 and below 16\.\z/;

invalid("n is $_", "{$prompt,\"n\":$_}", $n, 'n')
    for 0, -1, 1.5, 2.5, 11, '1e2', '99999999999999999999';
invalid("$_ is out of range", "{$prompt,$_}", $unit,
        /"(\w+)"/ ? $1 : undef)
    for '"scale":1.1', '"scale":-0.1', '"strength":2', '"scale":50',
        '"scale":1e99', '"strength":-1e-5';
invalid("$_ is out of range", "{$prompt,$_}", $limit, /"(\w+)"/ ? $1 : undef)
    for '"min_ratio":0', '"min_ratio":0.06', '"max_ratio":16',
        '"max_ratio":-1', '"min_ratio":1e9', '"max_ratio":1e-9';
invalid('ratios that exclude each other',
        "{$prompt,\"min_ratio\":2,\"max_ratio\":1}",
        qr/^The field "min_ratio" must not be above "max_ratio"\.\z/,
        'min_ratio');
invalid('a ratio beyond the other\'s default', "{$prompt,$_->[1]}", $_->[2],
        $_->[0])
    for [ 'min_ratio', '"min_ratio":3.1', qr/"max_ratio", which is 3 unless/ ],
        [ 'max_ratio', '"max_ratio":0.3', qr/"min_ratio", which is 1\/3 unle/ ];
invalid("$_->[1]", "{$prompt,$_->[1]}", $_->[2], $_->[0]) for (
    [ 'n', '"n":2,"force_single":false', qr/choose one of them\.\z/ ],
    [ 'n', '"n":2,"sequential_image_generation":"auto"',
      qr/^The field "n" asks for 2 pictures, and "sequential_image_g.*choose/ ],
    [ 'force_single', '"force_single":true,"sequential_image_generation":"auto"',
      qr/contradict each other; leave one of them out\.\z/ ],
    [ 'sequential_image_generation', '"sequential_image_generation":"on"',
      qr/must be "auto" or "disabled"\.\z/ ],
    (map { [ 'sequential_image_generation_options.max_images',
             qq("sequential_image_generation_options":{"max_images":$_}),
             qr/must be an integer of 1 to 15\.\z/ ] } 0, 16, -1, '"1"'),
    (map { [ 'retries', qq("retries":$_),
             qr/^The field "retries" must be an integer of 0 to 5\.\z/ ] }
        -1, 6, 1.5),
    (map { [ "watermark.$_->[0]", qq("watermark":{"$_->[0]":$_->[1]}),
             $_->[2] ] }
        [ 'add_logo', 1, qr/must be true or false\.\z/ ],
        [ 'position', 4, qr/must be an integer of 0 to 3\.\z/ ],
        [ 'language', 2, qr/must be an integer of 0 to 1\.\z/ ],
        [ 'opacity', 1.1, $unit ],
        [ 'logo_text_content', 1, qr/a string of at most 64 characters\.\z/ ],
        [ 'logo_text_content', '"' . '猫' x 65 . '"', qr/at most 64/ ]),
    (map { [ 'aigc_meta.producer_id', qq("aigc_meta":$_),
             qr/needs a "producer_id" in it\.\z/ ] }
        '{}', '{"content_producer":"x"}', '{"producer_id":""}'),
    [ 'aigc_meta.propagate_id', '"aigc_meta":{"propagate_id":1}',
      qr/a string of at most 256 characters\.\z/ ],
);
invalid("response_format $_", "{$prompt,\"response_format\":\"$_\"}",
        qr/must be "url" or "b64_json"\.\z/, 'response_format')
    for '', 'b64', 'B64_JSON', 'URL', 'jpeg';


# ---- models

for my $case (
    [ 'dall-e-3', qr/^The model "dall-e-3" is not known here; use/ ],
    [ '', qr/^The model "" is not known here; use/ ],
    [ 'JIMENG_T2I_V40', qr/is not known here/ ],
    [ 'jimeng_t2i_v40 ', qr/is not known here/ ],
    [ 'jimeng_t2i_v40\u0000', qr/is not known here|jimeng_t2i_v40/ ],
    [ '%s%n', qr/^The model "%s%n" is not known here/ ],
    [ 'x' x 1000, qr/^The model "x{64}\.\.\." is not known here/ ],
    [ '猫' x 100, qr/^The model "猫{21}\.\.\." is not known here/ ],
    [ 'a \"quoted\" one', qr/^The model "a "quoted" one" is not known here/ ],
    [ 'jimeng-4.5', qr/^The model "jimeng-4\.5" needs an Ark account/ ],
    [ 'doubao-seedream-4-5-251128', qr/^The model "\S+" needs an Ark account/ ],
) {
    my ($model, $message) = @$case;

    refused('model ' . substr($model, 0, 40),
            qq({$prompt,"model":"$model"}), 404, 'model_not_found',
            param => 'model', message => $message);
}


# ---- pictures

my $url = '"https://h/1.png"';
my $eleven = join ',', ($url) x 11;
my $ten = join ',', ($url) x 10;
my $many = qr/^The request has 11 pictures, and this model takes at most 10;/;
my $no_url = qr/^Picture 1 of "image" is no http:/;
my $no_form = qr/^Picture 1 of "images" must be a URL or base64, or an object/;

invalid('11 pictures', "{$prompt,\"image\":[$eleven]}", $many, 'image');
invalid('10 pictures and one', "{$prompt,\"image\":$url,\"images\":[$ten]}",
        $many, 'images');
invalid('15 pictures for 4.6', "{$prompt,\"model\":\"jimeng-4.6\","
        . "\"images\":[$eleven,$url,$url,$url,$url]}",
        qr/^The request has 15 pictures, and this model takes at most 14;/,
        'images');

for my $case (
    [ 'jimeng_t2i_v31', 'image', "\"image\":$url", qr/takes at most 0;/ ],
    [ 'jimeng_t2i_v30', 'seed', '"seed":-2', qr/of -1 to 2147483647\.\z/ ],
    [ 'jimeng_t2i_v30', 'size', '"size":"2049x1024"', qr/of 512 to 2048 pix/ ],
    [ 'jimeng_i2i_v30', 'image', '"n":1', qr/^This model needs a picture in/ ],
    [ 'jimeng_image2image_dream_inpaint', 'image', "\"image\":$url",
      qr/^This model needs two pictures, the second of them a mask/ ],
    [ 'jimeng_i2i_seed3_tilesr_cvtob', 'resolution',
      "\"image\":$url,\"resolution\":\"2k\"", qr/must be "4k" or "8k" for/ ],
) {
    my ($model, $param, $more, $message) = @$case;

    invalid("$model, $more", "{$prompt,\"model\":\"$model\",$more}", $message,
            $param);
}

invalid("the picture $_", qq({$prompt,"image":"$_"}), $no_url, 'image')
    for ' ', 'x', 'ftp://h/1.png', 'file:///etc/passwd', '//h/1.png', 'http:h',
        'http:/h', 'https//h', ' http://h/', 'javascript:alert(1)',
        'data:image/png;base64,iVBORw0KGgo=', 'iVBORw0KGgo=', 'httpx://h/',
        '\u0000http://h/';
invalid("the picture $_", qq({$prompt,"image":"$_"}),
        qr/has characters that no URL has; escape them/, 'image')
    for 'http://h/a b', 'http://h/\n', 'http://h/\u0000', 'http://猫/',
        'http://h/\r\nX-Evil: 1', 'http://h/\u007f';
invalid("the picture $_", qq({$prompt,"image":"$_"}),
        qr/^The URL of picture 1 of "image" has no host;/, 'image')
    for 'http://', 'https:///x', 'http://?x', 'http://#x', 'http://u@/x',
        'http://:80/';
invalid('a URL of 8193 bytes',
        qq({$prompt,"image":"http://h/) . 'x' x (8193 - 9) . '"}',
        qr/is longer than 8192 bytes/, 'image');
invalid("the element $_", "{$prompt,\"images\":[$_]}", $no_form, 'images[0]')
    for 1, 'true', 'null', '[]', '{}', '{"url":1}', '{"image_url":{}}',
        '{"image_url":{"url":1}}', '{"b64_json":1}', '{"file_id":"file-1"}';
invalid('the second of two', "{$prompt,\"images\":[$url,\"x\"]}",
        qr/^Picture 2 of "images" is no http:.*this gateway takes URLs only/,
        'images[1]');
invalid("the field $_", "{$prompt,$_}", qr/must be a(?:n array| URL)/,
        /"(\w+)"/ ? $1 : undef)
    for '"image":1', '"image":{}', '"images":true', '"images":{}',
        '"image_urls":1', '"binary_data_base64":false', '"image_url":{"a":1}',
        '"input_image":{"url":null}', '"reference_images":0.5';


# ---- what looks like a picture, and is not known

invalid("unknown: $_->[1]", "{$prompt,$_->[1]}",
        qr/^The field "\Q$_->[0]\E" looks like a picture, and is not known here:/,
        $_->[0])
    for [ 'reference_image', qq("reference_image":$url) ],
        [ 'input_images', qq("input_images":[$url]) ],
        [ 'image_base64', '"image_base64":"iVBORw0KGgo="' ],
        [ 'ref_images', qq("extra_body":{"ref_images":[{"url":$url}]}) ],
        [ 'init_image', qq("image":$url,"init_image":$url) ],
        [ 'image[0]', qq("image[0]":$url) ],
        [ 'imageUrl', qq("imageUrl":$url) ],
        [ '图image', qq("图image":$url) ],
        [ 'foo', '"foo":"data:image/png;base64,iVBORw0KGgo="' ],
        [ 'foo', '"foo":["iVBORw0KGgoAAAANSUhEUg"]' ],
        [ 'foo', '"extra_body":{"foo":"/9j/4AAQSkZJRg"}' ],
        [ 'messages', qq("messages":[{"content":[{"image_url":{"url":$url}}]}]) ];


# ---- sizes (more of them in size.t)

invalid("size $_", qq({$prompt,"size":"$_"}), qr/^The (?:field|size) /, 'size')
    for '0x0', '-1x5', '99999999999x1', '1024x', '17x1', '8192x8192';


# ---- media types

sub typed {
    my ($name, $type) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $requests++;
    is_error($t->post_raw("{$prompt}", { 'Content-Type' => $type }), $name, 415,
             'unsupported_media_type',
             message => qr/send it with "Content-Type: application\/json"/);
    return;
}

typed('no Content-Type', undef);
typed("Content-Type $_", $_)
    for '', 'text/plain', 'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x', 'application/jsonp', 'application',
        'application/json-seq', 'application/json, text/plain',
        'text/plain; application/json', 'json';


# ---- what is compressed is not decompressed

for my $coding (qw(gzip GZIP x-gzip deflate br zstd), 'identity, gzip', 'foo') {
    for my $path (qw(generations edits)) {
        $requests++;
        is_error($t->request('POST', "/v1/images/$path",
                             { %$json, 'Content-Encoding' => $coding },
                             "{$prompt}"),
                 "$coding, $path", 415, 'unsupported_media_type',
                 message => qr/^The request body must not be compressed; send/);
    }
}

$requests++;
is_error($t->request('POST', '/v1/images/generations',
                     { %$json, 'Content-Encoding' => [ 'identity', 'gzip' ] },
                     "{$prompt}"),
         'two codings', 415, 'unsupported_media_type');

# It is said before the body was sent.
my $zipped = $t->start_request('POST', '/v1/images/generations',
    { %$json, 'Content-Encoding' => 'gzip', 'Content-Length' => 5000 }, '');
$requests++;
is_error($zipped->response(5), 'compressed, not sent at all', 415,
         'unsupported_media_type');
$zipped->abort;


# ---- methods and paths

my @refused_methods = qw(GET PUT PATCH DELETE OPTIONS);

for my $method (@refused_methods) {
    for my $body (undef, "{$prompt}") {
        my $r = $t->request($method, '/v1/images/generations', $json, $body);
        my $name = $method . (defined $body ? ' with a body' : '');

        $requests++;
        is_error($r, $name, 405, 'method_not_allowed',
                 message => qr/^The method is not allowed here; use POST\.\z/);
        is($r->header('Allow'), 'POST', "$name: Allow");
    }
}

my $head = $t->request('HEAD', '/v1/images/generations');
is($head->status, 405, 'HEAD: status');
is($head->body, '', 'HEAD: no body');
like($head->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, 'HEAD: X-Request-Id');
$requests++;

# Below images/ anything else may be a task's id, to be asked for.
for my $row ([ '/v1/' ], [ '/v1/images' ], [ '/v1/images/' ],
             [ '/v1/images/generationsx', 1 ], [ '/v1/images/generation', 1 ],
             [ '/v1/model' ], [ '/v1/images/edit', 1 ],
             [ '/v1/Images/Generations' ],
             [ '/v1/x/../images/generations/1', 1 ],
             [ '/v1/images%2Fgenerations%20', 1 ])
{
    my ($path, $id) = @$row;

    for my $method (qw(GET POST)) {
        my @expected = $id && $method eq 'GET'
            ? ('task_not_found', message => qr/^There is no such task/)
            : ('not_found', message => qr/^There is nothing at this path;/);

        $requests++;
        is_error($t->request($method, $path, $json, "{$prompt}"),
                 "$method $path", 404, @expected);
    }
}


# ---- bodies that are too large

my $large = "{$prompt,\"x\":\"" . 'x' x 65536 . '"}';
my $too_large = qr/^The request body is too large; send a smaller one/;

$requests++;
is_error($t->post_raw($large), 'too large, with Content-Length', 413,
         'request_too_large', message => $too_large);

for my $size (100, 20_000) {
    my $chunked = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                           unpack "(a$size)*", $large;

    $requests++;
    is_error($t->post_raw("${chunked}0\r\n\r\n",
                          { 'Transfer-Encoding' => 'chunked' }),
             "too large, in chunks of $size", 413, 'request_too_large',
             message => $too_large);
}

# It is said before the body was sent.
my $x = $t->start_request('POST', '/v1/images/generations',
                          { %$json, 'Content-Length' => 1e12 }, '');
$requests++;
is_error($x->response(5), 'too large, not sent at all', 413,
         'request_too_large', message => $too_large);
$x->abort;


# ---- nothing of all this went upstream, and every reply had an id of its own

is_deeply([ $t->emulator->journal ], [], 'nothing was submitted');

my %ids = map { $_->{jimeng_request_id} => 1 } $t->access_lines($requests);
is(scalar keys %ids, $requests, 'as many request ids as requests');

$t->done;
