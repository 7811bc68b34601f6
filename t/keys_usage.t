#!/usr/bin/perl

# GET usage: what the client that asks may do, and what is left of it.
#
# Seen failing: where there are no keys, with the endpoint there.

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
);

my $t = with_keys(\@clients,
    workers => 2, emulator => { seconds => 0.8 },
    server => <<'EOT',
        location /free/ { jimeng_pass /_volcengine; }
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
);
my @fields = qw(models expires_at requests concurrency images);

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
