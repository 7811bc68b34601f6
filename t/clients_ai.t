#!/usr/bin/perl

# Vercel's AI SDK, unchanged, is a client of the gateway: it gets its pictures
# and readable errors.  It repeats what fails twice, by itself, takes no notice
# of x-should-retry, and marks none of its repeats: nothing is paid twice
# all the same.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Cutter;
use Jimeng::Test::Ledger;
use Jimeng::Test::Picture qw(png);
use Jimeng::Test::Pictures qw(noise_of);

need_clients();

my $key = 'sk-a-key-that-goes-nowhere';
my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    emulator => { seconds => 0.3 },
    main => 'worker_shutdown_timeout 1s;',
    http => 'jimeng_upload %%DIR%%/up http://pictures.example/up;',
    server => 'client_max_body_size 1m;
               jimeng_model gpt-image-1 jimeng_t2i_v40;
               location /data/ {
                   jimeng_pass /_volcengine;
                   jimeng_response_format b64_json;
               }
               location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 1500ms;
               }',
));

$t->secret($key);
$t->allow_log(qr/worker process \d+ exited on signal 9/);

my $picture = $t->write_file('input.png', png(640, 480, 20_000, 1));


# A call of generateImage(): by default one with a prompt of its own for a
# picture of 3000 bytes.
sub call {
    my ($prompt, %call) = @_;
    my %params = (
        prompt => "a kingfisher, $prompt, " . ++$prompts . ' [[bytes=3000]]',
        %{ delete $call{params} // {} },
    );

    return { model => 'jimeng-4.0', %call, params => \%params,
             provider => { apiKey => $key } };
}


sub start_calls {
    my ($url, @calls) = @_;

    return start_client($t->dir, 'ai.mjs',
                        [ $url, JSON::PP->new->utf8->encode(\@calls) ]);
}


sub calls { return answers_of(start_calls($t->url('/v1'), @_)) }


sub prompt_of {
    my ($call) = @_;
    my $prompt = $call->{params}{prompt};
    return ref $prompt ? $prompt->{text} : $prompt;
}


# The upstream's ids of a call's tasks.
sub ids_of {
    return map { $_->{task_id} // () } submits_of($t, prompt_of($_[0]));
}


# The call has made as many tasks as it has pictures, which are theirs.
sub has_pictures {
    my ($call, $answer, $name, $n) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @ids = ids_of($call);
    my ($bytes) = prompt_of($call) =~ /\[\[bytes=(\d+)\]\]/;

    is(join(' ', sort map { $_->{sha256} } @{ $answer->{images} || [] }),
       join(' ', sort map { noise_of($_, $bytes) } @ids), "$name: its picture")
        or diag(explain($answer));
    return is(scalar submits_of($t, prompt_of($call)), $n // 1,
              "$name: the submits");
}


subtest 'pictures' => sub {
    my @calls = (
        call('one'),
        call('of the live models', model => 'gpt-image-1'),
        call('four of a model with one a call', params => { n => 4 }),
        call('two of the live models', model => 'gpt-image-1',
             params => { n => 2 }),
        call('of a size', model => 'gpt-image-1',
             params => { size => '1536x1024' }),
    );
    my @answers = calls(@calls);

    has_pictures($calls[0], $answers[0], 'one');
    has_pictures($calls[1], $answers[1], 'of the live models');
    has_pictures($calls[2], $answers[2], 'four', 4);
    has_pictures($calls[3], $answers[3], 'two', 2);

    for my $answer (@answers) {
        is($answer->{images}[0]{mediaType}, 'image/png', 'the type');
        is_deeply($answer->{warnings}, [], 'no warning');
        is($answer->{usage}{$_}, 0, "usage: $_")
            for qw(inputTokens outputTokens totalTokens);
    }

    my ($told) = @{ $answers[4]{openai} || [] };
    is($told->{size}, '1536x1024', 'the size');
    cmp_ok(abs(time - ($told->{created} // 0)), '<', 60, 'created now');
    ok(length($told->{$_} // ''), "what the provider tells: $_")
        for qw(background outputFormat quality);

    # Who asks four times at once wants four.
    my $call = call('four times');
    my @four = calls([ ($call) x 4 ]);
    has_pictures($call, { images => [ map { @{ $_->{images} || [] } } @four ] },
                 'four times', 4);
};


subtest 'edits' => sub {
    for my $model ('gpt-image-1', 'jimeng-4.0') {
        my $call = call('an edit', model => $model);
        $call->{params}{prompt} = {
            text => $call->{params}{prompt}, images => [ { bytes => $picture } ],
        };

        # What is no row of OpenAI's name gives links, unless told otherwise,
        # and there the package does not ask for data.
        my $url = $model eq 'gpt-image-1' ? '/v1' : '/data';
        my ($answer) = answers_of(start_calls($t->url($url), $call));
        has_pictures($call, $answer, $model);

        my ($submit) = submits_of($t, prompt_of($call));
        like(join(' ', @{ $submit->{json}{image_urls} || [] }),
             qr{^http://pictures\.example/up/[\w-]+\.png$},
             "$model: the picture goes upstream");
    }
};


# name, what is sent, attempts, status, the message
my @errors = (
    [ 'words that are refused', { prompt => 'a kingfisher [[50413]]' },
      1, 400, qr/content policy/ ],
    [ 'a picture that is refused', { prompt => 'a kingfisher [[50511]]' },
      1, 400, qr/content policy/ ],
    [ 'a bad size', { size => '0x0' }, 1, 400, qr/size/i ],
    [ 'a long prompt', { prompt => 'x' x 801 }, 1, 413, qr/800/ ],
    [ 'a refused account', { prompt => 'a kingfisher [[50400]]' },
      3, 502, qr/\w/ ],
    [ 'an account that is busy', { prompt => 'a kingfisher [[50430]]' },
      3, 429, qr/busy|load|later/i ],
);

# It adds "Failed after 3 attempts. Last error: ..." where it has repeated.
subtest 'errors' => sub {
    my @answers = answers_of(start_calls($t->url('/short'),
        [ map { call('refused', params => $_->[1]) } @errors ]));

    for my $i (0 .. $#errors) {
        my ($name, undef, $attempts, $status, $message) = @{ $errors[$i] };
        my $error = $answers[$i]{error} // {};

        is($error->{status}, $status, "$name: status")
            or diag(explain($answers[$i]));
        is($error->{attempts}, $attempts, "$name: attempts");
        like($error->{message}, $message, "$name: what is wrong");
        like($error->{message}, qr/\w{3}.*\.$/, "$name: a sentence");
    }
};


# All at the same time.
subtest 'retries of its own' => sub {
    my $late = call('late');
    my $later = call('later');
    my $final = call('final');
    my $lost = call('lost', model => 'jimeng-4.6');
    my $cut = call('cut');

    $late->{params}{prompt} .= ' [[seconds=3]]';
    $later->{params}{prompt} .= ' [[seconds=12]]';
    $final->{params}{prompt} .= ' [[50522]]';
    $cut->{params}{prompt} .= ' [[seconds=1]]';
    $cut->{params}{prompt} =~ s/bytes=3000/bytes=120000/;

    $t->emulator->fault({ on => 'submit', do => 'drop', times => -1,
                          req_key => 'jimeng_seedream46_cvtob' });

    my $process = start_calls($t->url('/short'),
                              [ $late, $later, $final, $lost, $cut ]);

    wait_submits($t, prompt_of($cut));
    $t->emulator->fault({ on => 'result', do => 'cut', body_bytes => 60_000,
                          task => (ids_of($cut))[0] });

    my ($is_late, $is_later, $is_final, $is_lost, $is_cut)
        = answers_of($process);
    $t->emulator->clear_faults;

    has_pictures($late, $is_late, 'slower than jimeng_timeout');
    has_pictures($cut, $is_cut, 'its base64 is cut');

    for my $case (
        [ 'never in time', $later, $is_later, 504, qr/not ready in time/ ],
        [ 'an error that is final', $final, $is_final, 502, qr/\w/ ],
        [ 'the answer to the submit is lost', $lost, $is_lost, 502,
          qr/billed/ ])
    {
        my ($name, $call, $answer, $status, $message) = @$case;
        my $error = $answer->{error} // {};

        is($error->{status}, $status, "$name: status")
            or diag(explain($answer));
        is($error->{attempts}, 3, "$name: it has repeated it");
        like($error->{message}, $message, "$name: what is wrong");
        is(scalar submits_of($t, prompt_of($call)), 1, "$name: one submit");
    }

    is(join(' ', $t->task_ids($is_later->{error}{task_id})),
       join(' ', ids_of($later)), 'never in time: the task is named');
};


# Each begins with a task that runs, and ends with its picture.
sub disturbed {
    my ($name, $disturb, $url) = @_;
    my @calls = map { call($name) } 1 .. 3;

    # One of them has data, and leaves a file.
    $calls[1]{model} = 'gpt-image-1';
    $_->{params}{prompt} .= ' [[seconds=3]]' for @calls;
    $calls[2]{model} = 'gpt-image-1';
    $calls[2]{params}{prompt} = { text => $calls[2]{params}{prompt},
                                  images => [ { bytes => $picture } ] };

    my $process = start_calls($url // $t->url('/v1'), \@calls);

    wait_submits($t, prompt_of($_)) for @calls;
    $disturb->();

    my @answers = answers_of($process);
    has_pictures($calls[$_], $answers[$_], "$name, $_") for 0 .. 2;
    return;
}


subtest 'a worker is killed' => sub {
    disturbed('a killed worker', sub { $t->kill_worker });
};

subtest 'a reload' => sub {
    disturbed('a reload', sub { $t->reload });
};

subtest 'the network resets connections' => sub {
    my $net = Jimeng::Test::Cutter->new($t);

    disturbed('a reset', sub { $net->cut }, $net->url('/v1'));
    cmp_ok($net->connections, '>', 3, 'there were other connections');
    $net->stop;
};

subtest 'the network resets a connection in an answer' => sub {
    my $net = Jimeng::Test::Cutter->new($t, first => 1_000_000);
    my $call = call('half an answer', params => {
        prompt => 'a kingfisher over the lake [[bytes=4000000]]' });
    my ($answer) = answers_of(start_calls($net->url('/v1'), $call));

    has_pictures($call, $answer, 'half an answer');
    is($net->connections, 2, 'it has come twice');
    $net->stop;
};


subtest 'it gives up' => sub {
    my $call = call('given up');

    $call->{params}{prompt} .= ' [[seconds=3]]';
    my ($answer) = calls({ %$call, abort => 800 });
    is($answer->{error}{name}, 'TimeoutError', 'the error')
        or diag(explain($answer));

    # Not a repeat of its own, but its user's.
    ($answer) = calls($call);
    has_pictures($call, $answer, 'asked for once more');
};

$t->done;
