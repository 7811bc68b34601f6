package Jimeng::Emulator::Signature;

# Checks a Volcengine V4 signature, the way the vendor's signing document
# describes it. Written from that document and not from the module, so that
# the two cannot share a mistake.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex hmac_sha256 hmac_sha256_hex);
use Exporter    qw(import);
use Time::Local qw(timegm_modern);

our @EXPORT_OK = qw(canonical_query canonical_request string_to_sign
    signing_key sign check);

use constant {
    ALGORITHM  => 'HMAC-SHA256',
    TERMINATOR => 'request',
    LIFETIME   => 900,
};


# RFC 3986 escapes of bytes; only the unreserved characters stay.
sub escape {
    my ($bytes) = @_;

    $bytes =~ s/([^A-Za-z0-9\-_.~])/sprintf '%%%02X', ord $1/ge;
    return $bytes;
}


sub unescape {
    my ($text) = @_;

    $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    return $text;
}


# The query as it came -> names sorted by byte, each part escaped anew.
sub canonical_query {
    my ($raw) = @_;

    my @pairs = map {
        my ($name, $value) = map { escape(unescape($_)) } split /=/, $_, 2;
        [ $name // '', $value // '' ];
    } grep { length } split /&/, $raw // '';

    return join '&', map { "$_->[0]=$_->[1]" }
        sort { $a->[0] cmp $b->[0] || $a->[1] cmp $b->[1] } @pairs;
}


# $request: method, path, query (raw), headers (lower-case names), body.
# $signed: the names of SignedHeaders, in the order in which they are listed.
sub canonical_request {
    my ($request, $signed) = @_;

    my $headers = '';

    for my $name (@$signed) {
        my $value = $request->{headers}{$name} // '';
        $value =~ s/^\s+|\s+$//g;
        $headers .= "$name:$value\n";
    }

    return join "\n", $request->{method}, $request->{path} || '/',
        canonical_query($request->{query}), $headers, join(';', @$signed),
        sha256_hex($request->{body} // '');
}


sub string_to_sign {
    my ($date, $scope, $canonical) = @_;

    return join "\n", ALGORITHM, $date, $scope, sha256_hex($canonical);
}


# The secret is raw text, with nothing put before it.
sub signing_key {
    my ($secret, $day, $region, $service) = @_;

    my $key = $secret;
    $key = hmac_sha256($_, $key) for $day, $region, $service, TERMINATOR;
    return $key;
}


# Lower-case hex signature of $request for $date (YYYYMMDDTHHMMSSZ).
sub sign {
    my ($request, $signed, $date, $secret, $region, $service) = @_;

    my $day   = substr $date, 0, 8;
    my $scope = join '/', $day, $region, $service, TERMINATOR;

    return hmac_sha256_hex(
        string_to_sign($date, $scope, canonical_request($request, $signed)),
        signing_key($secret, $day, $region, $service));
}


sub parse_authorization {
    my ($text) = @_;

    my ($algorithm, $rest) = split ' ', $text, 2;
    return undef if !defined $rest || $algorithm ne ALGORITHM;

    my %field;

    for my $part (split /,/, $rest) {
        my ($name, $value) = $part =~ /^\s*(\w+)=(.*?)\s*$/ or return undef;
        $field{$name} = $value;
    }

    return \%field;
}


sub parse_date {
    my ($text) = @_;

    my @date = ($text // '') =~
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/ or return undef;
    my ($year, $month, $day, $hour, $minute, $second) = @date;

    return eval {
        timegm_modern($second, $minute, $hour, $day, $month - 1, $year);
    };
}


# $conf: access_key, secret_key, security_token (or undef), region, service,
# now (epoch seconds). Nothing comes back for a good signature, else the
# gateway's error code and a message for whoever reads the answer.
sub check {
    my ($request, $conf) = @_;

    my $headers       = $request->{headers};
    my $authorization = $headers->{authorization};

    return ('MissingAuthenticationToken', 'there is no Authorization header')
        if !defined $authorization || $authorization !~ /\S/;

    my $field = parse_authorization($authorization)
        or return ('InvalidAuthorization',
            'Authorization must be HMAC-SHA256 with Credential, '
            . 'SignedHeaders and Signature');

    return ('MissingSignature', 'Authorization has no Signature')
        if !length($field->{Signature} // '');
    return ('InvalidAuthorization', 'Authorization has no SignedHeaders')
        if !length($field->{SignedHeaders} // '');

    my @scope = split m{/}, $field->{Credential} // '', -1;

    return ('InvalidCredential',
        'Credential must be key/date/region/service/request')
        if @scope != 5 || $scope[4] ne TERMINATOR;

    my ($access_key, $day, $region, $service) = @scope;

    return ('InvalidAccessKey', 'the access key is not known')
        if $access_key ne $conf->{access_key};

    my $time = parse_date($headers->{'x-date'});

    return ('InvalidTimestamp', 'X-Date must be YYYYMMDDTHHMMSSZ')
        if !defined $time;
    return ('InvalidTimestamp', 'X-Date is more than 900 seconds off')
        if abs($conf->{now} - $time) > LIFETIME;

    return ('InvalidCredential', "the scope's date is not that of X-Date")
        if $day ne substr $headers->{'x-date'}, 0, 8;
    return ('InvalidCredential', 'the scope names another region')
        if $region ne $conf->{region};
    return ('InvalidCredential', 'the scope names another service')
        if $service ne $conf->{service};

    my @signed = split /;/, $field->{SignedHeaders};
    my %signed = map { $_ => 1 } @signed;

    my $token = $headers->{'x-security-token'} // '';

    return ('InvalidSecretToken', length $token
            ? 'the security token is not known'
            : 'the security token is missing')
        if $token ne ($conf->{security_token} // '');

    # The vendor's own SDK leaves out the host, so it is not asked for.
    my @required = ('x-date');
    push @required, 'x-security-token' if length $token;

    for my $name (@required) {
        return ('SignatureDoesNotMatch', "$name is not signed")
            if !$signed{$name};
    }

    for my $name (@signed) {
        return ('SignatureDoesNotMatch', "$name is signed but was not sent")
            if !defined $headers->{$name};
    }

    my $hash = $headers->{'x-content-sha256'};

    return ('SignatureDoesNotMatch',
        'X-Content-Sha256 is not the hash of the body')
        if defined $hash && $hash ne sha256_hex($request->{body} // '');

    my $signature = sign($request, \@signed, $headers->{'x-date'},
        $conf->{secret_key}, $region, $service);

    return ('SignatureDoesNotMatch', 'the signature is another one')
        if $signature ne $field->{Signature};

    return;
}

1;
