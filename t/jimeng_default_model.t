#!/usr/bin/perl

# jimeng_default_model: when a request names none.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_default_model');
my $unknown = sub { qq(unknown model "$_[0]" in "jimeng_default_model", )
                    . 'add it with "jimeng_model"' };

$d->common('jimeng-4.6');
$d->good('jimeng_t2i_v40', 'jimeng-4.0', 'jimeng-4.6',
         'doubao-seedream-4-0-250828');
$d->bad(map { [ $_, '\\' . $unknown->($_) ] }
        'jimeng-4.5', 'dall-e-3', 'JIMENG-4.6');
$d->bad([ '""', '\\' . $unknown->('') ]);

$d->accepts('a model of one\'s own', location =>
            'jimeng_default_model a; jimeng_model a b;');
$d->accepts('a model of one\'s own, both inherited', http =>
            'jimeng_default_model a; jimeng_model a b;');
$d->refuses('a model that is not inherited', $unknown->('a'),
            http => 'jimeng_model a b;', location =>
            'jimeng_model c d; jimeng_default_model a;');
$d->refuses('an unknown model, inherited', $unknown->('a'),
            http => 'jimeng_default_model a;');
$d->accepts('a model of another service, where nothing was said',
            http => 'jimeng_account a { api_key k; }',
            location => 'jimeng_accounts main;', server => <<'EOT');
        location /a/ {
            jimeng_pass /_volcengine;
            jimeng_accounts a;

            location /a/visual/ {
                jimeng_pass /_volcengine;
                jimeng_accounts main;
            }
        }
EOT
$d->refuses('a model of another service', $unknown->('jimeng-4.6'),
            http => 'jimeng_account a { api_key k; }', location =>
            'jimeng_accounts a; jimeng_default_model jimeng-4.6;');
$d->accepts('an unknown model where nothing is served',
            server => 'location /other/ { jimeng_default_model a; }');


my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    server => <<'EOT',
        jimeng_default_model jimeng-4.6;

        location /inherits/ { jimeng_pass /_volcengine; }
        location /own/ {
            jimeng_pass /_volcengine;
            jimeng_model mine jimeng_seedream46_cvtob scale=none;
            jimeng_default_model mine;
        }
EOT
    location => 'jimeng_default_model jimeng-4.0;',
);

my %expected = (
    v1 => [ 'jimeng_t2i_v40', 0.5 ],
    inherits => [ 'jimeng_seedream46_cvtob', 50 ],
    own => [ 'jimeng_seedream46_cvtob', undef ],
);

for my $path (sort keys %expected) {
    for my $model ('', ',"model":null', ',"model":"jimeng_t2i_v40"') {
        my $r = $t->request('POST', "/$path/images/generations",
                            { 'Content-Type' => 'application/json' },
                            qq({"prompt":"a boat","scale":0.5$model}));
        my $body = ($t->submits)[-1]{json};
        my $expected = $model =~ /v40/ ? [ 'jimeng_t2i_v40', 0.5 ]
                                       : $expected{$path};

        is($r->status, 200, "$path$model: a picture");
        is_deeply([ @$body{qw(req_key scale)} ], $expected,
                  "$path$model: what is sent");
    }
}

$t->finish;

$t = Jimeng::Test->new(emulator => { seconds => 0 }, poll_interval => '5ms');
is($t->generate({})->json->{model}, 'jimeng_t2i_v40', 'Jimeng 4.0 by default');
$t->done;
