package Jimeng::Test::Certificate;

# A certificate that nobody has to trust.
#
#   my $lines = certificate();    the two directives of nginx that name it

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();

our @EXPORT = qw(certificate);

my $dir;


sub certificate {
    if (!$dir) {
        $dir = File::Temp->newdir;

        my $said = `openssl req -x509 -newkey rsa:2048 -nodes -days 2 \\
                        -subj /CN=localhost -keyout $dir/key -out $dir/crt 2>&1`;
        die "openssl: $said" if $?;
    }

    return "ssl_certificate $dir/crt; ssl_certificate_key $dir/key;";
}

1;
