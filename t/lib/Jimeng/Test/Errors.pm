package Jimeng::Test::Errors;

# What an error reply has to be, as README's table says.
#
#   is_error($t, $response, $name, code => 'upstream_error', ...);
#
#   code            gives the HTTP status and the type
#   status          where it is another one
#   param           the field it names
#   upstream_code   the number of Volcengine's
#   no_retry        true: x-should-retry: false has to be there, else it
#                   must not
#   task_id         a pattern for the upstream's ids in it; without one there
#                   must be no task_id
#
#   my $type = type_of($code)
#   my @rows = final_codes()        [number, code, level of the log, no_retry]:
#                                   what ends a task wherever it is answered
#   my @lines = log_of($t, $path)   lines of the error log on a request,
#                                   found by the path it was sent to

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT_OK = qw(final_codes is_error log_of type_of);

# code => [status, type]
my %row = (
    concurrency_limit_exceeded => [429, 'rate_limit_error'],
    invalid_request          => [400, 'invalid_request_error'],
    content_policy_violation => [400, 'image_generation_user_error'],
    invalid_api_key          => [401, 'authentication_error'],
    permission_denied        => [403, 'permission_error'],
    address_not_allowed      => [403, 'permission_error'],
    model_not_found          => [404, 'invalid_request_error'],
    not_found                => [404, 'invalid_request_error'],
    task_not_found           => [404, 'invalid_request_error'],
    method_not_allowed       => [405, 'invalid_request_error'],
    request_timeout          => [408, 'invalid_request_error'],
    canceled                 => [409, 'invalid_request_error'],
    task_running             => [409, 'invalid_request_error'],
    prompt_too_long          => [413, 'invalid_request_error'],
    request_too_large        => [413, 'invalid_request_error'],
    unsupported_media_type   => [415, 'invalid_request_error'],
    too_early                => [425, 'invalid_request_error'],
    idempotency_key_reused   => [422, 'invalid_request_error'],
    insufficient_quota       => [429, 'rate_limit_error'],
    rate_limit_exceeded      => [429, 'rate_limit_error'],
    upstream_rate_limited    => [429, 'rate_limit_error'],
    internal_error           => [500, 'api_error'],
    upstream_auth_failed     => [502, 'api_error'],
    upstream_error           => [502, 'api_error'],
    service_unavailable      => [503, 'api_error'],
    generation_timeout       => [504, 'api_error'],
);

my @final = (
    (map { [ $_, 'content_policy_violation', 'info' ] }
         50411, 50412, 50413, 50511, 50512, 50518, 50519, 50218),
    [ 50215, 'invalid_request', 'info' ],
    (map { [ $_, 'upstream_auth_failed', 'error', 1 ] } 50400, 50204),
    (map { [ $_, 'upstream_error', 'error', 1 ] } 50520, 50521, 50522),
);


sub final_codes { return @final }
sub type_of { return $row{ $_[0] }[1] }


sub is_error {
    my ($t, $r, $name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return subtest $name => sub {
        my ($status, $type) = @{ $row{ $want{code} } };
        my $json = $r->json;
        my $error = ref $json eq 'HASH' ? $json->{error} : undef;

        is($r->status, $want{status} // $status, 'status') or diag($r->body);
        like($r->header('Content-Type'), qr{^application/json$}, 'JSON');
        return fail('the envelope') unless ref $error eq 'HASH';

        is($error->{type}, $type, 'type');
        is($error->{code}, $want{code}, 'code');
        is($error->{param}, $want{param}, 'param');
        ok(exists $error->{param}, 'param is there, if only as null');
        is($error->{upstream_code}, $want{upstream_code}, 'upstream_code');

        like($error->{message}, qr/\A[A-Z"].{20,}\.\z/, 'a message');
        is($json->{message}, $error->{message}, 'message beside the error');
        is($json->{code}, $error->{code}, 'code beside the error');

        if (defined $want{task_id}) {
            like($t->upstream_ids($json->{task_id}), $want{task_id},
                 'task_id');
        } elsif ($want{waited}) {
            like($json->{task_id}, qr/^A[\w-]{40,}$/, 'an id without tasks');
        } else {
            is($json->{task_id}, undef, 'no task_id');
        }

        is($error->{task_id}, $json->{task_id}, 'in the error, too');

        is($r->header('x-should-retry'), $want{no_retry} ? 'false' : undef,
           'x-should-retry');

        if (!$want{no_retry} && ($r->status == 429 || $r->status == 503)) {
            like($r->header('Retry-After'), qr/^[1-9]\d?$/, 'Retry-After');
        } else {
            is($r->header('Retry-After'), undef, 'no Retry-After');
        }

        like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}$/, 'X-Request-Id');
        is(internals($t, $r), '', 'nothing of the inside');
    };
}


# What of the inside is in a reply, in words.
sub internals {
    my ($t, $r) = @_;

    my %headers = %{ $r->headers };
    my $text = join "\n", $r->body, map { "$_: $headers{$_}" } keys %headers;
    my $port = $t->emulator ? $t->emulator->port : '';

    my %inside = (
        'the access key'    => quotemeta $t->access_key,
        'the secret key'    => quotemeta $t->secret_key,
        'a signature'       => 'HMAC-SHA256|Signature=',
        'a file'            => quotemeta($t->dir) . '|/etc/|/usr/|\.conf\b',
        'the location'      => '_volcengine',
        'an upstream host'  => 'volcengine|volces|127\.0\.0\.1'
                               . (length $port ? "|:$port\\b" : ''),
        "the provider's text" => 'Risk Not Pass|Internal RPC|ResponseMetadata',
    );

    return join ', ', grep { $text =~ /$inside{$_}/i } sort keys %inside;
}


sub log_of {
    my ($t, $path) = @_;

    return grep { / jimeng: / && index($_, qq{"POST $path HTTP/}) >= 0 }
           split /\n/, $t->error_log;
}

1;
