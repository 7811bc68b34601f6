#!/usr/bin/perl

# HTTP/3: calls to Ark, whose reply is a link, data that are fetched and encoded
# on their way, or a stream of events while the call lasts; a request with
# pictures in it; pictures that go through the gateway; and clients that leave
# in the midst of a stream, in every way there is: what is made is kept, and a
# repeat gets it.
#
# Seen failing: the clients that leave, with a job that ends with its client, and
# with JM_LEAVE_OVER in place of JM_LEAVE_DONE in ngx_http_jimeng_task_done().

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Http3;
use Jimeng::Test::Picture qw(png);
use Jimeng::Test::Shown qw(answer asked_for path_of picture_of pictures_conf
                           vendor);

need_http3();

my $t = with_ark(zone => ' ', strict => 1, ark => { seconds => 0.3 },
    with_http3(pictures_conf(
        log => [qw(jimeng_billed)], location => 'client_max_body_size 64m;',
        http => 'lingering_close off;',
    )));

my $prompts = 0;

sub prompt { sprintf 'a heron, %s, %03d. ', $_[0], ++$prompts }

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

sub start {
    my ($h3, $prompt, $fields, $headers) = @_;
    return $h3->start($t->generation(
        { model => 'jimeng-4.5', prompt => $prompt, %{ $fields || {} } },
        $headers));
}

sub connection { Jimeng::Test::Http3->new($t->port('http3')) }

sub json { JSON::PP->new->utf8->decode($_[0]{body}) }

sub is_whole {
    my ($r, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->{status}, $status, "$name: status")
        or diag(substr $r->{body}, 0, 300);
    ok($r->{end}, "$name: it is whole");
    is($r->{reset}, undef, "$name: it was not reset");
    return;
}

# What a call of this prompt has brought, and was billed.
sub is_made {
    my ($r, $prompt, $pictures, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_whole($r, 200, $name);
    is(scalar calls($prompt), 1, "$name: one call");
    is($t->logged($r->{headers}{'x-request-id'})->{jimeng_billed}, $pictures,
       "$name: billed");
    return;
}

sub get {
    my ($h3, $path, $headers, $method) = @_;
    return $h3->response($h3->start($method // 'GET', $path, $headers // {}));
}


# ---- links

my $h3 = connection();
my $prompt = prompt('a link [[bytes=300000]]');
my $r = $h3->response(start($h3, $prompt));
is_made($r, $prompt, 1, 'a link');
my $url = json($r)->{data}[0]{url};
like($url, qr{^https?://[^/]+/pictures/[\w-]+\.jpg\z}, 'a link: of ours');

my @prompts = map { prompt("one of four, $_") } 1 .. 4;
my @started = map { start($h3, $_) } @prompts;
is_made($h3->response($started[$_]), $prompts[$_], 1, 'at the same time')
    for 0 .. 3;

$prompt = prompt('an error [[InputTextSensitiveContentDetected]]');
$r = $h3->response(start($h3, $prompt));
is_whole($r, 400, 'an error');
is(json($r)->{code}, 'content_policy_violation', 'an error: why');


# ---- a picture through the gateway

my $path = path_of($url);
$r = get($h3, $path);
is_whole($r, 200, 'a picture');
my $picture = $r->{body};
is(length $picture, $r->{headers}{'content-length'}, 'a picture: length');
is($r->{headers}{'content-type'}, 'image/jpeg', 'a picture: its type');

$r = get($h3, $path, { Range => 'bytes=1000-1999' });
is_whole($r, 206, 'a piece of it');
is($r->{headers}{'content-range'}, 'bytes 1000-1999/' . length $picture,
   'a piece of it: which');
ok($r->{body} eq substr($picture, 1000, 1000), 'a piece of it: its bytes');

$r = get($h3, $path, { Range => 'bytes=' . length($picture) . '-' });
is_whole($r, 416, 'no piece of it');

$r = get($h3, $path, {}, 'HEAD');
is_whole($r, 200, 'HEAD');
is($r->{body}, '', 'HEAD: no body');
is($r->{headers}{'content-length'}, length $picture, 'HEAD: length');

(my $bad = $path) =~ s{(/pictures/.{30})(.)}{$1 . ($2 eq 'A' ? 'B' : 'A')}e;
is_whole(get($h3, $bad), 404, 'a link that is not ours');
is(scalar asked_for($t, qr/_0\.jpeg/), 1 + @prompts,
   'each was fetched once');


# ---- data

for my $bytes (1001, 49_153, 3_000_000) {
    $prompt = prompt("$bytes bytes [[bytes=$bytes]]");
    $r = $h3->response(start($h3, $prompt, { response_format => 'b64_json' }));
    is_made($r, $prompt, 1, "$bytes bytes");

    my $linked = get($h3, '/v1/images/' . json($r)->{task_id}
                          . '?response_format=url');
    my $got = get($h3, path_of(json($linked)->{data}[0]{url}));

    ok(json($r)->{data}[0]{b64_json} eq encode_base64($got->{body}, ''),
       "$bytes bytes: the picture");
    cmp_ok(length $got->{body}, '>=', $bytes, "$bytes bytes: all of it");
}


# ---- pictures that go in, as data

my @bytes = map { png(640, 480, $_) } 20_000, 2_000_000;
$prompt = prompt('pictures in JSON');
$r = $h3->response(start($h3, $prompt,
    { image => [ map { encode_base64($_, '') } @bytes ] }));
is_made($r, $prompt, 1, 'pictures in JSON');
is_deeply((calls($prompt))[0]{fields}{image},
          [ map { +{ data => 'image/png', bytes => length,
                     sha256 => sha256_hex($_) } } @bytes ],
          'pictures in JSON: as they were sent');

$prompt = prompt('a form');
my $part = "--x\r\nContent-Disposition: form-data; name=";
$r = $h3->response($h3->start('POST', '/v1/images/edits',
    { 'Content-Type' => 'multipart/form-data; boundary=x' },
    qq($part"prompt"\r\n\r\n$prompt\r\n)
    . qq($part"model"\r\n\r\njimeng-4.5\r\n)
    . qq($part"image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n)
    . "$bytes[0]\r\n--x--\r\n"));
is_made($r, $prompt, 1, 'a form');
is((calls($prompt))[0]{fields}{image}{sha256}, sha256_hex($bytes[0]),
   'a form: as it was sent');


# ---- a stream: the events of a group come while the call lasts

my %group = (model => 'doubao-seedream-4-5-251128', stream => \1,
             sequential_image_generation => 'auto');

sub events { return $_[0]{body} =~ /^event: image_generation\.(\w+)$/mg }

$prompt = prompt('a group [[pictures=3]]');
my $stream = start($h3, $prompt, { %group });
ok($h3->read_until($stream, qr/partial_succeeded/), 'a stream: the first');
ok(!defined((calls($prompt))[0]{ended}), 'a stream: while the call lasts');
$r = $h3->response($stream);
is_made($r, $prompt, 3, 'a stream');
is($r->{headers}{'content-type'}, 'text/event-stream', 'a stream: its type');
is(join(' ', events($r)), 'partial_succeeded ' x 3 . 'completed',
   'a stream: events');
like($r->{body}, qr/\ndata: \[DONE\]\n\n\z/, 'a stream: its end');

$prompt = prompt('data [[bytes=300000]]');
$r = $h3->response(start($h3, $prompt, { stream => \1,
                                         response_format => 'b64_json' }));
is_made($r, $prompt, 1, 'a stream of data');
my ($text) = $r->{body} =~ /"b64_json":"([^"]*)"/;
cmp_ok(length decode_base64($text // ''), '>=', 300_000,
       'a stream of data: the picture');
is(join(' ', events($r)), 'completed', 'a stream of data: events');


# ---- clients that leave in the midst of one

my %leave = (
    'stops listening' => sub { $_[0]->stop_sending($_[1]) },
    'closes its connection' => sub { $_[0]->close },
);

for my $how (sort keys %leave) {
    for my $mark ('', 'by a key') {
        my $name = join ', ', "a client $how", $mark || ();
        my %key = $mark ? ('Idempotency-Key' => $name =~ s/\W/-/gr) : ();

        $h3 = connection();
        $prompt = prompt("$name [[pictures=3]]");
        my $stream = start($h3, $prompt, { %group }, \%key);

        ok($h3->read_until($stream, qr/partial_succeeded/),
           "$name: a first picture");
        $leave{$how}->($h3, $stream);
        wait_for { defined((calls($prompt))[0]{ended}) }
            "$name: the call ends";
        ok(!(calls($prompt))[0]{gone}, "$name: to its end");

        my $again = connection();
        $r = $again->response(start($again, $prompt, { %group }, \%key));
        is_whole($r, 200, "$name: its repeat");
        is(join(' ', events($r)), 'partial_succeeded ' x 3 . 'completed',
           "$name: its repeat gets all of them");
        is(scalar calls($prompt), 1, "$name: one call");

        $again->close;
        $h3->close if $how =~ /listening/;
    }
}

$t->finish;


# ---- what a client has already, by the tag of the picture's server

my $png = png(640, 480, 200_000);
my $vendor = vendor(png => sub { answer($png, ETag => '"the-tag"') });
my $port = $vendor->port;

$t = Jimeng::Test->new(with_http3(pictures_conf(
    emulator => 0, upstream => "127.0.0.1:$port", hosts => "127.0.0.1:$port",
)));
$path = path_of(picture_of($t, 'png'));
$h3 = connection();

for my $case ([ '"the-tag"', 304, '' ], [ 'W/"the-tag"', 304, '' ],
              [ '"another"', 200, $png ]) {
    my ($tag, $status, $body) = @$case;
    $r = get($h3, $path, { 'If-None-Match' => $tag });
    is_whole($r, $status, "If-None-Match: $tag");
    ok($r->{body} eq $body, "If-None-Match: $tag: its body");
    is($r->{headers}{etag}, '"the-tag"', "If-None-Match: $tag: the tag");
}

is(scalar $vendor->requests('png'), 1, 'If-None-Match: fetched once');
$h3->close;
$t->done;
