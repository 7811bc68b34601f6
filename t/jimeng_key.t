#!/usr/bin/perl

# conf-examples/jimeng-key: what it makes of the file of keys, in each shell
# that is here; several of it at a time; and what it leaves behind when nginx
# refuses the file, when it is killed, or when there is no room.
#
# Seen failing: several at a time, without either lock; "put back" and "killed",
# with a file that is written in its place, and without the traps; owner and
# mode, without chown, chmod or umask; "traced", with printf(1) in place of the
# shell's own; "a number", with names that awk compares as numbers; "rotate",
# with old keys that stay; "no nginx runs", with a reload that may fail.

use strict;
use warnings;

use lib 't/lib';
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Process qw(slurp);

my $program = Jimeng::Test::Nginx::root() . '/conf-examples/jimeng-key';
my $begin = "# clients\r\n\n  # those of today\n";

my $t = with_keys([], workers => 1);
my ($dir, $file) = ($t->dir, $t->dir . '/keys');


# ---- running it

sub found {
    my ($name) = @_;
    return (grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}))[0];
}

# A folder with these programs, by name or name => path, for a PATH.
my $folders = 0;

sub folder {
    my (%program) = @_;
    my $path = "$dir/bin-" . ++$folders;

    mkdir($path) or die("$path: $!");
    symlink($program{$_}, "$path/$_") for keys(%program);
    return $path;
}

# Options of run_key(): shell (array), path, file, nginx, before (array).
sub start_key {
    my ($opt, @arguments) = @_;

    return Jimeng::Test::Process->start(
        name => 'key', dir => $dir,
        env => { %{ $t->{env} }, NGINX => undef,
                 $opt->{path} ? (PATH => $opt->{path}) : () },
        command => [
            @{ $opt->{before} || [] }, @{ $opt->{shell} || [] }, $program,
            '-f', $opt->{file} // $file,
            '-n', $opt->{nginx} // Jimeng::Test::Nginx::binary(),
            '-c', "$dir/nginx.conf", '-p', "$dir/", @arguments,
        ],
    );
}

# Its exit status, standard output and error.
sub end_key {
    my ($process) = @_;

    $process->wait(60) or die("jimeng-key hangs\n");

    my ($out, $err) = ($process->stdout, $process->stderr);
    $t->secret($out =~ /^(sk-\S+)$/mg);
    return ($process->status & 127 || $process->status >> 8, $out, $err);
}

sub run_key { return end_key(start_key(@_)) }

# A new key; nginx has reloaded: who serves now has read the file.
sub good {
    my ($name, $opt, @arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my %old = map { $_ => 1 } $t->workers('staying');
    my ($rc, $out, $err) = run_key($opt, @arguments);

    is($rc, 0, "$name: exit status") or diag($err);
    is($err, '', "$name: nothing else is said");
    return $out if $arguments[0] eq 'list';

    wait_for {
        my @staying = $t->workers('staying');
        @staying && !grep { $old{$_} } @staying;
    } "$name: nginx has reloaded";

    return $out =~ s/\n\z//r;
}

# A sentence, with this in it, and the file as it was.
sub bad {
    my ($name, $rc, $like, $opt, @arguments) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @before = state_of($opt->{file} // $file);
    my @run = run_key($opt, @arguments);

    is($run[0], $rc, "$name: exit status");
    is($run[1], '', "$name: no key");
    like($run[2], qr/\Ajimeng-key: .{20,}/s, "$name: a sentence");
    like($run[2], $like, "$name: which says why");
    is_deeply([state_of($opt->{file} // $file)], \@before,
              "$name: the file is as it was");
    return $run[2];
}

sub state_of {
    my ($path) = @_;
    return (slurp($path), (stat($path))[2, 4, 5]);
}

sub beside {
    return join(' ', sort(map { s{.*/}{}r } glob("$file.*")));
}

# What a client with the key gets.
sub status_of {
    my ($key) = @_;
    return $t->request('GET', '/v1/models',
                       { Authorization => "Bearer $key" })->status;
}

sub served {
    my ($name, $key, $status) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is(status_of($key), $status, "$name: $status");
}


# ---- what it does

my $busybox = found('busybox');
my %shell = (
    dash => { shell => [found('dash') // ()] },
    'busybox sh' => { shell => [$busybox, 'sh'] },
    'all of busybox' => {
        shell => [$busybox, 'sh'],
        path => folder(map { $_ => $busybox } $busybox
                       ? split(' ', `$busybox --list`) : ()),
    },
);

for my $name (sort(keys(%shell))) {
    SKIP: {
        my $opt = $shell{$name};
        skip("there is no $name", 1)
            unless defined($opt->{shell}[0]);

        subtest($name => sub { life($opt) });
    }
}

sub life {
    my ($opt) = @_;
    my $old = client_line('bob models=jimeng-4.0 expires=2999-01-01 # trial');

    $t->write_file('keys', "$begin$old\r");
    chmod(0640, $file);
    chown(1, 1, $file) if $> == 0;
    my @stat = (stat($file))[2, 4, 5];

    my $alice = good('add', $opt, 'add', 'alice', 'rate=90r/m', 'images=9/d');
    like($alice, qr/\Ask-[0-9a-f]{64}\z/, 'a key of 32 bytes');
    is(slurp($file), "$begin$old\r\n" . sha256_hex($alice)
       . "  alice  rate=90r/m images=9/d\n", 'its line; the others stay');
    is_deeply([(stat($file))[2, 4, 5]], \@stat, 'owner and mode stay');
    is(beside(), 'keys.lock', 'nothing is left beside');
    served('add', $alice, 200);

    is($t->generate({}, { Authorization => "Bearer $alice" })->status, 200,
       'a picture');

    my $second = good('rotate', $opt, 'rotate', 'alice');
    isnt($second, $alice, 'another key');
    is(slurp($file), "$begin$old\r\n" . sha256_hex($second)
       . "  alice  rate=90r/m images=9/d\n", 'in the place of the first');
    served('rotate: the new one', $second, 200);
    served('rotate: the old one', $alice, 401);

    my $usage = $t->request('GET', '/v1/usage',
                            { Authorization => "Bearer $second" })->json;
    is($usage->{images}{used}, 1, 'the counters stay');

    my $bob = good('rotate --keep', $opt, 'rotate', '--keep', 'bob');
    is((split(/\n/, slurp($file)))[4],
       sha256_hex($bob) . $old =~ s/^\S+//r . "\r", 'a copy of the line');
    served('rotate --keep: the new one', $bob, 200);
    served('rotate --keep: the old one', key_of('bob'), 200);

    is(good('list', $opt, 'list') =~ s/ +/ /gr, <<'END', 'list');
NAME KEYS LIMITS
bob 2 models=jimeng-4.0 expires=2999-01-01
alice 1 rate=90r/m images=9/d
END

    is(good('revoke --old', $opt, 'revoke', 'bob', '--old'), '', 'no key');
    served('revoke --old: the old one', key_of('bob'), 401);
    served('revoke --old: the new one', $bob, 200);
    bad('--old of one', 1, qr/"bob" has one key only/, $opt,
        'revoke', '--old', 'bob');

    is(good('revoke', $opt, 'revoke', 'bob'), '', 'no key');
    served('revoke', $bob, 401);
    served('revoke: another client', $second, 200);

    is(good('revoke', $opt, 'revoke', 'alice'), '', 'the last one');
    is(slurp($file), $begin, 'what was there before the clients');
    served('revoke: the last one', $second, 401);

    good('a number', $opt, 'add', $_) for '1', '1.0';
    good('a number', $opt, 'revoke', '1');
    like(slurp($file), qr/\A\Q$begin\E\w{64}  1\.0\n\z/, 'is a name');
    good('another', $opt, 'revoke', '1.0');

    bad('revoke again', 1, qr/no client "alice" in \Q$file\E/, $opt,
        'revoke', 'alice');
    bad('rotate', 1, qr/no client "alice"/, $opt, 'rotate', 'alice');
    bad('a bad limit', 1, qr/keys:4 .*"rate=".*put back/s, $opt,
        'add', 'alice', 'rate=9');
}


# ---- what is refused

$t->write_file('keys', client_line('alice') . "\r\n");

bad('a name that is there', 1, qr/"jimeng-key rotate alice"/, {},
    'add', 'alice');
bad('in its first day', 1, qr/expired already/, {},
    'add', 'bob', 'expires=' . join('-', (split(/[-T]/, iso()))[0 .. 2]));
bad("a name: $_", 2, qr/name.*--help/, {}, 'add', $_)
    for 'a/b', 'a b', "a\nb", '', 'n' x 65, "\xc3\xa9";
bad("a limit: $_", 2, qr/limit.*--help/, {}, 'add', 'bob', $_)
    for 'rate', 'rate=', '# x', 'rate=1r/s images=1/d', "rate=1r/s\nx", '=1';
bad('arguments: ' . join(' ', @$_), 2, qr/--help/, {}, @$_)
    for [], ['add'], ['rotate'], ['rotate', 'alice', 'rate=1r/s'],
        ['revoke', 'alice', 'bob'], ['list', 'alice'], ['grant', 'alice'],
        ['-x'], ['list', '-f'], ['add', '--keep', 'bob'],
        ['rotate', '--old', 'alice'];
bad('no file', 1, qr/there is no \Q$dir\E\/nowhere: /,
    { file => "$dir/nowhere" }, 'list');
bad('no folder', 1, qr{there is no folder \Q$dir\E/nowhere},
    { file => "$dir/nowhere/keys" }, 'add', 'bob');
bad('a folder', 1, qr/no regular file/, { file => $dir }, 'list');
bad('no nginx', 1, qr/there is no "$dir\/nginx"/, { nginx => "$dir/nginx" },
    'add', 'bob');

sub iso {
    my (undef, undef, undef, $day, $month, $year) = gmtime();
    return sprintf('%04d-%02d-%02d', $year + 1900, $month + 1, $day);
}

is(length(good('an odd name', {}, 'add', '--', '-' . 'n' x 63)), 67,
   'all that the format allows');
good('an odd name', {}, 'revoke', '--', '-' . 'n' x 63);

my ($rc, $help) = run_key({}, '--help');
is($rc, 0, '--help');
like($help, qr/^ +\Q$_\E /m, "--help has $_")
    for 'add NAME', 'rotate [--keep] NAME', 'revoke [--old] NAME', 'list',
        map { "-$_" } slurp($program) =~ /^        ([a-gi-z])\) \w+=\$OPTARG/mg;

symlink($file, "$dir/link");
served('through a link', good('a link', { file => "$dir/link" },
                              'add', 'linked'), 200);
ok(-l "$dir/link", 'a link stays one');

my $fresh = "$dir/fresh";
good('a file that was not there', { file => $fresh }, 'add', 'first');
is((stat($fresh))[2] & 07777, 0600, 'is nobody else\'s to read');


# ---- several at a time

# The tools that it needs, without flock.
my $tools = folder(map { $_ => found($_) } qw(
    awk cat chmod chown date ln mkdir mv od readlink rm sed sh sha256sum sleep
    stat sync tr
));

for my $opt ({}, { path => $tools }) {
    my $how = $opt->{path} ? 'by a folder' : 'by flock';
    my @started = map { start_key($opt, 'add', "many-$folders-$_") } 1 .. 10;
    my @ended = map { [end_key($_)] } @started;

    is(join(' ', map { $_->[0] } @ended), join(' ', (0) x 10),
       "$how: all ten are done") or diag(map { $_->[2] } @ended);

    for my $key (map { $_->[1] =~ s/\n//r } @ended) {
        ok(wait_for(sub { status_of($key) == 200 }, "$how: a key is good"),
           "$how: a key is good") or last;
    }

    is(scalar(() = slurp($file) =~ /  many-$folders-\d+$/mg), 10,
       "$how: ten lines");
    is(beside(), 'keys.lock', "$how: no lock is left");
    $folders++;
}


# ---- what goes wrong

my $conf = slurp("$dir/nginx.conf");
$t->write_file('nginx.conf', "$conf\nnonsense;\n");
bad('nginx.conf is broken', 1, qr/directive "nonsense".*put back/s, {},
    'add', 'bob');
bad('and no file', 1, qr/"nonsense".*put back/s, { file => "$dir/none" },
    'add', 'bob');
ok(!-e "$dir/none", 'which is not left behind');
$t->write_file('nginx.conf', $conf);

SKIP: {
    my $setpriv = found('setpriv');
    skip('as root setpriv is needed', 1) if $> == 0 && !$setpriv;

    mkdir("$dir/closed");
    $t->write_file('closed/keys', slurp($file));
    chmod(0555, "$dir/closed");
    bad('a folder that cannot be written', 1, qr/nothing can be written in/, {
        file => "$dir/closed/keys",
        before => $> ? [] : [$setpriv, qw(--reuid 65534 --clear-groups)],
    }, 'add', 'bob');
    chmod(0755, "$dir/closed");

    skip('only root has a file of root\'s', 1) if $> != 0;

    chown(65534, 65534, "$dir/closed");
    bad('an owner that cannot be kept', 1, qr/owner and mode .* cannot/, {
        file => "$dir/closed/keys",
        before => [$setpriv, qw(--reuid 65534 --clear-groups)],
    }, 'add', 'bob');
}

# A disk without room, as far as a process can have one of its own.
$t->write_file('keys', slurp($file) . "# a line of a comment\n" x 100);
bad('no room', 1, qr/is the disk full/, {
    before => ['sh', '-c', 'trap "" XFSZ; ulimit -f 1; exec "$@"', 'sh'],
}, 'add', 'bob');
is(beside(), 'keys.lock', 'no room: nothing is left beside');

my ($code, $out, $err) = run_key(
    { before => ['sh', '-c', 'exec "$@" > /dev/full', 'sh'] }, 'add', 'lost');
is($code, 4, 'a key that cannot be printed');
like($err, qr/"jimeng-key rotate lost"/, 'is lost, and that is said');
like(slurp($file), qr/ lost$/m, 'its line is there');


# ---- killed

# A program that waits in the place of another, and does nothing.
my $waits = $t->write_file('waits', <<"END");
#!/bin/sh
: > '$dir/waiting'
until [ -e '$dir/go' ]; do sleep 0.05; done
rm '$dir/waiting'
END
chmod(0755, $waits);

# Ends the program by a signal while it waits for another one.
sub cut {
    my ($name, $signal, $opt) = @_;
    unlink("$dir/go", "$dir/moved");

    my $process = start_key($opt, 'add', 'cut');
    wait_for { -e "$dir/waiting" } "$name: it waits";
    $process->signal($signal);
    wait_for { !$process->alive } "$name: it is gone" if $signal eq 'KILL';
    $t->write_file('go', '');
    wait_for { !-e "$dir/waiting" } "$name: so is the other";
    return end_key($process);
}

# An mv that does one thing the first time, and another one later.
sub mv {
    my ($first, $later) = @_;
    my $script = $t->write_file('mv-' . $folders, <<"END");
#!/bin/sh
[ ! -e '$dir/moved' ] || exec $later "\$@"
: > '$dir/moved'
exec $first "\$@"
END

    chmod(0755, $script);
    return folder(mv => $script);
}

my $mv = found('mv');
my $slow_mv = mv($waits, $mv);
my $one_mv = mv($mv, 'false');

my $old = slurp($file);
($code, $out, $err) = run_key(
    { path => "$one_mv:$ENV{PATH}" }, 'add', 'bob', 'rate=9');
is($code, 1, 'a file that cannot be put back');
like($err, qr/could not be put back: it is \Q$file.old\E\./, 'and where it is');
is(slurp("$file.old"), $old, 'which is so');
rename("$file.old", $file);

for my $flock (1, 0) {
    my $rest = $flock ? $ENV{PATH} : $tools;
    my $how = $flock ? 'killed, with flock' : 'killed, without flock';
    my $before = slurp($file);

    is((cut("$how, early", 'KILL', { path => "$slow_mv:$rest" }))[0], 9,
       "$how, before the rename");
    is(slurp($file), $before, "$how, before the rename: the old file");

    if (!$flock) {
        bad($how, 1, qr/that was killed:.*rm -r \Q$file.lock.d\E/,
            { path => $tools }, 'add', 'next');
        is(system('rm', '-r', "$file.lock.d"), 0, "$how: the lock is there");
    }

    is((cut("$how, late", 'KILL', { path => $rest, nginx => $waits }))[0],
       9, "$how, after the rename");
    like(slurp($file), qr/\A\Q$before\E\w{64}  cut\n\z/,
         "$how, after the rename: the new file");
    system('rm', '-r', "$file.lock.d") if !$flock;

    good("$how: the next one", { path => $rest }, 'revoke', 'cut');
    is(slurp($file), $before, "$how: the next one finds all in order");
    is(beside(), 'keys.lock', "$how: and leaves nothing beside");

    for my $opt ({ path => $rest, nginx => $waits },
                 { path => "$slow_mv:$rest" })
    {
        my $by = "$how by TERM, " . ($opt->{nginx} ? 'late' : 'early');

        is((cut($by, 'TERM', $opt))[0], 1, $by);
        is(slurp($file), $before, "$by: the old file is there");
        is(beside(), 'keys.lock', "$by: nothing is left beside");
    }
}


# ---- where a key can be seen

SKIP: {
    my $strace = found('strace');
    skip('strace is needed', 1)
        if !$strace || system("$strace -o /dev/null true 2> /dev/null");

    my $trace = "$dir/trace";
    my $key = good('traced', {
        before => [$strace, '-f', '-y', '-v', '-s', 10000, '-o', $trace],
    }, 'add', 'traced');

    my @calls = grep { index($_, substr($key, 3)) >= 0 }
                split(/\n/, slurp($trace));
    my $pipe = qr/(?:read|write)\(\d+<pipe:\[\d+\]>|<\.\.\. read resumed>/;
    my $output = qr/write\(1<\S+\.stdout>/;
    my @shown = grep { !/^\d+ +(?:$pipe|$output)/ } @calls;

    cmp_ok(scalar(@calls), '>', 2, 'where the key goes is seen');
    is(join("\n", @shown), '', 'pipes, and standard output once');
    is(scalar(grep { /\.stdout>/ } @calls), 1, 'once');

    unlink($trace);
    my @files = grep { -f && !/\.stdout$/ && index(slurp($_), $key) >= 0 }
                glob("$dir/*");
    is("@files", '', 'no file has it');
    served('traced', $key, 200);
}


# ---- without nginx

$t->signal('QUIT');
is($t->wait_exit, 0, 'nginx leaves');

($code, $out, $err) = run_key({}, 'add', 'early');
is($code, 3, 'no nginx runs');
like($out, qr/\Ask-\w{64}\n\z/, 'the key is printed');
like($err, qr/"nginx -s reload" failed.*nginx\.pid/s, 'and nginx\'s reason');

$t->start;
served('when nginx is there', $out =~ s/\n//r, 200);

$t->done;
