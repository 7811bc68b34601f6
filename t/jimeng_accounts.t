#!/usr/bin/perl

# jimeng_accounts: which accounts a location uses.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $second = 'jimeng_account second { access_key ak-two; secret_key sk-two; }';
my $third = 'jimeng_account third { access_key ak-three; secret_key sk-3; }';

my $d = Jimeng::Test::Directive->new('jimeng_accounts');

$d->contexts('jimeng_accounts main;');
$d->refuses('duplicate', '"jimeng_accounts" directive is duplicate',
            location => 'jimeng_accounts main; jimeng_accounts main;');
$d->refuses('no argument', 'invalid number of arguments in "jimeng_accounts" '
            . 'directive', location => 'jimeng_accounts;');
$d->good('main', '"main"');
$d->bad([ 'none', '\\unknown account "none" in "jimeng_accounts"' ],
        [ '""', '\\unknown account "" in "jimeng_accounts"' ],
        [ 'Main', '\\unknown account "Main" in "jimeng_accounts"' ]);

my $several = 'there are several accounts: "jimeng_pass" needs '
              . '"jimeng_accounts" to choose';

$d->refuses('two accounts and no choice', $several, http => $second);
$d->accepts('two accounts and a choice', http => $second,
            location => 'jimeng_accounts second;');
$d->accepts('two accounts and a choice above', http => $second,
            server => 'jimeng_accounts second;');
$d->refuses('a choice in another location', $several, http => $second,
            server => 'location /other/ { jimeng_accounts main; }');
$d->accepts('an account that is defined later', location =>
            'jimeng_accounts second;', http => "jimeng_size fit; $second");
$d->refuses('an unknown account, inherited',
            'unknown account "none" in "jimeng_accounts"',
            http => 'jimeng_accounts none;');
$d->accepts('an unknown account where nothing is served',
            server => 'location /other/ { jimeng_accounts none; }');


# ---- several

my %conf = (
    http => 'jimeng_zone shared:10m;'
            . 'jimeng_account a { access_key a; secret_key s; concurrency 1; }'
            . 'jimeng_account b { access_key b; secret_key s; concurrency 2; }'
            . 'jimeng_account c { access_key c; secret_key s; }',
);

my $slots = 'account "c" has no "concurrency", which several accounts in '
            . '"jimeng_accounts" need';

$d->accepts("several: $_", %conf, location => "jimeng_accounts $_;")
    for 'a', 'c', 'a b', 'b a';
$d->refuses("several: $_", $slots, %conf, location => "jimeng_accounts $_;")
    for 'a c', 'c a', 'a b c';
$d->refuses('several: one without slots, inherited', $slots, %conf,
            server => 'jimeng_accounts b c;');
$d->accepts('several: one without slots, where nothing is served', %conf,
            location => 'jimeng_accounts a;',
            server => 'location /other/ { jimeng_accounts b c; }');
$d->refuses('several: an unknown one', 'unknown account "d" in '
            . '"jimeng_accounts"', %conf, location => 'jimeng_accounts a d;');
$d->refuses('several: one twice', 'duplicate account "a" in '
            . '"jimeng_accounts"', %conf,
            location => 'jimeng_accounts a b a;');


# ---- who is asked to pay

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 },
    http => "$second $third jimeng_accounts second;",
    location => 'jimeng_accounts main;',
    server => <<'EOT',
        location /http/ { jimeng_pass /_volcengine; }
        location /third/ {
            jimeng_accounts third;
            jimeng_pass /_volcengine;

            location /third/nested/ { jimeng_pass /_volcengine; }
            location /third/other/ {
                jimeng_accounts main;
                jimeng_pass /_volcengine;
            }
        }
EOT
);

my %expected = (
    v1 => [ 'main', $t->access_key ], http => [ 'second', 'ak-two' ],
    third => [ 'third', 'ak-three' ], 'third/nested' => [ 'third', 'ak-three' ],
    'third/other' => [ 'main', $t->access_key ],
);
my $lines = 0;

for my $path (sort keys %expected) {
    my ($name, $key) = @{ $expected{$path} };

    $t->request('POST', "/$path/images/generations",
                { 'Content-Type' => 'application/json' },
                '{"prompt":"a boat on account"}');

    my ($used) = ($t->submits)[-1]{headers}{authorization}
                 =~ m{Credential=([^/]+)/};
    is($used, $key, "$path: the key");
    is(($t->access_lines(++$lines))[-1]{jimeng_account}, $name,
       "$path: in the log");
}

$t->done;
