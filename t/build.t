#!/usr/bin/perl

# The build, in a copy of the tree: make, what it rebuilds, make install and
# make clean; what is said when something it needs is missing; and the static
# build (--add-module) from the source of Debian's nginx, which stays in
# build/static, so that only the first run takes its half a minute.

use strict;
use warnings;

use lib 't/lib';

use Cwd qw(realpath);
use File::Compare;
use File::Find;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use Jimeng::Test::Nginx;
use Test::More;
use Time::HiRes qw(stat);

my $root = realpath("$FindBin::Bin/..");
my $nginx = Jimeng::Test::Nginx::binary();
my $about = Jimeng::Test::Nginx::about();
my $source = $ENV{NGINX_SRC} || '/usr/share/nginx/src';
my $module = 'ngx_http_jimeng_module.so';

my $tmp = tempdir('jimeng-build-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $tree = "$tmp/tree";

# What the make that runs this test said to its own children.
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES NGINX)};

make_path($tree, "$tree/t");
run('cp', '-Rp', map({ "$root/$_" } qw(Makefile config src)), $tree);
run('cp', '-Rp', "$root/t/tools", "$tree/t");


subtest 'make, install, clean' => sub {
    my @before = files();

    my ($rc, $output) = make();
    is($rc, 0, 'make') or diag($output);

    is_deeply([grep { !m{^build(/|$)} } files()], \@before,
              'all that was built is in build');

    accepts($nginx, "load_module $tree/build/$module;");

    my $built = age();
    make();
    is(age(), $built, 'a second make builds nothing');

    for my $header (qw(ngx_http_jimeng.h task/ngx_http_jimeng_task.h
                       core/text/jm_base.h))
    {
        $built = age();
        utime(undef, undef, "$tree/src/$header");
        make();
        cmp_ok(age(), '>', $built, "a changed $header is noticed");
    }

    ($rc, $output) = make('install', "DESTDIR=$tmp/dest");
    is($rc, 0, 'make install') or diag($output);

    ok(-d "$tmp/dest/var/lib/nginx", 'the folder for the zone\'s file');

    my $installed = "$tmp/dest" . modules_path() . "/$module";
    is(compare("$tree/build/$module", $installed), 0, "it is in $installed");

    ($rc, $output) = make('clean');
    is($rc, 0, 'make clean') or diag($output);
    is_deeply([files()], \@before, 'it leaves what was there before');
};


subtest 'what is missing is named' => sub {
    my $compiler = "$tmp/cc";

    for (['-lyajl', 'libyajl-dev'], ['-lcrypto', 'libssl-dev']) {
        my ($library, $package) = @$_;

        write_file($compiler, <<"END");
#!/bin/sh
case " \$* " in *" $library "*) echo no $library >&2; exit 1 ;; esac
exec gcc "\$@"
END
        chmod(0755, $compiler);

        my ($rc, $output) = make("CC=$compiler");
        isnt($rc, 0, "make without $library fails");
        like($output, qr/apt-get install $package\b/, "$package is named");
    }

    # What it can do without is named where it is used.
    write_file($compiler, <<'END');
#!/bin/sh
case " $* " in *hiredis*) echo no hiredis >&2; exit 1 ;; esac
exec gcc "$@"
END

    my ($rc, $output) = make("CC=$compiler");
    is($rc, 0, 'make without hiredis') or diag($output);
    refuses($nginx, "load_module $tree/build/$module;",
            'jimeng_store redis://127.0.0.1;',
            qr/"jimeng_store" directive needs hiredis, .*libhiredis-dev/);

    ($rc, $output) = make("NGINX_SRC=$tmp/none");
    isnt($rc, 0, 'make without nginx\'s source fails');
    like($output, qr/apt-get install nginx-dev\b/, 'nginx-dev is named');

    ($rc, $output) = make("NGINX=$tmp/none");
    isnt($rc, 0, 'make without nginx fails');
    like($output, qr/apt-get install nginx\b/, 'nginx is named');

    ($rc, $output) = make("CC=$tmp/none");
    isnt($rc, 0, 'make without a compiler fails');
    like($output, qr/apt-get install gcc\b/, 'gcc is named');
};


subtest 'sources that do not fit' => sub {
    my $other = "$tmp/other";

    make_path($other);
    run('cp', '-Rp', map({ "$source/$_" } qw(auto configure src)), $other);

    my $text = read_file("$other/auto/module");
    $text =~ s/ngx_module_link/ngx_module_old/g;
    write_file("$other/auto/module", $text);

    my ($rc, $output) = make("NGINX_SRC=$other");
    isnt($rc, 0, 'nginx without ngx_module_link is refused');
    like($output, qr/needs nginx 1\.19\.3 or newer/, 'and that is said');

    run('cp', "$source/auto/module", "$other/auto/module");

    $text = read_file("$other/src/core/nginx.h");
    $text =~ s/(#define nginx_version +)\d+/${1}1019002/;
    write_file("$other/src/core/nginx.h", $text);

    ($rc, $output) = make("NGINX_SRC=$other");
    isnt($rc, 0, 'nginx 1.19.2 is refused');
    like($output, qr/needs nginx 1\.19\.3 or newer/, 'and that is said');

    $text = read_file("$other/src/core/nginx.h");
    $text =~ s/(#define NGINX_VERSION +)"[^"]*"/$1"1.2.3"/;
    write_file("$other/src/core/nginx.h", $text);

    ($rc, $output) = make("NGINX_SRC=$other");
    isnt($rc, 0, 'the source of another version is refused');
    like($output, qr/is 1\.2\.3: set NGINX_SRC/, 'and both versions are said');
};


subtest 'static' => sub {
    my $tools = "$root/t/tools";

    unless (-f "$source/src/core/nginx.c") {
        my ($rc, $output) = run("$tools/nginx-source",
                                "$root/build/nginx-source");

        if ($rc != 0 && !$ENV{CI}) {
            plan(skip_all => 'no source of nginx, and none to be fetched');
        }

        is($rc, 0, 'the source of Debian\'s nginx') or diag($output);
    }

    my ($rc, $output) = run('make', '-s', '-C', $root, "NGINX=$nginx",
                            "NGINX_SRC=$source", 'static-nginx');
    is($rc, 0, 'nginx with the module compiled in') or diag($output);

    accepts("$root/build/static/objs/nginx", '');
};


done_testing();


# Returns the exit code, and all that was said.

sub run {
    my @command = @_;

    my $pid = open(my $pipe, '-|') // die("fork: $!");

    if ($pid == 0) {
        open(STDERR, '>&', \*STDOUT) or die("dup: $!");
        exec(@command) or die("$command[0]: $!");
    }

    my $output = do { local $/; <$pipe> };
    close($pipe);

    return ($?, $output // '');
}


sub make {
    my @arguments = @_;

    return run('make', '-C', $tree, "NGINX=$nginx", "NGINX_SRC=$source",
               @arguments);
}


# What is below the tree.

sub files {
    my @files;

    find({ no_chdir => 1, wanted => sub { push(@files, $_) } }, $tree);

    s{^\Q$tree\E/?}{} for @files;

    return sort @files;
}


# When the module was built.

sub age {
    return (stat("$tree/build/$module"))[9] // 0;
}


sub modules_path {
    return $1 if $about =~ m{--modules-path=(/\S+)};

    my ($prefix) = $about =~ m{--prefix=(\S+)};

    return ($prefix || '/usr/local/nginx') . '/modules';
}


# Whether the binary has the directives.

sub accepts {
    my ($binary, $load) = @_;

    my ($rc, $output) = check($binary, $load, '');
    is($rc, 0, "$binary -t accepts the directives") or diag($output);
}


sub refuses {
    my ($binary, $load, $http, $pattern) = @_;

    my ($rc, $output) = check($binary, $load, $http);
    isnt($rc, 0, "$binary -t refuses \"$http\"");
    like($output, $pattern, 'and says why');
}


sub check {
    my ($binary, $load, $http) = @_;

    my $dir = tempdir('conf-XXXXXX', DIR => $tmp);

    write_file("$dir/nginx.conf", <<"END");
$load
error_log stderr;
pid $dir/nginx.pid;

events {
}

http {
    access_log off;
    $http
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;

    jimeng_account main {
        access_key AKTEST;
        secret_key c2VjcmV0;
    }

    server {
        listen unix:$dir/socket;

        location /v1/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 1s;
        }

        location = /_volcengine {
            internal;
            proxy_pass http://127.0.0.1:1/;
        }
    }
}
END

    return run($binary, '-t', '-p', $dir, '-c', "$dir/nginx.conf");
}


sub read_file {
    my $path = shift;

    open(my $in, '<', $path) or die("$path: $!");
    local $/;

    return scalar(<$in>);
}


sub write_file {
    my ($path, $text) = @_;

    open(my $out, '>', $path) or die("$path: $!");
    print($out $text);
    close($out) or die("$path: $!");
}
