package Jimeng::Test::Stored;

# Tests on a store.  In t/redis are links to those tests of t whose subject is
# what requests have in common: run from there, as any is with JIMENG_STORE in
# the environment, a test has a redis-server, and its nginx a "jimeng_store"
# beside each zone that has none.  A new test of that kind gets a link, too.
#
#   Jimeng::Test::Stored::wanted()
#   Jimeng::Test::Stored::there()          whether there is a server for that
#   Jimeng::Test::Stored::beside($t, $nginx_conf)
#   Jimeng::Test::Stored::joined($t)       its workers have come to the store

use strict;
use warnings;

use Jimeng::Redis;
use Jimeng::Test::Process qw(poll);


sub wanted { $ENV{JIMENG_STORE} || $0 =~ m{(?:^|/)t/redis/} }
sub there { Jimeng::Redis::there() }


sub beside {
    my ($t, $text) = @_;

    return $text unless wanted() && ref $t && $text =~ /\bjimeng_zone\s/
                        && $text !~ /\bjimeng_store\s/;

    my $redis = $t->{store} //= Jimeng::Redis->new(env => $t->{env});
    my $socket = $redis->socket;

    return $text =~ s/(\bjimeng_zone\s[^;]*;)/$1 jimeng_store unix:$socket;/r;
}


# A worker has come to the store before it is asked for anything.
sub joined {
    my ($t) = @_;
    my $redis = $t->{store} // return;

    poll(sub {
        my @there = grep { /^\d+$/ }
                    @{ $redis->command('ZRANGE', '{jimeng}:o', 0, -1) // [] };
        my @new = grep { !$t->{owners}{$_} } @there;

        return 0 if @new < ($t->{workers} // 1);
        $t->{owners}{$_} = 1 for @new;
        return 1;
    }, 5);

    return;
}

1;
