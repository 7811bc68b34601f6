#!/usr/bin/perl

# Who waits for a slot, and how near each client is to its limits; and of the
# clients of a large file the first.
#
# Seen failing: "who waits" and how many, with the others' part not taken off,
# and with one of a client's lines alone; what is used, with what remains of a
# rate, and without the pictures that may come; a large file, with all of it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Metrics;

my $t = with_keys(
    [ (map { "$_ rate=60r/h concurrency=4 images=10/d" } 'alice', 'alice/2'),
      'bob', 'carol images=100/M budget=20/d' ],
    workers => 2, emulator => { seconds => 1.5 }, zone => '4m',
    account => 'concurrency 1; queue 10;',
    accounts => [ more => 'concurrency 1;' ],
    location => 'jimeng_accounts main;',
    http => 'jimeng_model jimeng_t2i_v40 jimeng_t2i_v40 price=1.5;',
    server => <<'EOT',
        location = /metrics { jimeng_metrics; }
        location /both/ {
            jimeng_pass /_volcengine;
            jimeng_accounts main more;
            jimeng_keys %%DIR%%/keys;
        }
        location /open/ { jimeng_pass /_volcengine; jimeng_accounts main; }
EOT
);

sub waiting { return summed(scrape($t), 'jimeng_client_waiting', 'client') }

sub start_at {
    my ($path, $name, $prompt, %fields) = @_;
    my @request = request_as($t, $name, $prompt, \%fields);
    $request[1] = "$path/images/generations";
    return $t->start_request(@request);
}

sub limit { return qq(client="$_[0]",limit="$_[1]") }

is_deeply(only(scrape($t), 'jimeng_client_limit'),
          { limit(alice => 'requests') => 60,
            limit(alice => 'concurrency') => 4,
            limit(alice => 'images') => 10,
            limit(carol => 'images') => 100,
            limit(carol => 'budget') => 20 }, 'limits');
is_deeply(counted(scrape($t), 'jimeng_client_limit_used'), {}, 'none is used');
is(join(' ', sort keys %{ only(scrape($t), 'jimeng_client_waiting') }),
   join(' ', map { qq(client="$_") } '', qw(alice bob carol)), 'who may wait');
is_deeply(waiting(), {}, 'nobody waits');

my @started = start_at('/v1', 'bob', 'the first');
wait_for { $t->submits == 1 } 'one runs';

is(scrape($t)->{'jimeng_cost_running{account="main"}'}, 1.5, 'what it costs');

push @started, start_at('/v1', 'alice', 'one'),
               start_at('/both', 'alice/2', 'two'),
               start_at('/both', 'alice', 'three', n => 2),
               start_at('/v1', 'carol', 'four'),
               start_at('/open', 'dave', 'five');

wait_for {
    my $sum = 0;
    $sum += $_ for values %{ waiting() };
    return $sum == 5 && $t->submits == 2;
} 'two run, and five wait';

my $now = waiting();
is_deeply([ sort keys %$now ], [ '', qw(alice carol) ], 'who waits');
is($now->{carol}, 1, 'of carol one');
is($now->{''}, 1, 'and one without a name');
is($now->{alice}, 3, 'of alice three, for one account or two');

my $used = counted(scrape($t), 'jimeng_client_limit_used');
is($used->{ limit(alice => 'requests') }, 3, 'used: requests');
is($used->{ limit(alice => 'concurrency') }, 3, 'used: at a time');
is($used->{ limit(alice => 'images') }, 4, 'used: pictures that may come');
is($used->{ limit(carol => 'images') }, 1, 'used: of another client');
is($used->{ limit(carol => 'budget') }, 1.5, 'used: money that it may cost');

is($_->response->status, 200, 'a picture') for @started;

wait_for {
    my $all = scrape($t);
    !keys(%{ waiting() })
    && ($all->{ 'jimeng_client_limit_used{' . limit(alice => 'concurrency')
                . '}' } == 0)
} 'nobody waits any more';

$used = counted(scrape($t), 'jimeng_client_limit_used');
is($used->{ limit(alice => 'images') }, 4, 'used: pictures that were made');
is($used->{ limit(carol => 'budget') }, 1.5, 'used: what they have cost');
is(scrape($t)->{'jimeng_cost_running{account="main"}'}, 0, 'nothing runs');

is_deeply(summed(scrape($t), 'jimeng_cost_total', 'client'),
          { alice => 6, bob => 1.5, carol => 1.5, '' => 1.5 }, 'what it has cost')
    or diag(explain(only(scrape($t), 'jimeng_cost_total')));
is_clean($t, 'clean');


# ---- a large file

set_clients($t, map { sprintf 'client-%04d images=5/d', $_ } 1 .. 600);
$t->reload;

my $limits = only(scrape($t), 'jimeng_client_limit');
is(scalar(keys %$limits), 512, 'a large file: so many');
ok($limits->{ limit('client-0001' => 'images') }, 'a large file: the first');
ok($limits->{ limit('client-0512' => 'images') }, 'a large file: the last');
is_clean($t, 'a large file: clean');

$t->done;
