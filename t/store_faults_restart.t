#!/usr/bin/perl

# A store that is restarted, with and without its append-only file, while
# requests are at each stage.  Without it all that was acknowledged is
# forgotten: what runs comes to its end all the same and is counted, what waited
# is told to come again, and a repeat is a new request.
#
# Seen failing: "what waited", told that it is too late, without what
# forgotten() says of its place; what alice has used, without what it says of an
# end, and with another salt after the restart; "at once", with calls of a
# process that the server has not heard of.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Queue qw(free);
use Jimeng::Test::StoreFault;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();


# ---- it knows all that it was told

my $redis = Jimeng::Redis->new(appendonly => 1);
my $f = Jimeng::Test::StoreFault->new('kept', $redis->url);

$f->before;
$redis->kill;
$redis->start;
$f->after;
$f->finish;


# ---- it has forgotten all

$redis = Jimeng::Redis->new;
$f = Jimeng::Test::StoreFault->new('forgotten', $redis->url);

my $t = $f->t;

$f->before;
kill 'STOP', $f->pid(0);
$redis->kill;
$redis->start;
wait_for { $redis->command(qw(ZCARD {jimeng}:o)) == 1 } 'the other has joined';
kill 'CONT', $f->pid(0);

# Who comes before the worker has said anew who it is has to come again: another
# one would take it for dead, and this for lost.
my $x;
$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1.2,
                      prompt => 'at once' });

wait_for {
    $x //= ask($t, $f->pid(0), $f->request('at once'));

    if (Jimeng::Test::StoreFault::answered($x)) {
        is_refused($t, $x->response, 'forgotten: at once',
                   code => 'service_unavailable', after => [ 1, 60 ]);
        undef $x;
    }

    submits_of($t, $f->prompt('at once'));
} 'forgotten: at once: it is served';

is_picture($t, $_->response, $f->prompt('at once'), 'forgotten: at once')
    for $x, map { ask($t, $f->pid($_), $f->request('at once')) } 1, 0;

is_refused($t, $f->response('waits'), 'forgotten: what waited',
           code => 'service_unavailable', after => [ 1, 60 ]);
is(scalar submits_of($t, $f->prompt('waits')), 0,
   'forgotten: what waited was not submitted');

$f->comes($_) for 'runs', 'sent', 'runs long';

# All that was made since then.
$f->reachable;
free($t);
used($t, 'alice', images => [ 4, 0 ]);

# The new one, not the one of before, is what each later repeat finds.
for my $what ('done', 'runs', 'sent', 'runs long', 'waits') {
    my $before = submits_of($t, $f->prompt($what));
    my %links = map {
        links(ask($t, $f->pid($_), $f->request($what))->response) => 1
    } 0, 1, 0;

    is(scalar keys %links, 1, "forgotten: $what: one result");
    like((keys %links)[0], qr{/pictures/}, "forgotten: $what: a picture");
    is(scalar submits_of($t, $f->prompt($what)), $before + 1,
       "forgotten: $what: submitted once more");
}

free($t);
used($t, 'alice', images => [ 9, 0 ]);
$f->finish;

done_testing();
