# The curl examples of the gateways whose clients are to work here, word for
# word but for the host, the key and the pictures' URLs.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use Jimeng::Test;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.2 },
    server   => 'location /api/v1/ { jimeng_pass /_volcengine; }',
);

my $key = 'sk-an-example-of-a-key';
$t->secret($key);

my $cat = 'https://static.example.com/cat.jpeg';
my @clothes = map { "https://static.example.com/image_$_.png" } 1, 2;


# An example, run by a shell, and what became of it.
sub example {
    my ($name, $command, %want) = @_;
    my $before = $t->submits;

    $command =~ s/API_KEY/$key/;
    utf8::encode($command);

    my $out = qx(exec 2>&1; $command -s);
    my $reply = eval { JSON::PP->new->utf8->decode($out) };

    subtest $name => sub {
        is(ref $reply, 'HASH', 'a JSON object') or return diag($out);
        is($reply->{task_status} // 'none', 'succeed', 'task_status')
            or diag($out);
        is(scalar @{ $reply->{data} // [] }, $want{pictures} // 1, 'pictures');
        like($_->{url}, qr{^http://.+\.png(?:\?|$)}, 'a URL')
            for @{ $reply->{data} // [] };
        like($reply->{created}, qr/^\d{10}$/, 'created');

        my @submits = ($t->submits)[$before .. $t->submits - 1];
        is(scalar @submits, 1, 'one task');

        my %sent = %{ $submits[0]{json} };
        delete $sent{prompt};
        is_deeply(\%sent, $want{sent}, 'what was sent');

        my ($query) = grep { $_->{json}{task_id} eq $submits[0]{task_id} }
                      $t->queries;
        my $form = JSON::PP->new->decode($query->{json}{req_json});
        is($form->{logo_info}{add_logo} ? 1 : 0, $want{watermark} // 0,
           'the watermark');
    };
    return;
}

my $api = $t->url('/api/v1/images/generations');
my $v1 = $t->url('/v1/images/generations');


# ---- a gateway for many models: /api/v1

example('text to picture', <<"EOC" =~ s/\n\z//r,
curl --location --request POST '$api' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer API_KEY' \\
--data '{
"model": "jimeng_t2i_v40",
"prompt": "画一只可爱的小猫",
"size": "2048x2048"
}'
EOC
    sent => { req_key => 'jimeng_t2i_v40', width => 2048, height => 2048,
              force_single => JSON::PP::true });

example('one picture to picture', <<"EOC" =~ s/\n\z//r,
curl --location --request POST '$api' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer API_KEY' \\
--data '{
"model": "jimeng_t2i_v40",
"prompt": "根据这张小猫图片,生成一张和毛线球玩耍的图片",
"image": "$cat",
"size": "2304x1728"
}'
EOC
    sent => { req_key => 'jimeng_t2i_v40', width => 2304, height => 1728,
              image_urls => [ $cat ], force_single => JSON::PP::true });

example('several pictures to picture', <<"EOC" =~ s/\n\z//r,
curl --location --request POST '$api' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer API_KEY' \\
--data '{
"model": "jimeng_t2i_v40",
"prompt": "将图1的服装换为图2的服装",
"image": ["$clothes[0]", "$clothes[1]"],
"size": "2304x1728",
"strength": 0.5
}'
EOC
    sent => { req_key => 'jimeng_t2i_v40', width => 2304, height => 1728,
              image_urls => \@clothes, scale => 0.5,
              force_single => JSON::PP::true });

example('a group', <<"EOC" =~ s/\n\z//r,
curl --location --request POST '$api' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer API_KEY' \\
--data '{
"model": "jimeng_t2i_v40",
"prompt": "将图1的服装换为图2的服装,我需要生成两张图片 [[pictures=2]]",
"image": ["$clothes[0]", "$clothes[1]"],
"size": "2304x1728",
"strength": 0.5,
"extra_body": {
"force_single": false,
"min_ratio": 1,
"max_ratio": 3
}
}'
EOC
    pictures => 2,
    sent => { req_key => 'jimeng_t2i_v40', width => 2304, height => 1728,
              image_urls => \@clothes, scale => 0.5,
              force_single => JSON::PP::false, min_ratio => 1,
              max_ratio => 3 });


# ---- a reseller of Jimeng: /v1

example('text to picture, size with an asterisk', <<"EOC" =~ s/\n\z//r,
curl -X POST $v1 \\
  -H "Authorization: Bearer API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Accept: application/json" \\
  -d '{
    "model": "jimeng-4.0",
    "prompt": "A close-up depiction of a domestic cat in a relaxed state. The cat features vibrant orange fur, with striking white markings around its eyes that extend down to its soft, pink nose.",
    "n": 1,
    "size": "1024*1024"
  }'
EOC
    sent => { req_key => 'jimeng_t2i_v40', width => 1024, height => 1024,
              force_single => JSON::PP::true });

example('a reference, ratio and resolution', <<"EOC" =~ s/\n\z//r,
curl -X POST $v1 \\
  -H "Authorization: Bearer API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Accept: application/json" \\
  -d '{
    "model": "jimeng-4.0",
    "prompt": "参考图片生成写实类型的图像",
    "n": 1,
    "image": ["https://example.com/reference.png"],
    "ratio": "16:9",
    "resolution": "2k"
  }'
EOC
    sent => { req_key => 'jimeng_t2i_v40', width => 2560, height => 1440,
              image_urls => [ 'https://example.com/reference.png' ],
              force_single => JSON::PP::true });


# ---- Ark's dialect

example('a group of at most three', <<"EOC" =~ s/\n\z//r,
curl -X POST $v1 -H 'Authorization: Bearer API_KEY' \\
  -H 'Content-Type: application/json' -d '{
 "model": "doubao-seedream-4-0-250828",
 "prompt": "生成3张女孩和奶牛玩偶在游乐园开心地坐过山车的图片,涵盖早晨、中午、晚上 [[pictures=5]]",
 "image": [
 "$clothes[0]",
 "$clothes[1]"
 ],
 "sequential_image_generation": "auto",
 "sequential_image_generation_options": {
 "max_images": 3
 },
 "size": "2K",
 "watermark": false
}'
EOC
    pictures => 3,
    sent => { req_key => 'jimeng_t2i_v40', size => 4194304,
              image_urls => \@clothes, force_single => JSON::PP::false });

example('the watermark that this dialect has by default', <<"EOC" =~ s/\n\z//r,
curl -X POST $v1 -H 'Authorization: Bearer API_KEY' \\
  -H 'Content-Type: application/json' -d '{
 "model": "doubao-seedream-4-0-250828",
 "prompt": "一只猫",
 "size": "2K"
}'
EOC
    watermark => 1,
    sent => { req_key => 'jimeng_t2i_v40', size => 4194304,
              force_single => JSON::PP::true });

$t->done;
