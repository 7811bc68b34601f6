#!/usr/bin/perl

# jimeng_store: what nginx -t takes and refuses.  A password is in no message.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_store', only => [ 'http' ]);
my $zone = 'jimeng_zone shared:1m;';
my $url = 'redis://127.0.0.1:6379';

$d->test->write_file('password', "secret-of-redis\n");
$d->test->write_file('empty', "\n");
$d->test->secret('secret-of-redis');

sub accepts {
    my (@values) = @_;
    $d->accepts("good: $_", http => "$zone jimeng_store $_;") for @values;
    return;
}

sub refuses {
    my ($value, $text) = @_;
    return $d->refuses("bad: $value", $text,
                       http => "$zone jimeng_store $value;");
}

SKIP: {
    my ($text) = $d->check(http => "$zone jimeng_store $url;");

    if (defined $text && $text =~ /needs hiredis/) {
        is($text, '"jimeng_store" directive needs hiredis, which was not '
                  . 'there when this module was built: install it (Debian\'s '
                  . 'package is libhiredis-dev), and build the module again',
           'built without hiredis');
        $d->test->done;
        exit;
    }
}

accepts($url, "$url/", "$url/15", 'redis://localhost', 'redis://localhost:1/0',
        'redis://[::1]', 'redis://[::1]:6380/2', 'unix:/run/redis.sock',
        'unix:/run/redis.sock:3', '"unix:/run/a:b/redis.sock"',
        "$url/1 prefix=a-b_c.D:1 timeout=10ms fallback=local",
        "$url timeout=60s fallback=refuse",
        "$url password=file:%%DIR%%/password",
        'redis://alice@127.0.0.1 password=file:%%DIR%%/password');

$d->accepts('a password in the environment', env => { REDIS_PASS => 'x y' },
            http => "$zone jimeng_store $url password=env:REDIS_PASS;");

for my $context (qw(main events server location)) {
    $d->refuses("not in $context",
                '"jimeng_store" directive is not allowed here',
                $context => "jimeng_store $url;");
}

$d->refuses('no argument',
            'invalid number of arguments in "jimeng_store" directive',
            http => "$zone jimeng_store;");
$d->refuses('duplicate', '"jimeng_store" directive is duplicate',
            http => "$zone jimeng_store $url; jimeng_store $url;");
$d->refuses('without a zone',
            '"jimeng_store" needs a "jimeng_zone", for what is this machine\'s '
            . 'own', http => "jimeng_store $url;");

my $takes = '"jimeng_store" takes "redis://host:port/db" or "unix:/path" of a '
            . 'Redis, or Valkey; TLS is for stunnel';

refuses($_, $takes) for 'off', 'rediss://127.0.0.1', '127.0.0.1:6379',
                        'unix:redis.sock', 'http://127.0.0.1', '""';

refuses("redis://$_->[0]", "$_->[1] in \"redis://$_->[0]\" of "
                           . '"jimeng_store"')
    for [ '', 'no host' ], [ ':6379', 'no host' ],
        [ '127.0.0.1:0', 'invalid port' ], [ '127.0.0.1:x', 'invalid port' ],
        [ '127.0.0.1:65536', 'invalid port' ];

refuses("unix:/$_", qq(too long path in the unix domain socket in "unix:/$_" )
                    . 'of "jimeng_store"') for 'a' x 120;

refuses("$url/$_", '"jimeng_store" takes the number of a database, not what '
                   . qq("$url/$_" ends with)) for 'x', '-1', '1/2', '123456';

my $shown = refuses('redis://alice:secret-of-redis@127.0.0.1',
                    '"jimeng_store" takes no password in its URL, but in a '
                    . 'file: "password=file:path"');
unlike($shown, qr/secret-of-redis/, 'and it is not shown');

refuses('redis://@127.0.0.1',
        '"jimeng_store" has an empty user in "redis://@127.0.0.1"');
refuses('redis://alice@127.0.0.1',
        '"jimeng_store" directive names a user, and needs a '
        . '"password=file:..."');

$shown = refuses("$url password=secret-of-redis",
                 '"password=" in "jimeng_store" takes "file:path" or '
                 . '"env:name", not the password itself');
unlike($shown, qr/secret-of-redis/, 'and it is not shown');

refuses("$url password=file:%%DIR%%/empty",
        '"jimeng_store": file "DIR/empty" is empty');
refuses("$url password=env:NO_SUCH_NAME",
        '"jimeng_store" takes its value from the environment variable '
        . '"NO_SUCH_NAME", which is not set');

refuses("$url prefix=$_", '"prefix=" in "jimeng_store" takes up to 64 letters, '
                          . 'digits, "-", "_", "." and ":", not '
                          . qq("$_")) for '', 'a/b', 'a*', 'a' x 65;

refuses("$url timeout=$_", '"timeout=" in "jimeng_store" takes a time from '
                           . qq(10ms to 60s, not "$_"))
    for '', '0', '9ms', '61s', 'x';

refuses("$url fallback=$_", '"fallback=" in "jimeng_store" is "refuse" or '
                            . qq("local", not "$_")) for '', 'on', 'other', 'LOCAL';

refuses("$url $_", qq(invalid parameter "$_" in "jimeng_store", which takes )
                   . '"password=", "prefix=", "timeout=" and "fallback="')
    for 'timeout', 'db=1';

refuses("$url timeout=1s timeout=1s", 'duplicate "timeout=" in "jimeng_store"');

$d->test->done;
