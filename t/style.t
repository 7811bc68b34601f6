#!/usr/bin/perl

# t/tools/style on a small tree: what it says of headers.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my %tree = (
    'Makefile' => '',
    'config' => '',
    '.ci/run' => '',
    'src/base/base.h' => header(120),
    'src/core/text/jm_a.h' => header(120),
    'src/core/text/jm_b.h' => header(1)
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
    my %files = (%tree, @_);

    my $dir = tempdir('jimeng-style-XXXXXX', TMPDIR => 1, CLEANUP => 1);

    for my $path (keys(%files)) {
        make_path(dirname("$dir/$path"));

        open(my $out, '>', "$dir/$path") or die("$path: $!");
        print($out $files{$path});
        close($out) or die("$path: $!");
    }

    make_path("$dir/t/tools");
    copy("$FindBin::Bin/tools/style", "$dir/t/tools/style") or die("style: $!");

    open(my $in, '-|', $^X, "$dir/t/tools/style") or die("style: $!");
    my $said = do { local $/; <$in> };
    close($in);

    return ($?, $said // '');
}
