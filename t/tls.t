# TLS on both sides: conf-examples/volcengine.conf as it is, but for the file
# of trusted certificates, against a server that has a certificate for
# visual.volcengineapi.com; and a client over HTTPS, with HTTP/1.1 and HTTP/2.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);

my $host = 'visual.volcengineapi.com';
my $dir = File::Temp->newdir;

sub openssl {
    my $out = `openssl @_ 2>&1`;
    die "openssl @_: $out" if $?;
    return;
}

# A CA, and certificates of it for some names.
openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-ca",
        "-keyout $dir/ca.key -out $dir/ca.crt");

for my $name ($host, 'somebody.else.example') {
    my $base = "$dir/$name";

    openssl("req -newkey rsa:2048 -nodes -subj /CN=$name",
            "-keyout $base.key -out $base.csr");

    open my $ext, '>', "$base.ext" or die $!;
    print $ext "subjectAltName=DNS:$name\n";
    close $ext;

    openssl("x509 -req -days 2 -in $base.csr -CA $dir/ca.crt",
            "-CAkey $dir/ca.key -CAcreateserial -extfile $base.ext",
            "-out $base.crt");
}

open my $example, '<', 'conf-examples/volcengine.conf' or die $!;
my $volcengine = do { local $/; <$example> };
close $example;

$volcengine =~ s{/etc/ssl/certs/ca-certificates.crt}{$dir/ca.crt}
    or die 'no trusted certificate in volcengine.conf';


# A server that ends TLS before the emulator, and says how it was reached.
sub gateway {
    my (%opt) = @_;

    return Jimeng::Test->new(
        emulator   => { seconds => 0.3 },
        volcengine => $volcengine,
        upstream   => '127.0.0.1:%%PORT:tls%%',
        location   => 'jimeng_timeout 4s;',
        http       => <<"EOF2",
    log_format tls '\$connection \$ssl_server_name \$host';

    server {
        listen 127.0.0.1:%%PORT:tls%% ssl;
        ssl_certificate     $dir/$opt{certificate}.crt;
        ssl_certificate_key $dir/$opt{certificate}.key;
        keepalive_requests 1000;
        access_log %%DIR%%/tls.log tls;

        location / {
            proxy_pass http://127.0.0.1:%%EMULATOR_PORT%%;
            proxy_set_header Host \$host;
        }
    }
EOF2
        server => <<"EOF2",
        listen 127.0.0.1:%%PORT:https%% ssl http2;
        ssl_certificate     $dir/$host.crt;
        ssl_certificate_key $dir/$host.key;
EOF2
    );
}


subtest 'a certificate that is verified' => sub {
    my $t = gateway(certificate => $host);
    my $response = $t->generate({ size => '1K' });

    is($response->status, 200, 'a picture') or diag($response->body);
    is($t->submits, 1, 'of one submit');
    is(scalar(grep { $_->{signature} ne 'ok' } $t->submits, $t->queries), 0,
       'every signature is good');

    open my $log, '<', $t->dir . '/tls.log' or die $!;
    my @lines = <$log>;
    close $log;

    cmp_ok(scalar @lines, '>=', 2, 'a submit and a query at least');
    like($_, qr/^\d+ \Q$host\E \Q$host\E$/, 'SNI and Host are what was signed')
        for @lines;

    my %connections = map { (split)[0] => 1 } @lines;
    is(keys %connections, 1, 'one connection was kept for all');

    # A submit that is in a file: over TLS nginx has to read it.
    my $picture = png(800, 600, 200_000);
    is($t->generate({ model => 'jimeng_i2i_v30', image => base64($picture) })
         ->status, 200, 'a picture from one that is sent as data');
    my ($sent) = ($t->submits)[-1];
    is($sent->{signature}, 'ok', 'its signature');
    ok($sent->{json}{binary_data_base64}[0] eq base64($picture),
       'byte for byte');

    for my $version ('--http1.1', '--http2') {
        my ($exit, $out) = $t->curl('-s', $version,
            '--cacert', "$dir/ca.crt",
            '--resolve', "$host:" . $t->port('https') . ':127.0.0.1',
            '-H', 'Content-Type: application/json',
            '-d', '{"prompt":"a kingfisher"}',
            "https://$host:" . $t->port('https') . '/v1/images/generations');

        is($exit, 0, "curl $version over HTTPS");
        like($out, qr/"task_status":"succeed"/, 'gets a picture');
    }

    $t->finish;
};


subtest 'a certificate for another name' => sub {
    my $t = gateway(certificate => 'somebody.else.example');
    my $response = $t->generate({});

    is($response->status, 502, 'no picture');
    is($response->json->{code}, 'upstream_error', 'code');
    is($response->header('x-should-retry'), undef, 'a retry costs nothing');
    is($t->submits, 0, 'nothing was submitted');
    $t->log_like(qr/certificate does not match/, 'the log says why');

    $t->finish;
};

done_testing();
