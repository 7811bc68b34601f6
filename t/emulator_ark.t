# The stand-in for Ark: what a call may ask for and what it is answered,
# groups, streams, accounts, limits, and what is known of each call. What can
# go wrong has a test of its own.
#
# Seen failing: with calls that end when their client leaves, with keys in the
# journal as they came, and with a group that counts as one picture a minute.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use Digest::SHA  qw(sha256_hex);
use File::Temp   ();
use GD;
use JSON::PP     ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Time::HiRes  qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Test::Http;
use Jimeng::Test::Picture qw(jpeg png);
use Jimeng::Test::Process qw(poll);
use Jimeng::Test::Sse;

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw(output failure_output todo_output);

my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $v40 = 'doubao-seedream-4-0-250828';
my $v45 = 'doubao-seedream-4-5-251128';
my $v50 = 'doubao-seedream-5-0-260128';
my $pro = 'doubao-seedream-5-0-pro-260628';

my $emulator = start(ark => [
    { name => 'ark', key => ARK_KEY, seconds => 0.1 },
    { name => 'two', seconds => 0.1,
      keys => [ { name => 'old', key => 'KEY1' },
                { name => 'new', key => 'KEY2' } ] },
]);

sub error_of {
    my ($answer) = @_;
    my $error = $answer->{json}{error} // {};
    return join ' ', $answer->{status}, map { $_ // '-' }
        @$error{qw(code param)};
}

sub last_call { return ($emulator->calls)[-1] }

sub data_uri {
    my ($type, $bytes) = @_;
    return "data:image/$type;base64," . encode_base64($bytes, '');
}

sub sse { return Jimeng::Test::Sse->new(begin_ark({ stream => $true, @_ })) }


subtest 'a picture, from call to download' => sub {
    my $began = time;
    my $answer = ark({ prompt => 'a cat, 一只猫', size => '1664x936',
        user => 'unknown', n => 3 },
        headers => { 'X-Client-Request-Id' => 'mine-1' });
    my $json = $answer->{json};

    is($answer->{status}, 200, 'status');
    cmp_ok(time - $began, '>=', 0.1, 'it takes its time');
    like($answer->{headers}{'content-type'}, qr{^application/json}, 'JSON');
    like($answer->{headers}{'x-request-id'}, qr/^02\d{13}[0-9a-f]{42}$/,
        'X-Request-Id');
    is(join(' ', sort keys %$json), 'created data model usage', 'members');
    is($json->{model}, $v40, 'model');
    ok($json->{created} >= int $began && $json->{created} <= time, 'created');
    is(@{ $json->{data} }, 1, 'one picture: n is not known');
    is(join(' ', sort keys %{ $json->{data}[0] }), 'size url',
        'its members');
    is($json->{data}[0]{size}, '1664x936', 'its size');
    is_deeply($json->{usage}, { generated_images => 1, input_images => 0,
        output_tokens => 6084, total_tokens => 6084 }, 'usage');
    like($answer->{body}, qr/\\u0026/, '"&" is escaped, as the service does');
    unlike($answer->{body}, qr/&/, 'everywhere');

    my $url = $json->{data}[0]{url};
    my $picture = get($url);

    is($picture->{headers}{'content-type'}, 'image/jpeg', 'it is a JPEG');
    is_deeply([GD::Image->newFromJpegData($picture->{body})->getBounds],
        [1664, 936], 'of the size asked for');
    is(get($url =~ s/_0/_1/r)->{status}, 404, 'there is one only');
    is(get($url =~ s/.$//r)->{status}, 403, 'its link is signed');
    is(get($url =~ s/\?.*//r)->{status}, 403, 'wholly');

    my $call = last_call();

    is_deeply([@$call{qw(account key model prompt n pictures made failed
        status code client_request_id fault)}],
        ['ark', 'ark', $v40, 'a cat, 一只猫', 1, 1, 1, 0, 200, undef,
         'mine-1', undef], 'what is known of the call');
    is_deeply($call->{fields}, { model => $v40, prompt => 'a cat, 一只猫',
        size => '1664x936', user => 'unknown', n => 3 }, 'its fields');
    is($call->{request_id}, $answer->{headers}{'x-request-id'}, 'its id');
    ok($call->{begun} >= $began && $call->{ended} - $call->{begun} >= 0.1
        && $call->{ended} <= time, 'when it began and ended');
    ok(defined $call->{gone} && !$call->{gone}, 'the client was there');

    my ($row) = $emulator->journal(action => 'ark');

    is_deeply([@$row{qw(account key model n request_id method path running)}],
        ['ark', 'ark', $v40, 1, $call->{request_id}, 'POST', ARK, 1],
        'journal');
    is($row->{json}{prompt}, 'a cat, 一只猫', 'journal: the body');
    is($row->{headers}{'x-client-request-id'}, 'mine-1', 'journal: headers');
    is($row->{headers}{authorization}, 'Bearer [ark]', 'journal: no key');
    is($emulator->state->{submits}, 0, 'no submit of Visual');

    open my $fh, '<', $emulator->{journal_file} or die $!;
    unlike(join('', <$fh>), qr/@{[ARK_KEY]}/, 'the key is nowhere in it');
    unlike(JSON::PP->new->encode($emulator->state), qr/@{[ARK_KEY]}/,
        'nor in the state');
};


subtest 'keys' => sub {
    for my $case ([ 'no key', undef ], [ 'another', 'Bearer nobody' ],
        [ 'no Bearer', ARK_KEY ], [ 'Basic', 'Basic ' . ARK_KEY ])
    {
        my $answer = ark({}, headers => { authorization => $case->[1] });
        is(error_of($answer), '401 AuthenticationError ', $case->[0]);
        like($answer->{json}{error}{message}, qr/Request id: 02\w+\z/,
            'with its id');
        is($answer->{json}{error}{type}, 'Unauthorized', 'and type');
        is(last_call()->{account}, undef, 'nobody');
        is(last_call()->{made}, 0, 'no picture');
    }

    is(ark({}, headers => { authorization => "Bearer $_" })->{status}, 200,
        "a key of two: $_") for qw(KEY1 KEY2);
    is(join(' ', map { $_->{key} } $emulator->calls(undef, account => 'two')),
        'old new', 'by their names');

    $emulator->set_account('two', keys => [{ name => 'new', key => 'KEY2' }]);
    is(error_of(ark({}, headers => { authorization => 'Bearer KEY1' })),
        '401 AuthenticationError ', 'one is no longer good');

    is(error_of(ark({}, method => 'GET')), '405 MethodNotAllowed ', 'a GET');
    is(error_of(ark({}, headers => { 'content-type' => $_ })),
        '400 InvalidParameter Content-Type', 'content type: ' . ($_ // 'none'))
        for undef, 'text/plain', 'application/jsonp';
    is(ark({}, headers => { 'content-type' => 'Application/JSON; charset=utf-8'
        })->{status}, 200, 'content type: with parameters');
    is(error_of(ark($_)), '400 InvalidParameter ', 'a body of '
        . length $_) for '', '[]', '{"model":', "{\"model\":\"\xff\"}";
};


subtest 'what a call may ask for' => sub {
    my $url = 'https://example.com/a.png';

    for my $case (
        [ 'each model', map { +{ model => $_ } } qw(
            doubao-seedream-5-0-pro-260628 dola-seedream-5-0-pro-260628
            doubao-seedream-5-0-flash-260915 doubao-seedream-5-0-260128
            doubao-seedream-5-0-lite-260128 seedream-5-0-260128
            doubao-seedream-4-5-251128 seedream-4-5-251128
            doubao-seedream-4-0-20260415 doubao-seedream-4-0-250828
            seedream-4-0-250828) ],
        [ 'named sizes',
            (map { +{ model => $pro, size => $_ } } qw(1K 1.5K 2K)),
            (map { +{ model => $v50, size => $_ } } qw(2K 3K 4K)),
            (map { +{ model => $v45, size => $_ } } qw(2K 4K)),
            (map { +{ model => $v40, size => $_ } } qw(1K 2K 4K)) ],
        [ 'pixels', map { +{ model => $_->[0], size => $_->[1] } }
            [ $pro, '960x960' ], [ $pro, '2150x2150' ],
            [ $v50, '1920x1920' ], [ $v50, '4096x4096' ],
            [ $v45, '2560x1440' ], [ $v40, '960x960' ],
            [ $v40, '16384x1024' ] ],
        [ 'pictures', { image => $url }, { image => [$url] },
            { image => [($url) x 14] }, { model => $pro,
              image => [($url) x 10] }, { image => 'HTTP://x/y' } ],
        [ 'data', map { +{ image => data_uri(@$_) } }
            [ png => png(640, 480) ], [ jpeg => jpeg(640, 480) ],
            [ png => png(1600, 100) ], [ png => png(6000, 6000) ],
            [ png => png(640, 480, 30 * 1024 * 1024) ],
            [ webp => "RIFF\x10\0\0\0WEBPVP8 " ], [ gif => 'GIF89a' ],
            [ bmp => 'BM1234' ], [ tiff => "II*\0" ],
            [ heic => "\0\0\0\x18ftypheic" ] ],
        [ 'groups', map { { sequential_image_generation => 'auto', %$_ } }
            {}, { sequential_image_generation_options => {} },
            { sequential_image_generation_options => { max_images => 15 } },
            { sequential_image_generation_options => { max_images => 1 },
              image => [($url) x 14] } ],
        [ 'no group', { sequential_image_generation => 'disabled',
            sequential_image_generation_options => { max_images => 15 },
            image => $url },
            { sequential_image_generation => 'disabled', model => $pro } ],
        [ 'output', { response_format => 'url' }, { watermark => $false },
            { stream => $false, model => $pro },
            { output_format => 'png', model => $v50 },
            { output_format => 'jpeg', model => $pro } ],
        [ 'the rest', { optimize_prompt_options => { mode => 'fast' } },
            { tools => [{ type => 'web_search' }], model => $v50 },
            { background => 'transparent', model => $pro },
            { layer_decomposition => $true, model => $pro },
            { seed => -1, guidance_scale => 2.5 } ],
        [ 'null and what is unknown', { size => undef, image => undef,
            stream => undef, foo => { bar => 1 } } ])
    {
        my ($name, @bodies) = @$case;
        my @calls = map { begin_ark({ prompt => '[[seconds=0]]', %$_ }) }
            @bodies;
        is(join(', ', grep { $_ ne '200 - -' } map { error_of($_->response) }
            @calls), '', "accepted: $name");
    }
};


subtest 'what a call may not ask for' => sub {
    my $url = 'https://example.com/a.png';

    is(error_of(ark({ $_ => undef })), "400 MissingParameter $_", "no $_")
        for qw(model prompt);
    is(error_of(ark({ model => $_ })),
        '404 InvalidEndpointOrModel.NotFound model', "model $_")
        for 'doubao-seedream-9', 'jimeng-4.5', 'dola-doubao-seedream-4-0-250828';

    my ($group, $options) = qw(sequential_image_generation
        sequential_image_generation_options);

    for my $case (
        [ model => 7 ], [ prompt => '' ], [ prompt => 7 ], [ prompt => ['x'] ],
        [ image => 7 ], [ image => '' ], [ image => [] ], [ image => {} ],
        [ image => [($url) x 15] ], [ image => [($url) x 11], model => $pro ],
        [ image => 'ftp://x/y' ], [ image => encode_base64(png(64, 64), '') ],
        (map { [ image => $_ ] }
            data_uri(JPEG => jpeg(640, 480)), data_uri(jpg => jpeg(640, 480)),
            data_uri('svg+xml' => '<svg/>'), data_uri(png => jpeg(640, 480)),
            data_uri(jpeg => png(640, 480)), data_uri(heic => 'abc'),
            data_uri(png => ''), 'data:image/png,abc',
            'data:image/png;base64,' . encode_base64(png(64, 64)),
            data_uri(png => png(1601, 100)), data_uri(png => png(100, 1601)),
            data_uri(jpeg => jpeg(1601, 100)),
            data_uri(gif => 'GIF89a' . pack 'vv', 1601, 100),
            data_uri(bmp => 'BM' . "\0" x 16 . pack 'l<l<', 100, -1601),
            data_uri(png => png(0, 100)), data_uri(png => png(6001, 6000)),
            data_uri(png => png(640, 480, 30 * 1024 * 1024 + 1))),
        [ size => 2048 ], [ size => '2k' ], [ size => 'auto' ],
        [ size => 'adaptive' ], [ size => '2048*2048' ],
        [ size => '2048x' ], [ size => '2048x2048 ' ],
        [ size => '3K' ], [ size => '1.5K' ], [ size => '1K', model => $v45 ],
        [ size => '1K', model => $v50 ], [ size => '4K', model => $pro ],
        [ size => '959x960' ], [ size => '4097x4096' ],
        [ size => '1919x1920', model => $v45 ],
        [ size => '1919x1920', model => $v50 ],
        [ size => '2151x2150', model => $pro ],
        [ size => '16001x1000' ],
        [ $group => 'on' ], [ $group => $true ],
        [ $group => 'auto', model => $pro ],
        [ $options => 4 ],
        [ stream => 'true' ], [ stream => $true, model => $pro ],
        [ watermark => 1 ], [ response_format => 'png' ],
        [ output_format => 'png' ], [ output_format => 'jpeg', model => $v45 ],
        [ output_format => 'webp', model => $v50 ],
        [ optimize_prompt_options => 'fast' ],
        [ tools => [{ type => 'web_search' }] ],
        [ tools => 'web_search', model => $v50 ],
        [ tools => [{ type => 'other' }], model => $v50 ],
        [ background => 'transparent' ], [ background => 1, model => $pro ],
        [ layer_decomposition => $true ],
        [ layer_decomposition => 'yes', model => $pro ],
        [ seed => 1.5 ], [ seed => -2 ], [ guidance_scale => 11 ])
    {
        my ($field, $value) = @$case;
        my $shown = JSON::PP->new->allow_nonref->encode($value);
        is(error_of(ark({ @$case })), "400 InvalidParameter $field",
            "refused: $field " . substr $shown, 0, 60);
    }

    for my $case ([ max_images => 0 ], [ max_images => 16 ],
        [ max_images => '4' ], [ max_images => 1.5 ],
        [ max_images => 15, $url ], [ max_images => 2, ($url) x 14 ])
    {
        my ($name, $value, @images) = @$case;
        is(error_of(ark({ $group => 'auto', $options => { $name => $value },
            @images ? (image => \@images) : () })),
            "400 InvalidParameter $options.$name",
            "refused: $name $value with " . @images);
    }

    is(error_of(ark({ optimize_prompt_options => { mode => 'slow' } })),
        '400 InvalidParameter optimize_prompt_options.mode', 'refused: mode');
    like(ark({ size => '1x1' })->{json}{error}{message},
        qr/The parameter `size` specified .* at least 921600 pixels/,
        'the message says why');
    is(last_call()->{code}, 'InvalidParameter', 'the state has it');
    is(last_call()->{status}, 400, 'with its status');
};


subtest 'pictures in and out' => sub {
    my $picture = png(640, 480, 2000, 'in');
    my $answer = ark({ model => $v50, size => '2K', output_format => 'png',
        watermark => $false, response_format => 'b64_json',
        image => [ 'http://x/y', data_uri(png => $picture) ] });
    my $data = $answer->{json}{data}[0];

    is(join(' ', sort keys %$data), 'b64_json output_format size',
        'a model with output_format says it');
    is("@$data{qw(output_format size)}", 'png 2048x2048', 'as asked');
    is($answer->{json}{usage}{input_images}, 2, 'usage: input_images');

    my $plain = decode_base64($data->{b64_json});
    is_deeply([GD::Image->newFromPngData($plain)->getBounds], [2048, 2048],
        'the base64 is that picture');
    is_deeply(last_call()->{fields}{image}, [ 'http://x/y', {
        data => 'image/png', bytes => length $picture,
        sha256 => sha256_hex($picture) } ], 'state: what came in');

    my $marked = ark({ model => $v50, size => '2K', output_format => 'png',
        response_format => 'b64_json' })->{json}{data}[0]{b64_json};
    isnt($marked, $data->{b64_json}, 'a watermark unless it is false');

    $answer = ark({ prompt => '[[bytes=3000]]', size => '2K' });
    my $bytes = get($answer->{json}{data}[0]{url})->{body};
    is(length $bytes, 3000, 'of a number of bytes');
    like($bytes, qr/\A\xff\xd8\xff\xc0/, 'as JPEG');

    $answer = ark({ prompt => '[[bytes=30000]][[escape]][[chunked]]',
        response_format => 'b64_json' });
    like($answer->{body}, qr{\\/}, 'JSON with escapes');
    is($answer->{headers}{'transfer-encoding'}, 'chunked', 'in chunks');
    is(length decode_base64($answer->{json}{data}[0]{b64_json}), 30000,
        'all the same');
};


subtest 'groups' => sub {
    my %group = (sequential_image_generation => 'auto', size => '1K');
    my $answer = ark({ %group, prompt => '[[pictures=3]] cats' });

    is(@{ $answer->{json}{data} }, 3, 'a group of 3');
    is($answer->{json}{usage}{generated_images}, 3, 'in usage');
    is($answer->{json}{usage}{output_tokens}, 3 * 4096, 'and its tokens');
    isnt(get($answer->{json}{data}[0]{url})->{body},
        get($answer->{json}{data}[2]{url})->{body}, 'each of its own');

    my $count = sub { scalar @{ ark({ size => '1K', @_ })->{json}{data} } };

    is($count->(prompt => '[[pictures=3]]'), 1, 'disabled by default');
    is($count->(%group, prompt => 'x'), 1, 'one if nothing is said');
    is($count->(%group, prompt => '[[pictures=20]]'), 15, 'at most 15');
    is($count->(%group, prompt => '[[pictures=20]]',
        image => [('http://x/y') x 4]), 11, 'with those that come in');
    is($count->(%group, prompt => '[[pictures=20]]',
        sequential_image_generation_options => { max_images => 2 }), 2,
        'at most max_images');
    is(last_call()->{made}, 2, 'state: as many are made');
};


subtest 'streams' => sub {
    my $began = time;
    my $sse = sse(sequential_image_generation => 'auto', size => '1K',
        prompt => '[[pictures=3]] [[seconds=2.4]] [[partial=1]]'
            . ' [[OutputImageSensitiveContentDetected@1]]');

    is($sse->status, 200, 'status');
    like($sse->header('content-type'), qr{^text/event-stream}, 'type');
    cmp_ok(time - $began, '<', 0.75, 'the header comes at once');
    like($sse->header('x-request-id'), qr/^02/, 'X-Request-Id');

    my @events = $sse->all;

    is($sse->strange, '', 'all of it are events');
    ok($sse->complete, 'and an end');
    is(join(' ', map { $_->{event} =~ s/image_generation\.//r } @events),
        'partial_image partial_succeeded partial_failed '
        . 'partial_image partial_succeeded completed ', 'the events');
    is(join(' ', map { $_->{json}{type} eq $_->{event} ? 1 : 0 }
        @events[0 .. 5]), '1 1 1 1 1 1', 'type');
    is($events[6]{data}, '[DONE]', 'the last');

    my ($partial, $first, $failed, undef, $third, $completed) =
        map { $_->{json} } @events;

    is($partial->{partial_image_index}, 0, 'partial_image_index');
    is(join(' ', map { $_->{image_index} } $first, $failed, $third), '0 1 2',
        'image_index');
    is("$first->{model} $completed->{model}", "$v40 $v40", 'model');
    is($first->{size}, '1024x1024', 'size');
    is(get($first->{url})->{status}, 200, 'url');
    is_deeply([sort keys %{ $failed->{error} }], [qw(code message)],
        'a failed one has an error');
    is($failed->{error}{code}, 'OutputImageSensitiveContentDetected',
        'and its code');
    is($failed->{url}, undef, 'and no link');
    is($completed->{usage}{generated_images}, 2, 'usage');

    for my $case ([ 1, 0.8 ], [ 2, 1.6 ], [ 4, 2.4 ]) {
        my ($index, $due) = @$case;
        my $late = $events[$index]{time} - $due;
        ok($late > -0.1 && $late < 0.7,
            "event $index comes when its picture is made")
            or diag("$late s too late");
    }

    my $call = last_call();
    is_deeply([@$call{qw(pictures made failed status code)}],
        [3, 2, 1, 200, undef], 'state');

    $sse = sse(response_format => 'b64_json', prompt => '[[bytes=500]]');
    @events = $sse->all;
    is(length decode_base64(JSON::PP->new->decode($events[0]{data})
        ->{b64_json}), 500, 'base64 in a stream');

    $sse = sse(size => '7K');
    is(error_of($sse->response), '400 InvalidParameter size',
        'what is refused is no stream');

    # The connection is kept.
    my $first_call = begin_ark({ stream => $true }, keepalive => 1);
    like($first_call->response->{body}, qr/\[DONE\]\n\n\z/, 'a stream');
    is(begin_ark({}, on => $first_call)->response->{status}, 200,
        'and another call on its connection');
};


subtest 'a client that leaves' => sub {
    my $made = $emulator->accounts->{ark}{made};

    for my $stream ($false, $true) {
        my $prompt = $stream ? 'leaves a stream' : 'leaves';
        my $call = begin_ark({ prompt => "$prompt [[pictures=2]]"
            . ' [[seconds=1.5]]', stream => $stream,
            sequential_image_generation => 'auto' });

        ok(poll(sub { $emulator->accounts->{ark}{running} == 1 }, 10),
            "$prompt: it runs");
        is(($emulator->calls($prompt))[0]{ended}, undef, "$prompt: no end");
        $call->abort;
        ok(poll(sub { ($emulator->calls($prompt))[0]{ended} }, 10),
            "$prompt: it ends all the same");
        my ($known) = $emulator->calls($prompt);
        ok($known->{gone}, "$prompt: the client had gone");
        is($known->{made}, 2, "$prompt: the pictures are made");
        is($known->{status}, 200, "$prompt: well");
    }

    is($emulator->accounts->{ark}{made} - $made, 4, 'and billed');
    is($emulator->accounts->{ark}{running}, 0, 'nothing runs');
};


subtest 'limits of an account and model' => sub {
    my $slow = { prompt => 'slow [[seconds=1.5]]' };

    $emulator->set_account('ark', concurrency => 1);
    my $first = begin_ark($slow);
    ok(poll(sub { $emulator->accounts->{ark}{models}{$v40}{running} }, 10),
        'one runs');

    my $answer = ark({});
    is(error_of($answer), '429 RateLimitExceeded.EndpointRPMExceeded ',
        'not another one');
    is($answer->{json}{error}{type}, 'TooManyRequests', 'its type');
    is(ark({ model => $v45 })->{status}, 200, 'but of another model');
    is(ark({}, headers => { authorization => 'Bearer KEY2' })->{status}, 200,
        'and of another account');
    is($first->response->{status}, 200, 'the first ends');
    is(ark({})->{status}, 200, 'then there is room');
    is($emulator->accounts->{ark}{codes}
        {'RateLimitExceeded.EndpointRPMExceeded'}, 1, 'the state counts it');
    is($emulator->calls(undef, account => 'ark',
        code => 'RateLimitExceeded.EndpointRPMExceeded'), 1, 'the calls too');

    $emulator->set_account('ark', foreign => { model => $v40, calls => 1,
        seconds => 1.5 });
    is(error_of(ark({})), '429 RateLimitExceeded.EndpointRPMExceeded ',
        "somebody else's call counts");
    ok(poll(sub { ark({})->{status} == 200 }, 10), 'as long as it runs');

    $emulator->set_account('ark', concurrency => 0, minute => 1.5, ipm => 3);
    ok(poll(sub { !$emulator->accounts->{ark}{models}{$v40}{pictures} }, 10),
        'a minute is over');

    my %group = (sequential_image_generation => 'auto',
        prompt => '[[pictures=2]] [[seconds=0]]');
    my $began = time;
    my @codes = map { error_of(ark({ %group })) } 1, 2;
    push @codes, error_of(ark({ prompt => '[[seconds=0]]' }));
    push @codes, error_of(ark({ prompt => '[[seconds=0]]' }));

    SKIP: {
        skip 'this machine is too slow', 1 if time - $began > 1.4;
        is(join(', ', @codes), '200 - -, 429 ModelAccountIpmRateLimitExceeded '
            . ', 200 - -, 429 ModelAccountIpmRateLimitExceeded ',
            'pictures a minute');
    }
    ok(poll(sub { ark({ %group })->{status} == 200 }, 10), 'a minute later');
    $emulator->set_account('ark', minute => 60, ipm => 0);
};


subtest 'failures of an account' => sub {
    $emulator->set_account('ark', refuse => 'AccountOverdueError');
    is(error_of(ark({})), '403 AccountOverdueError ', 'refused');
    is(ark({}, headers => { authorization => 'Bearer KEY2' })->{status}, 200,
        'not another');
    $emulator->set_account('ark', refuse => undef, denied => [$v45]);
    is(error_of(ark({ model => $v45 })), '404 ModelNotOpen model', 'denied');
    is(ark({})->{status}, 200, 'no other model');
    $emulator->set_account('ark', denied => []);

    for my $settings ('{"account":"ark","what":1}',
        '{"account":"ark","refuse":"Nothing"}', '{"account":"ark","ipm":"x"}',
        '{"account":"ark","denied":1}', '{"account":"ark","keys":[{}]}',
        '{"account":"ark","foreign":{"calls":1}}')
    {
        is(Jimeng::Test::Http->start($emulator->{control}, 'POST',
            '/accounts', {}, $settings)->response->{status}, 400, $settings);
    }
};


subtest 'prompts that ask for errors' => sub {
    my %status = (
        InputTextSensitiveContentDetected => 400,
        OutputImageRiskDetection => 400, AccountOverdueError => 403,
        'OperationDenied.ServiceNotOpen' => 403, ModelNotOpen => 404,
        QuotaExceeded => 429, ServerOverloaded => 429,
        InternalServiceError => 500,
    );

    for my $code (sort keys %status) {
        my $began = time;
        my $answer = ark({ prompt => "a [[$code]] [[seconds=1.2]]" });
        is(error_of($answer), "$status{$code} $code ", $code);
        is(time - $began >= 1.2 ? 'late' : 'at once',
            $code =~ /^(?:Output|Internal)/ ? 'late' : 'at once',
            "$code: when");
        is(last_call()->{made}, 0, "$code: no picture");
    }

    my $answer = ark({ prompt => '[[OutputImageRiskDetection@0]]' });
    is($answer->{status}, 200, 'a failed picture: 200');
    is($answer->{json}{data}[0]{error}{code}, 'OutputImageRiskDetection',
        'a failed picture: its code');
    is($answer->{json}{usage}{generated_images}, 0, 'a failed picture: none');
    is_deeply([@{ last_call() }{qw(made failed)}], [0, 1],
        'a failed picture: state');

    $answer = ark({ prompt => '[[OutputImageRiskDetection@all]][[pictures=2]]',
        sequential_image_generation => 'auto' });
    is(join(' ', map { $_->{error}{code} } @{ $answer->{json}{data} }),
        'OutputImageRiskDetection OutputImageRiskDetection', 'all fail');

    is(error_of(ark({ prompt => '[[InternalServiceError@end]]' })),
        '500 InternalServiceError ', 'at the end');
    is(last_call()->{made}, 1, 'at the end: it was made');

    my @events = sse(prompt => '[[InternalServiceError@end]]')->all;
    is(join(' ', map { $_->{event} } @events),
        'image_generation.partial_succeeded error ', 'at the end of a stream');
    is($events[1]{json}{error}{code}, 'InternalServiceError', 'its code');

    is(ark({ prompt => '[[nothing known]] [[50413]]' })->{status}, 200,
        'other brackets are part of the prompt');
};


subtest 'links live for a day' => sub {
    my $dir = File::Temp->newdir;
    local $ENV{EMULATOR_CLOCK} = "$dir/clock";
    my $ahead = sub {
        open my $fh, '>', "$dir/clock" or die $!;
        print $fh $_[0];
        close $fh;
    };

    $ahead->(0);
    $emulator->restart;
    my $url = ark({})->{json}{data}[0]{url};

    $ahead->(24 * 3600 - 30);
    is(get($url)->{status}, 200, 'nearly a day');
    $ahead->(24 * 3600 + 1);
    is(get($url)->{status}, 403, 'a day');
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
