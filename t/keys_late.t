#!/usr/bin/perl

# concurrency= and images=: a request that was answered too late counts for as
# long as its task is followed upstream, and so do the pictures that come then,
# whether there are slots or not.  Seen failing with the hold given back when
# the reply is sent; and, without slots, without the look at the hold in
# ngx_http_jimeng_task_follow().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;

for my $account ('concurrency 2;', '') {
    my $t = with_keys(
        [ 'alice concurrency=2 images=3/d' ],
        workers => 2, emulator => { seconds => 3 }, account => $account,
        location => 'jimeng_timeout 1s;',
    );

    my $async = generate_as($t, 'alice', { prompt => 'later', async => \1 });
    is($async->status, 200, "async, $account");
    is(generate_as($t, 'alice')->status, 504, 'late');

    used($t, 'alice', concurrency => 2, images => [ 0, 2 ]);
    is_refused($t, generate_as($t, 'alice', { prompt => 'once more' }),
               'the next', code => 'rate_limit_exceeded', after => [ 1, 60 ]);

    used($t, 'alice', concurrency => 0, images => [ 2, 0 ]);
    is($t->emulator->state->{running}, 0, 'until its task is over');

    is($t->request('GET', '/v1/images/' . $async->json->{task_id},
                   bearer('alice'))->json->{task_status}, 'succeed',
       'what was counted can be had');
    used($t, 'alice', images => [ 2, 0 ]);

    $t->allow_log(qr/task "\d+" of account "main" failed/);
    $t->finish;
}

done_testing;
