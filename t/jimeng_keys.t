#!/usr/bin/perl

# jimeng_keys: where it is taken, and what may be in the file: every error has
# the line in the file, and nothing of what is there, which may be a key.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Keys;

my %zone = (http => 'jimeng_zone jimeng:1m;');
my $d = Jimeng::Test::Directive->new('jimeng_keys', %zone);
my $t = $d->test;
my $dir = $t->dir;

sub file { return $t->write_file('keys', $_[0]) }

sub digest { return (client_line($_[0]) =~ /^(\S+)/)[0] }

sub good {
    my ($name, $text) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    file($text);
    return $d->accepts("good: $name", location => 'jimeng_keys keys;');
}

# The error names the file and the line.
sub bad {
    my ($name, $line, $text) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    file($text);
    my ($emerg, $printed) = $d->check(location => 'jimeng_keys keys;');

    like($emerg, qr{\QDIR/keys:$line\E(?!\d)}, "bad: $name: the line");
    like($emerg, qr{\S.{10,}}, "bad: $name: a sentence");

    for my $word (grep { length > 15 } split /[\s,=]+/, $text) {
        unlike($printed, qr/\Q@{[ substr $word, 0, 32 ]}\E/,
               "bad: $name: it is not printed");
    }

    return $emerg;
}


# ---- the directive

file(client_line('alice') . "\n");
$d->contexts('jimeng_keys off;');
$d->accepts('a file, for all servers', http => "$zone{http} jimeng_keys keys;");
$d->good('off', 'keys', 'keys dry_run', "$dir/keys");

my $arguments = 'invalid number of arguments in "jimeng_keys" directive';
$d->refuses('no argument', $arguments, location => 'jimeng_keys;');
$d->refuses('three arguments', $arguments,
            location => 'jimeng_keys keys dry_run dry_run;');
$d->refuses('duplicate', '"jimeng_keys" directive is duplicate',
            location => 'jimeng_keys keys; jimeng_keys keys;');
$d->refuses('duplicate: off', '"jimeng_keys" directive is duplicate',
            location => 'jimeng_keys keys; jimeng_keys off;');
$d->accepts('in two places', http => "$zone{http} jimeng_keys keys;",
            server => 'jimeng_keys off;', location => 'jimeng_keys keys;');

my ($text) = $d->check(location => 'jimeng_keys keys dry;');
like($text, qr/"dry"/, 'an unknown parameter');
($text) = $d->check(location => 'jimeng_keys off dry_run;');
like($text, qr/"dry_run"/, 'off takes no parameter');
($text) = $d->check(http => '', location => 'jimeng_keys keys;');
like($text, qr/"jimeng_keys".*"jimeng_zone"/, 'it needs a zone');
$d->accepts('off needs none', http => '', location => 'jimeng_keys off;');
($text) = $d->check(location => 'jimeng_keys nowhere;');
like($text, qr{"DIR/nowhere".*\(2: No such file or directory\)}, 'no file');
($text) = $d->check(location => "jimeng_keys $dir;");
like($text, qr{"DIR"}, 'a directory');


# ---- files that are taken

my ($alice, $bob) = map { digest($_) } qw(alice bob);
my $n64 = 'n' x 64;

good('one', "$alice alice");
good('a line end', "$alice alice\n");
good('CRLF', "$alice alice rate=1r/s\r\n\r\n# end\r\n$bob bob\r\n");
good('tabs and blanks', "\t $alice\t\talice \t rate=1r/s\t\n");
good('comments', "# who may\n  # what\n$alice alice # she\n\n#\n$bob bob#1\n"
                 =~ s/bob#1/bob/r);
good('capital digits', uc($alice) . " alice\n");
good('the longest name', "$alice $n64\n");
good('every character of a name', "$alice Az09._\@-\n");
good('names that differ in case', "$alice alice\n$bob Alice\n");

good("option $_", "$alice alice $_\n") for
    'rate=1r/s', 'rate=60r/m', 'rate=1000r/h', 'concurrency=1',
    'concurrency=1000', 'images=1/h', 'images=100/d', 'models=jimeng-4.0',
    'models=jimeng-4.0,jimeng_t2i_v31', 'expires=2027-01-01',
    'expires=2028-02-29', 'expires=2020-01-01';
good('without a key', "- alice images=100/d\n-\tbob # him\n$bob alice "
     . "images=100/d\n* rate=60r/m # all others\n");
good('no key at all', "*\n");
good("option $_", "- alice $_\n") for
    'from=10.0.0.0/8', 'from=10.0.0.0/8,2001:db8::/32', 'from=::1',
    'from=10.1.2.3/8', 'from=0.0.0.0/0,::/0', 'default_model=jimeng-4.6',
    'default_model=jimeng-4.0 models=jimeng_t2i_v40';
good('all options', "$alice alice expires=2027-01-01 models=jimeng-4.0 "
     . "images=100/d concurrency=4 rate=60r/m\n$bob bob rate=1r/h\n");
good('many', join '', map { client_line("client-$_ rate=60r/m") . "\n" }
                      1 .. 500);


# ---- and those that are not

bad('no name', 1, "$alice\n");
bad('a key in clear', 2, "# keys\nsk-0123456789abcdef0123456789 alice\n");
bad('63 digits', 1, substr($alice, 1) . " alice\n");
bad('65 digits', 1, "0$alice alice\n");
bad('no digit', 1, 'g' . substr($alice, 1) . " alice\n");
bad('a name too long', 1, "$alice ${n64}n\n");
bad("in a name: $_", 3, "\n\n$alice al${_}ice\n")
    for '/', ':', '"', ',', '=', "\x01", 'é';
bad('the same key', 4, "$alice alice\n\n# her again\n$alice alicia\n");
bad('the same key in capitals', 2,
    "$alice alice\n" . uc($alice) . " alicia\n");
bad('the same name, other limits', 3,
    "$alice alice images=1/d\r\n\r\n$bob alice images=2/d\r\n");
bad('an unknown option', 2, "$alice alice\n$bob bob speed=9\n");
bad('an option twice', 1, "$alice alice rate=1r/s rate=2r/s\n");

bad("option $_", 2, "# one\n$alice alice $_\n") for
    'rate', 'rate=', 'rate=60', 'rate=r/m', 'rate=0r/m', 'rate=-1r/m',
    'rate=1.5r/m', 'rate=60r/d', 'rate=60r/', 'rate=60r/mm', 'rate=60/m',
    'rate=99999999999999999999r/m', 'RATE=60r/m',
    'concurrency', 'concurrency=', 'concurrency=0', 'concurrency=-1',
    'concurrency=x', 'concurrency=99999999999999999999',
    'images', 'images=', 'images=100', 'images=0/d', 'images=100/m',
    'images=100/', 'images=x/d', 'images=99999999999999999999/d',
    'models', 'models=', 'models=,', 'models=a,', 'models=,a', 'models=a,,b',
    'expires', 'expires=', 'expires=2027', 'expires=2027-1-1',
    'expires=2027-13-01', 'expires=2027-00-01', 'expires=2027-02-29',
    'expires=2027-04-31', 'expires=2027-01-01T00:00:00Z', 'expires=27-01-01',
    'expires=never';

bad("from $_", 2, "# one\n- alice from=$_\n") for
    '', ',', '10.0.0.0/8,', '10.0.0.0/33', '10.0.0/8', '2001:db8::/129',
    'example.org', 'unix:', '10.0.0.0/8;10.1.0.0/16';
bad("without a key: $_->[0]", $_->[1], $_->[2]) for
    [ 'no name', 1, "-\n" ],
    [ 'a star for a name', 1, "- *\n" ],
    [ 'a name twice', 3, "- alice\n- bob\n- alice\n" ],
    [ 'other limits than its key has', 2, "$alice alice\n- alice rate=1r/s\n" ],
    [ 'an unknown option', 1, "- alice speed=9\n" ],
    [ 'a star with a name', 1, "* alice\n" ],
    [ 'two stars', 3, "*\n\n* rate=1r/s\n" ];

my $model = qr/has a "default_model=" that is unknown, add it with "jimeng_m/;
like(bad('a default_model that is unknown', 2,
         "$alice alice\n- bob default_model=dall-e-99-of-mine\n"), $model,
     'which it says');
like(bad('the same of "*"', 1, "* default_model=dall-e-99-of-mine\n"), $model,
     'which it says');
like(bad('a default_model that it may not use', 1,
         "- bob default_model=jimeng-4.6 models=jimeng-4.0\n"),
     qr/a "default_model=" that is none of its "models="/, 'which it says');

file("- bob default_model=of-our-own\n");
$d->accepts('a model of one\'s own', location =>
            'jimeng_keys keys; jimeng_model of-our-own jimeng_t2i_v40;');
($text) = $d->check(location => 'jimeng_keys keys;');
like($text, $model, 'that is not known in another location');
$d->accepts('a model where nothing is served', server =>
            'location /other/ { jimeng_keys keys; }');

for my $two ([ "* rate=1r/s\n", "* rate=2r/s\n", '*' ],
             [ "- bob rate=1r/s\n", "$bob bob\n", 'bob' ]) {
    file($two->[0]);
    $t->write_file('more', $two->[1]);
    ($text) = $d->check(location => 'jimeng_keys keys;',
        server => 'location /m/ { jimeng_keys more; jimeng_pass /x; }');
    like($text, qr{client "\Q$two->[2]\E" of DIR/\w+:1 has other limits than},
         "two files, other limits: $two->[2]");
}

bad('the 501st line', 501, join '', map({ client_line("client-$_") . "\n" }
                                         1 .. 500), "x y\n");

$t->finish;
done_testing();
