# The openai package from npm, unchanged, is a client of the gateway: it gets
# its picture, each class of error as the exception that its users catch, and
# by itself it repeats only what costs nothing.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Pictures qw(noise_of);
use Jimeng::Test::Schema qw(look_of usage_of);

need_clients();

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.3 },
    location => 'jimeng_poll_interval 100ms; jimeng_timeout 3s;'
              . 'client_max_body_size 4k;'
              . 'jimeng_model "jimeng house/a 猫" jimeng_t2i_v40;',
);

my $key = 'sk-a-key-that-goes-nowhere';
$t->secret($key);


sub calls {
    my (@calls) = @_;

    for my $call (@calls) {
        $call->{client} = { apiKey => $key, maxRetries => 0,
                            %{ $call->{client} || {} } };
        next if $call->{method};

        $call->{params}{model}  //= 'jimeng-4.0';
        $call->{params}{prompt} //= 'a heron in the reeds, 苍鹭';
    }

    return answers_of(start_client($t->dir, 'openai.mjs',
        [ $t->url('/v1'), JSON::PP->new->utf8->encode(\@calls) ]));
}


subtest 'a picture' => sub {
    my ($answer) = calls({
        params => { size => '1024x1024', n => 1, user => 'somebody',
                    response_format => 'url' },
    });

    is($answer->{status}, 200, 'status') or diag(explain($answer));
    like($answer->{requestID}, qr/^[0-9a-f]{32}$/, 'the request id');

    my $data = $answer->{result}{data};
    is(scalar @$data, 1, 'one picture');
    cmp_ok(abs(time - $answer->{result}{created}), '<', 60, 'created now');

    my ($exit, $png) = $t->curl('-s', $data->[0]{url});
    is(substr($png, 0, 8), "\x89PNG\r\n\x1a\n", 'which is there');

    my ($submit) = $t->submits;
    is($submit->{json}{width}, 1024, 'of the size asked for');
    unlike($submit->{headers}{authorization}, qr/Bearer|\Q$key\E/,
           'the client\'s key is not sent upstream');
    unlike(join(' ', %{ $submit->{headers} }), qr/stainless|OpenAI/i,
           'nor any other header of the client\'s');
};


subtest 'models' => sub {
    my ($list, $one, $none) = calls(
        { method => 'models.list' },
        { method => 'models.retrieve', params => 'jimeng house/a 猫' },
        { method => 'models.retrieve', params => 'jimeng-4.5' },
    );

    my @models = @{ $list->{result}{data} || [] };
    is_deeply([ map { $_->{id} } @models[0, 1] ],
              [ 'jimeng house/a 猫', 'jimeng_t2i_v40' ], 'the list')
        or diag(explain($list));
    is_deeply($one->{result}, $models[0], 'one of it') or diag(explain($one));
    like($_->{requestID}, qr/^[0-9a-f]{32}$/, 'the request id')
        for $list, $one;

    is($none->{error}{name}, 'NotFoundError', 'an unknown one: the exception');
    is($none->{error}{code}, 'model_not_found', 'code');
    like($none->{error}{message}, qr/needs an Ark account/, 'a sentence');
};


my @errors = (
    [ 'a bad value', { size => '0x0' },
      BadRequestError => 400, 'invalid_request', 'size' ],
    [ 'an unknown model', { model => 'dall-e-9' },
      NotFoundError => 404, 'model_not_found', 'model' ],
    [ 'words that are refused', { prompt => 'a heron [[50413]]' },
      BadRequestError => 400, 'content_policy_violation', undef ],
    [ 'a picture that is refused', { prompt => 'a heron [[50511]]' },
      BadRequestError => 400, 'content_policy_violation', undef ],
    [ 'a long prompt', { prompt => 'x' x 801 },
      APIError => 413, 'prompt_too_long', 'prompt' ],
    [ 'a large body', { prompt => 'x' x 5000 },
      APIError => 413, 'request_too_large', undef ],
    [ 'a busy upstream', { prompt => 'a heron [[50430]]' },
      RateLimitError => 429, 'upstream_rate_limited', undef ],
    [ 'a refused account', { prompt => 'a heron [[50400]]' },
      InternalServerError => 502, 'upstream_auth_failed', undef ],
    [ 'a failing upstream', { prompt => 'a heron [[50500@submit]]' },
      InternalServerError => 502, 'upstream_error', undef ],
);

subtest 'errors' => sub {
    my @answers = calls(map { { params => { %{ $_->[1] } } } } @errors);

    for my $i (0 .. $#errors) {
        my ($name, undef, $class, $status, $code, $param) = @{ $errors[$i] };
        my $error = $answers[$i]{error} // {};

        is($error->{name}, $class, "$name: the exception")
            or diag(explain($answers[$i]));
        is($error->{status}, $status, "$name: status");
        is($error->{code}, $code, "$name: code");
        is($error->{param}, $param, "$name: param");
        like($error->{requestID}, qr/^[0-9a-f]{32}$/, "$name: request id");
        like($error->{message}, qr/\w{3}.*\.$/, "$name: a sentence");
    }
};


# Retries are on in all of these, as they are by default.
subtest 'retries of its own' => sub {
    my %on = (client => { maxRetries => 2 });
    my $before = $t->submits;

    $t->emulator->fault({ on => 'submit', do => 'drop', times => -1 });
    my ($lost) = calls({ %on });
    $t->emulator->clear_faults;

    is($lost->{error}{status}, 502, 'a lost answer: status');
    is($lost->{error}{headers}{'x-should-retry'}, 'false', 'is not to retry');
    is($t->submits - $before, 1, 'and one task was made');

    $before = $t->submits;
    my ($late) = calls({ %on, params => { prompt => 'a heron [[50500@query]]' } });

    is($late->{error}{status}, 504, 'no picture in time: status');
    is($late->{error}{code}, 'generation_timeout', 'code');
    is($t->submits - $before, 1, 'and one task was made');

    $before = $t->submits;
    $t->emulator->fault({ on => 'submit', do => 'answer', times => 1,
        status => 429, body => '{"code":50429,"data":null,"message":"x"}' });
    my ($busy) = calls({ %on });

    is($busy->{status}, 200, 'refused for load, then not: a picture');
    is($t->submits - $before, 2, 'by the gateway\'s own second submit');
};


subtest 'base64' => sub {
    my $before = $t->submits;
    my ($one, $two) = calls(
        { params => { response_format => 'b64_json',
                      prompt => 'a heron [[bytes=400000]]' } },
        { params => { response_format => 'b64_json', n => 2,
                      prompt => 'herons [[bytes=30000]] [[escape]]' } },
    );
    my @ids = map { $_->{task_id} } ($t->submits)[$before .. $before + 2];

    is_deeply($one->{result}{data}, [ { b64_json => {
        bytes => 400_000, sha256 => noise_of($ids[0], 400_000) } } ],
        'one picture') or diag(explain($one));
    is(join(' ', sort map { $_->{b64_json}{sha256} }
            @{ $two->{result}{data} || [] }),
       join(' ', sort map { noise_of($_, 30_000) } @ids[1, 2]),
       'two pictures') or diag(explain($two));

    $t->emulator->fault({ on => 'result', do => 'cut',
                          body_bytes => 200_000 });
    $before = $t->submits;
    my ($cut) = calls(
        { params => { response_format => 'b64_json',
                      prompt => 'a heron [[bytes=400000]]' },
          client => { maxRetries => 2 } });
    ok($cut->{error} && !$cut->{result}, 'half a picture is an exception')
        or diag(explain($cut));
    is($t->submits - $before, 1, 'and one task was made');
};


# What the iterator gives; a url is replaced by its path.
sub events {
    my ($answer) = @_;

    return [ map {
        my %event = %$_;
        delete @event{qw(created created_at)};
        $event{url} =~ s{^http://[^/]+/pictures/\d+-}{} if $event{url};
        \%event;
    } @{ $answer->{result} || $answer->{events} || [] } ];
}


subtest 'streams' => sub {
    my %size = (size => '2048x2048');
    my %usage = (usage => usage_of(1));
    my @url = (response_format => 'url');
    my @ark = (model => 'doubao-seedream-4-0-250828', watermark => \0);
    my $before = $t->submits;

    my ($one, $base64, $three, $ark, $group) = calls(
        map({ { params => { stream => \1, %size, %$_ } } }
            { @url },
            { prompt => 'a heron [[bytes=100000]]' },
            { n => 3, @url },
            { @ark },
            { prompt => 'herons [[pictures=3]]',
              sequential_image_generation => 'auto' }),
    );
    my @ids = map { $_->{task_id} } ($t->submits)[$before, $before + 1];

    my %completed = (type => 'image_generation.completed');
    my %partial = (type => 'image_generation.partial_succeeded', %size,
                   model => 'jimeng_t2i_v40');
    my @end = { %completed, model => 'jimeng_t2i_v40', %usage };

    my %url = (look_of(%size), %usage, url => '0.png',
               b64_json => { bytes => 0, sha256 => sha256_hex('') });

    is_deeply(events($one), [ { %completed, %url } ], 'one picture')
        or diag(explain($one));
    is($one->{headers}{'content-type'} // '', 'text/event-stream',
       'one picture: the type');
    is_deeply(events($base64), [ { %completed, look_of(%size), %usage,
        b64_json => { bytes => 100_000,
                      sha256 => noise_of($ids[1], 100_000) } } ],
        'base64') or diag(explain($base64));
    is_deeply(events($three), [ ({ %completed, %url }) x 3 ],
              'three pictures') or diag(explain($three));
    is_deeply(events($ark), [ { %partial, image_index => 0,
                                url => '0.png' }, @end ], 'Ark')
        or diag(explain($ark));
    is_deeply(events($group), [
        map({ { %partial, image_index => $_, url => "$_.png" } } 0 .. 2),
        { %{ $end[0] }, usage => usage_of(3) },
    ], 'a group') or diag(explain($group));

    my @two = (params => { stream => \1, n => 2 });
    $before = $t->submits;
    $t->emulator->fault({ on => 'submit', skip => 1, do => 'answer',
        status => 400, body => '{"code":50413,"data":null,"message":"x"}' });
    my ($some) = calls({ @two });
    is_deeply([ map { $_->{type} } @{ $some->{result} || [] } ],
              [ 'image_generation.completed' ], 'one of two: no exception')
        or diag(explain($some));
    is($some->{result}[0]{errors}[0]{code}, 'content_policy_violation',
       'one of two: the code');

    my ($refused, $failed, $failed_ark, $left) = calls(
        { params => { stream => \1, prompt => 'a heron [[50413]]' } },
        { params => { stream => \1, prompt => 'a heron [[50512]]' },
          client => { maxRetries => 2 } },
        { params => { stream => \1, prompt => 'a heron [[50512]]', @ark } },
        { @two, events => 1 },
    );

    is($refused->{error}{name}, 'BadRequestError', 'refused: the exception');
    is($refused->{error}{status}, 400, 'refused: status');

    for ([ 'failed', $failed ], [ 'failed, Ark', $failed_ark ]) {
        my ($name, $answer) = @$_;
        is($answer->{error}{name}, 'APIError', "$name: the exception")
            or diag(explain($answer));
        is($answer->{error}{code}, 'content_policy_violation',
           "$name: code");
        is($answer->{error}{type}, 'image_generation_user_error',
           "$name: type");
        like($answer->{error}{message}, qr/\w{3}.*\.$/, "$name: a sentence");
        like($answer->{error}{requestID}, qr/^[0-9a-f]{32}$/,
             "$name: request id");
        is_deeply($answer->{events}, [], "$name: no event");
    }

    is(scalar @{ $left->{result} || [] }, 1, 'left: after an event')
        or diag(explain($left));

    $before = $t->submits;
    my ($late) = calls(
        { params => { stream => \1, prompt => 'a heron [[50500@query]]' },
          client => { maxRetries => 2 } });
    is($late->{error}{code}, 'generation_timeout', 'late: code')
        or diag(explain($late));
    is($t->submits - $before, 1, 'late: one task was made');
};


subtest 'a client that gives up' => sub {
    my $before = $t->submits;

    # The submit is certain to have gone by then, and the task to run.
    my ($gone) = calls({ abort => 1000,
                         params => { prompt => 'a gull [[seconds=1.8]]' } });

    is($gone->{error}{name}, 'APIUserAbortError', 'the exception')
        or diag(explain($gone));

    wait_for {
        grep { $_->{status} == 499 && $_->{jimeng_status} eq 'succeed' }
             $t->access_log;
    } 'the task is followed to its end';

    is($t->submits - $before, 1, 'and one task was made');
};

$t->done;
