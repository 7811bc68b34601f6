#!/usr/bin/perl

# Pictures of Ark's as data, from servers and locations that give them in ways
# of their own: in small pieces, without a cache, a file or buffers.  Of a group
# of which one picture cannot be had the others are handed on.
#
# Seen failing:
# - "1", "3, 4, 5" and "11 bytes first", in all locations but that of a cache,
#   with a 502, where a picture is told by the first buffer alone;
# - "no file", with a client that waited for ever for its reply's first byte,
#   without ngx_http_jimeng_answer_alone();
# - "one of three", with a reply that broke off after its first picture, and
#   "the first", with a 502, where what cannot be fetched is its task's error.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Shown qw(pictures_conf);
use Jimeng::Test::Sse;

my $dir = File::Temp->newdir('jimeng-parts-XXXXXX', TMPDIR => 1);
my $model = 'doubao-seedream-4-5-251128';
my $png = "\x89PNG\r\n\x1a\n" . join '', map { chr($_ % 251) } 1 .. 30_000;
my $webp = "RIFF\x10\x20\0\0WEBPVP8 " . join '', map { chr($_ % 253) } 1 .. 9999;

sub tries {
    my ($name) = @_;
    return (-s "$dir/$name") || 0;
}

sub chunked {
    my ($body, @at) = @_;
    my $text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
               . "Connection: close\r\n\r\n";
    for my $n (@at, length $body) {
        my $piece = substr $body, 0, $n, '';
        $text .= sprintf "%x\r\n%s\r\n", length $piece, $piece if length $piece;
    }
    return "${text}0\r\n\r\n";
}

sub whole {
    my ($body, $more) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Length: " . length($body)
           . "\r\nConnection: close\r\n" . ($more // '') . "\r\n$body";
}

my %answer = (
    whole => sub { whole($png) },
    second => sub { whole($webp) },
    one => sub { chunked($png, 1) },
    seven => sub { chunked($png, 3, 4, 5) },
    riff => sub { chunked($webp, 11) },
    missing => sub { "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                     . "Connection: close\r\n\r\n" },
    text => sub { whole('no picture at all, but a text') },
    flaky => sub { tries('flaky') > 1 ? whole($png)
        : "HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" },
    large => sub { whole($png x 100) },
);

my $server = raw_server(sub {
    my ($socket) = @_;
    my $request = read_request($socket) // return;
    my $port = $socket->sockport;

    if (my ($name) = $request =~ m{^GET /(\w+)}) {
        open my $fh, '>>', "$dir/$name" or die;
        syswrite $fh, '.';
        close $fh;
        my $text = $answer{$name}->();
        while (length $text) {
            my $n = syswrite($socket, $text) // return;
            substr $text, 0, $n, '';
        }
        return;
    }

    my ($names) = $request =~ /pictures: ([\w ]+)/;
    my @urls = map { "http://127.0.0.1:$port/$_" } split ' ', $names;

    if ($request =~ /"stream":true/) {
        my $i = 0;
        my $usage = { generated_images => scalar @urls, output_tokens => 1,
                      total_tokens => 1 };
        my $body = join '', map({ 'data: ' . JSON::PP::encode_json($_) . "\n\n" }
            map({ { type => 'image_generation.partial_succeeded',
                    image_index => $i++, url => $_, size => '2048x2048' } }
                @urls), { type => 'image_generation.completed',
                          usage => $usage }), "data: [DONE]\n\n";
        syswrite $socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream"
            . "\r\nConnection: close\r\n\r\n$body";
        return;
    }

    syswrite $socket, ark_made($model, @urls);
});
my $port = $server->port;

my %keep = (
    cache => 'proxy_cache pictures; proxy_cache_valid 200 30d;',
    buffers => '',
    live => 'proxy_buffering off;',
    no_file => 'proxy_max_temp_file_size 0;',
);
my @lanes = sort keys %keep;

my $t = with_ark(zone => ' ', pictures_conf(
    hosts => "127.0.0.1:$port",
    http => "upstream two { server 127.0.0.1:$port; }"
            . ' jimeng_account two { api_key a-key-of-two-that-opens-nothing;'
            . ' pass /_two; concurrency 20; }',
    server => join "\n", 'location = /_two { internal;'
        . ' proxy_http_version 1.1; proxy_pass http://two/api; }',
        map { <<"EOT" } @lanes,
        location /$_/ {
            jimeng_pass /_volcengine;
            jimeng_accounts two;
            jimeng_pictures /of_$_/;
            jimeng_poll_interval 50ms;
        }
        location /of_$_/ {
            jimeng_picture;
            proxy_pass \$jimeng_picture_url;
            proxy_http_version 1.1;
            $keep{$_}
        }
EOT
));

$t->allow_log(qr/jimeng: (?:a picture's server answered|the pictures of task)/);

sub request_of {
    my ($lane, $names, %more) = @_;
    my @names = split ' ', $names;

    my (undef, undef, @rest) = $t->generation({
        model => $model, prompt => "pictures: $names",
        response_format => 'b64_json', @names < 2 ? () : (
            sequential_image_generation => 'auto',
            sequential_image_generation_options => {
                max_images => scalar @names }), %more });

    return ('POST', "/$lane/images/generations", @rest);
}

sub is_reply {
    my ($r, $pictures, $lost, $name) = @_;

    is($r->status, 200, "$name: status") or diag($r->body);

    my $json = eval { JSON::PP::decode_json($r->body) } // {};
    my @data = map { decode_base64($_->{b64_json}) } @{ $json->{data} // [] };

    is(scalar @data, scalar @$pictures, "$name: pictures");
    ok(($data[$_] // '') eq $pictures->[$_], "$name: the bytes of picture $_")
        for 0 .. $#$pictures;
    is(join(' ', map { $_->{index} } @{ $json->{errors} // [] }), "@$lost",
       "$name: what is lost");
    is($json->{usage}{generated_images}, @$pictures + @$lost,
       "$name: what was made");
    return;
}

for my $lane (@lanes) {
    my $name = $lane =~ tr/_/ /r;

    is_reply($t->request(request_of($lane, 'whole')), [ $png ], [], $name);
    is_reply($t->request(request_of($lane, 'one')), [ $png ], [],
             "$name, 1 byte first");
    is_reply($t->request(request_of($lane, 'seven')), [ $png ], [],
             "$name, 3, 4, 5 bytes first");
    is_reply($t->request(request_of($lane, 'riff')), [ $webp ], [],
             "$name, 11 bytes first");
    is_reply($t->request(request_of($lane, 'large')), [ $png x 100 ], [],
             "$name, a large one");
}


# ---- a group, of which not all can be had

for my $lane (qw(cache live)) {
    unlink "$dir/flaky";

    is_reply($t->request(request_of($lane, 'whole flaky second')),
             [ $png, $png, $webp ], [], "$lane, one at the second try");
    is_reply($t->request(request_of($lane, 'whole missing second')),
             [ $png, $webp ], [ 1 ], "$lane, one of three");
    is_reply($t->request(request_of($lane, 'missing whole')),
             [ $png ], [ 0 ], "$lane, the first");
    is_reply($t->request(request_of($lane, 'whole text missing')),
             [ $png ], [ 1, 2 ], "$lane, two of three");

    my $r = $t->request(request_of($lane, 'missing text'));
    is($r->status, 502, "$lane, all: status");
    is($r->json->{error}{code}, 'upstream_error', "$lane, all: why");
    like($r->json->{error}{message}, qr/^The picture was made, and could not/,
         "$lane, all: what happened");
}

my @events = Jimeng::Test::Sse->new($t->start_request(
    request_of('cache', 'whole missing second', stream => \1)))->all;

is(join(' ', map { $_->{json}{type} =~ s/.*\.//r . ':'
                   . ($_->{json}{image_index} // '') }
             grep { $_->{json} } @events),
   'partial_succeeded:0 partial_succeeded:2 partial_failed:1 completed:',
   'a stream: what became of each');

$t->done;
