# The stand-in for Volcengine: what it accepts, how its tasks live, the
# pictures, the errors that prompts ask for, limits, journal and command line.
# Its check of signatures and its faults have tests of their own.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use GD         qw(:DEFAULT :cmp);
use JSON::PP   ();
use Mojo::Util qw(b64_decode);
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Emulator::Tasks;
use Jimeng::Test::Http;
use Jimeng::Test::Process qw(poll);

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw(output failure_output todo_output);

my $links    = { return_url => JSON::PP::true };
my $emulator = start();


subtest 'a picture, from submit to download' => sub {
    my $began  = time;
    my $answer = submit('a cat', width => 1664, height => 936);

    is($answer->{status}, 200, 'submit: 200');
    is($answer->{json}{code},   10000, 'code');
    is($answer->{json}{status}, 10000, 'status');
    is($answer->{json}{message}, 'Success', 'message');
    like($answer->{json}{time_elapsed}, qr/^[\d.]+ms$/, 'time_elapsed');
    like($answer->{json}{request_id}, qr/^\w{20,}$/, 'request_id');

    my $id = $answer->{json}{data}{task_id};

    like($answer->{body}, qr/"task_id":"\d{19,20}"/, 'task_id is a string');
    ok(length $id == 20 || $id ge '9223372036854775808', 'above 63 bits');

    my $entry = last_entry();

    is($entry->{action}, SUBMIT, 'journal: action');
    is($entry->{signature}, 'ok', 'journal: signature');
    is($entry->{status}, 200, 'journal: status');
    is($entry->{code}, 10000, 'journal: code');
    is($entry->{task_id}, $id, 'journal: task_id');
    is($entry->{method}, 'POST', 'journal: method');
    is($entry->{path}, '/', 'journal: path');
    is($entry->{query}, 'Action=' . SUBMIT . '&Version=' . VERSION,
        'journal: query');
    is($entry->{headers}{host}, 'visual.volcengineapi.com',
        'journal: headers');
    is($entry->{json}{prompt}, 'a cat', 'journal: body');
    is($entry->{fault}, undef, 'journal: no fault');
    ok($entry->{time} >= $began && $entry->{time} <= time, 'journal: time');

    my @seen;
    my $done = poll(sub {
        my $now = query($id, $links);
        push @seen, $now->{json}{data}{status}
            if !@seen || $seen[-1] ne $now->{json}{data}{status};
        return $seen[-1] eq 'done' ? $now : undef;
    }, 20);

    like("@seen", qr/^(?:in_queue )?(?:generating )?done$/,
        'the way of a task');
    cmp_ok(time - $began, '>=', SECONDS, 'it takes its time');
    is($done->{json}{data}{binary_data_base64}, undef, 'links, no base64');
    is_deeply($done->{json}{data}{image_urls},
        [$emulator->url("/pictures/$id-0.png")], 'its link');

    my $png = Jimeng::Test::Http->start($emulator->port, 'GET',
        "/pictures/$id-0.png")->response;

    is($png->{headers}{'content-type'}, 'image/png', 'it is a PNG');
    is_deeply([GD::Image->newFromPngData($png->{body})->getBounds],
        [1664, 936], 'of the size asked for');
    is(Jimeng::Test::Http->start($emulator->port, 'GET',
        "/pictures/$id-1.png")->response->{status}, 404, 'there is one only');

    my $state = $emulator->state;

    is($state->{tasks}{$id}{status}, 'done', 'state: status');
    is($state->{tasks}{$id}{prompt}, 'a cat', 'state: prompt');
    cmp_ok($state->{tasks}{$id}{age}, '>=', SECONDS, 'state: age');
    is($state->{running}, 0, 'state: nothing runs');
    is($state->{submits}, 1, 'state: submits');
    cmp_ok($state->{queries}, '>=', 3, 'state: queries');
};


subtest 'what a submit may ask for' => sub {
    my $url  = 'https://example.com/a.png';
    my $good = sub {
        my ($name, %more) = @_;
        is(submit('x', %more)->{json}{code}, 10000, "accepted: $name");
    };
    my $bad = sub {
        my ($name, $code, %more) = @_;
        my $answer = submit('x', %more);
        is("$answer->{status} $answer->{json}{code}", "400 $code",
            "refused: $name");
        is($answer->{json}{data}, undef, "refused: $name: data is null");
    };

    $good->('a prompt of 800 code points', prompt => '猫' x 800);
    $good->('10 pictures', image_urls => [($url) x 10]);
    $good->('the least area', size => 1048576);
    $good->('the most area', width => 4096, height => 4096);
    $good->('a wide picture', width => 16384, height => 1024);
    $good->('scale', scale => 0.5);
    $good->('ratios', min_ratio => 0.5, max_ratio => 2);
    $good->('force_single', force_single => JSON::PP::false);
    $good->('base64', req_key => 'jimeng_i2i_v30',
        binary_data_base64 => ['iVBORw0KGgo=']);
    $good->('4.6 and its scale', req_key => 'jimeng_seedream46_cvtob',
        scale => 50, image_urls => [($url) x 14]);

    $bad->('another req_key', 50400, req_key => 'jimeng_t2i_v99');
    $bad->('a req_key that is a number', 50400, req_key => 7);

    $bad->($_->[0], 50215, @$_[1 .. $#$_]) for (
        [ 'an empty prompt', prompt => '' ],
        [ 'a prompt of 801', prompt => '猫' x 801 ],
        [ 'a prompt that is a number', prompt => 12 ],
        [ 'a null prompt', prompt => undef ],
        [ '11 pictures', image_urls => [($url) x 11] ],
        [ 'a picture that is no array', image_urls => $url ],
        [ 'a picture that is no URL', image_urls => ['iVBORw0KGgo='] ],
        [ 'base64', binary_data_base64 => ['iVBORw0KGgo='] ],
        (map { [ "base64 as $_->[0]", req_key => 'jimeng_i2i_v30',
                 binary_data_base64 => $_->[1] ] }
            [ 'a string', 'iVBORw0KGgo=' ], [ 'no padding', ['iVBORw0KGgo'] ],
            [ 'lines', ["iVBO\nRw0KGgo="] ], [ 'an empty string', [''] ],
            [ 'a data: URI', ['data:image/png;base64,iVBORw0KGgo='] ],
            [ 'the other alphabet', ['iVBORw0KGgo-'] ],
            [ 'no picture', ['aVBORw0KGgo='] ]),
        [ 'a width alone', width => 2048 ],
        [ 'a small area', width => 1023, height => 1024 ],
        [ 'a large area', width => 4097, height => 4096 ],
        [ 'a width of 0', width => 0, height => 1024 ],
        [ 'a width as a string', width => '2048', height => 2048 ],
        [ 'a width that is not whole', width => 2048.5, height => 2048 ],
        [ 'a ratio over 16', width => 16800, height => 900 ],
        [ 'a small size', size => 1048575 ],
        [ 'a large size', size => 16777217 ],
        [ 'a scale over 1', scale => 1.01 ],
        [ 'a negative scale', scale => -0.1 ],
        [ 'a scale of 4.6 that is not whole', scale => 1.5,
            req_key => 'jimeng_seedream46_cvtob' ],
        [ 'min_ratio too small', min_ratio => 0.06 ],
        [ 'max_ratio too large', max_ratio => 16 ],
        [ 'min_ratio above max_ratio', min_ratio => 2, max_ratio => 1 ],
        [ 'force_single as a number', force_single => 1 ],
    );

    for my $body ('', '[]', '{"req_key":', "{\"req_key\":\"\xff\"}") {
        is(call(SUBMIT, $body)->{json}{code}, 50215,
            'refused: a body of ' . length($body) . ' bytes');
    }
};


subtest 'what a query may ask for' => sub {
    my $id    = task_id('x');
    my %query = (req_key => 'jimeng_t2i_v40', task_id => $id);

    is(query('12345678901234567890')->{json}{data}{status}, 'not_found',
        'an unknown task');

    is(call(QUERY, { %query, @$_[1 .. $#$_] })->{json}{code}, 50215,
        "refused: $_->[0]") for (
        [ 'a task_id that is a number', task_id => 12345 ],
        [ 'a task_id that is none', task_id => 'abc' ],
        [ 'req_json that is an object', req_json => {} ],
        [ 'req_json that holds no JSON', req_json => '{' ],
        [ 'return_url as a string', req_json => '{"return_url":"true"}' ],
        [ 'a position of 4', req_json => '{"logo_info":{"position":4}}' ],
        [ 'an opacity of 2', req_json => '{"logo_info":{"opacity":2}}' ],
        [ 'aigc_meta without a producer', req_json => '{"aigc_meta":{}}' ],
        [ 'another req_key', req_key => 'jimeng_t2i_v31' ],
    );

    is(query($id, { aigc_meta => { producer_id => 'p' },
        logo_info => { add_logo => JSON::PP::false } })->{json}{code}, 10000,
        'accepted: aigc_meta and logo_info');
};


subtest 'prompts that ask for errors' => sub {
    my %status = (50429 => 429, 50430 => 429, 50500 => 500, 50501 => 500);

    for my $code (50411, 50412, 50413, 50518, 50215, 50400, 50204, 50218,
        50429, 50430)
    {
        my $answer = submit("a [[$code]] b");
        is("$answer->{status} $answer->{json}{code}",
            ($status{$code} // 400) . " $code", "$code at submit");
        is(last_entry()->{code}, $code, "$code in the journal");
    }

    my %wanted = map {
        task_id("[[$_]]") => [ ($status{$_} // 400), $_, undef ]
    } 50511, 50512, 50519, 50520, 50521, 50522, 50500, 50501;

    $wanted{ task_id('[[50413@query]]') } = [ 400, 50413, undef ];
    $wanted{ task_id('[[done:50511]]') }  = [ 200, 50511, 'done' ];
    $wanted{ task_id('[[expired]]') }     = [ 200, 10000, 'expired' ];
    $wanted{ task_id('[[not_found]]') }   = [ 200, 10000, 'not_found' ];

    for my $id (keys %wanted) {
        my $answer = finished($id);
        my ($status, $code, $state) = @{ $wanted{$id} };

        is_deeply([@$answer{'status'}, $answer->{json}{code},
            ($answer->{json}{data} // {})->{status}], $wanted{$id},
            "$code at query, status " . ($state // 'none'));
    }

    is(submit('[[50500@submit]]')->{status}, 500, '[[50500@submit]]');

    my %gateway = (
        MissingSignature => 401, LackPolicy => 403, AccessDenied => 403,
        FlowLimitExceeded => 429, AccountFlowLimitExceeded => 429,
        InternalError => 500, FailToConnect => 502,
        InternalServiceError => 502, ServiceUnavailableTemp => 503,
        InternalServiceTimeout => 504,
    );

    for my $name (sort keys %gateway) {
        my $answer = submit("[[$name]]");
        is($answer->{status}, $gateway{$name}, "$name: HTTP status");
        is($answer->{json}{ResponseMetadata}{Error}{Code}, $name,
            "$name: in the gateway's envelope");
    }

    my $answer = query(task_id('[[InternalServiceTimeout@query]]'));
    is($answer->{status}, 504, 'a gateway error to a query');

    $answer = submit('[[gateway:50215]]')->{json};
    is($answer->{ResponseMetadata}{Error}{Code}, '50215',
        'a business code as Error.Code');

    $answer = submit('[[result]] [[50413]]')->{json};
    is($answer->{Result}{code}, 50413, 'wrapped as Result');
    is($answer->{code}, undef, 'wrapped: no code at the top');

    is(submit('[[nothing known]] [[]]')->{json}{code}, 10000,
        'other brackets are part of the prompt');
};


subtest 'states and groups' => sub {
    $emulator->restart(seconds => 2);

    my $id = task_id('[[status=thinking]]');

    is(query($id)->{json}{data}{status}, 'thinking', 'an unknown state');
    ok(poll(sub { query($id)->{json}{data}{status} eq 'done' }, 20),
        'it ends');

    $emulator->restart(seconds => SECONDS);

    my $group = submit('[[pictures=3]] [[result]]', size => 1048576)
        ->{json}{Result}{data}{task_id};
    my $single = task_id('[[pictures=3]]', size => 1048576,
        force_single => JSON::PP::true);

    is(poll(sub {
        my $data = query($group, $links)->{json}{Result}{data};
        return $data->{image_urls} && @{ $data->{image_urls} };
    }, 20), 3, 'a group of 3, as Result');
    is(@{ finished($single, $links)->{json}{data}{image_urls} }, 1,
        'force_single: one');
};


# The quarters in which two pictures of 1024x1024 differ, numbered as the
# positions of a watermark: 0 right bottom, 1 left bottom, 2 left top,
# 3 right top.
sub difference {
    my ($one, $other) = @_;

    my @corners = ([512, 512], [0, 512], [0, 0], [512, 0]);

    my $quarter = sub {
        my ($picture, $number) = @_;
        my $part = GD::Image->newTrueColor(512, 512);
        $part->copy($picture, 0, 0, @{ $corners[$number] }, 512, 512);
        return $part;
    };

    return join ' ', grep {
        $quarter->($one, $_)->compare($quarter->($other, $_)) & GD_CMP_IMAGE
    } 0 .. 3;
}


subtest 'base64, watermark, text' => sub {
    my $id   = task_id('一只猫 a cat', size => 1048576);
    my $data = finished($id)->{json}{data};

    is($data->{image_urls}, undef, 'without return_url there are no links');

    my $plain = GD::Image->newFromPngData(
        b64_decode($data->{binary_data_base64}[0]));

    is_deeply([$plain->getBounds], [1024, 1024], 'the base64 is a picture');

    my $picture = sub {
        my ($form) = @_;
        return GD::Image->newFromPngData(b64_decode(
            query($id, $form)->{json}{data}{binary_data_base64}[0]));
    };

    for my $position (0 .. 3) {
        is(difference($plain, $picture->({ logo_info => {
            add_logo => JSON::PP::true, position => $position,
            opacity => 0.5, logo_text_content => 'made by AI' } })),
            $position, "a watermark at position $position, only there");
    }

    my $url = query($id, { %$links, logo_info => {
        add_logo => JSON::PP::true, position => 2, language => 0,
        logo_text_content => '水印' } })->{json}{data}{image_urls}[0];
    my ($path) = $url =~ m{^http://127\.0\.0\.1:\d+(/pictures/.*)};
    my $marked = Jimeng::Test::Http->start($emulator->port, 'GET', $path)
        ->response;

    is(difference($plain, GD::Image->newFromPngData($marked->{body})), '2',
        'a link has the watermark it was asked with');

    my $other = GD::Image->newFromPngData(b64_decode(
        finished(task_id('一只狗 a dog', size => 1048576))
            ->{json}{data}{binary_data_base64}[0]));
    isnt(difference($plain, $other), '', 'another prompt, another text');

    my $wide = finished(task_id('x', size => 2097152, min_ratio => 2),
        $links)->{json}{data}{image_urls}[0] =~ s{^http://[^/]+}{}r;
    my $png = Jimeng::Test::Http->start($emulator->port, 'GET', $wide)
        ->response->{body};
    is_deeply([GD::Image->newFromPngData($png)->getBounds], [2048, 1024],
        'min_ratio decides the shape');
};


subtest 'limits' => sub {
    $emulator->restart(concurrency => 2, seconds => 2);

    my @answers = map { submit('x') } 1 .. 3;
    is(join(' ', map { $_->{json}{code} } @answers), '10000 10000 50430',
        'one task too many');
    is($answers[2]{status}, 429, '50430 is a 429');
    is($emulator->state->{running}, 2, 'two run');
    finished($answers[0]{json}{data}{task_id});
    is(submit('x')->{json}{code}, 10000, 'room again');

    $emulator->restart(concurrency => 0, qps => 3, seconds => SECONDS);

    my $began = time;
    @answers = (submit('x'), query('1'), submit('x'), query('1'), submit('x'));

    SKIP: {
        skip 'this machine is too slow', 2 if time - $began > 0.9;
        is(join(' ', map { $_->{json}{code} } @answers),
            '10000 10000 10000 50429 50429', 'too many requests in a second');
        is($answers[4]{status}, 429, '50429 is a 429');
    }

    ok(poll(sub { submit('x')->{json}{code} == 10000 }, 10),
        'a second later');
};


subtest 'the states of a task' => sub {
    my $tasks = Jimeng::Emulator::Tasks->new;
    my %task  = (trigger => {}, prompt => 'x', seconds => 10);
    my $task  = $tasks->add(\%task, 100);
    my $odd   = $tasks->add({ %task, trigger => { status => 'y' } }, 100);

    is(join(' ', map { $tasks->status($task, 100 + $_) } 0, 2.9, 3, 9.9, 10),
        'in_queue in_queue generating generating done', 'in order');
    is(join(' ', map { $tasks->status($odd, 100 + $_) } 0, 4.9, 5, 10),
        'y y generating done', 'with an undocumented one');
};


subtest 'memory of old tasks' => sub {
    my $tasks = Jimeng::Emulator::Tasks->new;
    my %task  = (trigger => {}, prompt => 'x', seconds => 1);
    my $first = $tasks->add(\%task, 0);

    $tasks->add(\%task, 0) for 1 .. 20_100;
    ok($tasks->find($first->{id}), 'running tasks are kept');

    $tasks->add(\%task, 2);
    ok(!$tasks->find($first->{id}), 'old ones that are over are not');
    is(scalar keys %{ $tasks->report(2) }, 20_000, '20000 are');
    is($tasks->running(2), 1, 'one runs');
    is($tasks->running(3), 0, 'none runs');
};


subtest 'the command line' => sub {
    my $command = sub {
        my $process = Jimeng::Test::Process->start(
            dir => $emulator->{dir}, name => 'command',
            env => { EMULATOR_ACCESS_KEY => undef,
                EMULATOR_SECRET_KEY => undef },
            command => [$^X, $emulator->{program}, @_]);
        return $process;
    };

    my $process = $command->('--access-key', 'a');
    ok($process->wait(20), 'without a key it does not start');
    like($process->stderr, qr/--secret-key or EMULATOR_SECRET_KEY/,
        'and says what is missing');

    $process = $command->('--help');
    ok($process->wait(20), 'asked for help it ends');
    is($process->status, 0, 'help: exit code 0');
    is(join(' ', grep { $process->stdout !~ /--\Q$_\E / } qw(access-key
        secret-key security-token port control-port seconds concurrency qps
        journal region version)), '', 'help: no option is missing');

    for my $signal (qw(TERM INT)) {
        $process = $command->('--access-key', 'a', '--secret-key', 'b');
        ok(poll(sub { $process->stdout =~ /\n/ }, 20), 'ports of its own');
        like($process->stdout, qr{\Aemulator:\ listening\ on
            \ http://127\.0\.0\.1:\d+\ control\ http://127\.0\.0\.1:\d+\n\z}x,
            'one line says where');
        $process->signal($signal);
        ok($process->wait(10), "SIG$signal ends it");
        is($process->status, 0, 'exit code 0');
    }
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
