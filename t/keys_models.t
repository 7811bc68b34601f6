#!/usr/bin/perl

# models=: which of them a client may use, by whichever of their names.
#
# Seen failing without ngx_http_jimeng_keys_model(), and with names cut within a
# character in it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;

my $long = "\xe6\xa8\xa1" x 30;
my $t = with_keys(
    [ 'alice models=jimeng_t2i_v40', 'bob models=jimeng-4.0,jimeng_t2i_v31',
      'carol', 'dave models=house rate=20r/h concurrency=1 images=5/d',
      'erin models=jimeng_i2i_v30', "frank models=x$long" ],
    location => "jimeng_model house jimeng_t2i_v40; "
                . "jimeng_model xx$long jimeng_x;",
);

my %v40 = map { $_ => 1 } qw(jimeng_t2i_v40 jimeng-4.0 house);
my %may = (
    alice => \%v40,
    bob => { %v40, jimeng_t2i_v31 => 1 },
    carol => { %v40, jimeng_t2i_v31 => 1, 'jimeng-4.6' => 1 },
    dave => \%v40, erin => {},
);
my $submits = 0;

for my $name (sort keys %may) {
    for my $model ('house', 'jimeng-4.0', 'jimeng-4.6', 'jimeng_t2i_v31',
                   'jimeng_t2i_v40')
    {
        my $r = generate_as($t, $name, { model => $model });

        if ($may{$name}{$model}) {
            is($r->status, 200, "$name may use $model");
            $submits++;
        } else {
            is_refused($t, $r, "$name may not use $model", param => 'model',
                       code => 'permission_denied');
        }
    }

    # Without a name it is the default one, for which the same holds.
    my $r = generate_as($t, $name);
    my $may = $may{$name}{jimeng_t2i_v40};
    is($r->status, $may ? 200 : 403, "$name: the default model");
    $submits++ if $may;
}

is(scalar $t->submits, $submits, 'what is refused is not submitted');
$t->log_like(qr/\[info\].*client "bob" may not use the model "/,
             'it has a line in the log');


# ---- what else is said of a model, and when

my $r = generate_as($t, 'dave', { model => 'dall-e-9' });
is($r->json->{error}{code}, 'model_not_found', 'one that is not known');
$r = generate_as($t, 'dave', { model => 'jimeng-4.6' });
is(limits($r)->{limit}, 20, 'refused: it counts as a request');
used($t, 'dave', images => [ 4, 0 ], concurrency => 0);
is_refused($t, generate_as($t, 'frank', { model => 'xx' . "\x{6a21}" x 30 }),
           'names that are too long for a message', param => 'model',
           code => 'permission_denied');
is_deeply(usage($t, 'dave')->{models}, [ 'house' ], 'usage: one');
is_deeply(usage($t, 'bob')->{models}, [ 'jimeng-4.0', 'jimeng_t2i_v31' ],
          'usage: two');
is(usage($t, 'carol')->{models}, undef, 'usage: all');
is(scalar $t->submits, $submits, 'nothing was submitted');


# ---- GET models

sub listed {
    my $r = $t->request('GET', '/v1/models', bearer($_[0]));
    return join ' ', sort map { $_->{id} } @{ $r->json->{data} || [] };
}

like(listed('carol'), qr/jimeng-4\.6.*jimeng_t2i_v31/, 'models: all');
is(listed('bob'), join(' ', sort qw(jimeng_t2i_v40 jimeng-4.0
                                    doubao-seedream-4-0-250828
                                    doubao-seedream-4-0-20260415
                                    seedream-4-0-250828
                                    house jimeng_t2i_v31)),
   'models: what the client may use, by all names');
is($t->request('GET', '/v1/models/jimeng-4.0', bearer('bob'))->status, 200,
   'models: one of them');
is_refused($t, $t->request('GET', '/v1/models/jimeng-4.6', bearer('bob')),
           'models: none of them', param => 'model',
           code => 'permission_denied');

$t->done;
