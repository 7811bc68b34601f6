package Jimeng::Test::Probe;

# t/probe/*.c: modules of the tests' own, which call floors of this module that
# no request reaches by itself.
#
#   my $file = probe('redis');      for load_module, after this module

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(slurp);

our @EXPORT = qw(probe);

my $dir;


# Built with the headers and flags of the nginx that is tested.
sub probe {
    my ($name) = @_;

    my $root = Jimeng::Test::Nginx::root();
    my $nginx = Jimeng::Test::Nginx::binary();

    my $tree = "$root/build/nginx";
    $tree = $1 if $nginx =~ m{^(.*)/objs/nginx\z};

    my ($flags) = slurp("$tree/objs/Makefile") =~ /^CFLAGS = +(.*)/m
        or die "$tree was not built\n";

    $dir //= File::Temp->newdir('jimeng-probe-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    my @include = grep { -d } glob("$tree/objs $tree/src/{core,event,os/unix} "
                                   . "$tree/src/event/{modules,quic} "
                                   . "$tree/src/http $tree/src/http/"
                                   . '{modules,v2,v3}');

    my $command = join ' ', $ENV{CC} || 'cc', $flags, '-fPIC -shared',
        (map { "-I'$_'" } @include, glob("'$root'/src/*/"),
                          glob("'$root'/src/core/*/")),
        "-o '$dir/$name.so' '$root/t/probe/$name.c'";

    system("cd '$tree' && $command") == 0 or die "$name.c cannot be built\n";

    return "$dir/$name.so";
}

1;
