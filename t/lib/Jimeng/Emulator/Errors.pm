package Jimeng::Emulator::Errors;

# The two families of errors of the upstream: the service's business codes and
# the gateway's names, each with the HTTP status that it is answered with.
# Where the vendor's documents give no status for a business code, it is 400.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(SUCCESS business gateway is_business is_gateway
    belongs_to_query);

use constant SUCCESS => 10000;

# code => [HTTP status, stage, message]
my %BUSINESS = (
    50411 => [400, 'submit', 'Pre Img Risk Not Pass'],
    50412 => [400, 'submit', 'Text Risk Not Pass'],
    50413 => [400, 'submit', 'Post Text Risk Not Pass'],
    50518 => [400, 'submit', 'Pre Img Risk Not Pass (copyright)'],
    50215 => [400, 'submit', 'Input invalid'],
    50400 => [400, 'submit', 'Access Denied'],
    50204 => [400, 'submit', 'Key is not supported'],
    50218 => [400, 'submit', 'Resource exists risk'],
    50429 => [429, 'submit', 'Request Has Reached API Limit'],
    50430 => [429, 'submit', 'Request Has Reached API Concurrent Limit'],
    50511 => [400, 'query', 'Post Img Risk Not Pass'],
    50512 => [400, 'query', 'Post Text Risk Not Pass'],
    50519 => [400, 'query', 'Post Img Risk Not Pass (copyright)'],
    50520 => [400, 'query', 'Risk Internal Error'],
    50521 => [400, 'query', 'Antidirt Internal Error'],
    50522 => [400, 'query', 'Image Copyright Internal Error'],
    50500 => [500, 'query', 'Internal Error'],
    50501 => [500, 'query', 'Internal RPC Error'],
);

# name => [HTTP status, CodeN or undef]
my %GATEWAY = (
    MissingParameter           => [400],
    MissingAuthenticationToken => [401],
    MissingSignature           => [401],
    InvalidTimestamp           => [403],
    ServiceNotFound            => [404],
    InvalidActionOrVersion     => [404],
    InvalidAccessKey           => [401],
    SignatureDoesNotMatch      => [401, 100010],
    InvalidAuthorization       => [400],
    InvalidCredential          => [400],
    InvalidSecretToken         => [401],
    LackPolicy                 => [403],
    AccessDenied               => [403],
    MethodNotAllowed           => [405],
    FlowLimitExceeded          => [429],
    AccountFlowLimitExceeded   => [429],
    InternalError              => [500],
    FailToConnect              => [502],
    InternalServiceError       => [502],
    ServiceUnavailableTemp     => [503],
    InternalServiceTimeout     => [504],
);


sub is_business { return exists $BUSINESS{ $_[0] } }
sub is_gateway  { return exists $GATEWAY{ $_[0] } }

sub belongs_to_query { return $BUSINESS{ $_[0] }[1] eq 'query' }


# (HTTP status, message) of a business code.
sub business {
    my ($code) = @_;

    return @{ $BUSINESS{$code} }[0, 2];
}


# (HTTP status, Error object) of a gateway error. A business code is taken
# too: the gateway sometimes passes one on as Error.Code.
sub gateway {
    my ($name, $message) = @_;

    if (is_business($name)) {
        my ($status, $text) = business($name);
        return ($status, { Code => "$name", Message => $text });
    }

    my ($status, $number) = @{ $GATEWAY{$name} };

    return (
        $status,
        {
            Code    => $name,
            Message => $message // $name,
            defined $number ? (CodeN => $number) : (),
        });
}

1;
