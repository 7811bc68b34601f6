#!/usr/bin/perl

# rate=: a bucket of requests over all workers, and what is in it in every
# reply to a POST.
#
# Seen failing: without ngx_http_jimeng_rate(), with it for every method, with a
# bucket for each worker, and with the table's Retry-After.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask);
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

my $t = with_keys(
    [ 'alice rate=3r/m', 'bob rate=10r/h', 'carol rate=2r/s', 'dave',
      'erin rate=20r/h', 'frank rate=1r/h', 'grace rate=1r/h' ],
    workers => 2,
);

my ($one, $other) = $t->workers;
my $json = { 'Content-Type' => 'application/json' };

# The headers of a bucket of which so much was taken, one each "every" seconds.
sub is_bucket {
    my ($r, $name, $limit, $taken, $every) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $h = limits($r);
    my $reset = duration($h->{reset});

    is($h->{limit}, $limit, "$name: limit");
    is($h->{remaining}, $limit - $taken, "$name: remaining");
    return fail("$name: reset: " . ($h->{reset} // 'none'))
        unless defined $reset;

    cmp_ok($reset, '<=', $taken * $every, "$name: reset, at most");
    return cmp_ok($reset, '>', $taken * $every - 15, "$name: at least");
}


# ---- three at once, and a fourth

for my $n (1 .. 3) {
    my $r = generate_as($t, 'alice');
    is($r->status, 200, "request $n");
    is_bucket($r, "request $n", 3, $n, 20);
}

my $submits = $t->submits;

for my $pid ($one, $other) {
    my $r = ask($t, $pid, $t->generation({}, bearer('alice')))->response;
    is_refused($t, $r, 'over', code => 'rate_limit_exceeded',
               after => [ 1, 20 ]);
    is_bucket($r, 'over', 3, 3, 20);
}

$t->log_like(qr/\[info\].*client "alice" gets rate_limit_exceeded: Your limit/,
             'over: a line in the log');

is(scalar $t->submits, $submits, 'over: nothing is submitted');
is(generate_as($t, 'dave')->status, 200, 'another client is served');
is_deeply(limits(generate_as($t, 'dave')), {}, 'without a rate, no headers');


# ---- what counts

# Every reply to a POST, good or bad, has the headers.
my $taken = 0;
my @posts = (
    [ 200, 'generations', '{"prompt":"a reef"}' ],
    [ 400, 'generations', '{' ], [ 400, 'generations', '{"n":0}' ],
    [ 404, 'generations', '{"prompt":"a reef","model":"dall-e-9"}' ],
    [ 400, 'edits', '{"prompt":"a reef"}' ],
    [ 400, 'generations', '{"prompt":"a reef [[50413]]"}' ],
    [ 200, 'generations', '{"prompt":"a reef","async":true}' ],
);

for my $post (@posts) {
    my ($status, $path, $content) = @$post;
    my $r = $t->request('POST', "/v1/images/$path",
                        { %$json, %{ bearer('erin') } }, $content);

    is($r->status =~ s/202/200/r, $status, "$content: status");
    is_bucket($r, "$content", 20, ++$taken, 180);
}

my $sse = Jimeng::Test::Sse->new($t->start_generate({ stream => \1 },
                                                    bearer('erin')));
is($sse->status, 200, 'a stream');
is($sse->header('x-ratelimit-remaining-requests'), 20 - ++$taken,
   'a stream: remaining');
is(scalar $sse->all, 1, 'a stream: its event');

# A repeat is a request, too.
my @key = ({ prompt => 'a repeat' },
           { %{ bearer('erin') }, 'Idempotency-Key' => 'k' });
is_bucket($t->generate(@key), "a repeat, $_", 20, ++$taken, 180) for 1, 2;

# Nothing else is counted.
for my $path ('models', 'usage', 'nothing', 'images/none',
              'images/generations') {
    my $r = $t->request('GET', "/v1/$path", bearer('erin'));
    is_deeply(limits($r), {}, "GET $path: no headers");
}

is(usage($t, 'erin')->{requests}{remaining}, 20 - $taken,
   'what is not a POST is not counted');

# The key is looked at first: nobody's budget.
is_deeply(limits($t->generate({}, bearer('nobody'))), {}, '401: no headers');


# ---- over both workers at once

my @all = map { $_->response }
          map { ask($t, $_ % 2 ? $one : $other,
                    $t->generation({ async => \1 }, bearer('bob'))) } 1 .. 16;
my @good = grep { $_->status =~ /^2/ } @all;
is(scalar @good, 10, 'two workers: as many as the rate');
is(join(' ', sort { $b <=> $a }
             map { limits($_)->{remaining} // 'none' } @good),
   join(' ', reverse 0 .. 9), 'two workers: each its own remaining');
is(scalar(grep { $_->status == 429 } @all), 6, 'two workers: and no more');


# ---- it fills again

$_->response for map { $t->start_generate({}, bearer('carol')) } 1 .. 2;
my $r;
wait_for { ($r = generate_as($t, 'carol', { async => \1 }))->status == 429 }
    'a rate of 2 a second: it is over';
is($r->header('Retry-After'), 1, 'a second is the least');
my $reset = duration(limits($r)->{reset});
cmp_ok($reset, '<=', 1, 'reset: within a second');
cmp_ok($reset, '>', 0.5, 'reset: half a second and more');
my $began = time;
wait_for { usage($t, 'carol')->{requests}{remaining} == 2 } 'it is full again';
cmp_ok(time - $began, '<', 5, 'soon');
is(generate_as($t, 'carol')->status, 200, 'then it goes on');


# ---- other limits of the same bucket, after a reload

is(generate_as($t, 'frank')->status, 200, 'the only one');
$r = generate_as($t, 'frank');
is_refused($t, $r, 'its second', code => 'rate_limit_exceeded',
           after => [ 3500, 3600 ]);
like(limits($r)->{reset}, qr/^(?:1h0m0s|59m\d+(?:\.\d+)?s)\z/,
     'reset, as OpenAI writes it');
$t->reload;
is(generate_as($t, 'frank')->status, 429, 'a reload gives nothing back');
is(generate_as($t, 'grace')->status, 200, 'nor does it take anything');
$t->kill_worker;
$t->allow_log(qr/exited on signal 9/);
is(generate_as($t, $_)->status, 429, "a killed worker gives none back: $_")
    for 'frank', 'grace';

$t->done;
