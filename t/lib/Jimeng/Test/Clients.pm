package Jimeng::Test::Clients;

# For tests of other people's clients, which t/tools/clients installs, with the
# node that they ask for.
#
#   need_clients();       the test is skipped without them, and in CI it fails
#   my $chromium = need_browser();        likewise, with Debian's browser
#   my $why = no_clients();               why they are not there, if so
#   my $process = start_client($dir, 'openai.mjs', \@arguments, env => {...});
#                         a program of t/clients, in that directory
#   my @answers = answers_of($process);   its lines of JSON, when it has ended
#   my $sums = sums_of($answers[0]);      the SHA-256 of each of its images

use strict;
use warnings;

use Exporter qw(import);
use File::Spec::Functions qw(rel2abs);
use JSON::PP ();
use Test::More;
use Jimeng::Test::Process;

our @EXPORT = qw(
    answers_of need_browser need_clients no_clients start_client sums_of
);


sub no_clients {
    my $why = `t/tools/clients 2>&1`;

    chomp $why;
    return $? == 0 ? undef : $why;
}


sub need_clients {
    my $why = no_clients() // return;
    _cannot($why);
}


sub need_browser {
    need_clients();

    my ($chromium) = grep { -x } map { "$_/chromium" } split /:/, $ENV{PATH};
    return $chromium // _cannot('browser: there is no chromium');
}


sub _cannot {
    my ($why) = @_;

    plan(skip_all => $why) if !$ENV{CI};
    fail("the clients are there: $why");
    done_testing();
    exit;
}


sub start_client {
    my ($dir, $program, $arguments, %more) = @_;

    return Jimeng::Test::Process->start(
        dir     => $dir,
        name    => 'node',
        command => [ rel2abs('build/clients/node_modules/.bin/node'),
                     rel2abs("t/clients/$program"), @$arguments ],
        %more,
    );
}


sub answers_of {
    my ($process) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($process->wait(120), 'the client ends') or $process->stop;
    is($process->status, 0, 'and well') or diag($process->stderr);

    return map { JSON::PP->new->utf8->decode($_) } split /\n/, $process->stdout;
}


sub sums_of { return join ' ', map { $_->{sha256} } @{ $_[0]{images} || [] } }


1;
