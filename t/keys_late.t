#!/usr/bin/perl

# concurrency=: a request that was answered too late counts for as long as its
# task, which has a slot, is followed upstream.  Seen failing with the hold
# given back when the reply is sent.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;

my $t = with_keys(
    [ 'alice concurrency=1' ],
    workers => 2, emulator => { seconds => 3 }, account => 'concurrency 2;',
    location => 'jimeng_timeout 1s;',
);

is(generate_as($t, 'alice')->status, 504, 'late');
is(usage($t, 'alice')->{concurrency}{used}, 1, 'it counts');
is_refused($t, generate_as($t, 'alice'), 'the next',
           code => 'rate_limit_exceeded', after => [ 1, 60 ]);
used($t, 'alice', concurrency => 0);
is($t->emulator->state->{running}, 0, 'until its task is over');

$t->done;
