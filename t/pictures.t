#!/usr/bin/perl

# Pictures through the gateway: its own link in place of the vendor's, in every
# form of a reply; the picture is in the cache when its task has ended, and
# comes with a type that its bytes say and a header of ours.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Metrics qw(scrape);
use Jimeng::Test::Shown qw(fetches pictures_conf path_of);

my $t = Jimeng::Test->new(pictures_conf());

my $r = $t->generate({ n => 1 });
is($r->status, 200, 'a picture') or diag($r->body);
my $url = $r->json->{data}[0]{url};
diag($url);
wait_for { fetches($t, 'succeed') == 1 } 'it was fetched';
diag(join "\n", map { "$_->{method} $_->{path} $_->{status}" } grep { $_->{path} =~ /pic/ } $t->emulator->journal);
$r = $t->request('GET', path_of($url));
diag($r->status, " ", length $r->body, " ", join "\n", map { "$_: " . $r->header($_) } sort keys %{$r->headers});
for my $h ({}, {Range => 'bytes=0-9'}, {Range=>'bytes=99999999-'}) {
$r = $t->request('GET', path_of($url), $h);
diag($r->status, " ", length $r->body, " ", join "\n", map { "$_: " . $r->header($_) } sort keys %{$r->headers});
}
$r = $t->request('HEAD', path_of($url));
diag($r->status, " ", length $r->body, " ", join "\n", map { "$_: " . $r->header($_) } sort keys %{$r->headers});

diag(join "\n", map { "$_->{method} $_->{path} $_->{status}" } grep { $_->{path} =~ /pic/ } $t->emulator->journal);
diag($t->error_log);
$t->done;
