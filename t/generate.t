#!/usr/bin/perl

# One picture, the plain way: what is sent upstream, in which order and how
# often, and what the client gets.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Schema qw(look_of usage_of);
use Time::HiRes qw(time);

my $seconds = 0.5;
my $interval = 0.2;

my $t = Jimeng::Test->new(
    emulator => { seconds => $seconds }, poll_interval => '200ms',
    strict => 1,
);

my $prompt = 'a red "bicycle" against a wall, 一只猫';


# ---- one request, with much that is not to go on

my %of_the_client = (
    'Authorization' => 'Bearer sk-of-the-client',
    'Cookie' => 'session=of-the-client',
    'User-Agent' => 'client/1.0',
    'X-Forwarded-For' => '192.0.2.7',
    'X-Request-Id' => 'of-the-client',
    'X-Date' => '20200101T000000Z',
    'X-Security-Token' => 'of-the-client',
    'Accept' => 'text/plain',
    'Accept-Encoding' => 'gzip',
    'Idempotency-Key' => 'of-the-client',
    'If-None-Match' => '"x"',
    'Range' => 'bytes=0-9',
    'Content-Type' => 'application/json; charset=utf-8',
);

my $started = time;

my $body = $t->generate({ prompt => $prompt }, \%of_the_client)->body;
my @submits = $t->submits;
my @queries = $t->queries;

is(scalar @submits, 1, 'one submit');
is(($t->emulator->journal)[0]{n}, $submits[0]{n}, 'the submit comes first');

for my $row (@submits, @queries) {
    my $name = $row->{action};

    is_deeply([ @$row{qw(method path query signature status)} ],
              [ 'POST', '/', "Action=$name&Version=2022-08-31", 'ok', 200 ],
              "$name: request line, signature");

    is_deeply([ sort keys %{ $row->{headers} } ],
              [ qw(authorization content-length content-type host
                   x-content-sha256 x-date) ],
              "$name: no header but ours");

    is_deeply([ @{ $row->{headers} }{qw(content-type host)} ],
              [ 'application/json', 'visual.volcengineapi.com' ],
              "$name: values of headers");

    like($row->{headers}{authorization},
         qr{^HMAC-SHA256\ Credential=\Q${\ $t->access_key}\E
            /\d{8}/cn-north-1/cv/request,
            \ SignedHeaders=content-type;host;x-content-sha256;x-date,
            \ Signature=[0-9a-f]{64}\z}x, "$name: Authorization");
}

my $id = $submits[0]{task_id};

is($submits[0]{body}, '{"req_key":"jimeng_t2i_v40","prompt":'
   . '"a red \"bicycle\" against a wall, 一只猫","force_single":true}',
   'the body of the submit');

is($_->{body}, qq({"req_key":"jimeng_t2i_v40","task_id":"$id",)
   . '"req_json":"{\"return_url\":true}"}', 'the body of a query')
    for @queries;


# ---- queries come at the interval, and end with the task

my $last = $submits[0]{time};

for my $row (@queries) {
    cmp_ok($row->{time} - $last, '>', $interval - 0.01,
           'an interval before the query');
    $last = $row->{time};
}

cmp_ok(scalar @queries, '<=', 3, 'no query too many');
cmp_ok($queries[-1]{time} - $submits[0]{time}, '>=', $seconds,
       'the last query is the one after the task was done');


# ---- the reply

my $r = $t->generate({ prompt => $prompt, size => '1536x1024' });

is($r->status, 200, 'status');
is_deeply([ sort grep { !/^(?:date|server|connection)$/ }
            keys %{ $r->headers } ],
          [ qw(content-length content-type x-request-id) ], 'headers');
is($r->header('Content-Type'), 'application/json', 'Content-Type');
is($r->header('Content-Length'), length $r->body, 'Content-Length');
like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, 'X-Request-Id');

my $json = $r->json;
my $url = $json->{data}[0]{url};
$id = ($t->submits)[1]{task_id};

cmp_ok($json->{created}, '>=', int $started, 'created: not before the request');
cmp_ok($json->{created}, '<=', time, 'created: not in the future');
is($t->upstream_ids($json->{task_id}), $id, 'task_id');
is_deeply($json, {
    created => $json->{created}, model => 'jimeng_t2i_v40',
    task_id => $json->{task_id}, task_status => 'succeed',
    data => [ { url => $url } ], look_of(size => '1536x1024'),
    usage => usage_of(1),
}, 'the reply');

like($body, qr/^\{"created":\d+,"model":"jimeng_t2i_v40","task_id":"[\w-]+",
               "task_status":"succeed","data":\[\{"url":"[^"]+"\}\],
               "background":"opaque","output_format":"png",
               "quality":"high","size":"auto",
               "usage":\{"generated_images":1,"input_tokens":0,
               "output_tokens":0,"total_tokens":0,
               "input_tokens_details":\{"text_tokens":0,"image_tokens":0\},
               "output_tokens_details":\{"text_tokens":0,"image_tokens":0\}
               \}\}\z/x,
     'the reply, byte for byte, when no size was asked for');

is($url, $t->emulator->url("/pictures/$id-0.png"),
   'the URL is the upstream\'s');

my $picture = Jimeng::Test::Http->start($t->emulator->port, 'GET',
                                        "/pictures/$id-0.png")->response;
is($picture->status, 200, 'the picture is there');
is_deeply([ unpack 'a8 x8 N2', $picture->body ],
          [ "\x89PNG\r\n\x1a\n", 1536, 1024 ], 'a PNG of the size asked for');


# ---- request ids

my ($first, $second) = $t->access_lines(2);

is($second->{jimeng_request_id}, $r->header('X-Request-Id'),
   'the log has the same request id');
isnt($first->{jimeng_request_id}, $second->{jimeng_request_id},
     'each request has its own');
unlike($first->{jimeng_request_id}, qr/client/, 'which is not the client\'s');


# ---- many at once: each gets its own

my @replies = map { $_->response }
              map { $t->start_generate({ prompt => "lighthouse number $_" }) }
              1 .. 8;
my $tasks = $t->emulator->state->{tasks};

is_deeply([ map { $tasks->{ $t->upstream_ids($_->json->{task_id}) }{prompt} }
            @replies ],
          [ map { "lighthouse number $_" } 1 .. 8 ],
          'every client gets the picture it asked for');

my %ids = map { $_->json->{data}[0]{url} => 1 } @replies;
is(scalar keys %ids, 8, 'eight pictures');
is(scalar $t->submits, 10, 'as many submits as requests');


# ---- a group of pictures is one task

$r = $t->generate({ prompt => 'a story [[pictures=3]]', force_single => \0 });
is(scalar @{ $r->json->{data} }, 3, 'a group: three pictures');
is($r->json->{usage}{generated_images}, 3, 'a group: usage');
is(scalar $t->submits, 11, 'a group: one submit');

$t->done;
