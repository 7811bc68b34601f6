package Jimeng::Test::Protocols;

# curl over every protocol and framing that a reply can have on TCP.
#
#   my $t = Jimeng::Test->new(http2 => 1, server => certificate() . '
#       listen 127.0.0.1:%%PORT:tls%% ssl http2;');
#
#   for my $name (protocols()) {    'HTTP/1', 'HTTP/2, TLS', ...
#       my ($code, $out, $said) = curl_over($t, $name, $t->generation({...}));
#   }

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT = qw(curl_over protocols);

# Scheme, listener and curl's option.
my %protocol = (
    'HTTP/1' => [ 'http', 'http', '--http1.1' ],
    'HTTP/1, TLS' => [ 'https', 'tls', '--http1.1' ],
    'HTTP/2' => [ 'http', 'http2', '--http2-prior-knowledge' ],
    'HTTP/2, TLS' => [ 'https', 'tls', '--http2' ],
);


sub protocols { return sort keys %protocol }


sub curl_over {
    my ($t, $name, $method, $path, $headers, $body) = @_;
    my ($scheme, $port, $option) = @{ $protocol{$name} };
    my $file = $t->write_file('body', $body);

    return $t->curl(
        $option, '-k', '--max-time', 15, '-X', $method,
        (map { ('-H', "$_: $headers->{$_}") } sort keys %$headers),
        '--data-binary', "\@$file", "$scheme://127.0.0.1:" . $t->port($port)
                                    . $path);
}

1;
