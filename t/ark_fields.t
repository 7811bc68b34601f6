#!/usr/bin/perl

# Every field that Ark's models take, in each dialect, and what is sent of it;
# what has no effect, and is told; what is refused before anything is called.
#
# Seen failing: pictures as data without their type, which Ark refuses; a JPEG
# told as a PNG; a mode that a form had; and data, which cost a picture that
# nobody got.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Ark;
use Jimeng::Test::Envelope;
use Jimeng::Test::Picture qw(jpeg png);
use MIME::Base64 qw(encode_base64);

my $t = with_ark(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    ark => { seconds => 0 },
    http => 'client_max_body_size 20m;',
    server => <<'EOT',
        location /api/v3/ {
            jimeng_pass /_volcengine;
            jimeng_accounts ark;
        }
        location /strict/ {
            jimeng_pass /_volcengine;
            jimeng_size strict;
        }
        location /data/ {
            jimeng_pass /_volcengine;
            jimeng_response_format b64_json;
        }
        location /visual/ {
            jimeng_pass /_volcengine;
            jimeng_accounts main;
        }
EOT
);

my $v40 = 'doubao-seedream-4-0-20260415';
my $v45 = 'doubao-seedream-4-5-251128';
my $v50 = 'doubao-seedream-5-0-260128';
my $pro = 'doubao-seedream-5-0-pro-260628';
my $v30 = 'doubao-seedream-3-0-t2i-250415';

my $url = 'https://pictures.example/1.png';
my $single = '"sequential_image_generation":"disabled","stream":false,';
my $end = '"response_format":"url","watermark":';

sub calls { return $t->emulator->journal(action => 'ark') }

sub post {
    my ($model, $json, $path) = @_;
    utf8::encode($json);

    return $t->request('POST', ($path // '/v1') . '/images/generations',
        { 'Content-Type' => 'application/json' },
        qq({"model":"$model","prompt":"a boat")
        . (length $json ? ",$json" : '') . '}');
}

# What is sent behind model and prompt; of a model that makes groups $single and
# $end stand for what is the same in all of them.
sub sends {
    my ($model, $json, $sent, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name = "$model, " . substr $json, 0, 200;
    my $row = $more{row} // $model;
    my $before = calls();
    my $r = post($model, $json, $more{path});
    my @new = (calls())[$before .. calls() - 1];

    is($r->status, 200, "$name: a picture") or diag($r->body);
    is(scalar @new, $more{calls} // 1, "$name: how many calls");
    is($_->{body}, qq({"model":"$row","prompt":"a boat",$sent}),
       "$name: what is sent") for @new;
    is($r->json->{size}, $more{size} // 'auto', "$name: the size");
    is(join(' ', @{ $r->json->{ignored} // [] }), $more{ignored} // '',
       "$name: what has no effect");
    return $r;
}

sub refused {
    my ($model, $json, $param, $message, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $name = "$model, " . substr $json, 0, 200;
    my $before = calls();
    is_error(post($model, $json, $more{path}), $name,
             $more{status} // 400, $more{code} // 'invalid_request',
             param => $param, message => $message);
    is(scalar calls(), $before, "$name: nothing is called");
    return;
}


# ---- sizes

for my $case (
    [ 'jimeng-4.5', '', undef ],
    [ 'jimeng-4.5', '"size":"auto"', undef ],
    [ 'jimeng-4.5', '"size":"adaptive"', undef ],
    [ 'jimeng-4.5', '"size":"2K"', '2K' ],
    [ 'jimeng-4.5', '"size":"4k"', '4K' ],
    [ 'jimeng-4.5', '"size":4194304', '2K' ],
    [ 'jimeng-4.5', '"size":"3K"', '3072x3072' ],
    [ 'jimeng-4.5', '"size":"2304x1728"', '2304x1728' ],
    [ 'jimeng-4.5', '"size":"2304*1728"', '2304x1728' ],
    [ 'jimeng-4.5', '"size":"2304×1728"', '2304x1728' ],
    [ 'jimeng-4.5', '"width":2304,"height":1728', '2304x1728' ],
    [ 'jimeng-4.5', '"ratio":"16:9"', '2560x1440' ],
    [ 'jimeng-4.5', '"aspect_ratio":"9:16","resolution":"4k"', '3040x5404' ],
    [ 'jimeng-4.5', '"resolution":"4k"', '4K' ],

    # below the floor of 2560x1440: as small as may be, ratio kept
    [ 'jimeng-4.5', '"size":"1K"', '1920x1920' ],
    [ 'jimeng-4.5', '"size":"1024x1024"', '1920x1920' ],
    [ 'jimeng-4.5', '"size":"1280x720"', '2560x1440' ],
    [ 'jimeng-4.5', '"ratio":"16:9","resolution":"1k"', '2560x1440' ],

    # the floor of this one is 1280x720
    [ $v40, '"size":"1K"', '1K' ], [ $v40, '"size":"1280x720"', '1280x720' ],
    [ $v40, '"size":"640x360"', '1280x720' ],
    [ $v50, '"size":"3K"', '3K' ], [ $v50, '"resolution":"3k"', '3K' ],
    [ $pro, '"size":"1.5K"', '1.5K' ], [ $pro, '"size":"2K"', '2K' ],
    [ $pro, '"size":"1.5k","ratio":"1:1"', '1536x1536' ],
) {
    my ($model, $json, $size) = @$case;

    sends($model, $json, ($size ? qq("size":"$size",) : '')
        . ($model eq $pro ? '' : $single) . $end
        . ($model eq 'jimeng-4.5' ? 'false' : 'true'),
        row => $model eq 'jimeng-4.5' ? $v45 : $model, size => $size);
}

refused('jimeng-4.5', '"size":"4096x4104"', 'size',
        qr/has 16809984 pixels.*; ask for a smaller one/);
refused($pro, '"size":"4K"', 'size', qr/ask for a smaller one/);
refused($pro, '"size":"3K"', 'size', qr/ask for a smaller one/);
refused('jimeng-4.5', '"size":"8192x480"', 'size', qr/is too narrow/);
refused('jimeng-4.5', '"size":"5K"', 'size', qr/"1.5K", "2K", "3K", "4K"/);
refused('jimeng-4.5', '"width":2048', 'height', qr/./);
refused('jimeng-4.5', '"size":"1024x1024"', 'size', qr/ask for a larger one/,
        path => '/strict');
refused('jimeng-4.5', '"size":"1K"', 'size', qr/ask for a larger one/,
        path => '/strict');
sends($v40, '"size":"1280x720"', qq("size":"1280x720",$single${end}true),
      path => '/strict', size => '1280x720');


# ---- how many, and groups

sends('jimeng-4.5', '"n":3', "$single${end}false", row => $v45, calls => 3);
sends($pro, '"n":2', "${end}true", calls => 2);

sub group {
    my ($most, $stream) = @_;
    return '"sequential_image_generation":"auto","sequential_image_generation_'
           . qq(options":{"max_images":$most},"stream":true,);
}

my $auto = '"sequential_image_generation":"auto"';
my $options = '"sequential_image_generation_options"';
my $max = sub { qq($auto,$options:{"max_images":$_[0]}) };

sends($v45, $auto, group(15) . "${end}true");
sends($v45, $max->(4), group(4) . "${end}true");
sends('jimeng-4.5', '"force_single":false', group(15) . "${end}false",
      row => $v45);
sends($v45, qq($auto,"image":["$url","$url"]),
      qq("image":["$url","$url"],) . group(13) . "${end}true");
sends($v45, $max->(1), group(1) . "${end}true");
sends($v45, '"sequential_image_generation":"disabled"', "$single${end}true");
sends($v45, qq($options:{"max_images":4}), "$single${end}true",
      ignored => 'sequential_image_generation_options');
sends($pro, '"sequential_image_generation":"disabled"', "${end}true");

refused($v45, $max->(0), "sequential_image_generation_options.max_images",
        qr/1 to 15/);
refused($v45, $max->(16), "sequential_image_generation_options.max_images",
        qr/1 to 15/);
refused($v45, $max->(14) . qq(,"image":["$url","$url"]),
        "sequential_image_generation_options.max_images",
        qr/has 2 pictures and asks for up to 14.*15 together/);
refused($v45, qq($auto,"n":2), 'n', qr/choose one of them/);
refused($v45, '"sequential_image_generation":"yes"',
        'sequential_image_generation', qr/"auto" or "disabled"/);
refused($pro, $auto, 'sequential_image_generation',
        qr/makes one picture at a time/);
refused($v45, '"n":11', 'n', qr/1 to 10/);


# ---- fields of Ark's own

sends($v45, '"watermark":false', "$single${end}false");
sends('jimeng-4.5', '"watermark":true', "$single${end}true", row => $v45);
sends($v45, '"watermark":{"add_logo":false}', "$single${end}false");

my $r = sends($v50, '"output_format":"png"',
              qq($single"output_format":"png",${end}true));
is($r->json->{output_format}, 'png', 'a PNG that was asked for');
my $again = $t->request('GET', '/v1/images/' . $r->json->{task_id});
is($again->json->{output_format}, 'png', 'and by its id');

$r = sends($v50, '"output_format":"jpeg"',
           qq($single"output_format":"jpeg",${end}true));
is($r->json->{output_format}, 'jpeg', 'a JPEG that was asked for');

$r = sends($v45, '"output_format":"png"', "$single${end}true",
           ignored => 'output_format');
is($r->json->{output_format}, 'jpeg', 'of a model that makes JPEGs only');
$again = $t->request('GET', '/v1/images/' . $r->json->{task_id});
is($again->json->{output_format}, 'jpeg', 'and by its id');

sends($v50, '"optimize_prompt_options":{"mode":"fast"}',
      qq($single"optimize_prompt_options":{"mode":"fast"},${end}true));
sends($v45, '"optimize_prompt_options":{"mode":"standard"}',
      qq($single"optimize_prompt_options":{"mode":"standard"},${end}true));
sends($v50, '"tools":[{"type":"web_search"}]',
      qq($single"tools":[{"type":"web_search"}],${end}true));
sends($v45, '"tools":[{"type":"web_search"}]', "$single${end}true",
      ignored => 'tools');
sends($pro, '"background":"transparent","output_format":"png"',
      qq("output_format":"png","background":"transparent",${end}true));
sends($pro, qq("layer_decomposition":true,"image":"$url"),
      qq("image":"$url","layer_decomposition":true,${end}true));
sends($v45, '"background":"transparent","layer_decomposition":true',
      "$single${end}true", ignored => 'background layer_decomposition');

for my $case (
    [ $v50, '"output_format":"webp"', 'output_format' ],
    [ $v50, '"output_format":1', 'output_format' ],
    [ $v50, '"optimize_prompt_options":"fast"', 'optimize_prompt_options' ],
    [ $v50, '"optimize_prompt_options":{"mode":"slow"}',
      'optimize_prompt_options.mode' ],
    [ $v50, '"tools":"web_search"', 'tools' ],
    [ $v50, '"tools":[{"type":"draw"}]', 'tools' ],
    [ $pro, '"background":"green"', 'background' ],
    [ $pro, '"layer_decomposition":1', 'layer_decomposition' ],
    [ $pro, '"layer_decomposition":true', 'layer_decomposition' ],
    [ $pro, qq("layer_decomposition":true,"image":"$url","n":2), 'n' ],
) {
    refused(@$case, qr/^(?:The field|With)/);
}

# The emulator knows no model of this version: what was sent is what counts.
post($v30, '"seed":42,"guidance_scale":2.5');
is((calls())[-1]{body}, qq({"model":"$v30","prompt":"a boat","seed":42,)
   . qq("guidance_scale":2.5,${end}true}), 'seed and guidance_scale');

# What other dialects have, and Ark does not.
sends($v45, '"seed":1,"guidance_scale":3,"negative_prompt":"fog","style":"x",'
      . '"quality":"low","user":"u","moderation":"low","strength":0.5,'
      . '"min_ratio":0.5,"max_ratio":2,"aigc_meta":{"producer_id":"p"},'
      . '"use_pre_llm":true,"partial_images":1', "$single${end}true",
      ignored => 'strength min_ratio max_ratio aigc_meta seed use_pre_llm '
      . 'negative_prompt quality style moderation partial_images user '
      . 'guidance_scale');
sends($v45, '"size":null,"tools":null,"unheard_of":1', "$single${end}true");


# ---- data, which nobody could ask for again

my $links = qr/^The pictures of this model are links here, and no data/;

refused('jimeng-4.5', '"response_format":"b64_json"', 'response_format',
        $links);
refused($v45, '"response_format":"b64_json","stream":true', 'response_format',
        $links);
refused('jimeng-4.5', '"stream":true', 'response_format', $links);
refused('jimeng-4.5', '', 'response_format', $links, path => '/data');
sends('jimeng-4.5', '"response_format":"url"', "$single${end}false",
      row => $v45, path => '/data');

$r = post($v45, '');
is_error($t->request('GET', '/v1/images/' . $r->json->{task_id}
                     . '?response_format=b64_json'),
         'data of what was made', 400, 'invalid_request',
         param => 'response_format', message => $links);


# ---- pictures that go in

sends($v45, qq("image":"$url"), qq("image":"$url",$single${end}true));
sends($v45, qq("image":["$url"]), qq("image":"$url",$single${end}true));
sends($v45, qq("images":[{"url":"$url"},{"image_url":"$url"}]),
      qq("image":["$url","$url"],$single${end}true));

my @many = map { qq("https://pictures.example/$_.png") } 1 .. 15;
my $fourteen = join ',', @many[0 .. 13];
my $fifteen = join ',', @many;

sends($v45, qq("image":[$fourteen]),
      qq("image":[$fourteen],$single${end}true));
refused($v45, qq("image":[$fifteen]), 'image', qr/takes at most 14/);
refused($pro, '"image":[' . join(',', @many[0 .. 10]) . ']', 'image',
        qr/takes at most 10/);
refused($v30, qq("image":"$url"), 'image', qr/takes at most 0/);

my $png = encode_base64(png(64, 64, 2000), '');
my $jpeg = encode_base64(jpeg(64, 64, 2000), '');

sends($v45, qq("image":["data:image/png;base64,$png","$url","$jpeg"]),
      qq("image":["data:image/png;base64,$png","$url",)
      . qq("data:image/jpeg;base64,$jpeg"],$single${end}true));
# What Jimeng does not take.
my $wide = encode_base64(png(6000, 1000, 20_000), '');

sends($v45, qq("image":"data:image/png;base64,$wide"),
      qq("image":"data:image/png;base64,$wide",$single${end}true));
refused($v45, '"image":"' . encode_base64(png(3400, 200, 2000), '') . '"',
        'image', qr{width/height has to be within 1/16 to 16});
refused($v45, '"image":"' . encode_base64(png(9000, 4001, 2000), '') . '"',
        'image', qr/is 9000x4001: it has to have 1 to 36000000 pixels/);

# Pieces of 64 KiB: the first of them has too little to tell the type.
for my $blanks (65_532, 65_535, 65_536) {
    sends($v45, '"image":"' . ' ' x $blanks . $png . '"',
          qq("image":"data:image/png;base64,$png",$single${end}true));
}

refused($v45, '"image":"data:image/png;base64,' . substr($png, 0, 400) . '"',
        'image', qr/cut off/);


# ---- a form

my $border = 'a-border-of-parts';

sub form {
    my ($path, @fields) = @_;
    my $body = '';

    while (my ($name, $value) = splice @fields, 0, 2) {
        my ($file, $text) = ref $value ? ('; filename="a.png"', $$value)
                                       : ('', $value);
        $body .= "--$border\r\nContent-Disposition: form-data; "
                 . qq(name="$name"$file\r\n\r\n$text\r\n);
    }

    return $t->request('POST', $path,
        { 'Content-Type' => "multipart/form-data; boundary=$border" },
        "$body--$border--\r\n");
}

my $bytes = png(64, 64, 2000);

for my $path ('/v1/images/edits', '/api/v3/images/edits') {
    $r = form($path, model => $v45, prompt => 'a boat', size => '2K',
              watermark => 'false', 'image[]' => \$bytes, 'image[]' => $url,
              sequential_image_generation => 'auto',
              'sequential_image_generation_options[max_images]' => 2);

    is($r->status, 200, "$path: a form") or diag($r->body);
    is((calls())[-1]{body}, qq({"model":"$v45","prompt":"a boat","image":[)
       . qq("data:image/png;base64,$png","$url"],"size":"2K",) . group(2)
       . "${end}false}", "$path: what is sent");
}

$r = form('/v1/images/edits', model => $v50, prompt => 'a boat',
          image => $url, output_format => 'png',
          tools => '[{"type":"web_search"}]',
          'optimize_prompt_options[mode]' => 'fast');
is($r->status, 200, 'a form of another model') or diag($r->body);
is((calls())[-1]{body}, qq({"model":"$v50","prompt":"a boat","image":"$url",)
   . qq($single"output_format":"png","optimize_prompt_options":{"mode":"fast"},)
   . qq("tools":[{"type":"web_search"}],${end}true}),
   'its fields');


# ---- models, by the accounts that there are

sub listed {
    my ($path) = @_;
    return map { $_->{id} } @{ $t->request('GET', "$path/models")->json
                               ->{data} };
}

my %both = map { $_ => 1 } listed('/v1');
my %ark = map { $_ => 1 } listed('/api/v3');
my %visual = map { $_ => 1 } listed('/visual');

ok($both{$_}, "with both: $_") for 'jimeng-4.0', 'jimeng-4.5', $v40, $v50;
ok(!$visual{$_}, "without Ark no $_") for 'jimeng-4.5', $v45, $v50, $pro;
ok($visual{$_}, "without Ark: $_") for 'jimeng-4.0', $v40;
ok(!$ark{$_}, "of Ark alone no $_") for 'jimeng-4.0', 'jimeng_t2i_v40';
ok($ark{$_}, "of Ark alone: $_") for 'jimeng-4.5', $v40;
is(scalar(grep { !$both{$_} } keys %ark, keys %visual), 0,
   'with both there are those of each');
is(scalar(listed($_)), scalar(keys %{{ map { $_ => 1 } listed($_) }}),
   "$_: each once") for '/v1', '/visual', '/api/v3';

is($t->request('GET', "/v1/models/jimeng-4.5")->status, 200, 'one of them');
is_error($t->request('GET', '/visual/models/jimeng-4.5'), 'none without Ark',
         404, 'model_not_found', param => 'model',
         message => qr/needs an Ark account, which this gateway does not have/);

my $needs = qr/^The model "[\w.-]+" needs an Ark account, which this gateway /;

refused($_, '', 'model', $needs, path => '/visual', status => 404,
        code => 'model_not_found') for 'jimeng-4.5', 'jimeng-5.0', $v45, $v50;
refused('jimeng-9', '', 'model',
        qr/^The model "jimeng-9" is not known here; use "jimeng_t2i_v40"/,
        path => '/visual', status => 404, code => 'model_not_found');
refused('jimeng-5.0', '', 'model', qr/is not known here; use "jimeng_t2i_v40"/,
        status => 404, code => 'model_not_found');
refused('jimeng-4.0', '', 'model', qr/is not known here; use "jimeng-4.5"/,
        path => '/api/v3', status => 404, code => 'model_not_found');


# ---- Seedream 4.0, which both have

for my $name ($v40, 'doubao-seedream-4-0-250828', 'seedream-4-0-250828') {
    my $submits = $t->submits;

    sends($name, '', "$single${end}true");
    sends($name, '', "$single${end}true", path => '/api/v3');
    is(scalar $t->submits, $submits, "$name: nothing for Jimeng");

    $r = post($name, '', '/visual');
    is($r->json->{model}, 'jimeng_t2i_v40', "$name: Jimeng 4.0 without Ark");
    is(scalar $t->submits, $submits + 1, "$name: one task");
}

$t->done;
