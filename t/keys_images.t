#!/usr/bin/perl

# images=: a budget of pictures.  They are counted when the upstream delivers
# them, whoever gets them; and what a request may bring is reserved before it
# is submitted, so that nothing that could exceed the budget ever is.
#
# Seen failing: with nothing counted, or nothing reserved; with what was
# delivered reserved still; with a group for one picture; with a repeat that
# counts its first try's pictures again; with another end of the window; and
# with a retry that is not told off.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use POSIX qw(strftime);
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask refuse submits_of wait_submits);
use Jimeng::Test::Sse;

my $prompts = 0;

my $t = with_keys(
    [ 'alice images=5/d', 'bob images=2/h', 'carol images=15/d',
      'dave images=14/d', 'erin images=100/d', 'frank images=13/d',
      'grace images=1/d', 'heidi images=3/d', 'ivan',
      'ivy images=9/d' ],
    workers => 2, emulator => { seconds => 0.6 },
    http => 'lingering_close off;',
);

my ($one, $other) = $t->workers;

sub prompt { "a valley in the mist, $_[0], " . ++$prompts }

# A request that is refused, on either worker, before anything is submitted.
sub is_over {
    my ($client, $name, $fields, $window) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $window //= 86400;

    for my $pid ($one, $other) {
        my $prompt = prompt("$name, over");
        my $most = seconds_left($window);
        my $r = ask($t, $pid, request_as($t, $client, $prompt, $fields))
            ->response;
        my $least = seconds_left($window);

        # The window may have ended meanwhile.
        ($least, $most) = (1, $window) if $least > $most;
        my $reset = strftime('%Y-%m-%d.%H:%M:00',
                             gmtime(time + seconds_left($window)));

        is_refused($t, $r, "$name: over", code => 'insufficient_quota',
                   message => qr/$reset/,
                   after => [ $least > 2 ? $least - 2 : 1, $most + 2 ]);
        is(scalar submits_of($t, $prompt), 0, "$name: no submit");
    }

    return;
}


# ---- reserved, then used

my $prompt = prompt('two');
my $two = ask($t, $one, request_as($t, 'alice', $prompt, { n => 2 }));
wait_submits($t, $prompt, 2);
used($t, 'alice', images => [ 0, 2 ]);
is_over('alice', 'three are left, four are asked for', { n => 4 });
my $three = ask($t, $other,
                request_as($t, 'alice', prompt('three'), { n => 3 }));
used($t, 'alice', images => [ 0, 5 ]);
is_over('alice', 'all are reserved');
is(scalar @{ $two->response->json->{data} || [] }, 2, 'two are delivered');
is(scalar @{ $three->response->json->{data} || [] }, 3, 'and three');
used($t, 'alice', images => [ 5, 0 ]);
is_over('alice', 'all are used');
is(usage($t, 'alice')->{images}{remaining}, 0, 'nothing remains');
is(generate_as($t, 'ivan', { n => 3 })->status, 200, 'without a budget');
is(usage($t, 'ivan')->{images}, undef, 'without a budget: usage');


# ---- one is delivered while another one of the same worker runs

$prompt = prompt('the first of two');
my $first = ask($t, $one, request_as($t, 'ivy', $prompt, { n => 2 }));
wait_submits($t, $prompt, 2);
$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 2 });
my $second = ask($t, $one, request_as($t, 'ivy', prompt('the second')));
is($first->response->status, 200, 'the first of two');
used($t, 'ivy', images => [ 2, 1 ]);
is($second->response->status, 200, 'the second');
used($t, 'ivy', images => [ 3, 0 ]);


# ---- what fails is not used

my $failing = '[[50413]]';
is(generate_as($t, 'grace', { prompt => "a valley $failing" })->status, 400,
   'refused at the submit');
used($t, 'grace', images => [ 0, 0 ]);
is(generate_as($t, 'grace', { prompt => 'a valley [[50511]]' })->status, 400,
   'refused when it was made');
used($t, 'grace', images => [ 0, 0 ]);
is($t->post_raw('{', bearer('grace'))->status, 400, 'no request at all');
used($t, 'grace', images => [ 0, 0 ]);
is_over('grace', 'more than the whole budget', { n => 2 });

# What it had reserved is there for the next.
$prompt = prompt('[[50511]] reserves');
my $fails = ask($t, $one, request_as($t, 'grace', $prompt));
wait_submits($t, $prompt);
is_over('grace', 'reserved by what will fail');
is($fails->response->status, 400, 'it fails');
used($t, 'grace', images => [ 0, 0 ]);
is(generate_as($t, 'grace')->status, 200, 'and the next is served');
is_over('grace', 'used');

$prompt = prompt('two of three');
refuse($t, skip => 1);
is(scalar @{ generate_as($t, 'heidi', { prompt => $prompt, n => 3 })
             ->json->{data} || [] }, 2, 'two of three are made');
used($t, 'heidi', images => [ 2, 0 ]);


# ---- an hour's

is(generate_as($t, 'bob', { n => 2 })->status, 200, "an hour's");
is_over('bob', "an hour's", {}, 3600);


# ---- groups may bring 15 pictures, less those that come in

my %group = (sequential_image_generation => 'auto');
my %in = (image => [ map { "https://pictures.example/$_.png" } 1, 2 ]);

is_over('dave', 'a group, and 14 are left', \%group);
is_over('dave', 'a group, and 14 are left, force_single',
        { force_single => \0 });
is(generate_as($t, 'frank', { %group, %in, prompt => '[[pictures=5]] hills' })
   ->status, 200, 'a group of two pictures, and 13 are left');
used($t, 'frank', images => [ 5, 0 ]);
is_over('frank', 'a group of two pictures, and 8 are left', { %group, %in });

$prompt = prompt('[[pictures=5]]');
my $group = ask($t, $one, request_as($t, 'carol', $prompt, \%group));
wait_submits($t, $prompt);
used($t, 'carol', images => [ 0, 15 ]);
is_over('carol', 'a group runs');
is(scalar @{ $group->response->json->{data} || [] }, 5, 'a group of five');
used($t, 'carol', images => [ 5, 0 ]);
is(generate_as($t, 'carol', { %group, %in })->status, 429,
   'a group, and ten are left');
is(generate_as($t, 'carol', { n => 10 })->status, 200, 'and ten are left');
used($t, 'carol', images => [ 15, 0 ]);

# What is not handed on was made, and is billed.
is(generate_as($t, 'erin', { %group, prompt => 'hills [[pictures=6]]',
    sequential_image_generation_options => { max_images => 2 } })->status,
   200, 'two of a group of six are asked for');
used($t, 'erin', images => [ 6, 0 ]);


# ---- every form, and every way to get it

my $used = 6;
my @forms = (
    [ 'data', { response_format => 'b64_json' } ],
    [ 'data of three', { response_format => 'b64_json', n => 3 } ],
    [ 'async', { async => \1 } ],
);

for my $form (@forms) {
    my ($name, $fields) = @$form;
    like(generate_as($t, 'erin', $fields)->status, qr/^20[02]\z/, $name);
    $used += $fields->{n} // 1;
    used($t, 'erin', images => [ $used, 0 ]);
}

my $sse = Jimeng::Test::Sse->new($t->start_generate(
    { stream => \1, n => 2 }, bearer('erin')));
is(scalar $sse->all, 2, 'a stream of two');
$used += 2;
used($t, 'erin', images => [ $used, 0 ]);

# A client that left.
$prompt = prompt('left');
my $x = ask($t, $one, request_as($t, 'erin', $prompt));
wait_submits($t, $prompt);
$x->reset;
used($t, 'erin', images => [ ++$used, 0 ]);

# Once, however often it is asked for.
$prompt = prompt('repeated');
my @again = request_as($t, 'erin', $prompt, {},
                       { 'Idempotency-Key' => 'again' });
$_->response for map { ask($t, $_, @again) } $one, $other;
my $r = ask($t, $one, @again)->response;
is($r->status, 200, 'repeated: it is served');
is(scalar submits_of($t, $prompt), 1, 'repeated: one submit');
used($t, 'erin', images => [ ++$used, 0 ]);
is($t->request('GET', "/v1/images/$_", bearer('erin'))->status, 200,
   'asked for by its id')
    for ($r->json->{task_id}) x 2;
used($t, 'erin', images => [ $used, 0 ]);

# An async one that is asked for by its id while it runs.
my $id = generate_as($t, 'erin', { async => \1 })->json->{task_id};
is($t->request('GET', "/v1/images/$id?wait=10s", bearer('erin'))->status, 200,
   'async, asked for by its id');
used($t, 'erin', images => [ ++$used, 0 ]);


# ---- a repeat of what has used up the budget

my @last = request_as($t, 'heidi', prompt('the last'), {},
                      { 'Idempotency-Key' => 'the last' });
is(ask($t, $one, @last)->response->status, 200, 'the last');
is_over('heidi', 'it was the last');
is(ask($t, $other, @last)->response->status, 200, 'but it can be had again');
used($t, 'heidi', images => [ 3, 0 ]);

$t->done;
