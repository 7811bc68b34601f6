#!/usr/bin/perl

# The openai package from npm, unchanged, with a client's key: its refusals are
# the exceptions that its users catch, with the headers they look at; it waits
# by itself for a rate, and does not for a budget.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Keys;

need_clients();

my $t = with_keys(
    [ 'alice', 'bob rate=1r/s', 'carol rate=1r/h', 'dave images=1/d',
      'erin models=jimeng_t2i_v31', 'frank concurrency=1',
      'gone expires=2020-01-01' ],
    workers => 2,
);
$t->secret(key_of('nobody'));


# Calls of one client's, one after the other.
sub start_calls {
    my ($client, @calls) = @_;

    for my $call (@calls) {
        $call->{client} = { apiKey => key_of($client), maxRetries => 0,
                            %{ $call->{client} || {} } };
        next if $call->{method};

        $call->{params}{model}  //= 'jimeng-4.0';
        $call->{params}{prompt} //= 'a heron in the reeds';
    }

    return start_client($t->dir, 'openai.mjs',
        [ $t->url('/v1'), JSON::PP->new->utf8->encode(\@calls) ]);
}

sub calls {
    my ($client, @calls) = @_;
    return answers_of(start_calls($client, @calls));
}

sub is_exception {
    my ($answer, $name, $class, $status, $code, $param) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $error = $answer->{error} // {};

    my $good = is($error->{name}, $class, "$name: the exception");
    $good &= is($error->{status}, $status, "$name: status");
    $good &= is($error->{code}, $code, "$name: code");
    $good &= is($error->{param}, $param, "$name: param");
    $good &= like($error->{requestID}, qr/^[0-9a-f]{32}$/,
                  "$name: request id");
    $good &= like($error->{message}, qr/\w{3}.*\.$/, "$name: a sentence");
    diag(explain($answer)) unless $good;
    return $error->{headers} // {};
}


sub requests { return scalar(() = $t->access_log) }


# ---- a key, and none

my ($picture, $models, $two) = calls('alice',
    {}, { method => 'models.list' }, { params => { n => 2 } });
is($picture->{status}, 200, 'a picture') or diag(explain($picture));
ok(scalar @{ $models->{result}{data} || [] }, 'models');
is(scalar @{ $two->{result}{data} || [] }, 2, 'two pictures');

# Its client for Azure has another header, and another path.
my %azure = (azure => JSON::PP::true, client => { apiVersion => '2025-04-01' });
my ($azure) = calls('alice', {%azure});
is($azure->{status}, 200, 'Azure: a picture') or diag(explain($azure));
like(($t->access_lines(4))[-1]{request},
     qr{^POST /v1/deployments/jimeng-4\.0/images/generations\?api-version=},
     'Azure: its path');
is_exception($_, 'Azure: another key', 'AuthenticationError', 401,
             'invalid_api_key') for calls('nobody', {%azure});

my $submits = $t->submits;

for my $client ('nobody', 'gone') {
    my %on = (client => { maxRetries => 2 });
    my ($refused, $list) = calls($client, {%on},
                                 { %on, method => 'models.list' });
    is_exception($_, $client, 'AuthenticationError', 401, 'invalid_api_key')
        for $refused, $list;
}

is_exception($_, 'another model', 'PermissionDeniedError', 403,
             'permission_denied', 'model') for calls('erin', {});
is(scalar $t->submits, $submits, 'refused: nothing is submitted');


# ---- a rate

my ($first, $over) = calls('carol', {}, {});
is($first->{status}, 200, 'a rate: the first') or diag(explain($first));
is($first->{headers}{'x-ratelimit-limit-requests'}, 1, 'a rate: the headers');
is($first->{headers}{'x-ratelimit-remaining-requests'}, 0, 'a rate: remaining');
my $headers = is_exception($over, 'a rate', 'RateLimitError', 429,
                           'rate_limit_exceeded');
is($headers->{'retry-after'}, 60, 'a rate: Retry-After, as far as it goes');
is($headers->{'x-should-retry'}, undef, 'a rate: to be repeated');

# The package repeats it after what Retry-After says.
my @all = calls('bob', map { { client => { maxRetries => 3 },
                               params => { prompt => "heron $_" } } } 1 .. 3);
is(join(' ', map { $_->{status} // 'none' } @all), '200 200 200',
   'a rate: it waits by itself') or diag(explain(\@all));
cmp_ok($all[1]{seconds} + $all[2]{seconds}, '>', 1, 'a rate: a while');
is($t->submits - $submits, 4, 'a rate: and each was submitted once');


# ---- a budget

$submits = $t->submits;
my $requests = requests();
my ($one, $none) = calls('dave',
                         map { { client => { maxRetries => 2 } } } 1, 2);
is($one->{status}, 200, 'a budget: the first') or diag(explain($one));
$headers = is_exception($none, 'a budget', 'RateLimitError', 429,
                        'insufficient_quota');
is($headers->{'x-should-retry'}, 'false', 'a budget: not to be repeated');
is(requests() - $requests, 2, 'a budget: nor was it');
is($t->submits - $submits, 1, 'a budget: one was submitted');


# ---- as many as may run

$submits = $t->submits;
my @two = map { start_calls('frank', {
    client => { maxRetries => 8 }, params => { prompt => "heron $_" } }) } 1, 2;
ok($_->wait(120), 'two at once: the client ends') for @two;
like($_->stdout, qr/"status":200/, 'two at once: both are served in the end')
    for @two;
is($t->submits - $submits, 2, 'two at once: each was submitted once');

$t->done;
