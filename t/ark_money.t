#!/usr/bin/perl

# What Ark's calls cost a client: pictures that were made and nothing else, at
# the price of the row, once, by whichever account; and the log says the same.
# A call that failed in a way that may be tried again is, if the client asks for
# that, and never one that may have made something.
#
# Seen failing:
# - "retries", without JM_EVENT_TRANSIENT among what is sent back in
#   ngx_http_jimeng_outcome_submit(): the client is told of a lost answer;
# - "lost", with retries for whatever failed in ngx_http_jimeng_outcome_read();
# - "failed", with a count of pictures that were asked for;
# - "images, a group", with 15 pictures reserved whatever max_images says;
# - "refused: queue_time", with a time of a grant that is of another wait.

use strict;
use warnings;

use lib 't/lib';
use List::Util qw(sum0);
use Jimeng::Test;
use Jimeng::Test::Accounting;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;

my $prompts = 0;
my $model = 'doubao-seedream-4-5-251128';
my $refused = 'OutputImageSensitiveContentDetected';

my $t = with_ark(accounted(
    workers => 2, listen => 'reuseport', start => 0, strict => 1,
    ark => { seconds => 0.2, keys => [
        { name => 'ark', key => $Jimeng::Test::Ark::KEY },
        { name => 'second', key => 'ark-second-key-opens-none' },
    ] },
    accounts => 'main ark second',
    account => 'concurrency 2; queue 50;',
    http => 'jimeng_account second {
                 api_key ark-second-key-opens-none; pass /_ark;
                 concurrency 2; queue 50;
             }',
    location => <<"EOT",
        jimeng_keys %%DIR%%/keys;
        jimeng_model $model $model provider=ark price=0.25;
        jimeng_model dear $model provider=ark price=0.5;
EOT
    server => 'location = /pid { return 200 $pid; }',
));
set_clients($t, 'alice', 'bob images=4/d', 'carol budget=1/d', 'dave', 'erin');
$t->secret('ark-second-key-opens-none');
$t->start;

my ($one, $other) = $t->workers;
my %group = (sequential_image_generation => 'auto',
             sequential_image_generation_options => { max_images => 3 });

sub prompt { sprintf 'a bank, %03d. ', ++$prompts }

sub order {
    my ($client, $prompt, $fields, $headers) = @_;
    return request_as($t, $client, $prompt,
                      { model => $model, %{ $fields || {} } }, $headers);
}

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

my %spent;

# A request, what its line says, and what its client has used since.
sub buys {
    my ($client, $name, $fields, %want) = @_;
    my $prompt = prompt() . ($want{prompt} // '');
    my $r = ask($t, $prompts % 2 ? $one : $other,
                order($client, $prompt, $fields))->response;
    my $price = ($fields->{model} // '') eq 'dear' ? 0.5 : 0.25;

    is($r->status, $want{status} // 200, "$name: status") or diag($r->body);
    is_line($t, $r, "$name: the line", billed => $want{made},
            cost => 0 + $want{made} * $price);
    is(scalar(calls($prompt)), $want{calls} // 1, "$name: calls");
    is(sum0(map { $_->{made} } calls($prompt)), $want{made},
       "$name: what was made") unless $want{lost};

    $spent{$client}{images} += $want{made};
    $spent{$client}{cost} += $want{made} * $price;
    my $usage = usage($t, $client);
    is($usage->{day}{images}, $spent{$client}{images}, "$name: pictures")
        or diag(explain($usage));
    cmp_ok(abs($usage->{day}{cost} - $spent{$client}{cost}), '<', 1e-6,
           "$name: cost");
    return $r;
}


# ---- what is made

buys('alice', 'one', {}, made => 1);
buys('alice', 'another name', { model => 'dear' }, made => 1);
buys('alice', 'three', { n => 3 }, made => 3, calls => 3);
buys('alice', 'a group', \%group, prompt => '[[pictures=3]]', made => 3);
buys('alice', 'a group that made less', \%group, prompt => '[[pictures=2]]',
     made => 2);
buys('alice', 'a stream', { %group, stream => \1 }, prompt => '[[pictures=3]]',
     made => 3);


# ---- what is not

buys('alice', 'failed', {}, prompt => "[[$refused]]", made => 0,
     status => 400);
buys('alice', 'failed at once', {}, prompt =>
     '[[InputTextSensitiveContentDetected]]', made => 0, status => 400);
buys('alice', 'one of a group failed', \%group,
     prompt => "[[pictures=3]] [[$refused\@1]]", made => 2);
buys('alice', 'all of a group failed', \%group,
     prompt => "[[pictures=3]] [[$refused\@all]]", made => 0, status => 400);


# ---- several at a time, over two accounts and two workers

# Before a call is lost: its slot is held, and an account of two has no other.

my @prompts = map { prompt() . '[[seconds=1]]' } 1 .. 8;
my @x = map { ask($t, $_ % 2 ? $one : $other,
                  order('erin', $prompts[$_], $_ % 3 ? {} : { n => 2 })) }
        0 .. $#prompts;
my @r = map { $_->response } @x;
is(join(' ', map { $_->status } @r), join(' ', (200) x 8), 'two accounts');
is(join(' ', map { account_line($t, $_)->{billed} } @r),
   join(' ', map { $_ % 3 ? 1 : 2 } 0 .. 7), 'two accounts: their lines');
my %by;
$by{ $_->{key} }++ for map { calls($_) } @prompts;
cmp_ok($by{$_} // 0, '>', 1, "two accounts: $_ had some")
    for 'ark', 'second';
is(sum0(values %by), 11, 'two accounts: calls');
is(usage($t, 'erin')->{day}{images}, 11, 'two accounts: usage');


# ---- retries

for my $case ([ 'absent', {}, 1 ], [ 0, { retries => 0 }, 1 ],
              [ 2, { retries => 2 }, 3 ], [ 5, { retries => 5 }, 6 ]) {
    my ($name, $fields, $calls) = @$case;
    my $r = buys('dave', "retries, $name", $fields, prompt => "[[$refused]]",
                 made => 0, status => 400, calls => $calls);
    is($r->json->{error}{code}, 'content_policy_violation',
       "retries, $name: the error");
    is(account_line($t, $r)->{tries}, $calls, "retries, $name: \$jimeng_tries");
}

$t->emulator->fault({ on => 'ark', do => 'error', code => $refused });
buys('dave', 'retries, the second is made', { retries => 2 }, made => 1,
     calls => 2);
$t->emulator->fault({ on => 'ark', do => 'error', code => $refused });
buys('dave', 'retries, one of three', { retries => 1, n => 3 }, made => 3,
     calls => 4);
buys('dave', 'no retry of what the client sent', { retries => 2 },
     prompt => '[[InputTextSensitiveContentDetected]]', made => 0,
     status => 400);

for my $fault ({ do => 'drop' }, { do => 'cut', body_bytes => 9 },
               { do => 'error', code => 'InternalServiceError', made => 1 },
               { do => 'answer', status => 503, body => '' }) {
    my $name = "lost, $fault->{do}";
    $t->emulator->fault({ on => 'ark', %$fault });
    buys('dave', $name, { retries => 3 }, made => 0, status => 502, lost => 1);
}

# A repeat after a failed try is a new one, and it may be made then.
{
    my $prompt = prompt();
    $t->emulator->fault({ on => 'ark', do => 'error', code => $refused });
    my @request = order('erin', $prompt);
    is(ask($t, $one, @request)->response->status, 400, 'failed');
    is(ask($t, $other, @request)->response->status, 200, 'and asked again');
    is(scalar(calls($prompt)), 2, 'and asked again: another call');
}


# ---- images= and budget=

buys('bob', 'images, one', {}, made => 1);
buys('bob', 'images, failed', {}, prompt => "[[$refused]]", made => 0,
     status => 400);
is_refused($t, ask($t, $one, order('bob', prompt(), { n => 4 }))->response,
           'images, too many', code => 'insufficient_quota',
           after => [ 1, 86402 ]);
is_refused($t, ask($t, $one, order('bob', prompt(),
                                   { sequential_image_generation => 'auto' }))
               ->response,
           'images, a group of up to 15', code => 'insufficient_quota',
           after => [ 1, 86402 ]);
buys('bob', 'images, a group', \%group, prompt => '[[pictures=2]]', made => 2);
used($t, 'bob', images => [ 3, 0 ]);
buys('bob', 'images, the last', {}, made => 1);
is_refused($t, ask($t, $other, order('bob', prompt()))->response,
           'images, over', code => 'insufficient_quota',
           after => [ 1, 86402 ]);

buys('carol', 'budget, one', { model => 'dear' }, made => 1);
buys('carol', 'budget, failed', { retries => 2 }, prompt => "[[$refused]]",
     made => 0, status => 400, calls => 3);
is_refused($t, ask($t, $one, order('carol', prompt(), \%group))->response,
           'budget, too much', code => 'insufficient_quota',
           after => [ 1, 86402 ]);
buys('carol', 'budget, the rest', { n => 2 }, made => 2, calls => 2);
used($t, 'carol', budget => [ 1, 0 ]);
is_refused($t, ask($t, $other, order('carol', prompt()))->response,
           'budget, over', code => 'insufficient_quota',
           after => [ 1, 86402 ]);


# ---- a reload

is($t->reload, 1, 'a reload');
($one, $other) = $t->workers('staying');
is(usage($t, 'erin')->{day}{images}, 12, 'a reload: usage');
$spent{erin} = { images => 12, cost => 3 };

my @rows = account_lines($t);
is(sum0(map { $_->{billed} } @rows) + 3,
   sum0(map { $_->{made} } $t->emulator->calls),
   'the lines have what was made, less what was lost');


# ---- an account that is refused, and one beside it

$t->emulator->set_account('ark', refuse => 'AccountOverdueError');
my $refusal = prompt();
my $r = ask($t, $one, order('erin', $refusal))->response;
is($r->status, 502, 'refused: status') or diag($r->body);

# On a slow machine the first is tried again before the second has answered.
cmp_ok(scalar(calls($refusal)), '>=', 2, 'refused: calls');
is(sum0(map { $_->{made} } calls($refusal)), 0, 'refused: nothing was made');
is(usage($t, 'erin')->{day}{images}, 12, 'refused: pictures');

my $row = account_line($t, $r);
cmp_ok($row->{queue_time}, '<=', $row->{request_time}, 'refused: queue_time')
    or diag(explain($row));

$t->done;
