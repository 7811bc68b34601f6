#!/usr/bin/perl

# The examples of the gateways whose clients are to work here, for the models
# that are Ark's where it has an account: word for word but for the host, the
# key and the pictures' URLs.  t/dialects.t has them for Jimeng.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Ark;

my $t = with_ark(emulator => { seconds => 0.2 }, ark => { seconds => 0.1 });

my $key = 'sk-an-example-of-a-key';
$t->secret($key);

my $api = $t->url('/v1/images/generations');
my $v45 = 'doubao-seedream-4-5-251128';
my $v40 = 'doubao-seedream-4-0-250828';
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my @clothes = map { "https://static.example.com/image_$_.png" } 1, 2;


# An example, run by a shell, and what became of it.
sub example {
    my ($name, $command, %want) = @_;
    my $before = $t->emulator->calls;
    my $submits = $t->submits;

    $command =~ s/API_KEY/$key/;
    utf8::encode($command);

    my $out = qx(exec 2>&1; $command -s);
    my $reply = eval { JSON::PP->new->utf8->decode($out) };

    subtest $name => sub {
        is(ref $reply, 'HASH', 'a JSON object') or return diag($out);
        is($reply->{task_status} // 'none', 'succeed', 'task_status')
            or diag($out);
        is(scalar @{ $reply->{data} // [] }, $want{pictures} // 1, 'pictures');
        like($_->{url}, qr{^http://.+\.jpeg\?}, 'a URL')
            for @{ $reply->{data} // [] };
        like($reply->{created}, qr/^\d{10}$/, 'created');
        cmp_ok($reply->{usage}{output_tokens}, '>', 0, 'output_tokens');
        is($reply->{usage}{total_tokens}, $reply->{usage}{output_tokens},
           'total_tokens');

        my @calls = ($t->emulator->calls)[$before .. $t->emulator->calls - 1];
        is(scalar @calls, 1, 'one call');
        is(scalar $t->submits, $submits, 'nothing for Jimeng');

        my %sent = %{ $calls[0]{fields} };
        delete $sent{prompt};
        is_deeply(\%sent, { response_format => 'url', stream => $false,
                            sequential_image_generation => 'disabled',
                            %{ $want{sent} } }, 'what was sent');
    };
    return;
}


# ---- a reseller of Jimeng

example('text to picture, size with an asterisk', <<"EOC" =~ s/\n\z//r,
curl -X POST $api \\
  -H "Authorization: Bearer API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Accept: application/json" \\
  -d '{
    "model": "jimeng-4.5",
    "prompt": "A close-up depiction of a domestic cat in a relaxed state. The cat features vibrant orange fur, with striking white markings around its eyes that extend down to its soft, pink nose.",
    "n": 1,
    "size": "1024*1024"
  }'
EOC
    sent => { model => $v45, size => '1920x1920', watermark => $false });

example('a reference, ratio and resolution', <<"EOC" =~ s/\n\z//r,
curl -X POST $api \\
  -H "Authorization: Bearer API_KEY" \\
  -H "Content-Type: application/json" \\
  -H "Accept: application/json" \\
  -d '{
    "model": "jimeng-4.5",
    "prompt": "参考图片生成写实类型的图像",
    "n": 1,
    "image": ["https://example.com/reference.png"],
    "ratio": "16:9",
    "resolution": "2k"
  }'
EOC
    sent => { model => $v45, size => '2560x1440', watermark => $false,
              image => 'https://example.com/reference.png' });


# ---- Ark's dialect

example('a group of at most three', <<"EOC" =~ s/\n\z//r,
curl -X POST $api -H 'Authorization: Bearer API_KEY' \\
  -H 'Content-Type: application/json' -d '{
 "model": "doubao-seedream-4-0-250828",
 "prompt": "生成3张女孩和奶牛玩偶在游乐园开心地坐过山车的图片,涵盖早晨、中午、晚上 [[pictures=3]]",
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
    sent => { model => $v40, size => '2K', image => \@clothes, stream => $true,
              sequential_image_generation => 'auto', watermark => $false,
              sequential_image_generation_options => { max_images => 3 } });

example('the watermark that this dialect has by default', <<"EOC" =~ s/\n\z//r,
curl -X POST $api -H 'Authorization: Bearer API_KEY' \\
  -H 'Content-Type: application/json' -d '{
 "model": "doubao-seedream-4-0-250828",
 "prompt": "一只猫",
 "size": "2K"
}'
EOC
    sent => { model => $v40, size => '2K', watermark => $true });

$t->done;
