package Jimeng::Emulator::Ark::Errors;

# Ark's errors by their codes, each with its HTTP status and type. What is
# documented as a family ("RateLimitExceeded.*") has some of its members here.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(error is_error comes_late);

my %FAMILY = (
    BadRequest => [400, 'the request is refused', qw(
        MissingParameter InvalidParameter InvalidParameter.OversizedImage
        InvalidParameter.UnsupportedImageFormat InvalidEndpoint.ClosedEndpoint
        SensitiveContentDetected
        InputTextSensitiveContentDetected InputImageSensitiveContentDetected
        OutputTextSensitiveContentDetected OutputImageSensitiveContentDetected
        InputTextRiskDetection InputImageRiskDetection
        OutputTextRiskDetection OutputImageRiskDetection
    )],
    Unauthorized => [401, 'the API key is missing or invalid', qw(
        AuthenticationError
    )],
    Forbidden => [403, 'the account may not do this', qw(
        AccountOverdueError AccessDenied OperationDenied.PermissionDenied
        OperationDenied.ServiceNotOpen OperationDenied.ServiceOverdue
    )],
    NotFound => [404, 'there is no such model for this account', qw(
        InvalidEndpointOrModel.NotFound ModelNotOpen
        InvalidEndpointOrModel.ModelIDAccessDisabled
    )],
    MethodNotAllowed => [405, 'this is a POST', qw(
        MethodNotAllowed
    )],
    TooManyRequests => [429, 'the limit is reached', qw(
        RateLimitExceeded.EndpointRPMExceeded
        RateLimitExceeded.EndpointTPMExceeded
        ModelAccountRpmRateLimitExceeded ModelAccountIpmRateLimitExceeded
        AccountRateLimitExceeded QuotaExceeded SetLimitExceeded
        RequestBurstTooFast ServerOverloaded
    )],
    InternalServerError => [500, 'the service has failed', qw(
        InternalServiceError
    )],
);

my %ERROR = map {
    my $type = $_;
    my ($status, $text, @codes) = @{ $FAMILY{$type} };
    map { $_ => [$status, $type, $text] } @codes;
} keys %FAMILY;


sub is_error { return exists $ERROR{ $_[0] } }

# Is it the end of the work, and not the answer to a request?
sub comes_late { return $_[0] =~ /^(?:Output|InternalServiceError)/ }


# (HTTP status, the object that is answered).
sub error {
    my ($code, $request_id, %more) = @_;

    my ($status, $type, $text) = @{ $ERROR{$code} };

    return (
        $more{status} // $status,
        {
            code    => $code,
            message => ($more{message} // ucfirst $text)
                . ". Request id: $request_id",
            param   => $more{param} // '',
            type    => $type,
        });
}

1;
