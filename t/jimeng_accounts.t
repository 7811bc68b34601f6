#!/usr/bin/perl

# jimeng_accounts: which account a location uses.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $second = 'jimeng_account second { access_key ak-two; secret_key sk-two; }';
my $third = 'jimeng_account third { access_key ak-three; secret_key sk-3; }';

my $d = Jimeng::Test::Directive->new('jimeng_accounts');

$d->common('main');
$d->good('main', '"main"');
$d->bad([ 'none', '\\unknown account "none" in "jimeng_accounts"' ],
        [ '""', '\\unknown account "" in "jimeng_accounts"' ],
        [ 'Main', '\\unknown account "Main" in "jimeng_accounts"' ]);

my $several = 'there are several accounts: "jimeng_pass" needs '
              . '"jimeng_accounts" to choose one';

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
