#!/usr/bin/perl

# The core alone: each program of t/unit speaks TAP, and was linked with
# src/core under ASan and UBSan by "make unit".  A wrong plan and a bad exit code
# (a sanitizer's finding) fail as well as a "not ok".

#
# Those of the store on Redis find a server at JIMENG_REDIS, a unix socket, or
# skip where there is no redis-server.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::UNIX;
use TAP::Parser;
use Test::More;
use Time::HiRes qw(sleep);

my $root = "$FindBin::Bin/..";
my @names = sort map { m{([^/]+)\.c$} } glob("$root/t/unit/*.c");

plan(skip_all => 'no programs in t/unit') unless @names;

my $server = redis_start(tempdir(CLEANUP => 1));

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

redis_stop();

done_testing();

END {
    redis_stop();
}


sub redis_start {
    my $dir = shift;

    my ($program) = grep({ -x } map({ "$_/redis-server" }
                                    split(/:/, $ENV{PATH}), '/usr/sbin'))
        or return;

    my $pid = fork() // die("fork: $!\n");

    if ($pid == 0) {
        open(STDOUT, '>', "$dir/log") or die("$dir/log: $!\n");
        open(STDERR, '>&', \*STDOUT) or die("$dir/log: $!\n");
        exec($program, '--port', 0, '--unixsocket', "$dir/socket", '--dir',
             $dir, '--save', '', '--appendonly', 'no')
            or die("$program: $!\n");
    }

    for (1 .. 200) {
        last if IO::Socket::UNIX->new(Peer => "$dir/socket");
        sleep(0.05);
    }

    $ENV{JIMENG_REDIS} = "$dir/socket";

    return $pid;
}


sub redis_stop {
    my $pid = $server or return;

    local $?;                   # the exit code of all tests, at the end

    undef($server);
    kill('TERM', $pid);
    waitpid($pid, 0);
}
