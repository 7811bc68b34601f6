package Jimeng::Test::Certificate;

# Certificates that nobody has to trust.
#
#   my $lines = certificate();    the two directives of nginx that name one
#   write_certificate($file, $host)
#                                 that host's own, in $file.crt and $file.key

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();

our @EXPORT = qw(certificate write_certificate);

my $dir;


sub certificate {
    if (!$dir) {
        $dir = File::Temp->newdir;
        write_certificate("$dir/own", 'localhost');
    }

    return "ssl_certificate $dir/own.crt; ssl_certificate_key $dir/own.key;";
}


sub write_certificate {
    my ($file, $host) = @_;

    my $said = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 \\
                    -subj /CN=$host -keyout $file.key -out $file.crt 2>&1`;
    die "openssl: $said" if $?;
    return;
}

1;
