#!/usr/bin/perl

# A call of Ark's whose answer is lost may still be at work there: its slot is
# held for a while, whether its client has waited for its end or not.
#
# Seen failing: "late", with the next call made at once, where the error that
# its client was told says how the slot is left.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;

my $server = raw_server(sub {
    my ($socket) = @_;
    my $request = read_request($socket) // return;

    select undef, undef, undef, 1.5 if $request =~ /a late call/;
});
my $port = $server->port;

my $t = with_ark(
    accounts => 'soon',
    http => join("\n", 'jimeng_timeout 1s;', map { <<"EOT" } qw(soon late)),
        upstream $_ { server 127.0.0.1:$port; }
        jimeng_account $_ {
            api_key a-key-of-$_-that-opens-nothing;
            pass /_$_;
            concurrency 1;
        }
EOT
    server => join "\n", map { <<"EOT" } qw(soon late),
        location = /_$_ {
            internal;
            proxy_pass http://$_/api;
        }
        location /$_/ {
            jimeng_pass /_volcengine;
            jimeng_accounts $_;
        }
EOT
);

sub ask {
    my ($lane, $prompt) = @_;
    my (undef, undef, @rest) = $t->generation({
        model => 'doubao-seedream-4-5-251128', prompt => $prompt });

    return $t->request('POST', "/$lane/images/generations", @rest);
}

my $requests = 0;

for (['soon', 502], ['late', 504]) {
    my ($lane, $status) = @$_;
    my $before = $server->connections;

    is(ask($lane, "a $lane call")->status, $status, "$lane: its client");

    # A request is logged when its last call has ended.
    $t->access_lines(++$requests);

    is(ask($lane, 'the next call')->status, 429, "$lane: the next one");
    is($server->connections - $before, 1, "$lane: calls");
    $requests++;
}

$t->done;
