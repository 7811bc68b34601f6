#!/usr/bin/perl

# dry_run: what jimeng_keys would refuse is served, and the log says what that
# was, at "warn".
#
# Seen failing: with a dry run that refuses, and with one that counts nothing of
# what is over a limit.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(submits_of);

my $t = with_keys(
    [ 'alice rate=2r/h', 'bob concurrency=1', 'carol images=1/d',
      'dave models=jimeng_t2i_v31', 'erin expires=2020-01-01',
      'frank rate=9r/h concurrency=2 images=9/d' ],
    keys => 'dry_run', workers => 2, emulator => { seconds => 0.6 },
    server => 'location /strict/ {
                   jimeng_keys %%DIR%%/keys;
                   jimeng_pass /_volcengine;
               }',
);

my $lines = 0;

sub dry_runs {
    return grep { /\[warn\].* jimeng: dry run: / } split /\n/, $t->error_log;
}

# One more line in the log, on this client.
sub is_told {
    my ($name, $pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    wait_for { dry_runs() > $lines } "$name: it is logged";
    my @lines = dry_runs();
    is(scalar @lines, ++$lines, "$name: in one line");
    $lines = @lines;
    return like($lines[-1], $pattern, "$name: the line");
}

sub is_quiet {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @lines = dry_runs();
    is(scalar @lines, $lines, "$name: nothing is logged");
    $lines = @lines;
    return;
}


# ---- keys

is($t->generate->status, 200, 'no key');
is_told('no key', qr/dry run: \S.*key/);
is($t->generate({}, bearer('nobody'))->status, 200, 'an unknown key');
is_told('an unknown key', qr/dry run: \S.*key/);
$t->secret(key_of('nobody'));
is(generate_as($t, 'erin')->status, 200, 'an expired key');
is_told('an expired key', qr/dry run: \S.*expired/);


# ---- limits

is(generate_as($t, 'frank')->status, 200, 'within all limits');
is_quiet('within all limits');

is(generate_as($t, 'alice')->status, 200, "rate, request $_") for 1, 2;
is_quiet('rate');
my $r = generate_as($t, 'alice');
is($r->status, 200, 'over the rate');
is_told('over the rate', qr/dry run: .*alice/);
is(limits($r)->{remaining}, 0, 'over the rate: the headers are there');

my $prompt = 'a boat that waits';
my $x = $t->start_generate({ prompt => $prompt }, bearer('bob'));
wait_for { submits_of($t, $prompt) } 'concurrency: it is submitted';
is_quiet('concurrency');
is(generate_as($t, 'bob')->status, 200, 'over the concurrency');
is_told('over the concurrency', qr/dry run: .*bob/);
is($x->response->status, 200, 'concurrency: the first');

# Both are given back.
used($t, 'bob', concurrency => 0);
is(generate_as($t, 'bob')->status, 200, 'concurrency: the next');
is_quiet('concurrency: the next');

is(generate_as($t, 'carol')->status, 200, 'images');
is_quiet('images');
is(generate_as($t, 'carol', { n => 2 })->status, 200, 'over the images');
is_told('over the images', qr/dry run: .*carol/);
used($t, 'carol', images => [ 3, 0 ]);
is(usage($t, 'carol')->{images}{remaining}, 0, 'over the images: none remain');

is(generate_as($t, 'dave', { model => 'jimeng-4.6' })->status, 200,
   'another model');
is_told('another model', qr/dry run: .*dave/);
is(generate_as($t, 'dave', { model => 'jimeng_t2i_v31' })->status, 200,
   'its model');
is_quiet('its model');


# ---- whose tasks they are

my $id = generate_as($t, 'frank')->json->{task_id};
is($t->request('GET', "/v1/images/$id", bearer('bob'))->status, 404,
   "another's task is no limit");
is_quiet("another's task");


# ---- another location means it

my $json = { 'Content-Type' => 'application/json' };

is($t->request('POST', '/strict/images/generations',
               { %$json, %{ $_->[0] } }, '{"prompt":"a boat"}')->status,
   $_->[1], "without dry_run: $_->[1]")
    for [ {}, 401 ], [ bearer('alice'), 429 ], [ bearer('dave'), 403 ],
        [ bearer('carol'), 429 ], [ bearer('frank'), 200 ];
is_quiet('without dry_run');

$t->done;
