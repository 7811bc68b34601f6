#!/usr/bin/perl

# What clients send as a key, in which header ever: it tells them apart where
# there are no jimeng_keys, it goes nowhere, and is in no log.
#
# Seen failing: with clients that are told apart by Authorization and
# GeekAI-API-Key only; with a password that is taken for the key of all who
# send it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ledger;

my $t = Jimeng::Test->new(with_ledger(
    strict => 1, emulator => { seconds => 0.1 }, poll_interval => '20ms',
    location => 'jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;',
));

my @keys = map { "sk-the-key-of-client-$_" } 1 .. 4;
my $password = 'dXNlcjphLXBhc3N3b3Jk';
$t->secret(@keys, $password);

my @headers = ('Authorization', 'GeekAI-API-Key', 'api-key', 'x-api-key');
my $prompts = 0;

sub prompt { "a ferry at dusk, $_[0], " . ++$prompts }

# The requests of these clients for the same, with the same Idempotency-Key.
sub links_of {
    my ($prompt, @clients) = @_;

    return map {
        links($t->generate({ prompt => $prompt },
                           { %$_, 'Idempotency-Key' => $prompt }))
    } @clients;
}


# ---- nothing goes anywhere

my %all = ('Authorization' => "Bearer $keys[0]", 'GeekAI-API-Key' => $keys[1],
           'api-key' => $keys[2], 'x-api-key' => $keys[3]);

for my $headers (\%all, (map { +{ $_ => $all{$_} } } sort keys %all),
                 { Authorization => "Basic $password" }, {
                   'api-key' => [ @keys[0, 1] ] })
{
    my $name = join ', ', sort keys %$headers;
    is($t->generate({ prompt => prompt('sent') }, $headers)->status, 200,
       "$name: a picture");
}

for my $row ($t->emulator->journal) {
    my $sent = join "\n", %{ $row->{headers} }, $row->{body} // '',
                          $row->{query} // '';

    is(join(' ', grep { index($sent, $_) >= 0 } @keys, $password), '',
       "no key goes upstream: $row->{action}");
    is(join(' ', grep { exists $row->{headers}{ lc $_ } } @headers[1 .. 3]),
       '', "nor a header: $row->{action}");
}


# ---- who it is

for my $header (@headers) {
    my $prompt = prompt($header);
    my $word = $header eq 'Authorization' ? 'Bearer ' : '';
    my @clients = map { +{ $header => "$word$_" } } @keys[0, 1];
    my @links = links_of($prompt, @clients, @clients, {});

    is("@links[0, 1]", "@links[2, 3]", "$header: each has a task");
    isnt($links[0], $links[1], "$header: of its own");
    is(scalar submits_of($t, $prompt), 3, "$header: nobody's is another");
}

my $prompt = prompt('one key');
my @links = links_of($prompt, { Authorization => "Bearer $keys[0]" },
                     map { +{ $_ => $keys[0] } } @headers[1 .. 3]);
is(scalar(grep { $_ eq $links[0] } @links), 4,
   'a key is the same in whichever header');
is(scalar submits_of($t, $prompt), 1, 'a key is the same: one submit');

# A password that a page or a proxy sends for everybody.
$prompt = prompt('a password');
my @shared = map { +{ Authorization => "Basic $password", 'api-key' => $_ } }
             @keys[0, 1];
@links = links_of($prompt, @shared, @shared);
is("@links[0, 1]", "@links[2, 3]", 'a password beside a key: each has a task');
isnt($links[0], $links[1], 'a password beside a key: of its own');

$prompt = prompt('a password alone');
@links = links_of($prompt, { Authorization => "Basic $password" },
                  { Authorization => "Basic ${password}=" },
                  { Authorization => "Basic $password" });
is($links[0], $links[2], 'a password alone: the same client');
isnt($links[0], $links[1], 'a password alone: and another');

# The one that counts tells it, whatever stands beside it.
$prompt = prompt('several');
@links = links_of($prompt, \%all, { %all, 'x-api-key' => $keys[0] },
                  { Authorization => $all{Authorization} });
is(scalar(grep { $_ eq $links[0] } @links), 3, 'several: Authorization is it');

$t->done;
