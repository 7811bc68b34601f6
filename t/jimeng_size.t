#!/usr/bin/perl

# jimeng_size: what becomes of a size below the model's floor.  The sizes
# themselves are in size.t.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_size');

$d->common('strict');
$d->good('fit', 'strict');
$d->bad(
    [ 'loose', '\\invalid value "loose"' ], [ 'on', '\\invalid value "on"' ],
    [ '""', '\\invalid value ""' ], [ 'fit_', '\\invalid value "fit_"' ],
);


# ---- the default, and who inherits what

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms',
    http => 'jimeng_size strict;',
    server => <<'EOT',
        location /inherits/ { jimeng_pass /_volcengine; }
        location /fit/ { jimeng_pass /_volcengine; jimeng_size fit; }
        location /outer/ {
            jimeng_size fit;
            location /outer/inner/ { jimeng_pass /_volcengine; }
        }
EOT
);

my %expected = (inherits => 400, fit => 200, 'outer/inner' => 200);

sub status {
    my ($t, $path) = @_;
    return $t->request('POST', "/$path/images/generations",
                       { 'Content-Type' => 'application/json' },
                       '{"prompt":"a small boat","size":"512x512"}')->status;
}

is(status($t, $_), $expected{$_}, $_) for sort keys %expected;
$t->finish;

$t = Jimeng::Test->new(emulator => { seconds => 0 }, poll_interval => '5ms');
is(status($t, 'v1'), 200, 'fit by default');
is(($t->submits)[0]{json}{width}, 1024, 'fit by default: what is sent');
$t->done;
