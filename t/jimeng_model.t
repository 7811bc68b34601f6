#!/usr/bin/perl

# jimeng_model: rows of the model table.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_model');
my $invalid = sub { qq(invalid parameter "$_[0]" in "jimeng_model") };
my $area = '"area=" in "jimeng_model" takes two numbers of pixels, as '
           . '"area=1048576-16777216"';
my $arguments = 'invalid number of arguments in "jimeng_model" directive';

$d->contexts('jimeng_model a b;');

$d->good(
    'a b', '"a name" "a key"', '模型 b', 'a b images=0', 'a b images=14',
    'a b area=1-1', 'a b area=1048576-16777216', 'a b area=1-2147483647',
    'a b scale=none', 'a b scale=fraction', 'a b scale=percent',
    'a b watermark=on', 'a b watermark=off',
    'a b price=0', 'a b price=0.22', 'a b price=1000000',
    'a b response_format=url', 'a b response_format=b64_json',
    'a b response_format=url response_format=b64_json',
    'a b images=3 area=5-6 scale=none watermark=on images=4',
    'jimeng_t2i_v40 another_key',
);

$d->bad(
    [ '', "\\$arguments" ], [ 'a', "\\$arguments" ],
    [ '"" b', 'needs a name and a req_key' ],
    [ 'a ""', 'needs a name and a req_key' ],
    [ "caf\xe9 b", 'needs a name and a req_key in UTF-8' ],
    [ "a \xc0\xaf", 'needs a name and a req_key in UTF-8' ],
    (map { [ "a b $_", '\\' . $invalid->($_) ] }
        'images', 'images=', 'images=15', 'images=-1', 'images=x',
        'images=99999999999999999999', 'scale=', 'scale=1', 'scale=fractions',
        'response_format=', 'response_format=b64', 'response_format=URL',
        'watermark=', 'watermark=1', 'watermark=ON', 'area', 'x', 'x=y',
        'Images=1'),
    [ 'a b ""', '\\' . $invalid->('') ],
    (map { [ "a b area=$_", "\\$area" ] }
        '', '1', '1-', '-1', '-', '0-1', '2-1', '1-2-3', 'a-b', '1-x',
        '1-2147483648', '1k-2k', '1-99999999999999999999'),
);

$d->bad(map { [ "a b price=$_", qq(\\"price=" in "jimeng_model" takes the price )
                . qq(of a picture, as "price=0.22", not "price=$_") ] }
    '', '-1', '1e3', '0.0000001', '1000000.1', 'x', '0,22', '.5', '5.');

# rows that no request can meet
$d->bad(
    [ 'a jimeng_i2i_v30 images=0', '\model "a" can never work: '
      . '"jimeng_i2i_v30" needs a picture, and "images=0" forbids it' ],
    [ 'a jimeng_image2image_dream_inpaint images=1', '\model "a" can never '
      . 'work: "jimeng_image2image_dream_inpaint" needs more pictures than '
      . '"images=" allows' ],
    (map { [ "a $_->[0] area=$_->[1]", "\\model \"a\" can never work: "
             . "\"$_->[0]\" makes no picture of this \"area=\", its sides are "
             . 'too short or too long for it' ] }
        [ 'jimeng_t2i_v30', '4194305-5000000' ],
        [ 'jimeng_t2i_v30', '1-262143' ],
        [ 'jimeng_i2i_v30', '4064257-4064257' ]),
);

$d->good('a b provider=visual', 'a b provider=ark',
         'a b images=2 provider=ark area=1-2 watermark=on');

$d->bad(
    (map { [ "a b provider=$_", '\\"provider=" in "jimeng_model" is "visual" '
             . qq(or "ark", not "$_") ] } '', 'Ark', 'arks', 'x'),
    [ 'a b provider=ark scale=fraction', '\model "a" can never work: "b" has '
      . 'no "scale=" at Ark' ],
);

$d->good(
    'a jimeng_i2i_v30 images=1', 'a jimeng_image2image_dream_inpaint images=2',
    'a jimeng_t2i_v30 area=4194304-5000000', 'a jimeng_t2i_v30 area=1-262144',
    'a jimeng_t2i_v31 area=1-1', 'a x scale=detail',
);

$d->refuses('duplicate', 'duplicate model "a"',
            location => 'jimeng_model a b; jimeng_model a c;');
$d->refuses('duplicate of one provider', 'duplicate model "a"',
            location => 'jimeng_model a b provider=ark; jimeng_model a c; '
                        . 'jimeng_model a d provider=ark;');
$d->accepts('the same name of another provider',
            location => 'jimeng_model a b; jimeng_model a c provider=ark;');
$d->accepts('the same name in another block',
            http => 'jimeng_model a b;', location => 'jimeng_model a c;');


# ---- rows that are there beside the built-in ones, and in their place

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    http => <<'EOT',
        jimeng_model house jimeng_t2i_v40;
        jimeng_model old jimeng_t2i_v30;
        jimeng_model "painted house" jimeng_t2i_v40;
        jimeng_model percent jimeng_seedream46_cvtob scale=percent images=12;
        jimeng_model plain jimeng_t2i_v40 scale=none images=0;
        jimeng_model small jimeng_t2i_v40 area=1048576-2000000;
        jimeng_model marked jimeng_t2i_v40 watermark=on;
        jimeng_model jimeng-4.0 jimeng_seedream46_cvtob scale=percent;
        jimeng_model two ep-1 provider=ark;
        jimeng_model two jimeng_t2i_v40;
        jimeng_model ark ep-1 provider=ark;
        jimeng_model doubao-seedream-4-0-250828 jimeng_t2i_v40 watermark=off;
EOT
    server => <<'EOT',
        location /own/ {
            jimeng_pass /_volcengine;
            jimeng_model other jimeng_t2i_v40;
        }
EOT
);

my $urls = join ',', map { qq("https://h/$_.png") } 1 .. 11;
my $new = '"req_key":"jimeng_seedream46_cvtob"';
my $old = '"req_key":"jimeng_t2i_v40"';

sub ask {
    my ($model, $more, $path) = @_;
    return $t->request('POST', '/' . ($path // 'v1') . '/images/generations',
                       { 'Content-Type' => 'application/json' },
                       qq({"prompt":"a boat on a lake","model":"$model"$more}));
}

for my $case (
    [ 'house', '', $old ],
    [ 'painted house', '', $old ],
    [ 'house', ',"scale":0.5', $old, '"scale":0.5' ],
    [ 'percent', ',"scale":0.5', $new, '"scale":50' ],
    [ 'percent', qq(,"images":[$urls]), $new, qq("image_urls":[$urls]) ],
    [ 'plain', ',"scale":0.5', $old ],
    [ 'small', ',"size":"1024x1024"', $old, '"width":1024,"height":1024' ],
    [ 'jimeng-4.0', ',"scale":0.5', $new, '"scale":50' ],
    [ 'jimeng_t2i_v40', '', $old ],
    [ 'two', '', $old ],
) {
    my ($model, $more, $key, $sent) = @$case;
    my $r = ask($model, $more);
    my $body = ($t->submits)[-1]{body};

    is($r->status, 200, "$model$more: a picture") or diag($r->body);
    is($body, "{$key,\"prompt\":\"a boat on a lake\","
       . (defined $sent ? "$sent," : '') . '"force_single":true}',
       "$model$more: what is sent");
    is(qq("req_key":") . $r->json->{model} . '"', $key,
       "$model$more: in the reply");
}

for my $case ([ 'marked', '', 1 ], [ 'marked', ',"watermark":false', 0 ],
              [ 'house', '', 0 ], [ 'doubao-seedream-4-0-250828', '', 0 ])
{
    my ($model, $more, $mark) = @$case;

    is(ask($model, $more)->status, 200, "$model$more: a picture");
    is(($t->queries)[-1]{json}{req_json} =~ /add_logo/ ? 1 : 0, $mark,
       "$model$more: the watermark");
}

# An account of Visual has no rows of Ark's.
is(ask('ark', '')->status, 404, 'a row of Ark alone');
is_deeply([ grep { $_ eq 'ark' } map { $_->{id} }
            @{$t->request('GET', '/v1/models')->json->{data}} ], [],
          'it is not listed');

# A row takes what the built-in model of its req_key takes.
is(ask('old', ',"seed":1,"size":"512x512","scale":1')->status, 200,
   'old: a picture');
is(($t->submits)[-1]{body}, '{"req_key":"jimeng_t2i_v30","prompt":'
   . '"a boat on a lake","width":512,"height":512,"seed":1}',
   'old: what is sent');

my $submits = $t->submits;

for my $case (
    [ 'plain', ',"image":"https://h/"', 400, qr/takes at most 0; send fewer/ ],
    [ 'house', qq(,"image":[$urls]), 400, qr/takes at most 10; send fewer/ ],
    [ 'small', ',"size":"2048x2048"', 400, qr/makes 1048576 to 2000000; ask/ ],
    [ 'House', '', 404, qr/^The model "House" is not known here/ ],
    [ 'other', '', 404, qr/^The model "other" is not known here/ ],
) {
    my ($model, $more, $status, $message) = @$case;
    my $r = ask($model, $more);

    is($r->status, $status, "$model$more: refused");
    like($r->json->{message}, $message, "$model$more: message");
}

is(scalar $t->submits, $submits, 'nothing of these was submitted');


# ---- rows of a location take the place of all of those above it

is(ask('other', '', 'own')->status, 200, 'a row of the location');
is(ask('jimeng-4.0', '', 'own')->json->{model}, 'jimeng_t2i_v40',
   'a built-in row is there again');
is(ask('house', '', 'own')->status, 404, 'a row of http is not');

$t->done;
