# The emulator's check of signatures: public vectors, and vectors made with
# dummy credentials, two of them (E1, E2) by the vendor's own SDK; then every
# way in which the gateway refuses a request.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use Digest::SHA ();
use JSON::PP    ();
use POSIX       qw(strftime);
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Emulator::Signature qw(sign signing_key);
use Jimeng::Test::Http;

my $emulator;


subtest 'signature vectors' => sub {
    my $body_s = '{"req_key":"jimeng_t2i_v40","prompt":"一只猫"}';
    my $body_g = '{"req_key":"jimeng_t2i_v40","task_id":'
        . '"15977608121972527084","req_json":"{\"return_url\":true}"}';
    utf8::encode($body_s);

    my %submit = (query => 'Action=' . SUBMIT . '&Version=' . VERSION,
        body => $body_s);
    my %query = (query => 'Action=' . QUERY . '&Version=' . VERSION,
        body => $body_g);
    my %token = (token => TOKEN);
    my $four = 'content-type;host;x-content-sha256;x-date';

    my @vectors = (
        [ 'A', { query => 'Action=GetAFPUsage&Region=cn-beijing'
                . '&Version=2024-01-01', ak => 'AKLTtest', sk => 'secretkey',
            date => '20240621T000000Z', region => 'cn-beijing',
            service => 'ark', host => 'ark.cn-beijing.volcengineapi.com',
            type => 'application/json; charset=utf-8' },
            'host;x-date;x-content-sha256;content-type',
            'a5b46dd59b06e917a352e9679ea8f88c39efe8a258f3cc8b9f49e39e3d1de401' ],
        [ 'B', { query => 'Action=ListBill&Version=2022-01-01',
            body => '{"Limit":10,"BillPeriod":"2023-08"}',
            sk => 'test-secret-access-key-not-a-secret',
            date => '20250329T180937Z', region => 'cn-beijing',
            service => 'billing', host => 'billing.volcengineapi.com' },
            'host;x-date',
            '23c760c81af856b1cc3d978f7c66ad90c097abc2add030c36a35193e133a5a0e' ],
        [ 'C', { method => 'GET',
            query => 'Action=GetCodingPlanUsage&Version=2024-01-01',
            sk => 'testsecretkey', date => '20260819T100000Z',
            region => 'cn-beijing', service => 'ark',
            host => 'open.volcengineapi.com' },
            'host;x-content-sha256;x-date',
            'ba4bbf8452b3d7d19e166f4c5979f3e8fdcc97a82a913f00658dd8697b9c5cb8' ],
        [ 'D1', \%submit, $four,
            '005facd904efdd455a11d892406f370298fe67e57ed2bd40a22cabb3038312a5' ],
        [ 'D2', \%query, $four,
            '6b1d042313a10e25b9a6ce6df0d88aa0f7776712d6fde903da628708a17b5542' ],
        [ 'D3', { %submit, %token }, "$four;x-security-token",
            '081ab410c31b6bcdce7f2fd5eaf8d07f004625d0e3c181897747d57549131cc1' ],
        [ 'D4', \%submit, 'host;x-date',
            '1484654f6856d271545680c4f5863dc000b8f06c35a7351093a06babd6640a93' ],
        [ 'E1', \%submit, 'host;x-content-sha256;x-date',
            '7210cff997594327a2bb530c186fe1aebdae8217017e8506f49c7d77da1f8494' ],
        [ 'E2', { %submit, %token },
            'host;x-content-sha256;x-date;x-security-token',
            '6c137444871db1f4d1e7ae706f00aca6c346bd34d77d81ac440dffa9855dbfa3' ],
        [ 'E3', { method => 'GET', service => 'iam',
            host => 'iam.volcengineapi.com',
            query => 'Action=ListUsers&Empty=&Version=2018-01-01&Z=a&Z=b&'
                . 'k%20y=a%20b%2Bc%2Fd%2Ae~f%27%28g%29%21h%3D%E4%B8%AD&'
                . 'lower=1' },
            'host;x-date',
            '4b7ed418dbf3e8c1d0ba2829717cff08ad01efa16cff78b4addcdc5747c41643' ],
        [ 'E3, query neither sorted nor escaped as canonical',
            { method => 'GET', service => 'iam',
            host => 'iam.volcengineapi.com',
            query => 'lower=1&Z=b&k%20y=a%20b%2bc/d*e~f\'(g)!h%3D%e4%b8%ad&'
                . 'Z=a&Version=2018-01-01&Empty&Action=ListUsers' },
            'host;x-date',
            '4b7ed418dbf3e8c1d0ba2829717cff08ad01efa16cff78b4addcdc5747c41643' ],
    );

    for (@vectors) {
        my ($name, $of, $signed, $signature) = @$_;
        my $body = $of->{body} // '';
        my $date = $of->{date} // '20260101T000000Z';

        my %request = (
            method  => $of->{method} // 'POST',
            path    => '/',
            query   => $of->{query},
            body    => $body,
            headers => {
                'content-type'     => $of->{type} // 'application/json',
                'host'             => $of->{host} // 'visual.volcengineapi.com',
                'x-content-sha256' => Digest::SHA::sha256_hex($body),
                'x-date'           => $date,
                'x-security-token' => $of->{token},
            },
        );

        is(sign(\%request, [split /;/, $signed], $date,
            $of->{sk} // SECRET_KEY, $of->{region} // 'cn-north-1',
            $of->{service} // 'cv'), $signature, $name);
    }

    is(unpack('H*', signing_key(SECRET_KEY, '20260101', 'cn-north-1', 'cv')),
        'd170e1571c78724c4b8a7621a5d3401abf47a06d65a8e674e9ec0c808adb2d39',
        'the signing key');
};


$emulator = start();


subtest 'signatures that are refused' => sub {
    my $body  = { req_key => 'jimeng_t2i_v40', prompt => 'x' };
    my $stamp = sub { strftime('%Y%m%dT%H%M%SZ', gmtime(time + $_[0])) };

    my @cases = (
        [ 'no Authorization', 401, 'MissingAuthenticationToken',
            headers => { authorization => undef } ],
        [ 'another scheme', 400, 'InvalidAuthorization',
            headers => { authorization => 'Bearer abc' } ],
        [ 'no fields', 400, 'InvalidAuthorization',
            headers => { authorization => 'HMAC-SHA256 whatever' } ],
        [ 'no signature', 401, 'MissingSignature', headers => {
            authorization => 'HMAC-SHA256 Credential=a/b/c/d/request, '
                . 'SignedHeaders=host' } ],
        [ 'a short credential', 400, 'InvalidCredential', headers => {
            authorization => 'HMAC-SHA256 Credential=a/b, '
                . 'SignedHeaders=host, Signature=00' } ],
        [ 'an unknown key', 401, 'InvalidAccessKey', access_key => 'AKother' ],
        [ 'a wrong secret', 401, 'SignatureDoesNotMatch', secret => 'other' ],
        [ 'a date that is none', 403, 'InvalidTimestamp',
            date => '20261301T000000Z', day => '20261301' ],
        [ 'no date', 403, 'InvalidTimestamp',
            headers => { 'x-date' => undef } ],
        [ 'a stale date', 403, 'InvalidTimestamp', date => $stamp->(-910) ],
        [ 'a date to come', 403, 'InvalidTimestamp', date => $stamp->(910) ],
        [ "another day's scope", 400, 'InvalidCredential', day => '20200101' ],
        [ 'another region', 400, 'InvalidCredential', region => 'cn-beijing' ],
        [ 'another service', 400, 'InvalidCredential', service => 'iam' ],
        [ 'a wrong body hash', 401, 'SignatureDoesNotMatch',
            headers => { 'x-content-sha256' => '0' x 64 } ],
        [ 'a header changed on the way', 401, 'SignatureDoesNotMatch',
            headers => { host => 'example.com' } ],
        [ 'a signed header left out', 401, 'SignatureDoesNotMatch',
            headers => { 'content-type' => undef } ],
        [ 'a date not signed', 401, 'SignatureDoesNotMatch',
            signed => ['host'] ],
        [ 'an uncalled-for token', 401, 'InvalidSecretToken',
            token => 'any' ],
    );

    for (@cases) {
        my ($name, $status, $code, %option) = @$_;
        my $answer = call(SUBMIT, $body, %option);
        my $entry  = last_entry();

        is($answer->{status}, $status, "$name: $status");
        is($answer->{json}{ResponseMetadata}{Error}{Code}, $code,
            "$name: $code");
        is("$entry->{signature} $entry->{code}", "$code $code",
            "$name: in the journal");
    }

    my $changed = prepare(SUBMIT, $body, signed => [qw(host x-date)],
        headers => { 'x-content-sha256' => undef });
    $changed->{body} =~ s/x/y/;
    is(begin($changed)->response->{json}{ResponseMetadata}{Error}{Code},
        'SignatureDoesNotMatch', 'a body changed on the way');

    my $metadata = call(SUBMIT, $body, secret => 'other')->{json};

    is_deeply([sort keys %$metadata], ['ResponseMetadata'],
        'no code at the top');
    $metadata = $metadata->{ResponseMetadata};
    is($metadata->{Error}{CodeN}, 100010, 'CodeN');
    is_deeply([@$metadata{qw(Action Version Service Region)}],
        [SUBMIT, VERSION, 'cv', 'cn-north-1'], 'the rest of the metadata');

    for my $signed (['x-date'], ['host', 'x-date'],
        ['x-date', 'host', 'content-type'],
        ['host', 'x-content-sha256', 'x-date'])
    {
        is(call(SUBMIT, $body, signed => $signed)->{status}, 200,
            "accepted: @$signed");
    }

    is(call(SUBMIT, $body, date => $stamp->(-880))->{status}, 200,
        'accepted: 880 seconds old');
};


subtest 'the gateway before the service' => sub {
    my $body  = { req_key => 'jimeng_t2i_v40', prompt => 'x' };
    my @cases = (
        [ 'no Action', 400, 'MissingParameter', query => 'Version=' . VERSION ],
        [ 'no Version', 400, 'MissingParameter', query => 'Action=' . SUBMIT ],
        [ 'another Action', 404, 'InvalidActionOrVersion',
            query => 'Action=Other&Version=' . VERSION ],
        [ 'another Version', 404, 'InvalidActionOrVersion',
            query => 'Action=' . SUBMIT . '&Version=2020-01-01' ],
        [ 'GET', 405, 'MethodNotAllowed', method => 'GET' ],
    );

    for (@cases) {
        my ($name, $status, $code, %option) = @$_;
        my $answer = call(SUBMIT, ($option{method} ? '' : $body), %option);

        is($answer->{status}, $status, "$name: $status");
        is($answer->{json}{ResponseMetadata}{Error}{Code}, $code,
            "$name: $code");
        is(last_entry()->{signature}, 'ok', "$name: the signature was good");
    }

    is(Jimeng::Test::Http->start($emulator->port, 'GET', '/other')->response
        ->{status}, 404, 'another path');
};


subtest 'a security token' => sub {
    $emulator->restart(qps => 0, security_token => TOKEN);

    my $body = { req_key => 'jimeng_t2i_v40', prompt => 'x' };
    my $code = sub {
        my $error = call(SUBMIT, $body, @_)->{json}{ResponseMetadata}{Error};
        return $error ? $error->{Code} : 'ok';
    };

    is($code->(token => TOKEN), 'ok', 'accepted');
    is($code->(token => 'STSother'), 'InvalidSecretToken', 'another one');
    is($code->(), 'InvalidSecretToken', 'missing');
    is($code->(token => TOKEN, signed => ['host', 'x-date']),
        'SignatureDoesNotMatch', 'not signed');
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
