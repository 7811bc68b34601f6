#!/usr/bin/perl

# GET usage: what the client that asks may do, what is left of it, and what it
# has used and spent, by models; with a key, and with a name alone.
#
# Seen failing: where there are no keys, with the endpoint there for nobody;
# with no record for a name without limits (jm_quota_enter() in
# jm_memory_hold()), with no counters of models in jm_quota_count(), and with
# another model's name for all in jm_quota_write_model().

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask);
use Time::Local qw(timegm);

my @clients = (
    'alice rate=60r/h concurrency=4 images=100/d expires=2099-01-01 '
    . 'models=jimeng_t2i_v40,jimeng-4.6',
    'bob', 'carol rate=5r/s images=7/h', 'dave rate=9r/m concurrency=2',
    'erin budget=12.5/M',
);

my $t = with_keys(\@clients,
    workers => 2, emulator => { seconds => 0.8 },
    http => <<'EOT',
        jimeng_model dear jimeng_t2i_v40 price=0.25;
        jimeng_model cheap jimeng_t2i_v31 price=0.01;
EOT
    server => <<'EOT',
        location /free/ { jimeng_pass /_volcengine; }
        location /named/ {
            jimeng_client $http_name;
            jimeng_pass /_volcengine;
        }
        location / { jimeng_keys %%DIR%%/keys; jimeng_pass /_volcengine; }
EOT
);

my ($one, $other) = $t->workers;


# ---- nothing used

my $midnight = time + seconds_left(86400);
my $hour = time + seconds_left(3600);
my %of = (
    alice => {
        models => [ 'jimeng_t2i_v40', 'jimeng-4.6' ],
        expires_at => timegm(0, 0, 0, 1, 0, 2099),
        requests => { limit => 60, period => '1h', remaining => 60,
                      reset => '0s' },
        concurrency => { limit => 4, used => 0 },
        images => { limit => 100, period => '1d', used => 0, reserved => 0,
                    remaining => 100, reset_at => $midnight },
    },
    bob => {},
    carol => {
        requests => { limit => 5, period => '1s', remaining => 5,
                      reset => '0s' },
        images => { limit => 7, period => '1h', used => 0, reserved => 0,
                    remaining => 7, reset_at => $hour },
    },
    dave => {
        requests => { limit => 9, period => '1m', remaining => 9,
                      reset => '0s' },
        concurrency => { limit => 2, used => 0 },
    },
    erin => {
        budget => { limit => 12.5, period => '1M', spent => 0, reserved => 0,
                    remaining => 12.5, reset_at => month_end() },
    },
);
my @fields = qw(models expires_at requests concurrency images budget);
my $nothing = { images => 0, cost => 0, models => {} };

# Midnight of the first of the next month, in UTC.
sub month_end {
    my (undef, undef, undef, undef, $month, $year) = gmtime;
    return timegm(0, 0, 0, 1, ($month + 1) % 12, $year + ($month == 11) + 1900);
}

sub usage_of {
    my ($name) = @_;
    return $t->request('GET', '/named/usage', { Name => $name })->json;
}

# Waits until so many pictures are counted, and returns what the client used.
sub made {
    my ($n, $get) = @_;
    my $u;
    wait_for { ($u = $get->())->{day}{images} == $n } "$n pictures are counted";
    return $u;
}

for my $name (sort keys %of) {
    my $r = $t->request('GET', '/v1/usage', bearer($name));
    my $u = $r->json;
    my $images = $of{$name}{images};

    # A window may have ended since.
    $images->{reset_at} += $images->{period} eq '1d' ? 86400 : 3600
        if $images && $u->{images}{reset_at} != $images->{reset_at}
           && time >= $images->{reset_at};

    is($r->status, 200, "$name: status");
    is($r->header('Content-Type'), 'application/json', "$name: JSON");
    like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, "$name: a request");
    is_deeply($u, { object => 'usage', client => $name,
                    day => $nothing, month => $nothing,
                    map { $_ => $of{$name}{$_} } @fields }, "$name: all of it")
        or diag($r->body);
}


# ---- while something runs, from either worker

my $x = ask($t, $one, $t->generation({ n => 3 }, bearer('alice')));
used($t, 'alice', concurrency => 1, images => [ 0, 3 ]);

for my $pid ($one, $other) {
    my $u = ask($t, $pid, 'GET', '/v1/usage', bearer('alice'), undef)
            ->response->json;
    is($u->{concurrency}{used}, 1, 'one runs');
    is($u->{images}{remaining}, 97, 'what is reserved does not remain');
    is($u->{requests}{remaining}, 59, 'one request');
    my $reset = duration($u->{requests}{reset}) // 0;
    ok($reset > 0 && $reset <= 60, 'the next in a minute');
}

is($x->response->status, 200, 'it is served');
used($t, 'alice', concurrency => 0, images => [ 3, 0 ]);
is(usage($t, 'alice')->{images}{remaining}, 97, 'used');
is_deeply([ @{ usage($t, 'carol')->{images} }{qw(used reserved)} ], [ 0, 0 ],
          "another client's is another's");


# ---- what it was for

is(generate_as($t, 'erin', { model => 'dear', n => 2 })->status, 200, 'dear');
is(generate_as($t, 'erin', { model => 'cheap' })->status, 200, 'cheap');
is(generate_as($t, 'erin', { model => 'jimeng-4.6' })->status, 200, 'no price');

my $u = made(4, sub { usage($t, 'erin') });
my $models = {
    jimeng_t2i_v40 => { images => 2, cost => 0.5 },
    jimeng_t2i_v31 => { images => 1, cost => 0.01 },
    jimeng_seedream46_cvtob => { images => 1, cost => 0 },
};
my $used = { images => 4, cost => 0.51, models => $models };
is_deeply($u->{day}, $used, 'erin: today') or diag(JSON::PP::encode_json($u));
is_deeply($u->{month}, $used, 'erin: this month');
is_deeply([ @{ $u->{budget} }{qw(spent reserved remaining)} ],
          [ 0.51, 0, 11.99 ], 'erin: the budget');
is_deeply(usage($t, 'bob')->{month}, $nothing, "another client's");

is($t->reload, 1, 'a reload');
is_deeply(usage($t, 'erin')->{month}, $used, 'is there after a reload');


# ---- by a name alone

my @order = $t->generation({ model => 'dear', n => 2 }, { Name => 'zoe' });
$order[1] = '/named/images/generations';
is($t->request(@order)->status, 200, 'a name');
$u = made(2, sub { usage_of('zoe') });
is_deeply($u, { object => 'usage', client => 'zoe',
                map({ $_ => undef } @fields),
                day => { images => 2, cost => 0.5, models => {
                    jimeng_t2i_v40 => { images => 2, cost => 0.5 } } },
                month => { images => 2, cost => 0.5, models => {
                    jimeng_t2i_v40 => { images => 2, cost => 0.5 } } } },
          'a name: all of it') or diag(JSON::PP::encode_json($u));
is_deeply(usage_of('yves')->{month}, $nothing,
          'one who has used nothing');
is_error($t->request('GET', '/named/usage'), 'nobody', 404, 'not_found');


# ---- other ways to ask

is($t->request('GET', '/usage', bearer('alice'))->json->{client}, 'alice',
   'below another prefix');
is($t->request('GET', '/v1/usage?x=1', bearer('alice'))->status, 200,
   'with arguments');

my $r = $t->request('HEAD', '/v1/usage', bearer('alice'));
is($r->status, 200, 'HEAD: status');
is($r->body, '', 'HEAD: no body');

is_error($t->request('POST', '/v1/usage', bearer('alice'), '{}'), 'POST', 405,
         'method_not_allowed');
is_error($t->request('GET', '/v1/usage/alice', bearer('alice')), 'more of it',
         404, 'not_found');
is_error($t->request('GET', '/free/usage', bearer('alice')), 'without keys',
         404, 'not_found');
is_error($t->request('POST', '/free/usage', {}, '{}'), 'without keys: POST',
         404, 'not_found');

$t->done;
