#!/usr/bin/perl

# jimeng_task_secret: which files are taken, and that what is in one is never
# printed; that nginx starts and reloads with and without the directive, and
# where the module comes with a reload, and finds no configuration of its own
# in what was there before.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $first = 'bm90LXRvLWJlLXByaW50ZWQ=';
my $second = 'bm9yLXRoaXMtb25lLWVpdGhlcg==';
my $short = 'fifteen.bytes..';

my $d = Jimeng::Test::Directive->new('jimeng_task_secret', only => [ 'http' ]);
my $dir = $d->test->dir;

# What nginx -t says of a file with this text.
my %opt = (http => 'jimeng_task_secret secret;');

sub good {
    my ($name, $text) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $d->test->write_file('secret', $text);
    return $d->accepts("good: $name", %opt);
}

sub bad {
    my ($name, $text, $expected) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $d->test->write_file('secret', $text);
    my $printed = $d->refuses("bad: $name", $expected, %opt);

    for my $word (grep { length > 3 } split /[\s\0]+/, $text) {
        unlike($printed, qr/\Q@{[ substr $word, 0, 64 ]}\E/,
               "bad: $name: it is not printed");
    }

    return;
}


# ---- the directive

$d->test->write_file('secret', $first);
$d->common('secret');
$d->accepts('a full path', http => "jimeng_task_secret $dir/secret;");


# ---- one secret or two

good('one', $first);
good('a line end', "$first\n");
good('CRLF', "$first\r\n");
good('two', "$first\n$second");
good('two, line ends', "$first\r\n$second\r\n");
good('empty lines', "\n\n$first\n\n \n$second\n\n");
good('blanks around', "  $first  \n $second ");
good('blanks and any bytes within', "a b \xff\0 d e f g h\n");
good('sixteen bytes', "x$short\n$short.\n");
good('the largest', 'x' x 4096);

my $in = '"jimeng_task_secret": file "DIR/secret"';

bad('an empty file', '', "$in is empty");
bad('nothing but line ends', "\n \r\n", "$in is empty");
bad('three', "$first\n$second\n$first\n",
    "$in has more than 2 secrets in it, a line each");
bad('a third that is short', "$first\n$second\nx",
    "$in has more than 2 secrets in it, a line each");
bad('larger', 'x' x 4097, '"jimeng_task_secret": "DIR/secret" is no regular '
    . 'file, or is over 4096 bytes');

sub short {
    my ($line) = @_;
    return qq("jimeng_task_secret": line $line of file "DIR/secret" has less )
           . 'than 16 bytes, "openssl rand -base64 32" makes a good one';
}

bad('fifteen bytes', $short, short(1));
bad('fifteen, and blanks', "  $short  \n", short(1));
bad('a tab', "\t", short(1));
bad('a second of fifteen', "$first\n$short\n", short(2));
bad('a first of fifteen', "\n$short\n$first\n", short(2));

$d->refuses('no file', '"jimeng_task_secret": open() "DIR/nowhere" failed '
            . '(2: No such file or directory)',
            http => 'jimeng_task_secret nowhere;');
$d->refuses('a directory', '"jimeng_task_secret": "DIR" is no regular file, '
            . 'or is over 4096 bytes',
            http => "jimeng_task_secret $dir;");

$d->test->finish;


# ---- nginx with it, with another, without; and the module with a reload

my $t = Jimeng::Test->new(emulator => { seconds => 0 }, poll_interval => '5ms',
                          strict => 1);

$t->secret($first, $second);
is($t->generate->status, 200, 'a secret');

for my $case ([ 'two others' => "$first\n$second" ], [ 'none' => undef ],
              [ 'still none' => undef ], [ 'the first again' => $first ])
{
    my ($name, $secret) = @$case;

    $t->reload(task_secret => $secret);
    is($t->generate->status, 200, "a reload: $name");
}

$t->finish;

SKIP: {
    skip 'the module is compiled in', 1
        unless length Jimeng::Test::Nginx::module_file();

    $t = Jimeng::Test->new(emulator => { seconds => 0 }, module => 0,
                           poll_interval => '5ms', task_secret => undef);

    $t->reload(module => 1);
    is($t->generate->status, 200, 'a reload that brings the module');
    $t->finish;
}

done_testing();
