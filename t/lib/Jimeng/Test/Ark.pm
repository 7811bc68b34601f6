package Jimeng::Test::Ark;

# Tests of the second service: an account "ark", its emulator, and the internal
# location of conf-examples/ark.conf, less its TLS.
#
#   my $t = with_ark(account => 'concurrency 2;', ark => { seconds => 1 },
#                    accounts => 'ark', http => '...', location => '...');
#
# The other options are Jimeng::Test's.  Without "accounts" these are "main ark",
# of which main is Jimeng's, with 2 slots.

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test;
use Jimeng::Test::Process qw(slurp);

our @EXPORT = qw(with_ark ark_location);

our $KEY = 'ark-0123456789-abcdef-that-opens-nothing';


sub with_ark {
    my (%opt) = @_;

    my $account = delete $opt{account} // 'concurrency 20;';
    my $accounts = delete $opt{accounts} // 'main ark';
    my %ark = (name => 'ark', key => $KEY, %{ delete $opt{ark} // {} });
    my $zone = delete $opt{zone} // 'jimeng_zone jimeng:8m;';

    return Jimeng::Test->new(
        %opt,
        account  => $zone ? 'concurrency 2;' : '',
        emulator => { seconds => 0.2, %{ $opt{emulator} // {} },
                      ark => [ \%ark ] },
        http     => join("\n", $zone, "jimeng_accounts $accounts;",
                         "jimeng_account ark {",
                         "api_key $KEY; pass /_ark; $account", '}',
                         $opt{http} // ''),
        server   => ark_location() . ($opt{server} // ''),
    );
}


# As an operator includes it, but for the upstream's name and TLS.
sub ark_location {
    my $text = slurp(Jimeng::Test::Nginx::root() . '/conf-examples/ark.conf');

    $text =~ s/^ *proxy_ssl_.*\n//mg;
    $text =~ s{https://ark/}{http://volcengine/} or die 'no proxy_pass';

    return $text;
}

1;
