#!/usr/bin/perl

# Clients' limits, and the queue of an account: what waits counts for its
# client's concurrency and budget, and gives both back when it does not get
# on.  In the queue a client is its name, whichever header its key comes in, or
# whether it has one at all.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of);

my $prompts = 0;

my $t = with_keys(
    [ 'alice concurrency=2 images=9/d', 'bob concurrency=4 images=20/d',
      'carol', 'dave images=3/d' ],
    workers => 2, emulator => { seconds => 0.8, concurrency => 1 },
    account => 'concurrency 1; queue 3;',
    http => 'lingering_close off;', location => 'jimeng_client $http_name;',
);

my ($one, $other) = $t->workers;

sub prompt { "a bay at low tide, $_[0], " . ++$prompts }

sub start {
    my ($pid, $headers, $prompt, $fields) = @_;
    return ask($t, $pid, $t->generation({ prompt => $prompt,
                                          %{ $fields || {} } }, $headers));
}


# ---- one runs, one waits

my $prompt = prompt('two');
my $runs = start($one, bearer('alice'), $prompt);
wait_for { submits_of($t, $prompt) } 'two: one is submitted';
my $waits = start($other, bearer('alice'), prompt('waits'), { n => 2 });
used($t, 'alice', concurrency => 2, images => [ 0, 3 ]);
is_refused($t, generate_as($t, 'alice'), 'two: over',
           code => 'rate_limit_exceeded', after => [ 1, 60 ]);
is($runs->response->status, 200, 'two: the one that ran');
is($waits->response->status, 200, 'two: the one that waited');
used($t, 'alice', concurrency => 0, images => [ 3, 0 ]);


# ---- one that leaves while it waits

$prompt = prompt('the slot is taken');
$runs = start($one, bearer('carol'), $prompt);
wait_for { submits_of($t, $prompt) } 'leaves: the slot is taken';
my $left = prompt('it leaves');
$waits = start($other, bearer('alice'), $left);
used($t, 'alice', concurrency => 1, images => [ 3, 1 ]);
$waits->reset;
used($t, 'alice', concurrency => 0, images => [ 3, 0 ]);
is($runs->response->status, 200, 'leaves: the one before it');
is(scalar submits_of($t, $left), 0, 'leaves: it was not submitted');


# ---- a full queue

$prompt = prompt('full');
my @all = start($one, bearer('carol'), $prompt);
wait_for { submits_of($t, $prompt) } 'full: one runs';
push @all, map { start($one, bearer('bob'), prompt('waits')) } 1 .. 3;
used($t, 'bob', concurrency => 3, images => [ 0, 3 ]);

my $r = start($other, bearer('bob'), prompt('over'))->response;
is($r->status, 429, 'full: refused');
is($r->json->{error}{code}, 'concurrency_limit_exceeded', 'full: why');
like($r->header('Retry-After'), qr/^[1-9]\d*\z/, 'full: Retry-After');
is(usage($t, 'bob')->{concurrency}{used}, 3, 'full: its hold is given back');
is(usage($t, 'bob')->{images}{reserved}, 3, 'full: and its picture');
is(join(' ', map { $_->response->status } @all), '200 200 200 200',
   'full: the others are served');
used($t, 'bob', concurrency => 0, images => [ 3, 0 ]);


# ---- a client is its name, also for whose turn it is

$prompt = prompt('turns');
my %geek = ('GeekAI-API-Key' => key_of('bob'));
my @turns = (
    [ bearer('carol'), "$prompt a" ], [ \%geek, "$prompt b1" ],
    [ { Name => 'bob' }, "$prompt b2" ], [ bearer('alice'), "$prompt c" ],
);
my @running;

for my $i (0 .. $#turns) {
    push @running, start($i % 2 ? $one : $other, @{ $turns[$i] });

    if ($i == 0) {
        wait_for { submits_of($t, "$prompt a") } 'turns: the first runs';
    } elsif ($i < 3) {
        used($t, 'bob', concurrency => $i);
    } else {
        used($t, 'alice', concurrency => 1);
    }
}

$_->response for @running;
is(join(' ', map { $_->{json}{prompt} =~ /^\Q$prompt\E (.*)/ ? $1 : () }
             $t->submits), 'a b1 c b2', 'turns: bob is one client');

my @refused = grep { ($_->{code} // 10000) != 10000 } $t->submits;
is(scalar @refused, 0, 'the upstream refused nothing');

$t->done;
