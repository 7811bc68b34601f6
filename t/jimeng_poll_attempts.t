#!/usr/bin/perl

# jimeng_poll_attempts: after so many queries a task is given up, if so many
# were said; else it is asked for until jimeng_timeout.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

my $d = Jimeng::Test::Directive->new('jimeng_poll_attempts');

$d->common('5');
$d->good(1, 60, 1000000, 'off');
$d->bad(
    [ 0, 'must be greater than 0, or "off"' ], [ -1, 'invalid number' ],
    [ 'x', 'invalid number' ], [ '""', 'invalid number' ],
    [ '5s', 'invalid number' ], [ 'Off', 'invalid number' ], [ '99999999999999999999', 'invalid number' ],
);


my $t = Jimeng::Test->new(
    emulator => { seconds => 60 }, poll_interval => '5ms',
    http => 'jimeng_poll_attempts 3;',
    server => <<'EOT',
        location /one/ { jimeng_pass /_volcengine; jimeng_poll_attempts 1; }
        location /seven/ { jimeng_pass /_volcengine; jimeng_poll_attempts 7; }
EOT
);

sub is_given_up {
    my ($path, $attempts, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $before = $t->queries;

    my $r = $t->request('POST', "/$path/images/generations",
                        { 'Content-Type' => 'application/json' },
                        qq({"prompt":"a boat for $name"}));

    my $task_id = ($r->json // {})->{task_id};

    is_error($r, $name, 504, 'generation_timeout', task_id => $task_id,
             retry => 0,
             message => qr/^The picture was not ready in time; it may still/);
    is($t->upstream_ids($task_id), ($t->submits)[-1]{task_id},
       "$name: task_id");
    is($t->queries - $before, $attempts, "$name: queries");
    return;
}

is_given_up('v1', 3, 'inherited');
is_given_up('one', 1, 'one');
is_given_up('seven', 7, 'seven');

# Queries that were not answered count as well.
$t->emulator->fault({ on => 'query', do => 'reset', times => -1 });
is_given_up('v1', 3, 'resets');
$t->emulator->clear_faults;

is(scalar $t->submits, 4, 'a task that is given up is not submitted again');
$t->log_like(qr/\[error\].* jimeng: task "\d+" of .* failed after 7 queries: /,
             'the log says so');
$t->finish;

$t = Jimeng::Test->new(
    emulator => { seconds => 60 }, poll_interval => '5ms',
    location => 'jimeng_poll_attempts 60;',
    server => 'location /huge/ {
                   jimeng_pass /_volcengine;
                   jimeng_poll_attempts 4294967296;

                   location /huge/off/ {
                       jimeng_pass /_volcengine;
                       jimeng_poll_attempts off;
                   }
               }
               location /default/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 3s;
               }',
);
my $r = $t->request('POST', '/default/images/generations',
                    { 'Content-Type' => 'application/json' },
                    '{"prompt":"a boat that takes its time"}');

is_error($r, 'no number by default', 504, 'generation_timeout',
         task_id => ($r->json // {})->{task_id}, retry => 0,
         message => qr/^The picture was not ready in time; it may still/);
cmp_ok(scalar $t->queries, '>', 60, 'until jimeng_timeout');
is_given_up('v1', 60, '60');
is($t->request('POST', '/huge/off/images/generations',
               { 'Content-Type' => 'application/json' },
               '{"prompt":"a slow boat [[seconds=1]]"}')->status, 200,
   'off, below a number');
cmp_ok(scalar(grep { $_->{json}{task_id} eq ($t->submits)[-1]{task_id} }
              $t->queries), '>', 60, 'off: as many as it takes');

# More than fit into 32 bits are no fewer than that.
$t->emulator->restart(seconds => 0.1);
is($t->request('POST', '/huge/images/generations',
               { 'Content-Type' => 'application/json' },
               '{"prompt":"a patient boat"}')->status, 200,
   'more than 32 bits');
$t->done;
