#!/usr/bin/perl

# jimeng_dedupe: how long what was asked is remembered, after it is over, and
# for how long a request without a mark is taken for a repeat.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_dedupe',
                                     http => 'jimeng_zone jimeng:1m;');

$d->contexts('jimeng_dedupe 12h unmarked=10m;');
$d->refuses('duplicate', '"jimeng_dedupe" directive is duplicate',
            location => 'jimeng_dedupe 12h; jimeng_dedupe 12h unmarked=1m;');
$d->refuses("$_ arguments",
            'invalid number of arguments in "jimeng_dedupe" directive',
            location => 'jimeng_dedupe ' . '12h ' x $_ . ';') for 0, 3;
$d->accepts('without a zone', http => '', location => 'jimeng_dedupe 1h;');
$d->good('off', '1ms', 30, '12h', '7d', '12h unmarked=10m', '1h unmarked=1ms',
         '1h unmarked=2h', '12h unmarked=off', '12h unmarked=30');
$d->bad(
    [ 0, 'must be greater than 0, or "off"' ], [ -1, 'invalid value' ],
    [ 'x', 'invalid value' ], [ 'on', 'invalid value' ],
    [ '""', 'invalid value' ], [ '0.5h', 'invalid value' ],
);
$d->bad(
    map({ [ "12h $_", qq(\\invalid parameter "$_" in "jimeng_dedupe") ] }
        '12h', 'off', 'unmarked', 'Unmarked=10m', 'marked=10m'),
    [ 'off unmarked=10m',
      '\\invalid parameter "unmarked=10m" in "jimeng_dedupe"' ],
    [ 'off unmarked=off',
      '\\invalid parameter "unmarked=off" in "jimeng_dedupe"' ],
    map { [ "12h unmarked=$_", '\\"unmarked=" in "jimeng_dedupe" takes a time '
                               . qq(above 0, or "off", not "$_") ] }
        '', 0, -1, 'x', 'on', '0.5h', 'offf',
);
$d->refuses('duplicate: off', '"jimeng_dedupe" directive is duplicate',
            location => 'jimeng_dedupe 1h; jimeng_dedupe off;');

$d->test->finish;
done_testing();
