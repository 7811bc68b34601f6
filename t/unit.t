#!/usr/bin/perl

# The core alone: each program of t/unit speaks TAP, and was linked with
# src/core under ASan and UBSan by "make unit".  A wrong plan and a bad exit code
# (a sanitizer's finding) fail as well as a "not ok".

use strict;
use warnings;

use FindBin;
use TAP::Parser;
use Test::More;

my $root = "$FindBin::Bin/..";
my @names = sort map { m{([^/]+)\.c$} } glob("$root/t/unit/*.c");

plan(skip_all => 'no programs in t/unit') unless @names;

for my $name (@names) {
    my $program = "$root/build/unit/$name";

    subtest $name => sub {
        ok(-x $program, "$program was built")
            or return diag('"make unit" builds it');

        my $parser = TAP::Parser->new({ exec => [$program] });

        while (my $result = $parser->next()) {
            if ($result->is_test()) {
                ok($result->is_ok(), $result->description());

            } elsif ($result->is_comment()) {
                diag($result->comment()) if !$parser->passed();
                note($result->comment());
            }
        }

        is_deeply([$parser->parse_errors()], [], 'its TAP is well-formed');
        is($parser->exit(), 0, 'it exits with 0');
        is($parser->wait(), 0, 'no signal ended it');
    };
}

done_testing();
