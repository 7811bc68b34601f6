#!/usr/bin/perl

# jimeng_account: where the credentials come from, what is refused, and that
# a value is never printed; how much an account may do; what is sent and
# signed.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

my $secret = 'c2VjcmV0LXRoYXQtbXVzdC1ub3QtYmUtcHJpbnRlZA==';
my $d = Jimeng::Test::Directive->new(
    'jimeng_account', only => [ 'http' ],
    location => 'jimeng_accounts main;',
    env => { KEY => $secret, EMPTY => '', UNSET => undef, WIDE => "a\xc3\xa9",
             BLANK => "$secret $secret" },
);
my $test = $d->test;


# A block of its own beside that of the harness.
sub account {
    my ($lines, $name) = @_;
    $name //= 'other';
    return (http => "jimeng_account $name { $lines }");
}

sub good {
    my ($name, $lines) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $d->accepts("good: $name", account($lines));
}

sub bad {
    my ($name, $lines, $text, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $printed = $d->refuses("bad: $name", $text, account($lines), %opt);
    unlike($printed, qr/\Q$secret\E/, "bad: $name: no secret is printed");
    return;
}


# ---- the block

my $keys = "access_key a; secret_key $secret;";

$d->contexts("jimeng_account other { $keys }");

$d->refuses('an empty name', '"jimeng_account" directive needs a name',
            http => 'jimeng_account "" { access_key a; secret_key b; }');
$d->refuses('no name', 'invalid number of arguments in "jimeng_account" '
            . 'directive', http => "jimeng_account { $keys }");
$d->refuses('two names', 'invalid number of arguments in "jimeng_account" '
            . 'directive', http => "jimeng_account a b { $keys }");
$d->refuses('no block', 'directive "jimeng_account" has no opening "{"',
            http => 'jimeng_account other;');
$d->refuses('duplicate', 'duplicate account "main"',
            http => "jimeng_account main { $keys }");
$d->refuses('a long name', 'name of account "' . 'n' x 65 . '" has more than '
            . '64 bytes', account($keys, 'n' x 65));
$d->refuses('not UTF-8', '"jimeng_account" directive needs a name in UTF-8',
            account($keys, "\xb1\xb8"));
$d->accepts('UTF-8', account($keys, "\xe5\xa4\x87"));
$d->accepts('the longest name', account($keys, 'n' x 64));
$d->accepts('names are told apart by case', account($keys, 'Main'));

bad('a nested block', "$keys extra { }", 'unexpected "{"');
bad('an unknown line', "$keys timeout 5s;",
    'unknown directive "timeout" in "jimeng_account"');
bad('a directive of nginx', "$keys root /x;",
    'unknown directive "root" in "jimeng_account"');

for my $name (qw(access_key secret_key)) {
    my $lines = $keys =~ s/$name \S+;//r;
    bad("no $name", $lines, qq(account "other" has no "$name"));
}

bad('an empty block', '', 'account "other" has no "access_key"');

for my $name (qw(access_key secret_key security_token region service host
                 version))
{
    my $rest = $keys =~ s/$name \S+;//r;
    my $arguments = qq(invalid number of arguments in "$name" directive);

    bad("$name twice", "$rest $name $secret; $name $secret;",
        qq("$name" directive is duplicate));
    bad("$name without a value", "$rest $name;", $arguments);
    bad("$name with two", "$rest $name $secret $secret;", $arguments);
    bad("$name is empty", qq($rest $name "";), qq("$name" is empty));
}


# ---- text: blanks are for the secret key only

good('blanks in a secret key', 'access_key a; secret_key " a b ";');
good('any characters in a secret key',
     "access_key a; secret_key \"\xc3\xa9\";");

for my $name (qw(access_key security_token region service host version)) {
    my $rest = $keys =~ s/$name \S+;//r;

    bad("$name with $_->[0]", "$rest $name $_->[1];",
        qq("$name" has a blank, a control or a non-ASCII character in it))
        for [ 'a blank', qq("a $secret") ], [ 'a tab', qq("$secret\ta") ],
            [ 'a line break', qq("$secret\\r\\nX: y") ],
            [ 'DEL', "$secret\x7f" ], [ 'UTF-8', "\xc3\xa9$secret" ],
            [ 'a blank from the environment', 'env:BLANK' ];
}


# ---- Ark's: one key, and a way of its own

my $ark = "api_key $secret;";

$d->contexts("jimeng_account other { $ark }");
good('a key of Ark', $ark);
good('a key of Ark, a host and a way', "$ark host ark.example; pass /_ark;");
good('a way of its own, without Ark', "$keys pass /_other;");

bad("api_key and $_", "$ark $_ $secret;", 'account "other" has an "api_key", '
    . qq(which is Ark's, and "$_", which Ark does not know: make two )
    . 'accounts of it')
    for qw(access_key secret_key security_token region service version);
bad('all keys', "$ark $keys", 'account "other" has an "api_key", which is '
    . 'Ark\'s, and "access_key", which Ark does not know: make two accounts '
    . 'of it');

bad('api_key twice', "$ark $ark", '"api_key" directive is duplicate');
bad('api_key without a value', 'api_key;',
    'invalid number of arguments in "api_key" directive');
bad('api_key with two', "api_key $secret $secret;",
    'invalid number of arguments in "api_key" directive');
bad('api_key is empty', 'api_key "";', '"api_key" is empty');
bad("api_key with $_->[0]", "api_key $_->[1];", '"api_key" has a blank, a '
    . 'control or a non-ASCII character in it')
    for [ 'a blank', qq("a $secret") ], [ 'a line break', qq("$secret\\r\\nX: y") ],
        [ 'UTF-8', "\xc3\xa9$secret" ],
        [ 'a blank from the environment', 'env:BLANK' ];

good('api_key, env:', 'api_key env:KEY;');
bad('api_key, env: not set', 'api_key env:UNSET;', '"api_key" takes its value '
    . 'from the environment variable "UNSET", which is not set');
bad('api_key, file: missing', 'api_key file:nowhere;', '"api_key": open() '
    . '"DIR/nowhere" failed (2: No such file or directory)');

my $pass = '"pass" takes the URI of an internal location, as "/_ark", not ';

bad("pass $_", "$ark pass $_;", $pass . '"' . s/"//gr . '"')
    for 'ark', '_ark', '""', 'https://ark/', '/_ark?a=b';
bad('pass twice', "$ark pass /a; pass /b;", '"pass" directive is duplicate');
bad('pass without a value', "$ark pass;",
    'invalid number of arguments in "pass" directive');
bad('pass with two', "$ark pass /a /b;",
    'invalid number of arguments in "pass" directive');


# ---- env:

good('env:', 'access_key env:KEY; secret_key env:KEY;');

for my $name (qw(access_key secret_key)) {
    my $rest = $keys =~ s/$name \S+;//r;
    my $from = qq("$name" takes its value from the environment variable);

    bad("$name, env: not set", "$rest $name env:UNSET;",
        qq($from "UNSET", which is not set));
    bad("$name, env: empty", "$rest $name env:EMPTY;",
        qq($from "EMPTY", which is empty));
    bad("$name, env: without a name", "$rest $name env:;",
        qq($from "", which is not set));
}

bad('env: UTF-8', "secret_key $secret; access_key env:WIDE;",
    '"access_key" has a blank, a control or a non-ASCII character in it');


# ---- file:

my $dir = $test->dir;
my %files = (
    plain => $secret, newline => "$secret\n", crlf => "$secret\r\n",
    many => "$secret\n\n \n", empty => '', 'only-newlines' => "\n\r\n",
    largest => 'x' x 4096, larger => 'x' x 4097,
    'two-lines' => "$secret\n$secret\n",
);

$test->write_file($_, $files{$_}) for keys %files;

good("file: $_", "access_key file:$_; secret_key file:$dir/$_;")
    for qw(plain newline crlf many largest);

bad('file: missing', "access_key a; secret_key file:nowhere;",
    '"secret_key": open() "DIR/nowhere" failed '
    . '(2: No such file or directory)');
bad('file: empty', "access_key a; secret_key file:$_;",
    qq("secret_key": file "DIR/$_" is empty)) for qw(empty only-newlines);
bad('file: too large', 'access_key a; secret_key file:larger;',
    '"secret_key": "DIR/larger" is no regular file, or is over 4096 bytes');
bad('file: a directory', "access_key a; secret_key file:$dir;",
    '"secret_key": "DIR" is no regular file, or is over 4096 bytes');
bad('file: two lines', "access_key file:two-lines; secret_key $secret;",
    '"access_key" has a blank, a control or a non-ASCII character in it');

symlink 'loop', "$dir/loop" or die $!;
bad('file: cannot be opened', 'access_key file:loop; secret_key a;',
    '"access_key": open() "DIR/loop" failed '
    . '(40: Too many levels of symbolic links)');

SKIP: {
    skip 'root can read everything', 2 if $> == 0;

    chmod 0, "$dir/plain";
    bad('file: not permitted', 'access_key a; secret_key file:plain;',
        '"secret_key": open() "DIR/plain" failed (13: Permission denied)');
}


# ---- how much it may do

my $zone = 'jimeng_zone shared:64m;';

sub limited {
    my ($lines) = @_;
    return (http => "$zone jimeng_account other { $keys $lines }");
}

$d->accepts("good: $_", limited($_))
    for 'concurrency 1;', 'concurrency 65535; queue off;',
        'concurrency 2; queue 1;', 'weight 3; concurrency 2;',
        'queue 65535 timeout=1ms; concurrency 1;',
        'concurrency 2; queue 100 timeout=2m; interval 500ms; weight 65535;',
        'concurrency 1; interval 0;', 'concurrency 1; interval 1s;';

for my $name (qw(concurrency weight)) {
    $d->refuses("bad: $name $_", qq("$name" takes a number from 1 to 65535, )
                . qq(not "$_"), limited("$name $_;"))
        for qw(0 -1 1.5 65536 99999999999999999999 x 2x off);
}

$d->accepts("good: rate $_", limited("concurrency 1; rate $_;"))
    for qw(1r/m 500r/m 65535r/m);
$d->accepts('good: rate of Ark', http => "$zone jimeng_account other { $ark "
            . 'concurrency 20; queue 50 timeout=30s; interval 1ms; weight 2; '
            . 'rate 500r/m; }');

for my $value (qw(0r/m 65536r/m -1r/m 500 500r/s r/m /m 1.5r/m 500R/M x))
{
    $d->refuses("bad: rate $value", '"rate" takes a number of pictures a '
                . qq(minute, from 1r/m to 65535r/m, not "$value"),
                limited("concurrency 1; rate $value;"));
}

for my $value (qw(0 -1 65536 many on)) {
    $d->refuses("bad: queue $value", '"queue" takes a number from 1 to 65535, '
                . qq(or "off", not "$value"),
                limited("concurrency 1; queue $value;"));
}

for my $value (qw(timeout= timeout=0 timeout=0s timeout=x timeout 5s Timeout=5s
                  timeout=-1))
{
    $d->refuses("bad: queue 1 $value", qq(invalid parameter "$value" in )
                . '"queue", it may be "timeout=" and a time above 0',
                limited("concurrency 1; queue 1 $value;"));
}

$d->refuses('bad: queue off, and more', '"queue" directive takes nothing else '
            . 'with "off"', limited('concurrency 1; queue off timeout=1s;'));
$d->refuses("bad: interval $_", '"interval" takes a time, as "500ms", not '
            . qq("$_"), limited("concurrency 1; interval $_;"))
    for qw(x -1 1.5s 5ss);

for my $case ([ concurrency => 1 ], [ queue => 5 ], [ queue => 'off' ],
              [ interval => '1s' ], [ weight => 1 ], [ rate => '9r/m' ])
{
    my ($name, $value) = @$case;
    my $arguments = qq(invalid number of arguments in "$name" directive);
    my $many = $name eq 'queue' ? "$value timeout=1s x" : "$value $value";

    $d->refuses("$name $value twice", qq("$name" directive is duplicate),
                limited("$name $value; $name $value;"));
    $d->refuses("$name without a value", $arguments, limited("$name;"));
    $d->refuses("$name with too much", $arguments, limited("$name $many;"));

    $d->refuses("$name $value without slots", qq("$name" of account "other" )
                . 'needs "concurrency"', limited("$name $value;"))
        if $name ne 'concurrency';
}

$d->refuses('slots without a zone', '"concurrency" of account "other" needs a '
            . '"jimeng_zone"', account("$keys concurrency 1;"));
my $many = join ' ', map { "jimeng_account other-$_ { $keys }" } 1 .. 64;

$d->accepts('any number of accounts', http => $many);
$d->refuses('a zone and too many accounts', 'there are more than 64 accounts, '
            . 'which a "jimeng_zone" has no room for', http => "$zone $many");
$d->accepts('slots before the zone', http => "jimeng_account other { $keys "
            . "concurrency 1; } $zone");


# ---- credentials from files are good to sign with, and the token is signed

my $token = 'STSeyJ0b2tlbiI6InRoZS10b2tlbiJ9=';
my $t = Jimeng::Test->new(
    emulator => { seconds => 0, security_token => $token },
    poll_interval => '5ms', strict => 1, start => 0,
    account => 'access_key file:ak; secret_key file:%%DIR%%/sk; '
               . 'security_token file:token;',
);

$t->write_file('ak', $t->access_key . "\n");
$t->write_file('sk', $t->secret_key . "\r\n");
$t->write_file('token', $token);
$t->start;

is($t->generate({})->status, 200, 'keys from files, and a token');

for my $row ($t->emulator->journal) {
    is($row->{headers}{'x-security-token'}, $token,
       "$row->{action}: the token is sent");
    like($row->{headers}{authorization},
         qr/;host;x-content-sha256;x-date;x-security-token, Signature=/,
         "$row->{action}: the token is signed");
    is($row->{signature}, 'ok', "$row->{action}: the signature is right");
}

$t->finish;


# ---- region, service, host and version are what is signed

my $auth_failed = qr/^The image provider refused this service's access; the/;

for my $case (
    [ 'region', 'region cn-beijing;', qr{/cn-beijing/cv/request,} ],
    [ 'service', 'service env:SERVICE;', qr{/cn-north-1/other/request,} ],
    [ 'host', 'host visual.example:8443;', qr{/cn-north-1/cv/request,} ],
    [ 'region for BytePlus', 'region ap-singapore-1;',
      qr{/ap-singapore-1/cv/request,} ],
) {
    my ($name, $line, $scope) = @$case;
    my $t = Jimeng::Test->new(
        emulator => { seconds => 0 }, account => $line,
        env => { SERVICE => 'other' },
    );

    is_error($t->generate({}), "$name is not the upstream's", 502,
             'upstream_auth_failed', retry => 0, message => $auth_failed);
    like(($t->submits)[0]{headers}{authorization}, $scope,
         "$name: the scope of the signature");
    isnt(($t->submits)[0]{signature}, 'ok', "$name: the signature");
    is(scalar $t->emulator->journal, 1, "$name: not tried again");

    $t->log_like(qr/\[error\].*check the keys, the clock, that the service is/,
                 "$name: the log says what to look at");
    $t->finish;
}

$t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    account => 'host visual.example:8443;',
    proxy => 'proxy_set_header Host visual.example:8443;',
);
is($t->generate({})->status, 200, 'a host of one\'s own, sent as it is signed');
is(($t->submits)[0]{headers}{host}, 'visual.example:8443', 'host: sent');
$t->finish;


# ---- BytePlus, and a version that is another than the upstream's

my %byteplus = (region => 'ap-singapore-1', version => '2024-06-06');

$t = Jimeng::Test->new(
    emulator => { seconds => 0, %byteplus }, poll_interval => '5ms',
    strict => 1, env => { VERSION => '2024-06-06' },
    account => 'host cv.byteplusapi.com; region ap-singapore-1; '
               . 'version env:VERSION;',
    proxy => 'proxy_set_header Host cv.byteplusapi.com;',
);
is($t->generate({ response_format => 'b64_json' })->status, 200, 'BytePlus');
is(scalar $t->emulator->journal, 3, 'BytePlus: a submit and two queries');

for my $row ($t->emulator->journal) {
    is($row->{query}, "Action=$row->{action}&Version=2024-06-06",
       'BytePlus: the query string');
    is($row->{signature}, 'ok', 'BytePlus: it is what was signed');
    is($row->{headers}{host}, 'cv.byteplusapi.com', 'BytePlus: the host');
    like($row->{headers}{authorization}, qr{/ap-singapore-1/cv/request,},
         'BytePlus: the scope');
}

$t->finish;

for my $case ([ 'the default', '' ], [ 'what has to be escaped',
                                       'version a&Action=b+c%20/;' ])
{
    my ($name, $line) = @$case;
    my $t = Jimeng::Test->new(emulator => { seconds => 0, %byteplus },
                              account => "$line region ap-singapore-1;");

    is_error($t->generate({}), "$name is not the upstream's version", 502,
             'upstream_error');
    my ($row) = $t->emulator->journal;
    is($row->{code}, 'InvalidActionOrVersion', "$name: what it said");
    is($row->{signature}, 'ok', "$name: signed as it was sent");
    is($row->{query} =~ s/^Action=\w+&Version=//r,
       $line ? 'a%26Action%3Db%2Bc%2520%2F' : '2022-08-31', "$name: sent");
    $t->finish;
}

done_testing();
