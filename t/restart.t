#!/usr/bin/perl

# What outlives nginx in the zone's file, when it is stopped as Debian's unit
# does it, by TERM, or by KILL of every process, with tasks running: repeats,
# marked or not, join their tasks, nobody is refused by the upstream for too
# many of them, pictures are counted on, an id is good, and slots are free when
# their tasks are over, as who waits asks for them.
#
# Seen failing without file=, without jm_state_import(), without the import of
# places ("none is refused"), of clients ("counted on") and of entries ("joins
# it"), without the salt of before ("joins it"), without
# ngx_http_jimeng_orphan_look() ("it is served when a slot is free") and without
# jm_quota_made() ("what nobody followed is counted").

use strict;
use warnings;

use lib 't/lib';
use Time::HiRes qw(time);
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Restart;

use constant SECONDS => 5;

for my $how (qw(TERM KILL QUIT)) {
    my $t = with_keys(
        [ 'alice images=9/d', 'bob images=9/d', 'carol' ],
        workers => 2, emulator => { seconds => SECONDS, concurrency => 2 },
        account => 'concurrency 2;', zone => '1m file=state.zone',
    );

    $t->allow_log(qr/is not followed to its end/);
    $t->allow_log(qr/exited on signal 9|open socket #\d+ left in connection|aborting/);

    # 1: made before, so that the average is known
    is(generate_as($t, 'alice', { prompt => 'the first' })->status, 200,
       "$how: a picture");

    # 2: two that run, one that waits
    my @marked = (request_as($t, 'alice', 'marked', {},
                             { 'Idempotency-Key' => 'k1' }));
    my @unmarked = request_as($t, 'bob', 'unmarked');
    my @waits = request_as($t, 'carol', 'waits');

    my @x = map { $t->start_request(@$_) } \@marked, \@unmarked;
    wait_submits($t, $_) for qw(marked unmarked);
    push @x, $t->start_request(@waits);
    my $began = time;

    stop_nginx($t, $how);
    $_->abort for @x;
    start_nginx($t);

    $t->log_like(qr/zone "ledger" goes on with \d+ requests, 2 slots and 3 clients/,
                 "$how: it is taken over");

    # 3: they come again, and somebody else, too
    my $late = $t->start_request(@waits);
    my $again = $t->start_request(@marked);
    my $r = $t->request(@unmarked);

    is_picture($t, $r, 'unmarked', "$how: an unmarked repeat joins it");
    is_picture($t, $again->response, 'marked',
               "$how: a marked repeat joins it");
    is_picture($t, $late->response, 'waits',
               "$how: who waited is served when a slot is free");

    is(scalar refusals($t), 0, "$how: none is refused");
    cmp_ok(time - $began, '<', 3 * SECONDS + 5, "$how: nothing stands still");

    used($t, 'alice', images => [ 2, 0 ]);
    used($t, 'bob', images => [ 1, 0 ]);
    pass("$how: pictures are counted on");

    # 4: nobody comes again, but another: it asks for what nobody follows
    my $id = generate_as($t, 'bob', { prompt => 'left', async => \1 })
             ->json->{task_id};
    my $left = $t->start_request(request_as($t, 'alice', 'left as well'));
    wait_submits($t, $_) for 'left', 'left as well';

    stop_nginx($t, $how);
    $left->abort;
    start_nginx($t);

    $r = $t->request(request_as($t, 'carol', 'comes next'));
    is_picture($t, $r, 'comes next',
               "$how: it is served when a slot is free");
    is(scalar refusals($t), 0, "$how: and none is refused");

    $r = $t->request('GET', "/v1/images/$id", bearer('bob'));
    is($r->json->{task_status}, 'succeed', "$how: an id of before is good");

    $t->request(request_as($t, 'carol', "and one more $_")) for 1, 2;

    used($t, 'bob', images => [ 2, 0 ]);
    used($t, 'alice', images => [ 3, 0 ]);
    pass("$how: what nobody followed is counted");

    is_picture($t, $t->request(request_as($t, 'alice', 'left as well')),
               'left as well', "$how: and is there for who comes again");

    # 5: all slots are of tasks that end while nginx is away
    my @ended = map {
        $t->start_request(request_as($t, 'carol', "ended $_"));
    } 1, 2;
    wait_submits($t, "ended $_") for 1, 2;

    stop_nginx($t, $how);
    $_->abort for @ended;
    wait_for { !$t->emulator->state->{running} } "$how: both tasks end";
    start_nginx($t);

    my $start = time;
    my $comes = $t->start_request(request_as($t, 'carol', 'comes at once'));
    wait_submits($t, 'comes at once');
    cmp_ok(time - $start, '<', SECONDS,
           "$how: who comes then is submitted at once");
    is($comes->response->status, 200, "$how: and gets a picture");

    $t->finish;
}

done_testing;
