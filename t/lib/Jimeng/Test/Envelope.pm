package Jimeng::Test::Envelope;

# The shape of an error.
#
#   is_error($response, $name, $status, $code, param => undef,
#            message => qr//, upstream_code => undef, task_id => undef,
#            retry_after => undef, retry => 1);
#
# What is not given has to be absent, other than a message, which is there in
# any case.  task_id is the reply's own, as it came.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use Jimeng::Test::Errors ();

our @EXPORT = qw(is_error);


sub is_error {
    my ($r, $name, $status, $code, %more) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $json = ref $r->json eq 'HASH' ? $r->json : {};
    my $message = ref $json->{error} eq 'HASH' ? $json->{error}{message} : '';

    my %expected = (
        code => $code,
        message => $message,
        error => {
            code => $code, message => $message,
            type => Jimeng::Test::Errors::type_of($code),
            param => $more{param},
        },
    );

    $expected{error}{upstream_code} = $more{upstream_code}
        if defined $more{upstream_code};
    $expected{task_id} = $expected{error}{task_id} = $more{task_id}
        if defined $more{task_id};

    my $good = is($r->status, $status, "$name: status");
    $good &= is_deeply($json, \%expected, "$name: envelope");
    $good &= like($message, $more{message} // qr/^\S.{10,}\.\z/,
                  "$name: message");

    is_deeply({
        type => $r->header('Content-Type'),
        length => $r->header('Content-Length'),
        retry_after => $r->header('Retry-After'),
        retry => $r->header('x-should-retry'),
    }, {
        type => 'application/json',
        length => length $r->body,
        retry_after => $more{retry_after},
        retry => ($more{retry} // 1) ? undef : 'false',
    }, "$name: headers") or $good = 0;

    $good &= like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/,
                  "$name: one X-Request-Id");

    diag($r->body) unless $good;
    return $good;
}

1;
