#!/usr/bin/perl

# Clients of Ark that others wrote call the emulator, unchanged: this is what
# its answers and streams rest on, as its check of signatures does on the
# vendor's SDK.  They are Vercel's provider for it (@ai-sdk/bytedance), AIGNE's
# (@aigne/doubao), and the openai package with Ark's address.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use File::Temp ();
use JSON::PP ();
use Test::More;

use Jimeng::Test::Clients;
use Jimeng::Test::Emulator;
use Jimeng::Test::Picture qw(jpeg png);
use Jimeng::Test::Pictures qw(noise_of_call);
use Jimeng::Test::Process qw(poll);

need_clients();

my $key = 'ark-key-that-opens-nothing';
my $v40 = 'doubao-seedream-4-0-250828';
my $v50 = 'seedream-5-0-260128';
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my $dir = File::Temp->newdir;
my $emulator = Jimeng::Test::Emulator->start(
    dir => $dir, access_key => 'AK', secret_key => 'SK', seconds => 0.2,
    ark => [{ name => 'ark', key => $key }]);

my %file = (png => png(640, 480, 3000, 1), jpeg => jpeg(320, 480, 4000, 2));

for my $type (keys %file) {
    open my $fh, '>:raw', "$dir/input.$type" or die $!;
    print $fh $file{$type};
    close $fh or die $!;
}


sub run {
    my ($program, @calls) = @_;

    return answers_of(start_client($dir, $program,
        [ $emulator->url('/api/v3'),
          JSON::PP->new->utf8->encode(\@calls) ]));
}


sub input {
    my ($type) = @_;
    return { data => "image/$type", bytes => length $file{$type},
        sha256 => sha256_hex($file{$type}) };
}


subtest '@ai-sdk/bytedance' => sub {
    my $call = sub {
        my ($prompt, %call) = @_;
        return { model => $v40, bytedance => $true,
            provider => { apiKey => $key }, %call,
            params => { prompt => $prompt, maxRetries => 0,
                %{ $call{params} // {} } } };
    };
    my ($one, $edit, $options, $bad, $refused, $again) = run('ai.mjs',
        $call->('one [[bytes=1000]]'),
        $call->({ text => 'edit [[bytes=1000]]',
            images => [ { bytes => "$dir/input.png" },
                        { bytes => "$dir/input.jpeg" } ] }),
        $call->('options', model => $v50, params => { size => '2560x1440',
            providerOptions => { bytedance => { watermark => $false,
                outputFormat => 'png', sequentialImageGeneration => 'auto',
                maxImages => 1, optimizePromptMode => 'standard' } } }),
        $call->('bad', params => { size => '256x256' }),
        $call->('refused', provider => { apiKey => 'another' }),
        $call->('again [[ServerOverloaded]]', params => { maxRetries => 1 }));

    my ($known) = $emulator->calls('one');
    is(sums_of($one), noise_of_call($known), 'its picture');
    is($one->{requestID}, $known->{request_id}, 'X-Request-Id');
    is($known->{fields}{response_format}, 'b64_json', 'it asks for base64');

    ($known) = $emulator->calls('edit');
    is(sums_of($edit), noise_of_call($known), 'its edit');
    is_deeply($known->{fields}{image}, [ input('png'), input('jpeg') ],
        'its pictures have come');

    ($known) = $emulator->calls('options');
    is($options->{images}[0]{mediaType}, 'image/png', 'a PNG, as asked');
    is_deeply({ map { $_ => $known->{fields}{$_} } qw(watermark size
        output_format sequential_image_generation
        sequential_image_generation_options optimize_prompt_options) },
        { watermark => $false, size => '2560x1440', output_format => 'png',
          sequential_image_generation => 'auto',
          sequential_image_generation_options => { max_images => 1 },
          optimize_prompt_options => { mode => 'standard' } },
        'its options are understood');

    is("@{ $bad->{error} }{qw(status code)}", '400 InvalidParameter',
        'it reads an error');
    like($bad->{error}{message}, qr/^The parameter `size` specified/,
        'and its message');
    is("@{ $refused->{error} }{qw(status code)}", '401 AuthenticationError',
        'a wrong key');
    is("@{ $again->{error} }{qw(attempts status code)}",
        '2 429 ServerOverloaded', '429: it tries again');
    is(scalar $emulator->calls('again'), 2, 'which comes');
};


subtest '@aigne/doubao' => sub {
    my $call = sub {
        my ($prompt, %input) = @_;
        return { options => { apiKey => $key },
            input => { prompt => $prompt, %input } };
    };
    my %group = (stream => $true, sequentialImageGeneration => 'auto',
        sequentialImageGenerationOptions => { maxImages => 3 });
    my ($plain, $edit, $stream, $failed, $bad) = run('doubao.mjs',
        $call->('plain [[bytes=1000]]', size => '2K'),
        $call->('changed [[bytes=1000]]', image => ["$dir/input.jpeg"]),
        $call->('stream [[pictures=3]] [[bytes=1000]]', %group),
        $call->('failed [[pictures=3]] [[bytes=1000]]'
            . ' [[OutputImageSensitiveContentDetected@1]]', %group),
        $call->('wrong', size => '1x1'));

    my ($known) = $emulator->calls('plain');
    is(sums_of($plain), noise_of_call($known), 'its picture');

    ($known) = $emulator->calls('changed');
    is(sums_of($edit), noise_of_call($known), 'its edit');
    is_deeply($known->{fields}{image}, [ input('jpeg') ],
        'its picture has come');

    ($known) = $emulator->calls('stream');
    is(scalar @{ $stream->{images} || [] }, 3, 'the pictures of a stream');
    is(sums_of($stream), noise_of_call($known), 'in their order');
    is($stream->{usage}{outputTokens}, 3 * 2048 * 2048 / 256,
        'and the usage at its end');

    like($failed->{error}, qr/^Doubao API error: The request is refused/,
        'it reads a failed picture');
    like($bad->{error}, qr/image size must be at least 921600/,
        'and an error');
};


subtest 'openai' => sub {
    my $call = sub {
        my ($prompt, %params) = @_;
        return { client => { apiKey => $key, maxRetries => 0 },
            params => { model => $v40, prompt => $prompt, %params } };
    };
    my ($url, $stream, $failed, $bad) = run('openai.mjs',
        $call->('link', size => '1664x936', watermark => $false),
        $call->('events [[pictures=2]] [[bytes=1000]]', stream => $true,
            sequential_image_generation => 'auto',
            response_format => 'b64_json'),
        $call->('raised [[OutputImageRiskDetection@0]]', stream => $true),
        $call->('closed [[ModelNotOpen]]'));

    my ($known) = $emulator->calls('link');
    like($url->{result}{data}[0]{url}, qr/_0\.jpeg\?X-Tos-\S+&X-Tos-\S+$/,
        'a link, whole');
    is($url->{requestID}, $known->{request_id}, 'X-Request-Id');
    is($url->{result}{data}[0]{size}, '1664x936', 'its size');

    ($known) = $emulator->calls('events');
    my @events = @{ $stream->{result} || [] };
    is(join(' ', map { $_->{type} =~ s/.*\.//r } @events),
        'partial_succeeded partial_succeeded completed',
        'it reads the events');
    is(join(' ', map { $_->{b64_json}{sha256} // () } @events[0, 1]),
        noise_of_call($known), 'and their pictures');
    is($events[2]{usage}{generated_images}, 2, 'and the usage');

    is($failed->{error}{code}, 'OutputImageRiskDetection',
        'it raises a failed picture');
    is("@{ $bad->{error} }{qw(status code type)}",
        '404 ModelNotOpen NotFound', 'it reads an error');
};


subtest 'who leaves' => sub {
    my ($left) = run('ai.mjs', { model => $v40, bytedance => $true,
        provider => { apiKey => $key }, abort => 1000,
        params => { prompt => 'leaves [[seconds=3]]', maxRetries => 0 } });

    ok($left->{error}, 'it gives up');
    ok(poll(sub { ($emulator->calls('leaves'))[0]{ended} }, 10),
        'the call ends all the same');
    my ($known) = $emulator->calls('leaves');
    is(join(' ', map { $known->{$_} ? 1 : 0 } qw(gone made)), '1 1',
        'without it, and the picture is made');
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'the emulator ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
