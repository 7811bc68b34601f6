#!/usr/bin/perl

# Ark's errors: what a client is told of each, how often Ark was called, and
# what the operator finds in the log.  Nothing of Ark's own text goes to a
# client.
#
# Seen failing: with a refusal for load that is told at once, with Ark's message
# in the reply, and with a single picture's error in other words than the call's.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Ark;
use Jimeng::Test::Envelope;
use Jimeng::Test::Errors qw(log_of);

# Without slots no account is set aside: each of these is told by itself.
my $t = with_ark(
    accounts => 'ark', account => '', emulator => { seconds => 0 },
    http => "lingering_close off; jimeng_model gpt-image-1 "
            . 'doubao-seedream-4-5-251128 provider=ark;',
    ark => { seconds => 0.05 }, location => 'jimeng_timeout 1200ms;',
    log => [ 'jimeng_tries', 'jimeng_billed', 'jimeng_upstream_request_id' ],
);

my $v45 = 'doubao-seedream-4-5-251128';
my $requests = 0;

sub start {
    my ($prompt, %fields) = @_;
    my ($method, undef, @rest) = $t->generation(
        { model => $v45, prompt => "$prompt.", %fields });

    $requests++;
    return ("/v1/$requests/images/generations", $t->start_request($method,
        "/v1/$requests/images/generations", @rest));
}

# What of the inside is in a reply.
sub internals {
    my ($r) = @_;
    my %headers = %{ $r->headers };
    my $text = join "\n", $r->body, map { "$_: $headers{$_}" } keys %headers;

    return join ', ', $text =~ /(volces|\bark\b|_ark|127\.0\.0\.1|Bearer|
                                 Request.id:|$v45|$Jimeng::Test::Ark::KEY|
                                 the\ (?:API\ key|limit)\ is|
                                 [A-Z][a-z]+[A-Z]\w+(?:Detected|Error|Exceeded|
                                 Overloaded|NotOpen|Denied))/xg;
}

# What a client is told of an error, and the operator.
sub told {
    my ($name, $path, $r, $code, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($word, @calls) = ($want{word} // $name,
                          $t->emulator->calls("$name."));

    is_error($r, $name, $want{status}, $code, message => $want{message},
             retry => $want{retry}, retry_after => $want{retry_after});
    is(internals($r), '', "$name: nothing of the inside");

    $want{calls} ? is(scalar @calls, $want{calls}, "$name: calls")
                 : cmp_ok(scalar @calls, '>', 1, "$name: it is tried again");

    my $id = $calls[-1]{request_id};
    my ($line) = grep { /upstream code: "\Q$word\E"/ && /"\Q$id\E"/ }
                 log_of($t, $path);

    like($line // join("\n", log_of($t, $path)),
         qr/ \[$want{level}\] .* account "ark" /,
         "$name: code and id are in the log");

    my $row = $t->logged($r);
    is($row->{jimeng_upstream_request_id}, $id, "$name: \$..._request_id");
    is($row->{jimeng_tries}, scalar @calls, "$name: \$jimeng_tries");
    is($row->{jimeng_billed}, 0, "$name: nothing is billed");
    return;
}


# ---- those that are over at once, or when the call ends

my %content = (status => 400, level => 'info', calls => 1,
               message => qr/content policy/);
my %request = (status => 400, level => 'info', calls => 1,
               message => qr/see that its fields are what this model takes/);
my %access = (status => 502, level => 'error', calls => 1, retry => 0,
              message => qr/refused this service's access; the operator/);

my @rows = (
    (map { [ $_, 'content_policy_violation', %content ] }
        'SensitiveContentDetected',
        (map { ("${_}SensitiveContentDetected", "${_}RiskDetection") }
            'InputText', 'InputImage', 'OutputText', 'OutputImage')),
    (map { [ $_, 'invalid_request', %request ] }
        'MissingParameter', 'InvalidParameter',
        'InvalidParameter.OversizedImage',
        'InvalidParameter.UnsupportedImageFormat'),
    (map { [ $_, 'upstream_auth_failed', %access ] }
        'AuthenticationError', 'AccountOverdueError', 'AccessDenied',
        'OperationDenied.PermissionDenied', 'OperationDenied.ServiceNotOpen',
        'OperationDenied.ServiceOverdue', 'QuotaExceeded', 'SetLimitExceeded',
        'ModelNotOpen', 'InvalidEndpointOrModel.NotFound',
        'InvalidEndpointOrModel.ModelIDAccessDisabled'),
    [ 'InternalServiceError', 'upstream_error', status => 502, retry => 0,
      calls => 1, level => 'error', message => qr/its outcome is unknown|may/ ],
);

for my $row (@rows) {
    my ($name, $code, %want) = @$row;
    my ($path, $x) = start("$name.", prompt => "$name. [[$name]]");

    told($name, $path, $x->response, $code, %want);
}

# A single picture that fails is the error of its request.
my ($path, $x) = start('failed', prompt =>
                       'failed. [[OutputImageRiskDetection@0]]');
told('failed', $path, $x->response, 'content_policy_violation', %content,
     word => 'OutputImageRiskDetection');


# A row of OpenAI's name says it in the words of OpenAI's models, of a single
# picture, too.
{
    my %gpt = (model => 'gpt-image-1', response_format => 'url',
               force_single => \0);
    my ($path, $x) = start('gpt', %gpt, prompt => 'gpt. [[pictures=2]]'
                           . '[[OutputImageRiskDetection@1]]');
    my $r = $x->response;

    is(scalar @{ $r->json->{data} || [] }, 1, 'gpt: one of two pictures');
    is($r->json->{errors}[0]{code}, 'moderation_blocked', 'gpt: the other');
    is($t->request('GET', '/v1/images/' . $r->json->{task_id})
         ->json->{errors}[0]{code}, 'moderation_blocked', 'gpt: by its id');

    ($path, $x) = start('gpt, all', %gpt, prompt => 'gpt. [[pictures=2]]'
                        . '[[InputTextRiskDetection]]');
    $r = $x->response;
    is($r->json->{error}{code}, 'moderation_blocked', 'gpt: all of it');
    is($r->json->{error}{moderation_details}{moderation_stage}, 'input',
       'gpt: at which stage');
}


# ---- those for load, which took nothing: they are tried again, all at once

my @busy = qw(RateLimitExceeded.EndpointRPMExceeded
    RateLimitExceeded.EndpointTPMExceeded ModelAccountRpmRateLimitExceeded
    ModelAccountIpmRateLimitExceeded AccountRateLimitExceeded
    RequestBurstTooFast ServerOverloaded);
my %again = map { $_ => [ start("$_.", prompt => "$_. [[$_]]") ] } @busy;

for my $name (@busy) {
    my ($path, $x) = @{ $again{$name} };
    my $r = $x->response;

    told($name, $path, $r, 'upstream_rate_limited', status => 429,
         level => 'warn', retry_after => $r->header('Retry-After') // 'none');
    like($r->header('Retry-After'), qr/^[1-9]\d?\z/, "$name: when to retry");
}

$t->emulator->fault({ on => 'ark', do => 'error', code => 'ServerOverloaded',
                      prompt => 'passes' });
($path, $x) = start('passes');
my $r = $x->response;
is($r->status, 200, 'a refusal that passes: the picture');
is(scalar $t->emulator->calls('passes'), 2, 'a refusal that passes: two calls');
is($t->logged($r)->{jimeng_billed}, 1, 'a refusal that passes: one picture');


# ---- codes that nobody documents, and answers that are none

# Nothing is made of a request that is refused: it may be sent again.  After 500
# nobody knows.
my %unknown = (status => 502, calls => 1, level => 'error');

for my $case (
    [ 400, 'upstream_error', { code => 'Unheard.Of' }, 'Unheard.Of' ],
    [ 422, 'upstream_error', { code => 'Unheard.Of' }, 'Unheard.Of' ],
    [ 401, 'upstream_auth_failed', { code => 'NewKindOfKey' }, 'NewKindOfKey' ],
    [ 403, 'upstream_auth_failed', { code => 'NewKindOfKey' }, 'NewKindOfKey' ],
    [ 400, 'upstream_error', undef, '' ],
    [ 500, 'upstream_error', { code => 'Unheard.Of' }, 'Unheard.Of' ],
    [ 503, 'upstream_error', undef, '' ],
) {
    my ($status, $code, $error, $word) = @$case;
    my $name = "an answer with $status, " . ($word || 'no code');
    my $body = $error ? JSON::PP->new->encode({ error => { %$error,
               message => 'the inside', param => '', type => 'x' } })
               : '<html>the inside</html>';

    $t->emulator->fault({ on => 'ark', do => 'answer', status => $status,
        body => $body, prompt => $name, headers => { 'Content-Type' =>
        $error ? 'application/json' : 'text/html' } });
    ($path, $x) = start($name);
    $r = $x->response;
    told($name, $path, $r, $code, %unknown, word => $word,
         retry => $status < 500 && $code eq 'upstream_error');
    unlike($r->body, qr/inside/, "$name: nothing of it");
}

# 429 with a code that is not known, or none, took nothing all the same.
for my $body ('{"error":{"code":"NewLimit","message":"m"}}', '<html>') {
    my $name = 'a new limit ' . length $body;

    $t->emulator->fault({ on => 'ark', do => 'answer', status => 429,
                          body => $body, prompt => $name });
    ($path, $x) = start($name);
    is($x->response->status, 200, "$name: the picture");
    is(scalar $t->emulator->calls($name), 2, "$name: two calls");
}

$t->log_unlike(qr/the API key is missing or invalid/,
               'what Ark says of a key is not logged');
$t->done;
