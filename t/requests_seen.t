#!/usr/bin/perl

# Requests as clients send them, byte by byte: each is from a report of a user
# of such a gateway, made small.  Every one of them was answered with a picture
# that was paid for and was not the one that was asked for, or with an error
# that nobody could do anything about.
#
# Seen failing, each of them, with the reader of requests as it was before; "a
# name that is none", without the copy in ngx_http_jimeng_input_param().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;
use MIME::Base64 qw(decode_base64);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    env => { MALLOC_PERTURB_ => 165 },
    http => 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    server => 'location /up/ { alias %%DIR%%/up/; }',
);

# a grey picture of 64x64
my $base64 = 'iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAG0lEQVR4nO3BgQAAAA'
           . 'DDoPlT3+AEVQEAAAB8AxBAAAFGOA0dAAAAAElFTkSuQmCC';
my $png = decode_base64($base64);

my $generations = '/v1/images/generations';
my $edits = '/v1/images/edits';


sub exchange {
    my ($path, $type, $body, @more) = @_;

    my $x = $t->start_request('POST', $path, {}, '', partial => 0);
    $x->write(join("\r\n", "POST $path HTTP/1.1", 'Host: x',
                   "Content-Type: $type", @more,
                   'Content-Length: ' . length $body, 'Connection: close')
              . "\r\n\r\n$body");

    my $r = $x->response;
    $x->abort;

    return $r;
}

sub json { exchange($generations, 'application/json', @_) }

# parts of [name, value] or [name, value, filename]
sub form {
    my @parts = map {
        my ($name, $value, $file) = @$_;
        qq(--BOUND\r\nContent-Disposition: form-data; name="$name")
        . (defined $file ? qq(; filename="$file"\r\nContent-Type: image/png)
                         : '')
        . "\r\n\r\n$value\r\n";
    } @_;

    return exchange($edits, 'multipart/form-data; boundary=BOUND',
                    join('', @parts, "--BOUND--\r\n"));
}

# Whether that was one submit, which it returns, of these pictures: URLs as
# they are, others stored.
my $seen = 0;

sub taken {
    my ($r, $name, @pictures) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: status") or diag($r->body);
    is(scalar $t->submits, ++$seen, "$name: one submit");

    my $json = ($t->submits)[-1]{json};
    my @sent = map { m{^http://127.*(/up/[^/]+)\z}
                     ? $t->request('GET', $1)->body : $_ }
                   @{ $json->{image_urls} || [] };

    is_deeply(\@sent, \@pictures, "$name: its pictures");

    return $json;
}

sub refused {
    my ($r, $name, $status, $code, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_error($r, $name, $status, $code, %more);
    is(scalar $t->submits, $seen, "$name: nothing is submitted");
    return;
}

my @form = ([ prompt => 'x' ], [ image => $png, 'a.png' ]);


# ---- names of pictures

taken(form([ prompt => 'x' ], [ 'image[0]' => $png, 'a.png' ],
           [ 'image[1]' => $png, 'b.png' ]), 'PHP', $png, $png);
taken(json('{"prompt": "x", "image_urls": ["https://example.com/a.png"]}'),
      'image_urls', 'https://example.com/a.png');
taken(json('{"model": "doubao-seedream-4-0-250828", "prompt": "x", '
           . '"image_url": "https://example.com/a.png", "size": "2K"}'),
      'image_url', 'https://example.com/a.png');
taken(json(qq({"prompt": "x", "binary_data_base64": ["$base64"]})),
      'binary_data_base64', $png);
refused(json('{"prompt": "x", "ref_image": "https://example.com/a.png"}'),
        'a name that is none', 400, 'invalid_request', param => 'ref_image',
        message => qr/send pictures in "image"/);


# ---- pictures that are none, and are not paid for

refused(json(qq({"prompt": "x", "image": ") . $base64 =~ tr/+/ /r . '"}'),
        'a plus that became a space', 400, 'invalid_request',
        param => 'image', message => qr/ blank within .* "\+" .* "%2B" /);
refused(json(qq({"prompt": "x", "image": ") . substr($base64, 0, 32) . '"}'),
        'a PNG of 24 bytes', 400, 'invalid_request', param => 'image',
        message => qr/ a PNG that is cut off: /);
refused(json('{"prompt": "x", "image": "'
             . '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBA'
             . 'gGBgUGCQgKCgkICQkKDA8MCgsOCwkJDRENDg8QEBEQCgwSExIQEw8QEBD/wAAR'
             . 'CAGQAlgDAREAAhEBAxEB/8QAGwAAAwEBAQEBAAAAAAAAAAAAAwQFAgEABgf/xA'
             . 'A6EAACAQMCBQIEBAUDBQEAAAABAgMA"}'),
        'a JPEG of its header', 400, 'invalid_request', param => 'image',
        message => qr/ a JPEG that is cut off: /);


# ---- what forms have in place of true and false

taken(form(@form, [ watermark => '1' ]), 'PHP, watermark', $png);
like(($t->queries)[-1]{json}{req_json}, qr/"add_logo":true/,
     'PHP, watermark: it is on');

my $r = form(@form, [ stream => 'False' ]);
taken($r, 'Python, stream', $png);
is($r->header('Content-Type'), 'application/json', 'Python, stream: off');

taken(form(@form, [ mask => '', '' ]), 'a browser, no mask', $png);


# ---- and the rest

my $json = taken(json('{"model": "jimeng_i2i_v30", "prompt": "x", "image": '
                      . '"https://example.com/a.jpg", "size": "adaptive"}'),
                 'size: adaptive', 'https://example.com/a.jpg');
ok(!exists $json->{width} && !exists $json->{size}, 'size: adaptive is none');

taken(json("\xef\xbb\xbf" . '{"prompt":"x"}'), 'a byte order mark');

refused(json("\x1f\x8b\x08" . "\0" x 30, 'Content-Encoding: gzip'),
        'gzip', 415, 'unsupported_media_type', message => qr/compressed/);

$t->done;
