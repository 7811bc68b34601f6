#!/usr/bin/perl

# Keys, tokens, signatures and prompts are in no log, no reply and no message
# of nginx -t; and what README says of the debug log is true: the canonical
# request that it shows is the one that was signed, but for the token.
#
# Seen failing: with an unmasked canonical request in the debug log; with the
# gateway's text in the log on an access that was refused.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error log_of);

use constant {
    TOKEN      => 'STStokentokentoken' . 'x' x 900,
    CLIENT_KEY => 'sk-the-clients-own-key-for-somebody',
    PROMPT     => 'a prompt that nobody but the provider may read',
};

my %emulator = (seconds => 0.1, security_token => TOKEN);

sub ask {
    my ($t, $name, $prompt) = @_;
    my (undef, undef, $headers, $body)
        = $t->generation({ prompt => $prompt // PROMPT });

    $headers->{Authorization} = 'Bearer ' . CLIENT_KEY;

    return $t->request('POST', "/v1/$name/images/generations", $headers,
                       $body);
}

# What the gateway may say when it refuses a signature: all that it was sent.
sub refusal {
    my ($name, $status) = @_;

    return { do => 'answer', status => $status, body => { ResponseMetadata => {
        RequestId => 'R1', Error => { Code => $name, Message =>
            'x-security-token:' . TOKEN . ' for ' . PROMPT } } } };
}


# ---- at info

my $t = Jimeng::Test->new(
    emulator => \%emulator, poll_interval => '50ms',
    location => 'jimeng_poll_attempts 5;',
);

# What the gateway is made to say is in its journal no more than in our log.
$t->secret(PROMPT, CLIENT_KEY, 'x-security-token:', 'Signature=');

is(ask($t, 'good')->status, 200, 'a picture');

for my $trigger (qw(50413 50500@submit 50511 done:50500 50429@query
                    InternalError@submit not_found))
{
    cmp_ok(ask($t, 'bad', PROMPT . " [[$trigger]]")->status, '>=', 400,
           "an error: $trigger");
}

for my $row (
    [ 'SignatureDoesNotMatch', 401 ],
    [ 'InvalidSecretToken', 401 ],
    [ 'InvalidTimestamp', 403 ],
    [ 'InvalidCredential', 400 ],
    [ 'NotInAnyDocument', 401 ],
    [ 'NotInAnyDocument', 403 ],
) {
    my ($name, $status) = @$row;

    $t->emulator->fault({ on => 'submit', %{ refusal($name, $status) } });
    is_error($t, ask($t, "$name-$status"), "$name, $status, at the submit",
             code => 'upstream_auth_failed', no_retry => 1);

    $t->emulator->fault({ on => 'query', %{ refusal($name, $status) } });
    is(ask($t, "$name-$status-query")->status, 200,
       "$name, $status, at a query: trouble");

    for my $path (map { "/v1/$name-$status$_/images/generations" }
                  '', '-query')
    {
        my @log = log_of($t, $path);
        is(@log, 1, "$path: one line in the log");
        like($log[0], qr/upstream code: "$name", text: "check the keys/,
             "$path: it says what to look at, and not what was said");
    }
}

$t->emulator->fault({ on => 'submit', do => 'refuse' });
is(ask($t, 'refused')->status, 502, 'no connection');
$t->emulator->clear_faults;

my @signed = grep { $_->{signature} eq 'ok' } $t->emulator->journal;
cmp_ok(scalar(@signed), '>', 10, 'signatures were there to be logged');
is(scalar(grep { index($_->{headers}{authorization}, CLIENT_KEY) >= 0 }
               @signed), 0, "a client's own key goes nowhere");
is($signed[0]{headers}{'x-security-token'}, TOKEN, 'the token was sent');

$t->finish;


# ---- at debug

SKIP: {
    skip 'this nginx was built without --with-debug', 1
        unless Jimeng::Test::Nginx::about() =~ /--with-debug/;

    my $t = Jimeng::Test->new(
        emulator => \%emulator, poll_interval => '50ms', log_level => 'debug',
    );

    is(ask($t, 'debug')->status, 200, 'debug: a picture');

    my $log = $t->error_log;
    my @sent = $t->emulator->journal;

    for my $row (@sent) {
        my $canonical = canonical($row) =~ s/\Q@{[ TOKEN ]}\E/***/r;
        ok(index($log, "jimeng canonical request:\n$canonical") >= 0,
           "debug: the canonical request of $row->{action}")
            or diag($canonical);
    }

    # A record goes on until a line that starts with a date.
    my @records = split m{^(?=\d{4}/\d\d/\d\d )}m, $log;
    my @ours = grep { / \*\d+ jimeng[: ]/ } @records;
    my %shown;

    for my $record (@ours) {
        $shown{token} = 1 if index($record, TOKEN) >= 0;
        $shown{prompt} = 1 if index($record, PROMPT) >= 0;
        $shown{key} = 1 if index($record, $t->secret_key) >= 0;

        for my $row (@sent) {
            my ($signature) = $row->{headers}{authorization} =~ /(\w+)$/;
            $shown{signature} = 1 if index($record, $signature) >= 0;
        }
    }

    cmp_ok(scalar(@ours), '>=', @sent * 2, 'debug: lines of our own');
    is(join(', ', sort keys %shown), '', 'debug: without secrets and prompts');

    $t->finish;
}

# The six parts, of what was sent.
sub canonical {
    my ($row) = @_;
    my $headers = $row->{headers};
    my ($names) = $headers->{authorization} =~ /SignedHeaders=([^,]+)/;

    return join "\n", $row->{method}, $row->{path}, $row->{query},
        (map { "$_:$headers->{$_}" } split /;/, $names), '', $names,
        $headers->{'x-content-sha256'};
}


# ---- nginx -t

my $value = 'dGhlLXZhbHVlLXRoYXQtbm9ib2R5LW1heS1zZWU9PQ';
my $check = Jimeng::Test->new(emulator => 0, start => 0);

my %file = (
    blank   => $check->write_file('blank', "$value $value"),
    control => $check->write_file('control', "$value\x01"),
    foreign => $check->write_file('foreign', "$value\xe9"),
    lines   => $check->write_file('lines', "$value\n$value\n"),
    long    => $check->write_file('long', $value x 1000),
);

my @rows = (
    [ 'twice', "secret_key $value; secret_key $value;", qr/duplicate/ ],
    [ 'two values', "secret_key $value $value;", qr/number of arguments/ ],
    [ 'no name of a parameter', "secretkey $value;", qr/"secretkey"/ ],
    [ 'no end', "secret_key $value", qr/unexpected|not terminated/ ],
    [ 'no end of quotes', qq(secret_key "$value;), qr/unexpected/ ],
    [ 'a blank', qq(access_key "$value $value";), qr/blank/ ],
    [ 'letters', qq(access_key "$value\xe9";), qr/non-ASCII/ ],
    [ 'an empty file name', "access_key $value; secret_key file:;", qr/./ ],
    (map { [ "a file: $_", "access_key file:$file{$_};", qr/access_key/ ] }
        sort keys %file),
    [ 'a long secret', "secret_key file:$file{long};", qr/secret_key/ ],
    [ 'the environment', 'access_key env:JIMENG_TEST_BLANK;', qr/blank/ ],
    [ 'a token', "security_token file:$file{control};", qr/security_token/ ],
);

for my $row (@rows) {
    my ($name, $account, $said) = @$row;
    my ($rc, $message) = $check->test_config(
        account => $account, env => { JIMENG_TEST_BLANK => "$value $value" });

    ok($rc != 0, "nginx -t, $name: refused");
    like($message, $said, "nginx -t, $name: it says why");
    unlike($message, qr/\Q$value\E/, "nginx -t, $name: without the value");
}

$check->finish;
done_testing();
