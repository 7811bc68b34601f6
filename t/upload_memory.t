#!/usr/bin/perl

# Ten pictures of 15 MB in one body: the worker's memory does not grow with
# them, and other clients are served meanwhile.
#
# Seen failing: with a body that is read as a whole (+205 MB); with slices of
# the whole body (a client waited for as long as all of it took).

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);
use Jimeng::Test::Process qw(slurp);
use Time::HiRes qw(time);

use constant { ALLOWED => 32 * 1024, PICTURES => 10 };

my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms',
    http => 'client_max_body_size 256m;',
    location => 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
    server => 'location /up/ { alias %%DIR%%/up/; }',
);

my ($worker) = $t->workers;

# In KiB, VmRSS: now; VmHWM: the most there ever was.
sub memory {
    my ($name) = @_;
    return (slurp("/proc/$worker/status") =~ /^$name:\s+(\d+)/m)[0];
}

my @pictures = map { png(4096, 4096, 15_728_640, $_) } 1 .. PICTURES;

my $json = $t->write_file('json', '{"prompt":"a fair","image":['
    . join(',', map { '"' . base64($_) . '"' } @pictures) . ']}');

my $form = $t->write_file('form', join('', map {
    qq(--xyz\r\nContent-Disposition: form-data; name="$_->[0]"$_->[1]\r\n\r\n)
    . "$_->[2]\r\n"
} [ 'prompt', '', 'a fair' ],
  map { [ 'image[]', '; filename="a.png"', $_ ] } @pictures) . "--xyz--\r\n");

cmp_ok(-s $json, '>', 200_000_000, 'a body of 200 MB');
cmp_ok(-s $form, '>', 150_000_000, 'a form of 150 MB');

is($t->generate->status, 200, 'idle: a picture');
my $idle = memory('VmRSS');

for my $body (
    [ 'generations', 'application/json', $json ],
    [ 'edits', 'multipart/form-data; boundary=xyz', $form ],
) {
    my ($path, $type, $file) = @$body;

    my $client = $t->curl_start(
        '-H', "Content-Type: $type", '-H', 'Expect:', '-w', "\n%{http_code}",
        '-T', $file, '-X', 'POST', $t->url("/v1/images/$path"));

    # While the body comes, and while its pictures are stored.
    my ($served, $longest) = (0, 0);

    while ($client->alive) {
        my $start = time;
        $served++ if $t->request('GET', '/stub_status')->status == 200;
        $longest = time - $start if time - $start > $longest;
    }

    my ($code, $out) = $client->wait;
    like($out, qr/\n200\z/, "$path: ten pictures");
    cmp_ok($served, '>', 20, "$path: other clients are served meanwhile");
    cmp_ok($longest, '<', 0.5, "$path: none of them waits for long");
    diag(sprintf '%s: %d served, the longest wait %.3f s, %d KiB over idle',
         $path, $served, $longest, memory('VmHWM') - $idle) if $ENV{TEST_VERBOSE};

    SKIP: {
        skip 'a sanitizer keeps what was freed', 1
            if slurp("/proc/$worker/maps") =~ /libasan/;

        cmp_ok(memory('VmHWM') - $idle, '<', ALLOWED,
               "$path: memory over idle, in KiB");
    }
}

my @urls = @{ ($t->submits)[-1]{json}{image_urls} };
is_deeply([ map { $_->{json}{image_urls} } ($t->submits)[-2, -1] ],
          [ \@urls, \@urls ], 'both have the same pictures');
is(scalar @urls, PICTURES, 'all of them');

for my $i (0 .. $#urls) {
    my ($path) = $urls[$i] =~ m{(/up/.*)};
    ok($t->request('GET', $path)->body eq $pictures[$i], "picture $i");
}

$t->done;
