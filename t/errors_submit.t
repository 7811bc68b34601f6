#!/usr/bin/perl

# Errors before there is a task: those of this service, those of the service
# upstream and those of the gateway before it.  For each: the reply, how many
# submits were sent (one, unless it was refused for load), what the operator
# finds in the logs.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(final_codes is_error log_of);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '50ms',
    http => 'limit_req_zone $uri zone=one:64k rate=1r/m;',
    location => 'jimeng_timeout 2400ms;
                 client_max_body_size 4k;',
    server => <<'EOT',
        location /limited/ {
            limit_req zone=one;
            limit_req_status 429;
            jimeng_pass /_volcengine;
        }
        location /denied/ {
            deny all;
            jimeng_pass /_volcengine;
        }
EOT
);

$t->allow_log(qr/limiting requests|access forbidden/);

sub path { "/v1/$_[0]/images/generations" }

sub start {
    my ($name, $prompt) = @_;
    my (undef, undef, @rest) = $t->generation({ prompt => $prompt });

    return $t->start_request('POST', path($name), @rest);
}

# nginx lingers, and logs, until a client that said "close" has done so.
sub response_of {
    my ($request) = @_;
    my $response = $request->response;

    $request->abort;
    return $response;
}

sub submits_of {
    my ($prompt) = @_;
    return scalar grep { $_->{json}{prompt} eq $prompt } $t->submits;
}

sub access_of {
    my ($path) = @_;
    my $find = sub { grep { $_->{request} =~ / \Q$path\E / } $t->access_log };

    wait_for(sub { $find->() }, "a line in the access log on $path");
    return ($find->())[-1];
}

my $request_id = qr/request id: "\d{14}[0-9A-F]{10}"/;


# ---- what took nothing, and is tried again: all at once, each takes its time

my %again;
my @busy = qw(50429 50430 FlowLimitExceeded AccountFlowLimitExceeded
              gateway:50429);
my @unreached = qw(FailToConnect ServiceUnavailableTemp);

for my $name (@busy, @unreached) {
    my $path = $name =~ tr/:/-/r;
    $again{$name} = [ $path, "$path [[$name\@submit]]" ];
    $again{$name}[2] = start(@{ $again{$name} });
}


# ---- this service's own

my $before = $t->submits;

sub own {
    my ($name, $request, %want) = @_;
    is_error($t, $t->request(@$request), $name, %want);
}

my @json = ({ 'Content-Type' => 'application/json' });
my $url = '/v1/images/generations';

own('not JSON', [ POST => $url, @json, '{"prompt"' ],
    code => 'invalid_request');
own('no prompt', [ POST => $url, @json, '{}' ],
    code => 'invalid_request', param => 'prompt');
own('a wrong type', [ POST => $url, @json, '{"prompt":["a"]}' ],
    code => 'invalid_request', param => 'prompt');
own('a bad value', [ POST => $url, @json, '{"prompt":"a","size":"0x0"}' ],
    code => 'invalid_request', param => 'size');
own('eleven pictures', [ POST => $url, @json, '{"prompt":"a","n":11}' ],
    code => 'invalid_request', param => 'n');
own('prompt too long',
    [ POST => $url, @json, sprintf '{"prompt":"%s"}', 'a' x 801 ],
    code => 'prompt_too_long', param => 'prompt');
own('body too large',
    [ POST => $url, @json, sprintf '{"prompt":"%s"}', 'a' x 5000 ],
    code => 'request_too_large');
own('unknown model',
    [ POST => $url, @json, '{"prompt":"a","model":"none"}' ],
    code => 'model_not_found', param => 'model');
own('unknown path', [ POST => '/v1/images/dreams', @json, '{}' ],
    code => 'not_found');
own('method', [ GET => $url, {} ], code => 'method_not_allowed');
own('media type',
    [ POST => $url, { 'Content-Type' => 'text/plain' }, '{}' ],
    code => 'unsupported_media_type');
own('a denied address', [ POST => '/denied/images/generations', @json, '{}' ],
    code => 'permission_denied');

$t->request(POST => '/limited/images/generations', @json, '{}');
own("nginx's own limit", [ POST => '/limited/images/generations', @json, '{}' ],
    code => 'rate_limit_exceeded');

my @others = grep { $_->{json}{prompt} !~ /\@submit\]\]/ } $t->submits;
is(@others, 0, 'nothing was submitted for these');

my ($early) = grep { $_->{request} =~ /dreams/ } $t->access_log;
is($early->{jimeng_status}, '', 'no status of a task that never was');
is($early->{jimeng_code}, '', 'nor a code');


# ---- the upstream's, final at once

# trigger, code of the reply, log level, no_retry, upstream_code
my @rows = (
    final_codes(),
    [ 50500, 'upstream_error', 'error', 1 ],
    [ 50501, 'upstream_error', 'error', 1 ],

    [ 'gateway:50215', 'invalid_request', 'info', 0, 50215 ],
    [ 'gateway:50413', 'content_policy_violation', 'info', 0, 50413 ],
    [ 'MissingParameter', 'upstream_error', 'error', 0 ],
    [ 'ServiceNotFound', 'upstream_error', 'error', 0 ],
    [ 'InvalidActionOrVersion', 'upstream_error', 'error', 0 ],
    [ 'MethodNotAllowed', 'upstream_error', 'error', 0 ],
    [ 'InternalError', 'upstream_error', 'error', 1 ],
    [ 'InternalServiceError', 'upstream_error', 'error', 1 ],
    [ 'InternalServiceTimeout', 'upstream_error', 'error', 1 ],
    map { [ $_, 'upstream_auth_failed', 'error', 1 ] } qw(
        MissingAuthenticationToken MissingSignature InvalidTimestamp
        InvalidAccessKey SignatureDoesNotMatch InvalidAuthorization
        InvalidCredential InvalidSecretToken LackPolicy AccessDenied
    ),
);

for my $row (@rows) {
    my ($trigger, $code, $level, $no_retry, $number) = @$row;
    my $name = $trigger =~ tr/:/-/r;
    my $prompt = "row $name [[$trigger\@submit]]";
    my $r = start("row-$name", $prompt)->response;

    $number //= $trigger =~ /^\d+$/ ? $trigger : undef;

    is_error($t, $r, "$trigger: the reply", code => $code,
             no_retry => $no_retry, upstream_code => $number);
    is(submits_of($prompt), 1, "$trigger: one submit");

    my @log = log_of($t, path("row-$name"));
    my $said = $number // $trigger;

    is(@log, 1, "$trigger: one line in the error log");
    like($log[0], qr/\[$level\].*upstream code: "$said", text: "\w.*$request_id/,
         "$trigger: it says what there was");

    if ($code eq 'upstream_auth_failed') {
        like($log[0], qr/check the keys, the clock/,
             "$trigger: and what to look at");
    }

    my $access = access_of(path("row-$name"));
    is($access->{jimeng_status}, 'failed', "$trigger: \$jimeng_status");
    is($access->{jimeng_code}, $number // '', "$trigger: \$jimeng_code");
    is($access->{jimeng_request_id}, $r->header('X-Request-Id'),
       "$trigger: \$jimeng_request_id");
    is($access->{jimeng_polls}, 0, "$trigger: no query");
    is($access->{jimeng_task_id}, '', "$trigger: no task");
}


# ---- what took nothing, at its end

sub tried_again {
    my ($name, $said, $code, $number) = @_;
    my ($path, $prompt, $request) = @{ $again{$name} };

    is_error($t, response_of($request), "$name: the reply",
             code => $code, upstream_code => $number);
    is(submits_of($prompt), 3, "$name: it was tried again");

    my $what = $number // $name;
    my @log = log_of($t, path($path));
    my @warn = grep { /\[warn\].*$said.*"$what".*$request_id/ } @log;

    is(@warn, 3, "$name: each time is a warning");
    is(scalar(grep { /\[error\]/ } @log), 1, "$name: the end is an error");

    my $access = access_of(path($path));
    is($access->{jimeng_status}, 'failed', "$name: \$jimeng_status");
    is($access->{jimeng_code}, $number // '', "$name: \$jimeng_code");
}

tried_again($_, 'refused for load', 'upstream_rate_limited',
            /(\d+)$/ ? $1 : undef) for @busy;
tried_again($_, 'service was not reached', 'upstream_error') for @unreached;


# ---- answers that no table has: now nobody else submits

sub answered {
    my ($name, $fault, %want) = @_;
    my $prompt = "answer $name";

    $t->emulator->fault({ on => 'submit', do => 'answer', %$fault });

    my $r = start("answer-$name", $prompt)->response;
    is_error($t, $r, "answer $name", %want);
    is(submits_of($prompt), 1, "answer $name: one submit");
    return log_of($t, path("answer-$name"));
}

my @log = answered('403', { status => 403, body => '<html>no</html>' },
                   code => 'upstream_auth_failed', no_retry => 1);
like($log[0], qr/\[error\].*check the keys/, 'a 403 without JSON is logged');

answered('404', { status => 404, body => '<html>no</html>' },
         code => 'upstream_error');

@log = answered('unknown-code',
    { status => 400, body => { code => 59999, message => "odd\n\"\x01",
                               request_id => 'R1', data => undef } },
    code => 'upstream_error', no_retry => 1, upstream_code => 59999);
like($log[0], qr/\[error\].*code: "59999", text: "odd\?"\?", request id: "R1"/,
     'an unknown number is logged, without control characters');

answered('null-data',
    { status => 400, body => { code => 50411, data => { resp_data => '' } } },
    code => 'content_policy_violation', upstream_code => 50411);


# ---- a worker that leaves, and nothing was submitted

my $last = start('leaving', 'leaving [[50430]]');

wait_for(sub { submits_of('leaving [[50430]]') }, 'the submit');
wait_for(sub { log_of($t, path('leaving')) }, 'the refusal in the log');
$t->signal('QUIT');

is_error($t, response_of($last), 'a worker that is to leave',
         code => 'service_unavailable', upstream_code => 50430);
is(submits_of('leaving [[50430]]'), 1, 'it does not submit again');

$t->done;
