#!/usr/bin/perl

# jimeng_timeout: from a request's arrival to its answer.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

use Time::HiRes qw(time);

my $d = Jimeng::Test::Directive->new('jimeng_timeout');

$d->common('60s');
$d->good('1ms', '300s', 10, '1h');
$d->bad(
    [ 0, 'must be greater than 0' ], [ '0ms', 'must be greater than 0' ],
    [ -1, 'invalid value' ], [ 'x', 'invalid value' ],
    [ '""', 'invalid value' ], [ '1.5s', 'invalid value' ],
);


my $t = Jimeng::Test->new(
    emulator => { seconds => 60 }, poll_interval => '200ms',
    server => <<'EOT',
        jimeng_timeout 500ms;

        location /inherits/ { jimeng_pass /_volcengine; }
        location /patient/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 900ms;
        }
        location /rare/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 1h;
        }
EOT
    location => 'jimeng_timeout 20s;',
);

my $json = { 'Content-Type' => 'application/json' };

sub is_given_up {
    my ($path, $seconds, $queries) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $started = time;

    my $r = $t->request('POST', "/$path/images/generations", $json,
                        qq({"prompt":"a boat for $path"}));
    my $took = time - $started;
    my $id = ($t->submits)[-1]{task_id};
    my @queries = grep { $_->{task_id} eq $id } $t->queries;

    my $task_id = ($r->json // {})->{task_id};

    is_error($r, $path, 504, 'generation_timeout', task_id => $task_id,
             retry => 0,
             message => qr/^The picture was not ready in time; it may still/);
    is($t->upstream_ids($task_id), $id, "$path: task_id");
    cmp_ok($took, '>=', $seconds - 0.01, "$path: not before its time");
    cmp_ok($took, '<', $seconds + 3, "$path: soon after it");
    cmp_ok(scalar @queries, '<=', $queries, "$path: queries");
    cmp_ok($queries[-1]{time} - $started, '>=', $seconds - 0.01,
           "$path: the last query is sent when the time is over");
    return;
}

is_given_up('inherits', 0.5, 3);
is_given_up('patient', 0.9, 5);
is_given_up('rare', 0.5, 1);


# ---- the last query finds what is done by then

$t->emulator->restart(seconds => 0.1);
is($t->request('POST', '/rare/images/generations', $json,
               '{"prompt":"a boat in time"}')->status, 200,
   'the query at the deadline is not in vain');


# ---- before there is a task: nothing was taken, so nothing was paid for

$t->emulator->fault({ on => 'submit', do => 'answer', times => -1,
                      status => 429, body => '{"code":50430}' });
my $started = time;
is_error($t->request('POST', '/inherits/images/generations', $json,
                     '{"prompt":"a boat that is refused"}'),
         'refused for load', 429, 'upstream_rate_limited', retry_after => 5,
         upstream_code => 50430);
cmp_ok(time - $started, '<', 4, 'refused for load: answered in time');
$t->emulator->clear_faults;

$t->done;
