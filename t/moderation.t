#!/usr/bin/perl

# What a content policy refuses, by a name of OpenAI's: "moderation_blocked",
# with where it was refused, in every place where an error may stand; by any
# other name, "content_policy_violation".
#
# Seen failing: "later", without the flag in jm_ticket_t; "within the pictures",
# without jm_error_gpt() in ngx_http_jimeng_data_trouble().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Sse;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '20ms', strict => 1,
    location => 'jimeng_model gpt-image-1 jimeng_t2i_v40;'
              . 'jimeng_model other jimeng_t2i_v40;',
);

my %model = ('gpt-image-1' => 'moderation_blocked',
             other => 'content_policy_violation');

sub is_blocked {
    my ($name, $error, $code, $stage) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($error->{code}, $code, "$name: code");
    is($error->{type}, 'image_generation_user_error', "$name: type");
    is_deeply($error->{moderation_details},
              $code eq 'moderation_blocked'
                  ? { moderation_stage => $stage, categories => [] } : undef,
              "$name: moderation_details");
    return;
}

for my $model (sort keys %model) {
    my $code = $model{$model};

    for ([ 50411, 'input' ], [ 50412, 'input' ], [ 50413, 'input' ],
         [ 50511, 'output' ], [ 50512, 'output' ], [ 50518, 'input' ],
         [ 50519, 'output' ], [ 50218, 'unknown' ])
    {
        my ($number, $stage) = @$_;
        my $name = "$model, $number";
        my $r = $t->generate({ model => $model,
                               prompt => "a heron [[done:$number]]" });

        is($r->status, 400, "$name: status");
        is_blocked($name, $r->json->{error}, $code, $stage);
        is($r->json->{code}, $code, "$name: beside the error");
        is($r->header('x-should-retry'), undef, "$name: x-should-retry");
    }

    # What is no policy's is told as ever.
    my $r = $t->generate({ model => $model, prompt => 'a heron [[50215]]' });
    is($r->json->{error}{code}, 'invalid_request', "$model: another error");
    is($r->json->{error}{moderation_details}, undef,
       "$model: another error, without details");

    # Some of several.
    $t->emulator->fault({ on => 'submit', skip => 1, do => 'answer',
        status => 400, body => envelope(undef, code => 50413, status => 50413) });
    $r = $t->generate({ model => $model, n => 2, response_format => 'url' });
    is($r->json->{errors}[0]{code}, $code, "$model, some: code");

    $t->emulator->fault({ on => 'submit', skip => 1, do => 'answer',
        status => 400, body => envelope(undef, code => 50413, status => 50413) });
    my $sse = Jimeng::Test::Sse->new($t->start_generate(
        { model => $model, n => 2, stream => \1 }));
    is(join(' ', map { $_->{json}{errors}[0]{code} } $sse->all), $code,
       "$model, some, stream: code");

    # A stream that ends in it.
    $sse = Jimeng::Test::Sse->new($t->start_generate({ model => $model,
        stream => \1, prompt => 'a heron [[done:50512]]' }));
    my ($event) = $sse->all;
    is($event->{event}, 'error', "$model, stream: an error");
    is_blocked("$model, stream", $event->{json}{error}, $code, 'output');

    # In the pictures' own query.
    $t->emulator->fault({ on => 'result', do => 'answer', status => 400,
        body => envelope(undef, code => 50511, status => 50511) });
    $r = $t->generate({ model => $model, response_format => 'b64_json' });
    is_blocked("$model, within the pictures", $r->json->{error}, $code,
               'output');
    $t->emulator->clear_faults;

    # Asked for later.
    $r = $t->generate({ model => $model, async => \1,
                        prompt => 'a heron [[done:50519]]' });
    $r = $t->request('GET', '/v1/images/' . $r->json->{task_id} . '?wait=9s');
    is($r->json->{task_status}, 'failed', "$model, later: failed");
    is_blocked("$model, later", $r->json->{error}, $code, 'output');
}

$t->done;
