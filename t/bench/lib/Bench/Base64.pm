package Bench::Base64;

# The third measurement: pictures as base64, for clients of which one is slow.
# A contestant is a hash with name, kind ("job" or "proxy") and start: a
# function from the upstream's port and settings to a Bench::Nginx.  A job is
# one request whose tasks follow one another in the reply; the proxy is asked
# for the same answers, one after another on the same connection.

use strict;
use warnings;

use Cwd 'abs_path';
use Digest::SHA 'sha512';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use JSON::PP;
use MIME::Base64 'encode_base64';
use POSIX ();

use Bench::Nginx;
use Bench::Proc qw(at_rest cores cpu memory peak pin);

our @EXPORT_OK = qw(base64 compile request write_file);

use constant {
    PICTURES => 4,
    SLOW     => 1_000_000,      # bytes a second
    SLOW_JOB => 5000,           # no other client has this number
};

my $bench = abs_path(dirname(__FILE__) . '/../..');

# what stands before a picture in the answers
my %marker = (
    proxy => '"binary_data_base64":["',
    job   => '"b64_json":"',
);


# The contestants, in the order given, each with idle and peak, its worker's
# memory in KiB, and cpu and wall, one figure per round: microseconds and
# seconds per GB of base64.  $upstream are options to start it with.  A gateway
# has a core for itself where there are two: what the kernel does for a socket
# is counted in one process or another, as processes meet on a core or not.

sub base64 {
    my ($contestants, $upstream, %o) = @_;

    my $files = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);

    compile($files);
    write_files("$files", $_, $o{size}) for 0 .. PICTURES - 1;

    my @cores = cores();
    my ($own, @others) = @cores;
    pin(\@others, $$) if @others;

    my $canned = Bench::Nginx->start('base64', %$upstream,
        vars => { FILES => "$files", PICTURES => PICTURES });

    my @runs;

    for my $c (@$contestants) {
        my $nginx = $c->{start}->($canned->{port}, interval => 1,
                                  attempts => 60);

        pin([$own], $nginx->pids) if @others;

        push @runs, { %$c, nginx => $nginx, files => "$files", jobs => 0 };
    }

    for my $run (@runs) {

        # one job on its own, to the end: and by its SHA-256
        load($run, clients => 1, sha256 => 1);

        at_rest($run->{nginx}->pids);
        $run->{idle} = memory($run->{nginx}{workers}[0])->{rss};
    }

    slow_begin($runs[$_], SLOW_JOB + $_) for 0 .. $#runs;

    for my $round (1 .. $o{rounds}) {
        my @turn = @runs;
        push @turn, splice @turn, 0, $round % @turn;

        for my $run (@turn) {
            my $cpu = cpu($run->{nginx}->pids);
            my ($bytes, $seconds) = load($run, clients => $o{clients} - 1);

            $cpu = cpu($run->{nginx}->pids) - $cpu;

            push @{ $run->{cpu} }, $cpu / ($bytes / 1e9);
            push @{ $run->{wall} }, $seconds / ($bytes / 1e9);
        }
    }

    slow_end($_) for @runs;

    check_calls($canned, @runs);

    for my $run (@runs) {
        $run->{peak} = peak($run->{nginx}{workers}[0]);
        $run->{nginx}->stop;
    }

    $canned->stop;
    pin(\@cores, $$) if @others;

    return @runs;
}


sub compile {
    my ($dir) = @_;
    my $cc = $ENV{CC} // 'gcc';

    system($cc, '-O2', '-D_GNU_SOURCE', '-o', "$dir/client",
           glob("$bench/client/*.c"), '-lcrypto') == 0
        or die "cannot compile $bench/client\n";
}


# A picture: noise that is always the same, but for a first byte that gives
# each another first character; and the answer, and the query, that have it.

sub write_files {
    my ($dir, $n, $size) = @_;

    my $block = join '', map { sha512("$n $_") } 0 .. 1023;
    my $bytes = chr(64 * $n);

    for (my $i = 0; length $bytes < $size / 4 * 3; $i++) {
        $bytes .= substr($block, $i % 4093) . sha512("$n block $i");
    }

    my $base64 = encode_base64(substr($bytes, 0, $size / 4 * 3), '');
    my $answer = JSON::PP->new->canonical->encode({
        code => 10000,
        data => { binary_data_base64 => ['@'], image_urls => undef,
                  status => 'done' },
        message => 'Success',
        request_id => '202511202200349A9C1E5F7B2D4C6E8A0E',
        status => 10000,
        time_elapsed => '123.182309ms',
    });

    write_file("$dir/picture.$n", $base64);
    write_file("$dir/answer.$n", $answer =~ s/\@/$base64/r);

    write_file("$dir/query.$n", request(
        '/?Action=CVSync2AsyncGetResult&Version=2022-08-31',
        { req_key => 'jimeng_t2i_v40', task_id => "739261633651961040$n",
          req_json => '{"return_url":false}' }));
}


sub write_file {
    my ($path, $text) = @_;

    open my $fh, '>', $path or die "$path: $!\n";
    print $fh $text;
    close $fh or die "$path: $!\n";
}


sub request {
    my ($uri, $body) = @_;

    my $text = JSON::PP->new->canonical->encode($body);

    return join "\r\n", "POST $uri HTTP/1.1", 'Host: 127.0.0.1',
        'Content-Type: application/json',
        'Content-Length: ' . length $text, '', $text;
}


# The command of clients; $o{job} is what the upstream knows a job by.

sub command {
    my ($run, %o) = @_;
    my $dir = $run->{files};
    my @requests;

    if ($run->{kind} eq 'proxy') {
        @requests = map { "$dir/query.$_" } 0 .. PICTURES - 1;

    } else {
        @requests = ("$dir/job.$o{job}");

        write_file($requests[0], request('/v1/images/generations',
            { model => 'jimeng-4.0', prompt => "a cat, job $o{job}",
              n => PICTURES, response_format => 'b64_json' }));
    }

    return "$dir/client", $o{sha256} ? '-s' : (),
           $o{rate} ? ('-r', $o{rate}) : (),
           '-p', $run->{nginx}{port}, '-c', $o{clients},
           '-m', $marker{ $run->{kind} },
           (map { ('-f', "$dir/picture.$_") } 0 .. PICTURES - 1),
           @requests;
}


# Runs clients to their end; returns bytes of base64, and seconds.

sub load {
    my ($run, %o) = @_;

    open my $fh, '-|', command($run, job => '@@@@', %o)
        or die "client: $!\n";
    my $text = do { local $/; <$fh> };
    close $fh;

    return said($run, $text);
}


sub said {
    my ($run, $text) = @_;

    my ($jobs, $bytes, $seconds)
        = ($text // '')
          =~ /^bench: jobs (\d+) bytes (\d+) seconds ([\d.]+)/m
        or die "$run->{name}: a client is not content:\n",
               $run->{nginx}->log;

    $run->{jobs} += $jobs;

    return $bytes, $seconds;
}


# A client that reads at its own pace until slow_end, whatever the others do.

sub slow_begin {
    my ($run, $job) = @_;
    my @command = command($run, clients => 1, rate => SLOW, job => $job);

    $run->{slow_said} = "$run->{files}/slow.$job";
    $run->{slow} = undef;

    my $pid = open($run->{slow}, '|-') // die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', $run->{slow_said} or die "$run->{slow_said}: $!\n";
        exec @command or POSIX::_exit(127);
    }
}


sub slow_end {
    my ($run) = @_;

    close $run->{slow};

    open my $fh, '<', $run->{slow_said} or die "$run->{slow_said}: $!\n";
    said($run, do { local $/; <$fh> });
}


# The upstream's logs have two bytes for each request: each task was submitted
# once, asked for once until it was done, and once for its picture.

sub check_calls {
    my ($canned, @runs) = @_;
    my %tasks = (job => 0, proxy => 0);

    $tasks{ $_->{kind} } += PICTURES * $_->{jobs} for @runs;

    my %expected = (
        submits  => $tasks{job},
        queries  => $tasks{job},
        pictures => $tasks{job} + $tasks{proxy},
    );

    for my $log (sort keys %expected) {
        my $n = (-s "$canned->{dir}/$log") / 2;

        die "the upstream had $n $log, not $expected{$log}\n"
            if $n != $expected{$log};
    }
}


1;
