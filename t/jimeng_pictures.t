#!/usr/bin/perl

# jimeng_pictures, jimeng_picture and jimeng_picture_hosts: what they take, and
# what a client then gets in each form of a reply; under which name of the
# gateway; and what goes on as it is.
#
# Seen failing: "the same link later on", with an end that is not rounded; "goes
# on as it is", without the list; "another's", without a look at the owner; "is
# over", without one at the end.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Keys qw(bearer client_line);
use Jimeng::Test::Shown qw(asked_for fetches pictures_conf shown);
use Jimeng::Test::Sse;


# ---- what they take

my $d = Jimeng::Test::Directive->new('jimeng_pictures');

$d->contexts('jimeng_pictures /pictures/;');
$d->good('off', '/pictures/', '/', '/a/b-c._~/', '/p/ expires=30d',
         'http://pics.example.com/p/', 'https://pics.example.com:8443/p/',
         'https://[::1]/p/', '/p/ expires=1s');

my $takes = sub {
    my ($value) = @_;
    return [ $value, '\\"jimeng_pictures" takes the URI of a location with '
        . '"jimeng_picture", as "/pictures/", or its URL, as '
        . qq("https://example.com/pictures/", and not "$value") ];
};

$d->bad(
    (map { $takes->($_) } 'pictures', '/pictures', 'pictures/', '/a//b/',
        '/../', '/a/../b/', '/a/.b/', '/a?b/', '/a%20b/', '/a+b/',
        'https://pics.example.com', 'https://pics.example.com/p',
        'https:///p/', 'ftp://pics.example.com/p/', 'https://a@b/p/',
        'https://a?/p/', '//pics.example.com/p/'),
    [ '/p/ 30d', '\\invalid parameter "30d" in "jimeng_pictures"' ],
    (map { [ "/p/ expires=$_", '\\"expires=" in "jimeng_pictures" takes a time'
        . qq( above 0, of ten years at most, not "$_") ] }
        '0', '', 'soon', '20y'),
);

my $duplicate = '"jimeng_pictures" directive is duplicate';
$d->refuses('duplicate', $duplicate,
            location => 'jimeng_pictures /p/; jimeng_pictures off;');
$d->refuses('duplicate off', $duplicate,
            location => 'jimeng_pictures off; jimeng_pictures off;');

$d = Jimeng::Test::Directive->new('jimeng_picture', only => [ 'location' ]);
$d->contexts('jimeng_picture;');
$d->good('', 'owner');
$d->bad([ 'all', '\\invalid parameter "all" in "jimeng_picture"' ]);
$d->refuses('duplicate', '"jimeng_picture" directive is duplicate',
            location => 'jimeng_picture; jimeng_picture owner;');

$d = Jimeng::Test::Directive->new('jimeng_picture_hosts');
$d->contexts('jimeng_picture_hosts *.example.com;');
$d->good('a.example.com b.example.com:8443', '*.example.com',
         '127.0.0.1:8080 [::1]:80');
$d->bad(map { [ $_, '\\"jimeng_picture_hosts" takes names, "*.name" and '
                    . qq(addresses, each with a port or without, not "$_") ] }
        '*', '*.', 'https://a.example.com', 'a/b', 'a:0', 'a@b', '::1',
        'unix:/run/x');
$d->refuses('duplicate', '"jimeng_picture_hosts" directive is duplicate',
            location => 'jimeng_picture_hosts a; jimeng_picture_hosts b;');


# ---- every form of a reply

my $keys = join '', map { client_line($_) . "\n" } 'alice', 'bob';

my $t = Jimeng::Test->new(pictures_conf(
    start => 0, poll_interval => '50ms', emulator => { seconds => 0.1 },
    http2 => 1,
    http => 'jimeng_dedupe 12h;',
    server => <<'EOT',
        location /off/ { jimeng_pass /_volcengine; }
        location /absolute/ {
            jimeng_pass /_volcengine;
            jimeng_pictures https://pics.example.com/pictures/;
        }
        location /keys/ {
            jimeng_pass /_volcengine;
            jimeng_keys %%DIR%%/keys;
            jimeng_pictures /owned/;
        }
        location /owned/ {
            jimeng_keys %%DIR%%/keys;
            jimeng_picture owner;
            proxy_pass $jimeng_picture_url;
        }
        location /anybody/ {
            jimeng_picture owner;
            proxy_pass $jimeng_picture_url;
        }
        location /unlisted/ {
            jimeng_pass /_volcengine;
            jimeng_pictures /pictures/;
            jimeng_picture_hosts *.byteimg.com;
        }
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_pictures /pictures/ expires=1s;
        }
EOT
));

$t->write_file('keys', $keys);
$t->start;

my $link = qr{^http://localhost/pictures/A[\w-]{80,}\.png\z};
my $prompts = 0;

sub prompt { "a mill by the river, $_[0], " . ++$prompts }

sub ask {
    my ($name, $fields, $headers, $path) = @_;

    return $t->request('POST', ($path // '/v1/') . 'images/generations',
        { 'Content-Type' => 'application/json', %{ $headers || {} } },
        JSON::PP->new->utf8->encode(
            { prompt => prompt($name), %{ $fields || {} } }));
}

# All of them are links, each to a picture of its own.
sub are_links {
    my ($name, @urls) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %seen;

    for my $url (@urls) {
        like($url, $link, "$name: a link");
        my $r = shown($t, $url // '/');
        is($r->status, 200, "$name: which opens");
        is($r->header('Content-Type'), 'image/png', "$name: a picture");
        ok(!$seen{$url}++, "$name: another one");
    }

    return;
}

sub urls { map { $_->{url} } @{ $_[0]->json->{data} } }

my $r = ask('one');
are_links('JSON', urls($r));
my $first = $r;

$r = ask('several', { n => 3 });
is(scalar urls($r), 3, 'several tasks');
are_links('several tasks', urls($r));

$r = ask('group [[pictures=3]]', { force_single => \0 });
is(scalar urls($r), 3, 'a group');
are_links('a group', urls($r));

for my $case ([ 'OpenAI', { response_format => 'url' } ],
              [ 'Ark', { model => 'doubao-seedream-4-0-250828' } ])
{
    my ($name, $fields) = @$case;
    my $sse = Jimeng::Test::Sse->new($t->start_generate(
        { prompt => prompt($name), stream => \1, n => 2, %$fields }));
    my @urls = grep { defined && length }
               map { $_->{json} ? $_->{json}{url} : undef } $sse->all;

    is(scalar @urls, 2, "$name: a stream");
    are_links("$name: a stream", @urls);
}

$r = ask('async', { async => \1 });
my $id = $r->json->{task_id};
my @urls;
wait_for {
    $r = $t->request('GET', "/v1/images/$id?wait=5");
    @urls = urls($r) if $r->json->{task_status} eq 'succeed';
} 'async: it is done';
are_links('async', @urls);

$id = $first->json->{task_id};

for my $path ("/v1/images/$id", "/v1/images/generations/$id") {
    is_deeply([ urls($t->request('GET', $path)) ], [ urls($first) ],
              "$path: the same link later on");
}

my $edit = $t->request('POST', '/v1/images/edits',
    { 'Content-Type' => 'application/json' }, JSON::PP->new->encode({
        prompt => prompt('edit'), image => 'https://example.com/a.png' }));
are_links('an edit', urls($edit));

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $reply = $h2->response($h2->start($t->generation(
    { prompt => prompt('HTTP/2') })));
like(JSON::PP->new->decode($reply->{body})->{data}[0]{url},
     qr{^http://[\w.:]+/pictures/A[\w-]+\.png\z}, 'HTTP/2: a link');


# ---- data

wait_for { fetches($t, 'succeed') == 14 } 'all were fetched';
my $fetched = fetches($t, 'succeed');
my $asked = asked_for($t);

$r = ask('data', { response_format => 'b64_json' });
ok(length $r->json->{data}[0]{b64_json}, 'data as ever');
is(ask('after it')->status, 200, 'and another');
wait_for { fetches($t, 'succeed') > $fetched } 'which is fetched';
is(fetches($t, 'succeed'), $fetched + 1, 'what a client has is not');
is(scalar asked_for($t), $asked + 1, 'nor asked for');


# ---- under which name

for my $case (
    [ 'gateway.example.com' ], [ 'Gateway.example.com:8443' ],
    [ '[::1]:8080' ], [ '127.0.0.1' ],
) {
    my ($host) = @$case;
    my ($url) = urls(ask('host', {}, { Host => $host }));
    like($url, qr{^http://\Q$host\E/pictures/A}, "the host $host");
}

for my $bad ('a"b.example.com', 'a<b>', 'a\\b') {
    my $reply = ask('bad host', {}, { Host => $bad });
    next if $reply->status == 400;

    my ($url) = urls($reply);
    unlike($url, qr{[<>"\\]}, "$bad is not in a link");
    like($url, qr{^http://[\w.]+:\d+/pictures/A}, "$bad: the server's own");
}

my $x = $t->start_request($t->generation({ prompt => prompt('1.0') },
                          { Host => undef }), version => '1.0');
like((urls($x->response))[0] // '', qr{^http://[\w.:]+/pictures/A},
     'HTTP/1.0');

($r) = urls(ask('absolute', {}, {}, '/absolute/'));
like($r, qr{^https://pics\.example\.com/pictures/A[\w-]+\.png\z}, 'a URL');
is(shown($t, $r)->status, 200, 'it is the same location');

($r) = urls(ask('off', {}, {}, '/off/'));
like($r, qr{^http://127\.0\.0\.1:\d+/pictures/\d+-0\.png\z}, 'off');


# ---- what is not listed

$asked = asked_for($t);
($r) = urls(ask('unlisted', {}, {}, '/unlisted/'));
like($r, qr{^http://127\.0\.0\.1:\d+/pictures/\d+-0\.png\z},
     'not listed: it goes on as it is');
is((urls(ask('listed')))[0] =~ $link, 1, 'another is');
wait_for { asked_for($t) > $asked } 'which is fetched';
is(scalar asked_for($t), $asked + 1, 'not listed: it is not fetched');
$t->log_like(qr/\[warn\].*by the URL it has, of host "127\.0\.0\.1:\d+"/,
             'the log has its host');
$t->log_unlike(qr/by the URL.*pictures\/\d/, 'and not its path');


# ---- whose

my ($alices) = urls(ask('alice', {}, bearer('alice'), '/keys/'));

is(shown($t, $alices, %{ bearer('alice') })->status, 200, 'its owner');
is_error($t, shown($t, $alices, %{ bearer('bob') }), "another's",
         code => 'not_found');
is_error($t, shown($t, $alices), 'nobody', code => 'invalid_api_key');
is(shown($t, $alices, %{ bearer('alice') })->header('Cache-Control'),
   'private', 'no cache on the way keeps it');

$alices =~ s{/owned/}{/pictures/};
is(shown($t, $alices)->status, 200, 'where it needs no key');

my ($nobodys) = urls($first);
$nobodys =~ s{/pictures/}{/anybody/};
is_error($t, shown($t, $nobodys), 'a link of nobody', code => 'not_found');

my ($mine) = urls(ask('key', {}, { Authorization => 'Bearer any-key-of-mine' }));
$mine =~ s{/pictures/}{/anybody/};
is(shown($t, $mine, Authorization => 'Bearer any-key-of-mine')->status, 200,
   'any key');
is(shown($t, $mine, Authorization => 'Bearer another-key')->status, 404,
   'another one');


# ---- another gateway, and another secret

my $other = Jimeng::Test->new(pictures_conf(
    emulator => 0, hosts => '127.0.0.1:' . $t->emulator->port,
));
is(shown($other, $_)->status, 200, 'the same secret') for urls($first);
$other->reload(task_secret => 'a secret of its own, which is another one');
is_error($other, shown($other, $_), 'another secret', code => 'not_found')
    for urls($first);
$other->finish;


# ---- the end

my ($short) = urls(ask('short', {}, {}, '/short/'));
is(shown($t, $short)->status, 200, 'a short life');
wait_for { shown($t, $short)->status == 404 } 'is over';
is_error($t, shown($t, $short), 'over', code => 'not_found');

$t->done;
