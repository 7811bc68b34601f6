package Bench::Pictures;

# Pictures that a client gets as data, and that the gateway fetches by their
# links: CPU time beside proxy_pass of the same pictures, to whom asks for the
# pictures themselves.  And Jimeng's own data, beside links and a fetch.

use strict;
use warnings;

use Digest::SHA 'sha512';
use Exporter 'import';
use File::Temp ();
use JSON::PP;
use MIME::Base64 'encode_base64';

use Bench::Base64 qw(compile request write_file);
use Bench::Measure 'median';
use Bench::Nginx;
use Bench::Proc qw(at_rest cores cpu peak pin);
use Jimeng::Test::Certificate 'write_certificate';
use Jimeng::Test::Process 'slurp';

our @EXPORT_OK = qw(print_pictures);

use constant {
    CLIENTS => 4,
    SIZE    => 20_000_000,
    OWN     => [ 1_000_000, 4_000_000, 20_000_000 ],
    BYTES   => 80_000_000,      # of pictures in a round
    BAR     => 0.9,             # of proxy_pass's throughput
};

# What keeps pictures, as conf-examples/pictures.conf has it.
my $kept = 'proxy_cache pictures; proxy_cache_valid 200 1h;'
           . ' proxy_cache_lock on; proxy_buffer_size 64k;'
           . ' proxy_buffers 8 64k;';

# Each case: its name, what keeps pictures, what is asked for, and whether for
# the same picture again.  The first of a group is what others are held against.
my @cases = (
    [ 'no cache: `proxy_pass`', '', 'proxied' ],
    [ 'no cache: `proxy_pass`, one buffer', '', 'one_buffer' ],
    [ 'no cache: **jimeng**', '', 'ark' ],
    [ 'into the cache: `proxy_pass`', $kept, 'proxied' ],
    [ 'into the cache: **jimeng**', $kept, 'ark' ],
    [ 'from the cache: `proxy_pass`', $kept, 'proxied', 'again' ],
    [ 'from the cache: **jimeng**', $kept, 'ark', 'again' ],
);

# What is asked for beside Jimeng's own data: the first.
my @own = qw(data links ark called);


# Measures and tells; returns what misses its bar.  $gateway and $upstream are
# options to start these with; $rounds is how many.

sub print_pictures {
    my ($rounds, $gateway, $upstream) = @_;
    my $files = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);

    compile($files);
    write_pictures("$files", $_) for @{ OWN() };
    write_certificate("$files/vendor", 'vendor');

    my @cores = cores();
    pin([ @cores[1 .. $#cores] ], $$) if @cores > 1;

    my @missed = print_cases($rounds, world("$files", $gateway, $upstream,
                                            'http', $cores[0]));

    print_own($rounds, world("$files", $gateway, $upstream, 'https',
                             $cores[0]));

    pin(\@cores, $$) if @cores > 1;

    return @missed;
}


# Pictures for which others ask, by what is kept of them.

sub print_cases {
    my ($rounds, $world) = @_;

    my (@runs, $nginx);

    for my $case (@cases) {
        my ($name, $keep, $what, $again) = @$case;

        $nginx = $world->{start}->($keep) if $what eq 'proxied';

        push @runs, { name => $name, what => $what, again => $again,
                      size => SIZE, nginx => $nginx };
    }

    measure($world, $rounds, @runs);

    print <<"END";

Pictures of ${\ (SIZE / 1e6) } MB as data, by their links, to ${\ CLIENTS} clients at once: CPU time of the
gateway's worker, a picture, median of $rounds rounds; pictures a CPU second beside
`proxy_pass` of the same picture there, and without a cache.

| | CPU ms | least to most | beside it there | without a cache | wall ms | peak MiB |
|---|--:|--:|--:|--:|--:|--:|
END

    my ($plain, $there) = $runs[0];
    my @missed;

    for my $run (@runs) {
        $there = $run if $run->{what} eq 'proxied';

        my @cpu = sort { $a <=> $b } @{ $run->{cpu} };
        my @beside = map { median(@{ $_->{cpu} }) / median(@cpu) }
                     $there, $plain;

        printf "| %s | %.1f | %.1f–%.1f | %.2f | %.2f | %.1f | %.1f |\n",
               $run->{name}, (map { $_ / 1e3 } median(@cpu), @cpu[0, -1]),
               @beside, median(@{ $run->{wall} }) / 1e3, $run->{peak} / 1024;

        push @missed, sprintf '%s: %.2f of proxy_pass, the bar is %s',
                              $run->{name}, $beside[1], BAR
            if $run->{what} eq 'ark' && $beside[1] < BAR;
    }

    print "\nBar: at least ", BAR, " of `proxy_pass` without a cache.\n";

    $_->stop for map({ $_->{what} eq 'proxied' ? $_->{nginx} : () } @runs),
                 $world->{vendor};

    return @missed;
}


# What Jimeng's base64 costs, and what its link and a fetch would.

sub print_own {
    my ($rounds, $world) = @_;

    my $nginx = $world->{start}->('');

    my @runs = measure($world, $rounds, map {
        my $size = $_;
        map { { what => $_, size => $size, nginx => $nginx } } @own;
    } @{ OWN() });

    print <<"END";

A job of Jimeng's with data, as the vendor's base64, or as its link and a fetch: over
TLS, ${\ CLIENTS} clients at once, median of $rounds rounds; the second is a job with a link, and
what a call of Ark's with data takes more than one with a link.

| MB | base64: CPU ms | wall ms | bytes sent | link: CPU ms | wall ms | bytes sent | CPU, beside base64 |
|--:|--:|--:|--:|--:|--:|--:|--:|
END

    while (my ($data, $links, $ark, $called) = splice @runs, 0, 4) {
        my %own = figures($data);
        my ($l, $a, $c) = map { { figures($_) } } $links, $ark, $called;
        my %link = map { $_ => $l->{$_} + $a->{$_} - $c->{$_} } keys %own;

        printf "| %d | %s | %s | %.2f |\n", $data->{size} / 1e6,
               (map { sprintf '%.2f | %.2f | %d', @$_{qw(cpu wall sent)} }
                \%own, \%link), $link{cpu} / $own{cpu};
    }

    $_->stop for $nginx, $world->{vendor};
    return;
}


sub figures {
    my ($run) = @_;

    return (sent => $run->{sent},
            map { $_ => median(@{ $run->{$_} }) / 1e3 } qw(cpu wall));
}


# A picture, its base64, and the answer of Jimeng's that has it.

sub write_pictures {
    my ($dir, $size) = @_;

    my $bytes = "\xff\xd8\xff\xe0";
    $bytes .= sha512(length $bytes) while length $bytes < $size;
    $bytes = substr $bytes, 0, $size;

    my $base64 = encode_base64($bytes, '');

    write_file("$dir/picture.$size", $bytes);
    write_file("$dir/base64.$size", $base64);
    write_file("$dir/answer.$size", '{"code":10000,"data":{'
        . qq("binary_data_base64":["$base64"],"image_urls":null,)
        . '"status":"done"},"message":"Success","request_id":'
        . '"202511202200349A9C1E5F7B2D4C6E8A0E","status":10000,'
        . '"time_elapsed":"123.182309ms"}');
}


# The vendor, and gateways by what keeps their pictures.

sub world {
    my ($files, $gateway, $upstream, $scheme, $core) = @_;
    my $tls = $scheme eq 'https';

    my $vendor = Bench::Nginx->start('vendor', %$upstream, vars => {
        FILES => $files, SCHEME => $scheme, SSL => $tls ? 'ssl' : '',
        CERTIFICATE => $tls ? "ssl_certificate $files/vendor.crt;"
                              . " ssl_certificate_key $files/vendor.key;" : '',
    });

    my %world = (files => $files, vendor => $vendor, serial => 0,
                 url => "$scheme://127.0.0.1:$vendor->{port}/pictures");

    $world{start} = sub {
        my ($keep) = @_;

        my $nginx = Bench::Nginx->start('pictures', %$gateway,
            upstream => $vendor->{port}, vars => { %{ $gateway->{vars} },
                VENDOR => $vendor->{port}, SCHEME => $scheme, KEEP => $keep,
                TLS => $tls ? 'proxy_ssl_verify on; proxy_ssl_name vendor;'
                    . ' proxy_ssl_server_name on; proxy_ssl_trusted_certificate'
                    . " $files/vendor.crt;" : '' });

        pin([$core], $nginx->pids);
        return $nginx;
    };

    return \%world;
}


# Runs of { what, size, again, nginx } by turns: each gets cpu and wall, a figure
# a round, in microseconds a picture, peak in KiB, and sent, by the vendor.

sub measure {
    my ($world, $rounds, @runs) = @_;

    # each alone, and by its SHA-256
    load($world, $_, 1, '-s') for @runs;

    for my $round (0 .. $rounds) {
        my @turn = @runs;
        push @turn, splice @turn, 0, $round % @turn;

        for my $run (@turn) {
            my ($worker) = @{ $run->{nginx}{workers} };
            my $times = BYTES / $run->{size} / CLIENTS;

            at_rest($worker);

            my $sent = sent($world);
            my $cpu = cpu($worker);
            my $seconds = 0;
            $seconds += load($world, $run, CLIENTS) for 1 .. $times;

            at_rest($worker);
            $cpu = cpu($worker) - $cpu;

            # what is kept takes memory, and the kernel's time to find it
            empty("$run->{nginx}{dir}/cache") if !$run->{again};

            next if !$round;    # what is paid once

            my $n = $times * CLIENTS;

            push @{ $run->{cpu} }, $cpu / $n;
            push @{ $run->{wall} }, $seconds * 1e6 / $n;
            $run->{sent} = (sent($world) - $sent) / $n;
        }
    }

    $_->{peak} = peak($_->{nginx}{workers}[0]) for @runs;

    return @runs;
}


sub empty {
    my ($dir) = @_;

    unlink grep { -f } glob "$dir/*";
}


# What the vendor has sent so far, headers and all, before it was encrypted.

sub sent {
    my ($world) = @_;
    my $sum = 0;

    $sum += $_ for split ' ', slurp("$world->{vendor}{dir}/sent") // '';

    return $sum;
}


# So many clients at once, of a picture each; returns the seconds they took.

sub load {
    my ($world, $run, $clients, @options) = @_;
    my ($dir, $size, $what) = ($world->{files}, @$run{qw(size what)});

    my $raw = $what =~ /^(?:proxied|one_buffer)$/;
    my $data = $what =~ /^(?:data|ark)$/;
    my $where = $what =~ /^(?:data|links)$/ ? 'jimeng' : $what;
    my $name = $run->{again} || !($raw || $data) ? 0
             : 'n' . $world->{serial}++ . 'x@@@@';

    write_file("$dir/request", $raw
        ? "GET /$what/$size/$name HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        : request("/$where/images/generations", {
            model => $where eq 'jimeng' ? 'jimeng-4.0' : 'jimeng-4.5',
            prompt => "picture $size $name",
            response_format => $data ? 'b64_json' : 'url' }));

    write_file("$dir/link", "$world->{url}/$size/0") if !$raw && !$data;

    open my $fh, '-|', "$dir/client", @options, '-p', $run->{nginx}{port},
        '-c', $clients, $raw ? ()
            : ('-m', $data ? '"b64_json":"' : '"url":"'),
        '-f', $raw ? "$dir/picture.$size"
            : $data ? "$dir/base64.$size" : "$dir/link",
        "$dir/request" or die "client: $!\n";
    my $text = do { local $/; <$fh> };
    close $fh;

    my ($seconds) = $text =~ /^bench: jobs \d+ bytes \d+ seconds ([\d.]+)/m
        or die "$what: a client is not content:\n", $run->{nginx}->log;

    return $seconds;
}


1;
