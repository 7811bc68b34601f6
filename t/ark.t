#!/usr/bin/perl

# A picture of Ark's: one call, with the account's key, whose answer is the
# result; what is kept of it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;

my $t = with_ark();
my $model = 'doubao-seedream-4-5-251128';


# ---- a picture

my $r = $t->generate({ model => 'jimeng-4.5', size => '2048x2048' });

is($r->status, 200, "a picture") or diag($r->body);
is(scalar @{ $r->json->{data} }, 1, 'one');
like($r->json->{data}[0]{url}, qr{^http://[^/]+/pictures/ark/}, 'its link');
is($r->json->{data}[0]{size}, '2048x2048', 'and size');
is($r->json->{model}, $model, 'the model');
is($r->json->{task_status}, 'succeed', 'it is there');
is($r->json->{usage}{generated_images}, 1, 'how many were made');
cmp_ok($r->json->{usage}{output_tokens}, '>', 0, 'Ark\'s tokens');
cmp_ok($r->json->{usage}{total_tokens}, '>', 0, 'all of them');

my ($call, @more) = $t->emulator->calls;
is(scalar @more, 0, 'one call');
is($call->{key}, 'ark', 'with the account\'s key');
is($call->{model}, $model, 'for Ark\'s name of it');
is_deeply($call->{fields}{size}, '2048x2048', 'its size');
ok(!$t->submits, 'nothing for Jimeng');


# ---- by its id

my $id = $r->json->{task_id};
ok(length $id, 'it has an id');

my $again = $t->request('GET', "/v1/images/$id");
is($again->status, 200, 'which it can be asked for by');
is_deeply($again->json->{data}, $r->json->{data}, 'the same picture');
is_deeply($again->json->{usage}, $r->json->{usage}, 'and usage');
is(scalar(my @calls = $t->emulator->calls), 1, 'nothing is made again');

$t->done;
