package Jimeng::Test::Preload;

# For tests that put something between nginx and the system.
#
#   my $env = preload('name', $source);
#       an environment in which functions of this C come before the system's,
#       which it finds with dlsym(RTLD_NEXT, ...); undef where that cannot be
#   Jimeng::Test->new(env => $env || {}, ...)

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use Jimeng::Test::Nginx;

our @EXPORT = qw(preload);

my $dir;


sub preload {
    my ($name, $source) = @_;

    # A sanitizer's library has to be the first.
    return undef if Jimeng::Test::Nginx::about() =~ /fsanitize/;

    $dir //= File::Temp->newdir('jimeng-preload-XXXXXX', TMPDIR => 1);
    chmod 0755, $dir;

    open my $fh, '>', "$dir/$name.c" or die "$dir/$name.c: $!";
    print $fh "#define _GNU_SOURCE\n#include <dlfcn.h>\n"
              . "#include <unistd.h>\n\n$source";
    close $fh or die "$dir/$name.c: $!";

    system($ENV{CC} || 'cc', '-shared', '-fPIC', '-o', "$dir/$name.so",
           "$dir/$name.c", '-ldl') == 0 or return undef;

    return { LD_PRELOAD => "$dir/$name.so" };
}

1;
