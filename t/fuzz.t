#!/usr/bin/perl

# The corpus of each fuzz target, replayed under ASan and UBSan: what the fuzzer
# once found stays fixed.  "make fuzz" looks for more.

use strict;
use warnings;

use FindBin;
use Test::More;

my $root = "$FindBin::Bin/..";
my @names = sort grep { $_ ne 'replay' }
    map { m{([^/]+)\.c$} } glob("$root/t/fuzz/*.c");

plan(skip_all => 'no targets in t/fuzz') unless @names;

for my $name (@names) {
    my $program = "$root/build/replay/$name";

    subtest $name => sub {
        ok(-x $program, "$program was built")
            or return diag('"make replay" builds it');

        opendir(my $dir, "$root/t/fuzz/corpus/$name")
            or return fail("t/fuzz/corpus/$name: $!");
        my @files = map { "$root/t/fuzz/corpus/$name/$_" }
            grep { !/^\./ } sort readdir($dir);
        closedir($dir);

        cmp_ok(scalar @files, '>', 0, 'it has a corpus');

        my $output = replay($program, @files);

        is($?, 0, scalar(@files) . ' inputs replayed') or diag($output);
    };
}

done_testing();


# The end of what the program says: the input that it was at, and why it died.

sub replay {
    my @command = @_;

    my $pid = open(my $pipe, '-|') // die("fork: $!");

    if ($pid == 0) {
        open(STDERR, '>&', \*STDOUT) or die("dup: $!");
        exec(@command) or die("$command[0]: $!");
    }

    my @lines = <$pipe>;
    close($pipe);

    my $start = 0;
    for my $i (0 .. $#lines) {
        $start = $i if $lines[$i] =~ /^# /;
    }

    return join('', grep { defined } @lines[$start .. $start + 30]);
}
