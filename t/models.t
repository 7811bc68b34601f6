#!/usr/bin/perl

# GET models, GET models/ID: what a location serves, its operator's rows
# first; nothing of it goes upstream.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;

use Encode ();
use Time::HiRes qw(time);

my @built_in = qw(
    jimeng_t2i_v40 jimeng-4.0 doubao-seedream-4-0-250828
    doubao-seedream-4-0-20260415 seedream-4-0-250828 jimeng-4.6
    jimeng_seedream46_cvtob jimeng_t2i_v31 jimeng_t2i_v30 jimeng_i2i_v30
    jimeng_image2image_dream_inpaint jimeng_i2i_seed3_tilesr_cvtob
    jimeng_img2img_seed3_painting_edit i2i_material_extraction
    jimeng_i2i_extract_tiled_images
);

# As they are, and as nginx.conf has them.
my %strange = (
    'painted house' => '"painted house"', 'a/b' => 'a/b',
    'a/b/c' => 'a/b/c', '模型' => '模型', '100%' => '100%', '%41' => '%41',
    'who?' => 'who?', 'c#' => 'c#', 'a+b' => 'a+b', 'a&b=c' => 'a&b=c',
    'a"b' => '"a\\"b"', 'a\\b' => '"a\\\\b"', 'x:y@z' => 'x:y@z',
    '...' => '...', 'a;b' => '"a;b"', '$x' => '$x', '🐈' => '🐈',
);
my @strange = sort keys %strange;

my $started = int time;

my $t = Jimeng::Test->new(
    http2 => 1,
    http => join("\n",
        'jimeng_model house jimeng_t2i_v40;',
        'jimeng_model jimeng-4.0 jimeng_seedream46_cvtob;',
        map { "jimeng_model $strange{$_} jimeng_t2i_v40;" } @strange),
    server => <<'EOT',
        location /own/ {
            jimeng_pass /_volcengine;
            jimeng_model other jimeng_t2i_v40;
            jimeng_model house jimeng_t2i_v30;

            location /own/inner/ { jimeng_pass /_volcengine; }
            location /own/inmost/ {
                jimeng_pass /_volcengine;
                jimeng_model inmost jimeng_t2i_v40;
            }
        }
        location ~ ^/regex/\w+/ { jimeng_pass /_volcengine; }
        location = /exact/models { jimeng_pass /_volcengine; }
        location /models/ { jimeng_pass /_volcengine; }
        location /rewritten/ { rewrite ^/rewritten/(.*) /own/$1 last; }
        location /denied/ { deny all; jimeng_pass /_volcengine; }
EOT
);

my @http = ('house', 'jimeng-4.0', @strange,
            grep { $_ ne 'jimeng-4.0' } @built_in);
my @own = ('other', 'house', @built_in);

sub escape {
    return Encode::encode('UTF-8', $_[0])
           =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

sub get { $t->request('GET', @_) }
sub ids { [ map { $_->{id} } @{ $_[0]->json->{data} } ] }


# ---- the list

my $r = get('/v1/models');
my $list = $r->json;
my $created = $list->{data}[0]{created};

is($r->status, 200, 'the list: status');
is_deeply([ sort grep { !/^(?:date|server|connection)$/ }
            keys %{ $r->headers } ],
          [ qw(content-length content-type x-request-id) ], 'headers');
is($r->header('Content-Type'), 'application/json', 'Content-Type');
is($r->header('Content-Length'), length $r->body, 'Content-Length');
like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, 'X-Request-Id');
is_deeply($list, {
    object => 'list',
    data => [ map { { id => $_, object => 'model', created => $created,
                      owned_by => 'volcengine' } } @http ],
}, 'the list: the operator\'s rows first, each name once');

cmp_ok($created, '>=', $started, 'created: when the configuration was read');
cmp_ok($created, '<=', time, 'created: not in the future');
like($r->body, qr/"created":\d+[,}]/, 'created: a number');

wait_for { int time > $created + 1 } 'time goes on';
my $again = get('/v1/models');
is($again->body, $r->body, 'the same list later');
isnt($again->header('X-Request-Id'), $r->header('X-Request-Id'),
     'each reply has an id of its own');
is(($t->access_lines(2))[1]{jimeng_request_id},
   $again->header('X-Request-Id'), 'which the log has');


# ---- each of them

for my $row (@{ $list->{data} }) {
    my $path = '/v1/models/' . escape($row->{id});
    my $one = get($path);

    is($one->status, 200, "$path: status");
    is_deeply($one->json, $row, "$path: as in the list");
    is($one->header('Content-Type'), 'application/json', "$path: the type");
    is($one->header('Content-Length'), length $one->body, "$path: the length");
    like($one->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, "$path: the id");
}

is(get($_->[0])->json->{id}, $_->[1], $_->[0]) for (
    [ '/v1/models/a/b', 'a/b' ],
    [ '/v1/models/a%2fb', 'a/b' ],
    [ '/v1/models/a+b', 'a+b' ],
    [ '/v1/models/%68ouse', 'house' ],
    [ '/v1/%6dodels/house', 'house' ],
    [ '/v1/models/house?x=1&id=other', 'house' ],
    [ '/v1/models/x/../house', 'house' ],
    [ '/v1//models//house', 'house' ],
    [ '/v1/models/%2541', '%41' ],
    [ '/v1/models/seedream-4-0-260415', 'seedream-4-0-250828' ],
);


# ---- locations, and their rows

is_deeply(ids(get($_->[0])), $_->[1], "$_->[0]: the list") for (
    [ '/v1/any/prefix/models', \@http ],
    [ '/v1/models?limit=1', \@http ],
    [ '/own/models', \@own ],
    [ '/own/inner/models', \@own ],
    [ '/own/inmost/v1/models', [ 'inmost', @built_in ] ],
    [ '/regex/me/models', \@http ],
    [ '/exact/models', \@http ],
    [ '/models/models', \@http ],
    [ '/models/v1/models', \@http ],
    [ '/rewritten/v1/models', \@own ],
);

is(get("$_->[0]/models/$_->[1]")->json->{id}, $_->[1],
   "$_->[0]/models/$_->[1]")
    for ([ '/v1/any/prefix', 'house' ], [ '/own', 'other' ],
         [ '/own', 'jimeng-4.0' ], [ '/own/inner', 'other' ],
         [ '/own/inmost', 'inmost' ], [ '/models/v1', 'house' ],
         [ '/models', 'house' ], [ '/regex/me', 'house' ],
         [ '/rewritten', 'other' ]);

is_error(get('/denied/models'), 'a location that denies', 403,
         'permission_denied');


# ---- models that are not there

my $ark = 'needs an Ark account, which this gateway does not have; use '
          . '"jimeng-4.0" or "jimeng-4.6"';

for my $case (
    [ '/v1/models/dall-e-3', qr/^The model "dall-e-3" is not known here; / ],
    [ '/v1/models/House', qr/^The model "House" is not known here; / ],
    [ '/v1/models/house/x', qr{^The model "house/x" is not known here; } ],
    [ '/v1/models/houses', qr/^The model "houses" is not known here; / ],
    [ '/v1/models/hous', qr/^The model "hous" is not known here; / ],
    [ '/v1/models/other', qr/^The model "other" is not known here; / ],
    [ '/own/models/a/b', qr{^The model "a/b" is not known here; } ],
    [ '/own/inmost/models/other', qr/^The model "other" is not known/ ],
    [ '/v1/models/%22%5C', qr/^The model ""\\" is not known here; / ],
    [ '/v1/models/%01', qr/^The model "\x01" is not known here; / ],
    [ '/v1/models/%25s%25n', qr/^The model "%s%n" is not known here; / ],
    [ '/v1/models/' . escape('没有'), qr/^The model "没有" is not known/ ],
    [ '/v1/models/' . 'x' x 500, qr/^The model "x{64}\.\.\." is not known/ ],
    (map { [ "/v1/models/$_", qr/^The model is not known here; / ] }
        '%FF', 'caf%E9', '%C0%AF', 'house%80', '%E4%B8'),
    (map { [ "/v1/models/$_", qr/^The model "\Q$_" $ark\E\.\z/ ] }
        'jimeng-4.5', 'jimeng-5.0', 'doubao-seedream-4-5-251128',
        'seedream-4-5-251128', 'dola-seedream-5-0-pro-260628'),
    (map { [ "/v1/models/$_", qr/^The model "\Q$_\E" is not known here; / ] }
        'jimeng_t2i_v50', 'dola-x'),
) {
    my ($path, $message) = @$case;
    my $unknown = get($path);

    is_error($unknown, $path, 404, 'model_not_found', param => 'model',
             message => $message);
}

for my $path ('/v1/Models/', '/v1/Models', '/v1/modelsx', '/v1/xmodels',
              '/v1/model', '/v1/model/house', '/v1/xmodels/house')
{
    is_error(get($path), $path, 404, 'not_found');
}


# ---- methods

for my $path ('/v1/models', '/v1/models/a%2Fb', '/v1/models/nobody') {
    my $whole = get($path);
    my $head = $t->request('HEAD', $path);

    is($head->status, $whole->status, "HEAD $path: status");
    is($head->body, '', "HEAD $path: no body");
    is($head->header($_), $whole->header($_), "HEAD $path: $_")
        for qw(Content-Type Content-Length);
    like($head->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/,
         "HEAD $path: X-Request-Id");
}

my $json = { 'Content-Type' => 'application/json' };

for my $path ('/v1/models', '/v1/models/house', '/v1/models/nobody') {
    for my $method (qw(POST PUT PATCH DELETE OPTIONS)) {
        for my $body (undef, '{"prompt":"a boat on a lake"}') {
            my $refused = $t->request($method, $path, $json, $body);
            my $name = "$method $path" . (defined $body ? ', a body' : '');

            is_error($refused, $name, 405, 'method_not_allowed',
                     message => qr/^The method is not allowed here; use GET\./);
            is($refused->header('Allow'), 'GET, HEAD', "$name: Allow");
        }
    }
}


# ---- the connection is good for more, whatever the body was

my $large = 'x' x 200_000;
my $chunked = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                       unpack('(a9999)*', $large), '';

my @requests = (
    [ 'the list', 200, 'GET', '/v1/models', {}, undef ],
    [ 'one', 200, 'GET', '/v1/models/house', {}, undef ],
    [ 'HEAD', 200, 'HEAD', '/v1/models', {}, undef ],
    [ 'unknown', 404, 'GET', '/v1/models/nobody', {}, undef ],
    [ 'a body', 200, 'GET', '/v1/models', $json, '{}' ],
    [ 'a large body', 200, 'GET', '/v1/models', {}, $large ],
    [ 'chunks', 200, 'GET', '/v1/models/house',
      { 'Transfer-Encoding' => 'chunked' }, $chunked ],
    [ 'HEAD with a large body', 200, 'HEAD', '/v1/models', {}, $large ],
    [ 'unknown, a large body', 404, 'GET', '/v1/models/x', {}, $large ],
    [ 'POST', 405, 'POST', '/v1/models', $json, '{}' ],
    [ 'POST of a large body', 405, 'POST', '/v1/models', {}, $large ],
    [ 'POST of chunks', 405, 'POST', '/v1/models/house',
      { 'Transfer-Encoding' => 'chunked' }, $chunked ],
);
my $x;

for my $request (@requests) {
    my ($name, $status, @request) = @$request;

    $x = $t->start_request(@request, $x ? (on => $x) : (keepalive => 1));
    is($x->response->status, $status, "$name, on a kept connection");

    $x = $t->start_request('GET', '/v1/models', {}, undef, on => $x);
    is($x->response->body, $r->body, "after $name: the list");
}

# Sent before the answers to those before.
$t->start_request(@$_[2 .. 5], on => $x) for @requests[0, 1, 3, 5, 9];
is_deeply([ map { $x->response->status } 0 .. 4 ], [ 200, 200, 404, 200, 405 ],
          'pipelined');
$x->abort;


# ---- HTTP/2

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));

for my $case (
    [ 200, 'GET', '/v1/models', undef, $r->body ],
    [ 200, 'GET', '/v1/models', 'x' x 5000, $r->body ],
    [ 200, 'GET', '/v1/models/a%2Fb', undef, get('/v1/models/a/b')->body ],
    [ 200, 'HEAD', '/v1/models', undef, '' ],
    [ 404, 'GET', '/v1/models/x', undef, get('/v1/models/x')->body ],
    [ 405, 'POST', '/v1/models', '{}',
      $t->request('POST', '/v1/models')->body ],
) {
    my ($status, $method, $path, $body, $expected) = @$case;
    my $got = $h2->response($h2->start($method, $path, $json, $body));
    my $name = "HTTP/2, $method $path" . (defined $body ? ', a body' : '');

    is($got->{status}, $status, "$name: status");
    is($got->{body}, $expected, "$name: body");
}

$h2->abort;


# ---- another configuration

$t->reload(http => 'jimeng_model house jimeng_t2i_v40; '
                   . 'jimeng_model villa jimeng_t2i_v40;');
is_deeply(ids(get('/v1/models')), [ qw(house villa), @built_in ],
          'after a reload: the new rows');
cmp_ok(get('/v1/models')->json->{data}[0]{created}, '>=', $created + 1,
       'after a reload: created is newer');

is_deeply([ $t->emulator->journal ], [], 'nothing went upstream');

$t->done;
