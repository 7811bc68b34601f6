#!/usr/bin/perl

# What goes wrong while pictures are stored: a file that may not grow, as on a
# full disk; a directory that is gone; a client that leaves; a worker that is
# killed, or told to leave.  Nothing half is left, and nothing is ordered.
#
# A file's size is limited by setrlimit(), which root has to obey as well:
# write() fails with EFBIG where a full disk has ENOSPC.
#
# Seen failing: with a temporary file that is not deleted on errors; with a
# client that is not looked at while its pictures are stored; with a timer
# that is cancelable.

use strict;
use warnings;

use lib 't/lib';
use File::Path qw(remove_tree);
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Picture qw(base64 png);

# Inherited by nginx: the limit is an error then, and no signal.
$SIG{XFSZ} = 'IGNORE';

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', http2 => 1,
    http => 'client_max_body_size 256m;'
            . 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    location => 'client_body_buffer_size 64m;',
    server => <<'EOT',
        location /file/ { jimeng_pass /_volcengine; }
        location /up/ { alias %%DIR%%/up/; }
EOT
);

my $dir = $t->dir;
my @pictures = map { png(2048, 2048, 3_000_000, $_) } 1, 2;
my $no_room = qr/^The pictures of the request could not be stored: .* nothing was ordered\..*\.\z/;

sub post {
    my ($fields, $place) = @_;
    return $t->request('POST', '/' . ($place // 'v1') . '/images/generations',
                       { 'Content-Type' => 'application/json' },
                       JSON::PP::encode_json({ prompt => 'a quay in the fog',
                                               %$fields }));
}

sub left { map { s{.*/}{}r } glob "$dir/{up/*.tmp,temp_client_body/*}" }

# The size that a worker's files may have.
sub limit {
    my ($bytes) = @_;
    my ($worker) = $t->workers('staying');
    system('prlimit', "--pid=$worker", "--fsize=$bytes:unlimited") == 0
        or die 'prlimit failed';
}


# ---- a full disk

my $ok = post({ image => base64(png(640, 480)) });
is($ok->status, 200, 'a picture');

limit(1_000_000);

for my $case (
    [ 'a picture', image => base64($pictures[0]) ],
    [ 'the second of two', image => [ map { base64($_) }
                                      png(640, 480), $pictures[0] ] ],
    [ 'a picture in the submit', image => base64($pictures[0]),
      model => 'jimeng_i2i_v30' ],
) {
    my ($name, %fields) = @$case;
    my $submits = $t->submits;

    is_error(post(\%fields), $name, 500, 'internal_error',
             message => $no_room);
    is_deeply([ left() ], [], "$name: nothing is left of it");
    is($t->submits - $submits, 0, "$name: nothing was submitted");
}

is(scalar(() = glob "$dir/up/*"), 1, 'the small one was stored');
my @log = $t->error_log =~ /\[crit\] .*pwrite\(\) "([^"]+)" failed \(27: File too large\)/g;
is(scalar @log, 3, 'the log has the reason, three times');
is(scalar(grep { m{^\Q$dir\E/up/[0-9a-f]{32}\.tmp\z} } @log), 2,
   'and the file, twice in the directory');

limit('unlimited');
is(post({ image => base64($pictures[0]) })->status, 200, 'with room: a picture');


# ---- a directory that is gone

rename "$dir/up", "$dir/down" or die;
my $submits = $t->submits;
is_error(post({ image => base64($pictures[0]) }), 'no directory', 500,
         'internal_error', message => $no_room);
is($t->submits - $submits, 0, 'no directory: nothing was submitted');
$t->log_like(qr/\[crit\] .*open\(\) "\Q$dir\E\/up\/\w+\.tmp" failed \(2: /,
             'no directory: the log has the reason');
is(post({ image => 'https://pictures.example/a.png' })->status, 200,
   'no directory: a URL');

rename "$dir/down", "$dir/up" or die;
is(post({ image => base64($pictures[0]) })->status, 200, 'it is back');

# What is there under the name of the picture is no file.
my ($url) = ($t->submits)[-1]{json}{image_urls}[0] =~ m{(/up/.*)};
unlink "$dir$url" or die;
mkdir "$dir$url" or die;
is_error(post({ image => base64($pictures[0]) }), 'no place for it', 500,
         'internal_error', message => $no_room);
is_deeply([ left() ], [], 'no place for it: nothing is left of it');
$t->log_like(qr/\[crit\] .*rename\(\) .* failed \(21: /,
             'no place for it: the log has the reason');
rmdir "$dir$url" or die;

$t->allow_log(qr/\(27: File too large\)/, qr/\.tmp" failed \(2: /,
              qr/rename\(\) .* failed \(21: /);


# ---- while they are stored

# So large that it takes a while.
my @large = map { base64(png(4096, 4096, 15_728_640, $_)) } 1 .. 6;
my $large = $t->write_file('large', JSON::PP::encode_json(
    { prompt => 'a quay in the fog', image => \@large }));

sub start_large {
    my ($port, @args) = @_;
    my $client = $t->curl_start(
        '-H', 'Content-Type: application/json', '-H', 'Expect:', '-T', $large,
        '-X', 'POST', '-w', "\n%{http_code}", @args,
        'http://127.0.0.1:' . $t->port($port) . '/file/images/generations');

    wait_for { left_in_up() } 'a picture is being stored';
    return $client;
}

sub left_in_up { grep { /\.tmp\z/ } left() }

for my $version ('http', 'http2') {
    my $submits = $t->submits;
    my $gone = () = $t->error_log =~ /its pictures were being read/g;
    my $client = start_large($version, $version eq 'http2'
                                       ? '--http2-prior-knowledge' : ());
    $client->kill;

    wait_for { my $n = () = $t->error_log =~ /its pictures were being read/g;
               $n > $gone } "$version: the worker notices that nobody waits";
    is_deeply([ left() ], [], "$version: nothing is left");
    is($t->submits - $submits, 0, "$version: nothing was submitted");
    is(($t->access_lines(scalar $t->access_log))[-1]{status}, 499,
       "$version: the access log says so");
}

{
    my $client = start_large();
    my $submits = $t->submits;
    $t->reload;
    my ($code, $out) = $client->wait;
    like($out, qr/\n200\z/, 'a worker that is to leave stores them first');
    is($t->submits - $submits, 1, 'and makes the picture');
}


# ---- a worker that is killed

$submits = $t->submits;
my $client = start_large();
my ($worker) = $t->workers('staying');
$t->kill_worker($worker);
$client->wait;
$t->allow_log(qr/worker process $worker exited on signal 9/);

my @tmp = left_in_up();
is(scalar @tmp, 1, 'a worker that is killed leaves one file') or diag("@tmp");
is($t->submits - $submits, 0, 'and submits nothing');

# An old one goes, a young one stays.
$t->write_file('up/' . '0' x 32 . '.tmp', 'x');
utime time - 3700, time - 3700, "$dir/up/$tmp[0]";
$t->reload;
wait_for { !-e "$dir/up/$tmp[0]" } 'an hour later it is deleted';
is_deeply([ left_in_up() ], [ '0' x 32 . '.tmp' ],
          'one that may be in use is not');

$t->done;
