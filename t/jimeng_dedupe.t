#!/usr/bin/perl

# jimeng_dedupe: how long what was asked is remembered, after it is over.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_dedupe',
                                     http => 'jimeng_zone jimeng:1m;');

$d->common('12h');
$d->accepts('without a zone', http => '', location => 'jimeng_dedupe 1h;');
$d->good('off', '1ms', 30, '12h', '7d');
$d->bad(
    [ 0, 'must be greater than 0, or "off"' ], [ -1, 'invalid value' ],
    [ 'x', 'invalid value' ], [ 'on', 'invalid value' ],
    [ '""', 'invalid value' ], [ '0.5h', 'invalid value' ],
);
$d->refuses('duplicate: off', '"jimeng_dedupe" directive is duplicate',
            location => 'jimeng_dedupe 1h; jimeng_dedupe off;');

$d->test->finish;
done_testing();
