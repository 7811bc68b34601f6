package Jimeng::Test::Tree;

# A small tree of files, for the tools that judge one.
#
#   my ($status, $said) = run_on_tree('floors', %files);
#                             t/tools/floors on these, path => text, in a
#                             directory of their own: its wait status, and
#                             what it printed

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp ();
use Jimeng::Test::Nginx;

our @EXPORT = qw(run_on_tree);


sub run_on_tree {
    my ($name, %files) = @_;
    my $tool = Jimeng::Test::Nginx::root() . "/t/tools/$name";
    my $tree = File::Temp->newdir("jimeng-$name-XXXXXX", TMPDIR => 1);

    for my $path (keys %files) {
        make_path(dirname("$tree/$path"));

        open my $out, '>', "$tree/$path" or die "$path: $!";
        print $out $files{$path};
        close $out or die "$path: $!";
    }

    open my $in, '-|', $tool, "$tree" or die "$tool: $!";
    my $said = do { local $/; <$in> };
    close $in;

    return ($?, $said // '');
}

1;
