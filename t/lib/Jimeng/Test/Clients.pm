package Jimeng::Test::Clients;

# For tests of other people's clients, which t/tools/clients installs.
#
#   need_clients();       the test is skipped without them, and in CI it fails

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

our @EXPORT = qw(need_clients);


sub need_clients {
    my $why = `t/tools/clients 2>&1`;

    return if $? == 0;

    chomp $why;
    plan(skip_all => $why) if !$ENV{CI};
    fail("the clients are there: $why");
    done_testing();
    exit;
}


1;
