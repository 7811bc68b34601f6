#!/usr/bin/perl

# t/tools/style on a small tree: what it says of headers.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test::Tree;
use Test::More;

my %tree = (
    'Makefile' => '',
    'config' => '',
    '.ci/run' => '',
    'src/base/base.h' => header(120),
    'src/core/text/jm_a.h' => header(120),
    'src/core/text/jm_b.h' => header(1),
    't/a.t' => ''
);

my ($rc, $said) = style();
is($rc, 0, 'one header a floor of the glue, of 120 lines, passes');
is($said, '', 'and nothing is said of it');

($rc, $said) = style('src/core/text/jm_a.h' => header(121));
isnt($rc, 0, 'a header of 121 lines fails');
is($said, "src/core/text/jm_a.h:121: header of more than 120 lines\n",
   'and is named');

($rc, $said) = style('src/base/other.h' => header(1));
isnt($rc, 0, 'a second header of a floor of the glue fails');
is($said, "src/base/other.h:1: floor \"base\" has another header: "
          . "src/base/base.h\n", 'and both are named');

done_testing();


sub header {
    return "int a;\n" x shift;
}


# Returns the exit code and what was said, on a tree of its own.

sub style {
    return run_on_tree('style', %tree, @_);
}
