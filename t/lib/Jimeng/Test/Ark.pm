package Jimeng::Test::Ark;

# Tests of the second service: an account "ark", its emulator, and the internal
# location of conf-examples/ark.conf, less its TLS.
#
#   my $t = with_ark(account => 'concurrency 2;', ark => { seconds => 1 },
#                    more => [ two => 'concurrency 1;' ],
#                    accounts => 'ark', http => '...', location => '...');
#   my $text = ark_accounts(ark => 'concurrency 2;', ...);   their blocks
#   my $key = ark_key('two');
#   syswrite $socket, ark_made($model, @urls);  a whole answer with pictures
#
# "more" are further accounts, the same in the emulator but for their keys.  The
# other options are Jimeng::Test's.  Without "accounts" these are "main ark", of
# which main is Jimeng's, with 2 slots.

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test;
use Jimeng::Test::Process qw(slurp);
use JSON::PP ();

our @EXPORT = qw(with_ark ark_accounts ark_key ark_location ark_made);

our $KEY = 'ark-0123456789-abcdef-that-opens-nothing';


sub with_ark {
    my (%opt) = @_;

    my $account = delete $opt{account} // 'concurrency 20;';
    my $accounts = delete $opt{accounts} // 'main ark';
    my %ark = (name => 'ark', key => $KEY, %{ delete $opt{ark} // {} });
    my $more = delete $opt{more} // [];
    my %more = @$more;
    my $zone = delete $opt{zone} // 'jimeng_zone jimeng:8m;';

    return Jimeng::Test->new(
        %opt,
        account  => $zone ? 'concurrency 2;' : '',
        emulator => { seconds => 0.2, %{ $opt{emulator} // {} },
                      ark => [ \%ark, map { +{ %ark, name => $_,
                                                key => ark_key($_) } }
                                       sort keys %more ] },
        http     => join("\n", $zone, "jimeng_accounts $accounts;",
                         ark_accounts(ark => $account, @$more),
                         $opt{http} // ''),
        server   => ark_location() . ($opt{server} // ''),
    );
}


sub ark_key { return $_[0] eq 'ark' ? $KEY : "$KEY-of-$_[0]" }


sub ark_accounts {
    my @pairs = @_;
    my $text = '';

    while (my ($name, $conf) = splice @pairs, 0, 2) {
        my $key = $conf =~ /\bapi_key\b/ ? ''
                : 'api_key ' . ark_key($name) . ';';
        $text .= "jimeng_account $name { $key pass /_ark; $conf }\n";
    }

    return $text;
}


# As an operator includes it, but for the upstream's name and TLS.
sub ark_location {
    my $text = slurp(Jimeng::Test::Nginx::root() . '/conf-examples/ark.conf');

    $text =~ s/^ *proxy_ssl_.*\n//mg;
    $text =~ s{https://ark/}{http://volcengine/} or die 'no proxy_pass';

    return $text;
}

# The answer of a service that is hand-made, and its connection ends with it.
sub ark_made {
    my ($model, @urls) = @_;

    my $body = JSON::PP::encode_json({ model => $model, created => 1796117888,
        data => [ map { { url => $_, size => '2048x2048' } } @urls ],
        usage => { generated_images => scalar @urls, output_tokens => 1,
                   total_tokens => 1 } });

    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body)
        . "\r\nConnection: close\r\n\r\n$body";
}

1;
