#!/usr/bin/perl

# Every field a client may send, and what is sent upstream for it.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
);

my $url = 'https://pictures.example/1.png';

# What is sent for {"prompt":"a boat on a lake"} and the fields of a case, as
# far as it is not the same for all of them.
my $plain = '"force_single":true';

sub submitted {
    my ($name, $body, $expected, $status) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $t->submits;

    my $r = $t->post_raw($body);
    my @new = ($t->submits)[$before .. $t->submits - 1];

    is($r->status, 200, "$name: a picture") or diag($r->body);
    is(scalar @new, 1, "$name: one submit");
    is($new[0]{body}, $expected, "$name: what is sent");
    return ($r, $new[0]);
}


sub fields {
    my ($json, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return submitted($json, qq({"prompt":"a boat on a lake",$json}),
        qq({"req_key":"jimeng_t2i_v40","prompt":"a boat on a lake",$expected})
    );
}


# ---- prompt: it arrives as it was meant

my @prompts = (
    [ 'as it is', 'a quiet harbour', 'a quiet harbour' ],
    [ 'quotes and backslashes', 'say \"hi\" \\\\ C:\\\\x',
      'say "hi" \\ C:\\x' ],
    [ 'an escaped slash', 'this \/ that', 'this / that' ],
    [ 'what looks like JSON', '\",\"force_single\":false,\"x\":\"',
      '","force_single":false,"x":"' ],
    [ 'named controls', 'a\b\f\n\r\tz', "a\b\f\n\r\tz" ],
    [ 'every control',
      join('', 'a', (map { sprintf '\u%04x', $_ } 0 .. 31, 127), 'z'),
      join '', 'a', (map { chr } 0 .. 31, 127), 'z' ],
    [ 'Chinese', '一只在屋顶上的猫', '一只在屋顶上的猫' ],
    [ 'escaped Chinese', '\u4e00\u53ea\u732B on a roof', '一只猫 on a roof' ],
    [ 'emoji', 'a 😀 and a 👩‍🚀', 'a 😀 and a 👩‍🚀' ],
    [ 'an escaped pair', 'a smile \ud83d\uDE00', 'a smile 😀' ],
    [ 'line separators',
      "a line\x{2028}and\x{2029}", "a line\x{2028}and\x{2029}" ],
    [ 'spaces around it', '  in the middle  ', '  in the middle  ' ],
);

for my $case (@prompts) {
    my ($name, $sent, $meant) = @$case;
    my $before = $t->submits;
    my $status = $t->post_raw(qq({"prompt":"$sent"}))->status;
    my $row = ($t->submits)[$before];

    is($status, 200, "prompt, $name: a picture");
    is($row->{json}{prompt}, $meant, "prompt, $name");
    unlike($row->{body}, qr/[\x00-\x1f]/, "prompt, $name: nothing unescaped");
    is_deeply([ sort keys %{ $row->{json} } ],
              [ qw(force_single prompt req_key) ], "prompt, $name: no more");
}


# ---- pictures

my $sent = qq("image_urls":["$url"],$plain);
my $two = qq("image_urls":["$url","http://h/2"],$plain);
my $urls = join ',', map { qq("https://h/$_.png") } 1 .. 10;

fields(qq("image":"$url"), $sent);
fields(qq("image":["$url"]), $sent);
fields(qq("images":["$url"]), $sent);
fields(qq("image":[{"url":"$url"}]), $sent);
fields(qq("images":[{"image_url":"$url"}]), $sent);
fields(qq("images":[{"type":"image_url","image_url":{"url":"$url"}}]), $sent);
fields(qq("images":[{"url":null,"image_url":"$url"}]), $sent);
fields(qq("images":[{"url":"http://h/0","url":"$url"}]), $sent);
fields(qq("image":["$url","http://h/2"]), $two);
fields(qq("images":["$url",{"url":"http://h/2"}]), $two);
fields(qq("image":"$url","images":["http://h/2"]), $two);
fields(qq("images":["http://h/2"],"image":["$url"]), $two);
fields(qq("image":[$urls]), qq("image_urls":[$urls],$plain));
fields('"image":[]', $plain);
fields('"image":[],"images":[]', $plain);
fields('"image":"","images":"","image_urls":[],"mask":""', $plain);
fields(qq("image":{"url":"$url"}), $sent);
fields(qq("images":{"image_url":{"url":"$url"}}), $sent);
fields(qq("images":"$url"), $sent);

# the other names that clients have for them

for my $name (qw(image_urls binary_data_base64 image_url input_image
                 reference_images))
{
    fields(qq("$name":"$url"), $sent);
    fields(qq("$name":["$url","http://h/2"]), $two);
    fields(qq("$name":{"url":"$url"}), $sent);
    fields(qq("extra_body":{"$name":["$url"]}), $sent);
    fields(qq("$name":[{"type":"x","image_url":{"url":"$url"}}]), $sent);
    fields(qq("$name":"","image":"$url"), $sent);
}

fields(qq("reference_images":["http://h/7"],"input_image":"http://h/6",)
       . qq("image_url":"http://h/5","binary_data_base64":["http://h/4"],)
       . qq("image_urls":["http://h/3"],"images":["http://h/2"],"image":"$url"),
       join(',', qq("image_urls":["$url"), map { qq("http://h/$_") } 2 .. 7)
       . "],$plain");
fields('"image":"HTTPS://h:8080/a%20b?x=1&y=%22#z"',
       '"image_urls":["HTTPS://h:8080/a%20b?x=1&y=%22#z"],' . $plain);
fields('"image":"https:\/\/h\/\u0061"',
       '"image_urls":["https://h/a"],' . $plain);


# ---- scale, by either name

for my $case (
    [ '0.5', '0.5' ], [ '0', '0' ], [ '1', '1' ], [ '0.25', '0.25' ],
    [ '0.10', '0.1' ], [ '0.333', '0.33' ], [ '0.999', '1' ],
    [ '0.005', '0.01' ], [ '0.0049', '0' ], [ '5e-1', '0.5' ], [ '1.0', '1' ],
    [ '-0', '0' ],
) {
    fields(qq("scale":$case->[0]), qq("scale":$case->[1],$plain));
}

fields('"strength":0.7', qq("scale":0.7,$plain));
fields('"strength":0.7,"scale":0.2', qq("scale":0.2,$plain));
fields('"scale":0.2,"strength":0.7', qq("scale":0.2,$plain));
fields('"strength":0.7,"scale":null', qq("scale":0.7,$plain));


# ---- how many, and how wide

fields('"force_single":true', '"force_single":true');
fields('"force_single":false', '"force_single":false');
fields('"sequential_image_generation":"auto"', '"force_single":false');
fields('"sequential_image_generation":"disabled"', $plain);
fields(qq("retries":$_), $plain) for 0, 3, '5.0';
fields('"min_ratio":0.5', qq($plain,"min_ratio":0.5));
fields('"max_ratio":2', qq($plain,"max_ratio":2));
fields('"max_ratio":15.999,"min_ratio":0.0625',
       qq($plain,"min_ratio":0.0625,"max_ratio":15.999));
fields('"min_ratio":1.50,"max_ratio":1.5',
       qq($plain,"min_ratio":1.50,"max_ratio":1.5));


# ---- what is understood and not sent

fields($_, $plain) for (
    '"n":1', '"n":1.0', '"response_format":"url"', '"stream":false',
    '"user":"somebody"', '"user":""', '"size":"auto"', '"size":"Auto"',
    '"size":"adaptive"', '"size":"ADAPTIVE"', '"partial_images":2',
    '"input_fidelity":"high"',
);

# Windows begins what is UTF-8 with a mark.
submitted('a byte order mark', "\xef\xbb\xbf" . '{"prompt":"x"}',
          qq({"req_key":"jimeng_t2i_v40","prompt":"x",$plain}));

# ---- what is not understood

fields($_, $plain) for (
    '"negative_prompt":"rain"', '"quality":"hd"', '"style":"vivid"',
    '"seed":1', '"seed":-1', '"output_format":"png"', '"moderation":"low"',
    '"req_key":"jimeng_t2i_v30"', '"image_size":"square_hd"', '"num_images":2',
    '"images_per_prompt":"1"', '"init_image":null', '"init_images":[]',
    '"return_images":true', '"image_config":{"image_size":"2K"}',
    '"callback_url":"http://h/"', '"task_id":"1"', '"req_json":"{}"',
    '"":1', '"Prompt":"x"', '"prompt ":"x"', '"x":{"prompt":[1,2,{}]}',
    '"\u0000prompt":"x"', '"x":1e999', '"x":0.1234567890123456789',
);

# ---- what has no effect is named in the reply

for my $case (
    [ '"user":"somebody","seed":1,"quality":"hd"', qw(seed quality user) ],
    [ '"unknown":1,"seed":null,"async":false' ],
    [ '"strength":0.1,"scale":0.5', 'strength' ],
    [ '"size":"1024x1024","ratio":"16:9"', 'ratio' ],
    [ '"width":1024,"height":1024,"size":"4K","aspect_ratio":"1:1"',
      qw(size aspect_ratio) ],
    [ '"partial_images":2,"input_fidelity":"high","safety_identifier":"x",'
      . '"complexity":"low","svg":{"model":"x"},"frame_count":9,'
      . '"frame_duration_ms":200',
      qw(partial_images input_fidelity complexity frame_count
         frame_duration_ms svg safety_identifier) ],
    [ '"partial_images":null,"max_images":3,"input_fidelity":null' ],
    [ '"extra_body":{"negative_prompt":"rain","mask":{}}',
      qw(mask negative_prompt) ],
    [ '"sequential_image_generation_options":{"max_images":2}',
      'sequential_image_generation_options' ],
    [ '"model":"jimeng_t2i_v30","n":2,"force_single":false', 'force_single' ],
) {
    my ($json, @names) = @$case;
    my $r = $t->post_raw(qq({"prompt":"a boat",$json}));

    is_deeply($r->json->{ignored}, @names ? \@names : undef,
              "$json: what is ignored");
}

# ---- nulls are as good as absent

fields(qq("$_":null), $plain) for qw(
    model size width height ratio aspect_ratio resolution n response_format
    stream image images strength scale force_single min_ratio max_ratio
    watermark user extra_body whatever sequential_image_generation
    sequential_image_generation_options retries async aigc_meta seed mask
    image_urls binary_data_base64 image_url input_image reference_images
    reference_image partial_images
);


# ---- extra_body, as OpenAI's clients send what they do not know

fields('"extra_body":{}', $plain);
fields('"extra_body":{"force_single":false}', '"force_single":false');
fields('"extra_body":{"scale":0.3,"x":1}', qq("scale":0.3,$plain));
fields('"scale":0.4,"extra_body":{"scale":0.3}', qq("scale":0.4,$plain));
fields('"extra_body":{"scale":0.3},"scale":0.4', qq("scale":0.4,$plain));
fields('"extra_body":{"scale":0.3},"scale":null', qq("scale":0.3,$plain));
fields('"extra_body":{"extra_body":{"scale":0.3}}', $plain);
fields(qq("extra_body":{"image":"$url","min_ratio":0.5,"size":"1K"}),
       qq("image_urls":["$url"],"size":1048576,$plain,"min_ratio":0.5));

submitted('a prompt in extra_body',
          '{"extra_body":{"prompt":"a boat on a lake"}}',
          '{"req_key":"jimeng_t2i_v40","prompt":"a boat on a lake",'
          . "$plain}");


# ---- of equal keys the last wins

fields('"scale":0.1,"scale":0.2,"scale":0.3', qq("scale":0.3,$plain));
fields('"scale":0.1,"sc\u0061le":0.2', qq("scale":0.2,$plain));
fields('"scale":"wrong","scale":0.2', qq("scale":0.2,$plain));
fields('"scale":0.2,"scale":null', $plain);
fields('"prompt":"a boat on a lake"', $plain);
fields('"extra_body":{"scale":0.1},"extra_body":{"min_ratio":1}',
       qq($plain,"min_ratio":1));
fields('"extra_body":{"scale":0.1,"scale":0.2}', qq("scale":0.2,$plain));


# ---- models

my %key = (
    'jimeng_t2i_v40' => 'jimeng_t2i_v40',
    'jimeng-4.0' => 'jimeng_t2i_v40',
    'doubao-seedream-4-0-250828' => 'jimeng_t2i_v40',
    'jimeng-4.6' => 'jimeng_seedream46_cvtob',
    'jimeng_seedream46_cvtob' => 'jimeng_seedream46_cvtob',
);

for my $model (sort keys %key) {
    my ($r) = submitted($model,
        qq({"model":"$model","prompt":"a boat on a lake"}),
        qq({"req_key":"$key{$model}","prompt":"a boat on a lake",$plain}));

    is($r->json->{model}, $key{$model}, "$model: in the reply");
    is(($t->queries)[-1]{json}{req_key}, $key{$model}, "$model: in the query");
}

# Jimeng 4.6 counts scale in percent, from 1, and takes 14 pictures.
for my $case ([ '0.5', 50 ], [ '1', 100 ], [ '0.255', 26 ], [ '0', 1 ],
              [ '0.001', 1 ])
{
    submitted("4.6, scale $case->[0]",
        qq({"model":"jimeng-4.6","prompt":"a boat","scale":$case->[0]}),
        qq({"req_key":"jimeng_seedream46_cvtob","prompt":"a boat",)
        . qq("scale":$case->[1],$plain}));
}

for my $case ([ '50', 50 ], [ '2', 2 ], [ '100.0', 100 ]) {
    submitted("4.6, scale $case->[0], an integer",
        qq({"model":"jimeng-4.6","prompt":"a boat","scale":$case->[0]}),
        qq({"req_key":"jimeng_seedream46_cvtob","prompt":"a boat",)
        . qq("scale":$case->[1],$plain}));
}

# Older models, each with the fields that it takes and no others.
for my $case (
    [ 'jimeng_t2i_v31', '"seed":7,"use_pre_llm":true,"size":"512x512"',
      '"width":512,"height":512,"seed":7,"use_pre_llm":true' ],
    [ 'jimeng_t2i_v30', '"ratio":"16:9","scale":0.5,"force_single":false',
      '"width":1776,"height":992', qw(scale force_single) ],
    [ 'jimeng_t2i_v30', '"size":"256x256"', '"width":512,"height":512' ],
    [ 'jimeng_i2i_v30', qq("image":"$url","scale":0.7,"seed":-1),
      qq("image_urls":["$url"],"scale":0.7,"seed":-1) ],
    [ 'jimeng_image2image_dream_inpaint',
      qq("mask":"http://h/m","image":"$url","seed":1),
      qq("image_urls":["$url","http://h/m"],"seed":1) ],
    [ 'jimeng_image2image_dream_inpaint',
      qq("mask":"http://h/m","image":"$url","scale":1),
      qq("image_urls":["$url","http://h/m"]), 'scale' ],
) {
    my ($model, $json, $expected, @ignored) = @$case;
    my ($r) = submitted("$model, $json",
        qq({"model":"$model","prompt":"a boat",$json}),
        qq({"req_key":"$model","prompt":"a boat",$expected}));

    is_deeply($r->json->{ignored}, @ignored ? \@ignored : undef,
              "$model, $json: what is ignored");
}

submitted('tiles', qq({"model":"jimeng_i2i_seed3_tilesr_cvtob","prompt":"x",)
    . qq("image":"$url","resolution":"8K"}),
    qq({"req_key":"jimeng_i2i_seed3_tilesr_cvtob","image_urls":["$url"],)
    . '"resolution":"8k"}');

$urls = join ',', map { qq("https://h/$_.png") } 1 .. 14;
submitted('4.6, 14 pictures',
    qq({"model":"jimeng-4.6","prompt":"a boat","images":[$urls]}),
    qq({"req_key":"jimeng_seedream46_cvtob","prompt":"a boat",)
    . qq("image_urls":[$urls],$plain}));


# ---- the watermark is put on when the result is asked for

my $s4 = '"model":"doubao-seedream-4-0-250828"';

for my $case (
    [ '"user":"x"', 0 ],
    [ '"watermark":true', 1 ],
    [ '"watermark":false', 0 ],
    [ '"watermark":null', 0 ],
    [ '"extra_body":{"watermark":true}', 1 ],
    [ $s4, 1 ],
    [ qq($s4,"watermark":false), 0 ],
    [ qq($s4,"watermark":null), 1 ],
) {
    my ($json, $mark) = @$case;
    my ($r) = fields($json, $plain);
    my $row = ($t->queries)[-1];
    my $logo = $mark ? ',"logo_info":{"add_logo":true}' : '';

    is($t->upstream_ids($r->json->{task_id}), $row->{task_id},
       "$json: its query");
    is($row->{json}{req_json}, qq({"return_url":true$logo}),
       "$json: req_json, a string of JSON");
}

for my $case (
    [ '"watermark":{}', '"logo_info":{"add_logo":true}' ],
    [ '"watermark":{"add_logo":false,"position":1}' ],
    [ '"watermark":{"position":2,"language":1,"opacity":0.5,'
      . '"logo_text_content":"a \\"cat\\" \\\\ \\n\u732b"}',
      '"logo_info":{"add_logo":true,"position":2,"language":1,"opacity":0.5,'
      . '"logo_text_content":"a \\"cat\\" \\\\ \\n猫"}' ],
    [ '"aigc_meta":{"producer_id":"p","content_propagator":"\\u0001"}',
      '"aigc_meta":{"producer_id":"p","content_propagator":"\\u0001"}' ],
) {
    my ($json, $expected) = @$case;

    utf8::encode($json);
    fields($json, $plain);
    is(($t->queries)[-1]{json}{req_json},
       '{"return_url":true' . (defined $expected ? ",$expected" : '') . '}',
       "$json: req_json, a string of JSON");
}


# ---- a group: one task, and no more pictures than were asked for

for my $case ([ 2, 2 ], [ 3, 3 ], [ 15, 3 ]) {
    my ($max, $handed) = @$case;
    my $before = $t->submits;
    my $r = $t->post_raw('{"prompt":"three boats [[pictures=3]]",'
        . '"sequential_image_generation":"auto","extra_body":{'
        . qq("sequential_image_generation_options":{"max_images":$max}}}));

    is(scalar @{ $r->json->{data} }, $handed, "max_images $max: pictures");
    is($r->json->{usage}{generated_images}, 3, "max_images $max: made");
    is($t->submits - $before, 1, "max_images $max: one task");
}

$t->done;
