#!/usr/bin/perl

# Sizes: every form a client may write one in, what is asked of the model and
# what the reply says; under jimeng_size fit, the default, and strict.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    http => 'jimeng_model small jimeng_t2i_v40 area=1000000-2000000;',
    server => 'location /strict/ {
                   jimeng_pass /_volcengine;
                   jimeng_size strict;
               }',
);

my %path = (fit => '/v1', strict => '/strict');

# Returns the response, and what was submitted.
sub ask {
    my ($mode, $json) = @_;
    my $before = $t->submits;

    utf8::encode($json);
    my $r = $t->request('POST', "$path{$mode}/images/generations",
                        { 'Content-Type' => 'application/json' },
                        qq({"prompt":"a boat on a lake",$json}));
    my @new = map { $_->{json} } $t->submits;

    return ($r, @new[$before .. $#new]);
}


# What is sent: "WxH", an area, or nothing.
sub is_sent {
    my ($mode, $json, $expected, $reply) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($r, @sent) = ask($mode, $json);
    my $body = $sent[0] // {};
    my $sent = defined $body->{width} ? "$body->{width}x$body->{height}"
                                      : $body->{size};

    is($r->status, 200, "$mode, $json: a picture") or diag($r->body);
    is($sent, $expected, "$mode, $json: what is sent");
    is($r->json && $r->json->{size}, $reply // $expected,
       "$mode, $json: what the reply says");
    is_deeply([ grep { exists $body->{$_} }
                qw(ratio aspect_ratio resolution n) ], [],
              "$mode, $json: no more than that");
    return;
}


sub is_refused {
    my ($mode, $json, $param, $message) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($r, @sent) = ask($mode, $json);
    my $error = $r->json ? $r->json->{error} : {};

    is($r->status, 400, "$mode, $json: refused");
    is($error->{param}, $param, "$mode, $json: param");
    like($error->{message}, $message, "$mode, $json: message");
    is(scalar @sent, 0, "$mode, $json: nothing was sent");
    return;
}


# ---- the same in both modes

my @legal = (
    [ '"size":"2048x2048"', '2048x2048' ],
    [ '"size":"2304x1728"', '2304x1728' ],
    [ '"size":"1728*2304"', '1728x2304' ],
    [ '"size":"1024×1024"', '1024x1024' ],
    [ '"size":"1024\u00d71024"', '1024x1024' ],
    [ '"size":"01024x1024"', '1024x1024' ],
    [ '"size":"1111x1111"', '1111x1111' ],
    [ '"size":"4096x4096"', '4096x4096' ],
    [ '"size":"256x4096"', '256x4096' ],
    [ '"size":"16384x1024"', '16384x1024' ],
    [ '"size":"1K"', 1048576, '1K' ],
    [ '"size":"2k"', 4194304, '2K' ],
    [ '"size":"4K"', 16777216, '4K' ],
    [ '"size":1048576', 1048576, '1K' ],
    [ '"size":4194305', 4194305 ],
    [ '"size":16777216.0', 16777216, '4K' ],
    [ '"width":1280,"height":1024', '1280x1024' ],
    [ '"width":1280.0,"height":1.024e3', '1280x1024' ],
    [ '"width":1280,"height":1024,"size":"4K"', '1280x1024' ],
    [ '"width":1280,"height":1024,"ratio":"1:1"', '1280x1024' ],
    [ '"extra_body":{"width":1280,"height":1024}', '1280x1024' ],
    [ '"width":1280,"extra_body":{"height":1024}', '1280x1024' ],
    [ '"resolution":"1k"', 1048576, '1K' ],
    [ '"resolution":"4K"', 16777216, '4K' ],
    [ '"size":"1500x1500","ratio":"16:9"', '1500x1500' ],
    [ '"size":"4K","ratio":"16:9"', '5404x3040' ],
    [ '"size":"4K","ratio":"16:9","resolution":"1k"', '1664x936' ],
    [ '"size":"auto","ratio":"16:9"', '2560x1440' ],
);

# Ratios as the vendor's document lists them, and others.
my %ratios = (
    '1:1'  => [ '1024x1024', '2048x2048', '4096x4096' ],
    '4:3'  => [ '1472x1104', '2304x1728', '4694x3520' ],
    '3:2'  => [ '1584x1056', '2496x1664', '4992x3328' ],
    '16:9' => [ '1664x936', '2560x1440', '5404x3040' ],
    '21:9' => [ '2016x864', '3024x1296', '6198x2656' ],
);

for my $ratio (sort keys %ratios) {
    my ($w, $h) = split /:/, $ratio;
    my @resolutions = qw(1k 2k 4k);

    for my $i (0 .. 2) {
        my $sides = $ratios{$ratio}[$i];
        my $turned = join 'x', reverse split /x/, $sides;
        my $resolution = qq("resolution":"$resolutions[$i]");

        push @legal, [ qq("ratio":"$w:$h",$resolution), $sides ],
                     [ qq("aspect_ratio":"$h:$w",$resolution), $turned ];
    }
}

push @legal,
    [ '"ratio":"16:9"', '2560x1440' ],
    [ '"ratio":"32:18"', '2560x1440' ],
    [ '"ratio":"7:3"', '3024x1296' ],
    [ '"ratio":"16:9","aspect_ratio":"1:1"', '2560x1440' ],
    [ '"ratio":"2:1"', '2896x1448' ],
    [ '"ratio":"16:1"', '8192x512' ];

for my $case (@legal) {
    my ($json, $sides, $reply) = @$case;
    is_sent($_, $json, $sides, $reply) for qw(fit strict);
}

for my $mode (qw(fit strict)) {
    for my $auto (qw(auto Auto adaptive ADAPTIVE)) {
        my ($r, $body) = ask($mode, qq("size":"$auto"));

        ok(!grep({ exists $body->{$_} } qw(size width height)),
           "$mode: $auto leaves it to the model");
        is($r->json->{size}, 'auto', "$mode: $auto: and the reply says so");
    }
}


# ---- below the model's floor: made larger, or refused

my @small = (
    [ '"size":"1x1"', '1024x1024' ],
    [ '"size":"256x256"', '1024x1024' ],
    [ '"size":"512x512"', '1024x1024' ],
    [ '"size":"1023x1024"', '1024x1024' ],
    [ '"size":"1025x1023"', '1024x1024' ],
    [ '"size":"1280x720"', '1368x768' ],
    [ '"size":"720x1280"', '768x1368' ],
    [ '"width":512,"height":512', '1024x1024', undef, 'width' ],
    [ '"size":1', 1048576, '1K' ],
    [ '"size":1048575', 1048576, '1K' ],
);

for my $case (@small) {
    my ($json, $sides, $reply, $param) = @$case;

    is_sent('fit', $json, $sides, $reply);
    is_refused('strict', $json, $param // 'size',
               qr/ pixels, and this model makes 1048576 to 16777216; ask for /);
}

for my $case (@small) {
    my ($w, $h) = $case->[1] =~ /^(\d+)x(\d+)$/ or next;
    my ($from_w, $from_h) = $case->[0] =~ /(\d+)\D+(\d+)/;

    ok($w * $h >= 1048576 && $w % 8 == 0 && $h % 8 == 0,
       "$case->[0]: legal, in multiples of 8");
    cmp_ok(abs($w / $h * $from_h / $from_w - 1), '<', 0.02,
           "$case->[0]: the ratio is kept");
}


# ---- refused in both modes

my $form = qr/^The field "size" must be like "2048x2048"/;
my $range = qr/pixels, and this model makes .* ask for a smaller one\.\z/;
my $narrow = qr/is too narrow: the ratio of the sides must be within 1:16/;
my $whole = qr/must be an integer of 1 to \d+\.\z/;
my $pair = qr/^The fields "width" and "height" go together, and "\w+" is miss/;
my $ratio = qr/must be a ratio like "16:9", within 1:16 and 16:1\.\z/;
my $resolution = qr/^The resolution that goes with a ratio must be "1k", /;

my @illegal = (
    (map { [ qq("size":"$_"), 'size', $form ] }
        '0x0', '-1x5', '99999999999x1', '1024x', 'x1024', '1024', '', ' ',
        '1024x0', '0x1024', '1024x1024x1', '1024x1024 ', ' 1024x1024',
        '1024 x 1024', '1024X1024', '1024,1024', '1e3x1e3', '+1024x1024',
        '1024.0x1024', '100000x1024', '3K', 'K', '1KK', 'Autos', 'large',
        '1024x1024\u0000', '１０２４x１０２４', '0x400x0x400', '1024××1024'),
    (map { [ qq("size":"$_"), 'size', $range ] }
        '4097x4096', '99999x99999', '16385x1025'),
    (map { [ qq("size":"$_"), 'size', $narrow ] }
        '17x1', '1x17', '16385x1024', '99999x1'),
    (map { [ qq("size":$_), 'size', $whole ] }
        0, -1, 1.5, '1e99', 4294967296, '99999999999999999999'),
    [ '"size":16777217', 'size', $range ],
    [ '"size":4294967295', 'size', $range ],
    [ '"width":1024', 'height', $pair ],
    [ '"height":1024', 'width', $pair ],
    [ '"width":1024,"height":null', 'height', $pair ],
    [ '"width":0,"height":1024', 'width', $whole ],
    [ '"width":1024,"height":-1', 'height', $whole ],
    [ '"width":1024.5,"height":1024', 'width', $whole ],
    [ '"width":100000,"height":1024', 'width', $whole ],
    [ '"width":8192,"height":8192', 'width', $range ],
    [ '"width":99999,"height":1', 'width', $narrow ],
    (map { [ qq("ratio":"$_"), 'ratio', $ratio ] }
        '17:1', '1:17', '0:1', '1:0', '16', '16/9', '16:9:1', ':', '-1:1',
        '1.5:1', 'auto', '', '999999:999999'),
    [ '"aspect_ratio":"17:1"', 'aspect_ratio', $ratio ],
    (map { [ qq("ratio":"1:1","resolution":"$_"), 'resolution', $resolution ] }
        '3k', '1024x1024', '', '2048', 'hd', 'auto'),
);

for my $case (@illegal) {
    is_refused($_, @$case) for qw(fit strict);
}


# ---- a model with a range of its own

is_refused('fit', '"model":"small","size":"2000x1001"', 'size',
           qr/2002000 pixels.*makes 1000000 to 2000000; ask for a smaller one/);
is_refused('strict', '"model":"small","size":"999x1000"', 'size',
           qr/999000 pixels.*makes 1000000 to 2000000; ask for a larger one/);

$t->done;
