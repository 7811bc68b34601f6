#!/usr/bin/perl

# What strict readers of OpenAI's replies need: all the members of its schema,
# whether pictures are links or data, in replies and in events, of one task and
# of several; requests as such clients send them.
#
# Seen failing: each with the member left out; "a JPEG", with the type that
# links have.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done envelope http submitted upstream);
use Jimeng::Test::Picture qw(png);
use Jimeng::Test::Pictures;
use Jimeng::Test::Schema qw(event_faults look_of reply_faults usage_of);
use Jimeng::Test::Sse;
use MIME::Base64 qw(encode_base64);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '20ms', strict => 1,
    location => 'jimeng_model gpt-image-1 jimeng_t2i_v40;'
              . 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
);

my @json = ('Content-Type' => 'application/json');

sub schema {
    my ($name, $r, $form) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($json) = pictures($r->body);

    is($r->status, 200, "$name: status") or diag($r->body);
    is(join('; ', reply_faults($json)), '', "$name: the schema");
    is(join(' ', map { sort keys %$_ } @{ $json->{data} || [] }), $form,
       "$name: the pictures");
    return $json;
}


# ---- as they are sent

my $json = schema('a prompt alone', $t->request('POST',
    '/v1/images/generations', { @json }, '{"prompt": "x"}'), 'url');
is_deeply($json->{usage}, usage_of(1), 'a prompt alone: usage');

$json = schema('gpt-image-1', $t->request('POST', '/v1/images/generations',
    { @json }, '{"model": "gpt-image-1", "prompt": "x", '
             . '"size": "1024x1024", "quality": "high"}'), 'b64_json');
is_deeply({ map { $_ => $json->{$_} } qw(background output_format quality size) },
          { look_of(size => '1024x1024') }, 'gpt-image-1: what it is like');

my $png = png(64, 64);

sub form {
    my ($model) = @_;
    my $body = join '', map { "--BOUND\r\n$_\r\n" }
        qq(Content-Disposition: form-data; name="model"\r\n\r\n$model),
        qq(Content-Disposition: form-data; name="prompt"\r\n\r\nx),
        qq(Content-Disposition: form-data; name="image"; filename="a.png"\r\n)
        . qq(Content-Type: image/png\r\n\r\n$png);

    return ('POST', '/v1/images/edits',
            { 'Content-Type' => 'multipart/form-data; boundary=BOUND' },
            "$body--BOUND--\r\n");
}

schema('an edit without response_format', $t->request(form('jimeng-4.0')),
       'url');
schema('an edit without response_format, gpt-image-1',
       $t->request(form('gpt-image-1')), 'b64_json');

for my $images ('generations', 'edits') {
    my $sse = Jimeng::Test::Sse->new($t->start_request('POST',
        "/v1/images/$images", { @json }, '{"prompt": "x", "stream": true, '
        . ($images eq 'edits' ? '"image": "https://h/1.png", ' : '')
        . '"partial_images": 0}'));
    my @events = $sse->all;
    my $type = $images eq 'edits' ? 'image_edit.completed'
                                  : 'image_generation.completed';

    is(join(' ', map { $_->{event} } @events), $type, "a stream, $type");
    is(join('; ', event_faults($type, $events[0]{json})), '',
       "$type: the schema");
    like($events[0]{picture}, qr/\A[0-9a-f]{64}\z/, "$type: the picture");
    is($events[0]{json}{url}, undef, "$type: no link");
}


# ---- as they may be

for my $fields ({ n => 3 }, { force_single => \0 }, { size => '2K' },
                { size => '512x512' }, { model => 'jimeng-4.6' },
                { model => 'doubao-seedream-4-0-250828' },
                { model => 'jimeng_i2i_seed3_tilesr_cvtob',
                  image => 'https://h/1.png' })
{
    my $name = JSON::PP->new->canonical->encode($fields);
    my $n = $fields->{n} // 1;

    schema("$name, links", $t->generate({ %$fields, response_format => 'url' }),
           join ' ', ('url') x $n);
    schema("$name, data",
           $t->generate({ %$fields, response_format => 'b64_json' }),
           join ' ', ('b64_json') x $n);
}

# A task that is asked for has them, too, once there are pictures.
my $r = $t->generate({ size => '1536x1024', quality => 'low' });
my $again = $t->request('GET', '/v1/images/' . $r->json->{task_id});
$json = schema('asked for', $again, 'url');
delete $r->json->{ignored};
is_deeply($json, $r->json, 'asked for: the same');
$t->finish;


# ---- what a picture is, by its bytes

my %bytes = (
    jpeg => "\xff\xd8\xff\xe0\0\x10JFIF\0", png => "\x89PNG\r\n\x1a\n\0\0\0",
);

for my $first (sort keys %bytes) {
    for my $escape (0, 1) {
        my $server = upstream(
            submit => sub { http(submitted()) },
            query => sub {
                my ($request) = @_;
                return http(done()) if $request =~ /return_url[^:]*:true/;

                my @pictures = map { encode_base64($bytes{$_}, '') }
                    $first, $first eq 'png' ? 'jpeg' : 'png';
                my $body = envelope({ binary_data_base64 => \@pictures,
                                      image_urls => undef, status => 'done' });
                $body =~ s{/}{\\/}g if $escape;
                return http($body);
            },
        );

        $t = Jimeng::Test->new(emulator => 0, poll_interval => '20ms',
                               upstream => '127.0.0.1:' . $server->port);

        for my $stream (0, 1) {
            my $name = 'a ' . uc($first) . ($escape ? ', escaped' : '')
                     . ($stream ? ', a stream' : '');
            my @fields = (response_format => 'b64_json');
            my ($json) = $stream
                ? map { $_->{json} } Jimeng::Test::Sse->new($t->start_generate(
                      { @fields, stream => \1 }))->all
                : pictures($t->generate({ @fields })->body);

            is($json->{output_format}, $first, $name);
        }

        $server->stop;
        $t->finish;
    }
}

done_testing();
