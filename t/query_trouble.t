#!/usr/bin/perl

# A query that goes wrong says nothing of the task, which is paid for: it is
# asked for again until the deadline, or as often as may be.  Each kind of
# trouble is seen twice: it passes, and there is a picture; it stays, and
# there is a 504 with the task's id.  There is one submit, always.
#
# Seen failing: with the events of jm_visual_lost() and of an answer without
# a number set to JM_EVENT_FAILED, every kind of trouble fails its task.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error log_of);
use Time::HiRes qw(time);

use constant ATTEMPTS => 3;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.02 }, poll_interval => '10ms',
    proxy => 'proxy_read_timeout 150ms;',
    location => 'jimeng_poll_attempts 1000;',
    server => <<"EOT",
        location /few/ {
            jimeng_pass /_volcengine;
            jimeng_poll_attempts @{[ ATTEMPTS ]};
        }
        location /short/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 500ms;
        }
EOT
);

my $emulator = $t->emulator;
my $serial = 0;

sub html { { do => 'answer', status => $_[0], body => '<html>no</html>',
             headers => { 'Content-Type' => 'text/html' } } }

sub answer { { do => 'answer', status => 200, body => $_[0] } }

sub good { answer({ code => 10000, message => 'Success', data => $_[0] }) }

sub done { good({ status => 'done', image_urls => $_[0] }) }

my $whole = '{"code":10000,"data":{"status":"done","image_urls":'
          . '["https://example.com/a.png"]},"message":"Success"}';

my @trouble = (
    [ 'a reset' => { do => 'reset' } ],
    [ 'a closed connection' => { do => 'drop' } ],
    [ 'a time-out' => { do => 'delay', seconds => 0.3 } ],

    (map { [ "a $_ with HTML" => html($_) ] }
        200, 204, 302, 404, 429, 500, 502, 503, 504),
    [ 'a 500 with JSON' => { do => 'answer', status => 500,
                             body => { message => 'Internal' } } ],
    [ 'an empty 500' => { do => 'answer', status => 500, body => '' } ],
    [ 'an empty 200' => answer('') ],

    (map { my $code = $_;
           [ "a $code" => { do => 'answer',
                            status => $code =~ /^5042|^5043/ ? 429 : 500,
                            body => { code => $code, data => undef } } ] }
        50429, 50430, 50500, 50501),

    (map { [ "an answer cut after $_ bytes" => { do => 'cut', bytes => $_ } ] }
        1, 8, 16, 60),
    (map { [ "a body cut after $_ bytes" => { do => 'cut',
                                              body_bytes => $_ } ] }
        0, 1, 20, 100, 150),

    (map { [ "malformed JSON: $_" => answer($_) ] }
        substr($whole, 0, -1), substr($whole, 1), "$whole}", "$whole$whole",
        $whole =~ s/"done"/done/r, '{', '[]', 'null', '"done"', '10000',
        "{\"code\":10000,\"data\":\x{1}}"),
    [ 'invalid UTF-8' => answer($whole =~ s/Success/\\ud800/r) ],
    [ 'deep JSON' => answer('[' x 5000 . ']' x 5000) ],
    [ 'an answer over the limit' =>
        answer($whole =~ s/Success/'x' x 300_000/er) ],

    [ 'no data' => answer({ code => 10000 }) ],
    [ 'null data' => good(undef) ],
    [ 'empty data' => good({}) ],
    [ 'data that is no object' => good([1]) ],
    [ 'a status that is no string' => good({ status => [] }) ],
    [ 'an empty status' => good({ status => '' }) ],
    [ 'no code' => answer({ data => { status => 'done',
                                      image_urls => ['https://a/b'] } }) ],
    [ 'a code that is no number' => answer({ code => 'x' }) ],

    [ 'done without pictures' => good({ status => 'done' }) ],
    [ 'done with null' => done(undef) ],
    [ 'done with no picture' => done([]) ],
    [ 'done with empty text' => done(['']) ],
    [ 'done with what is no URL' => done([ 'ftp://a/b', 1, undef, {} ]) ],
);


sub ask {
    my ($prefix, $fault) = @_;
    my $prompt = 'trouble ' . ++$serial;
    my $path = "/$prefix/$serial/images/generations";
    my (undef, undef, @rest) = $t->generation({ prompt => $prompt });

    $emulator->fault({ on => 'query', %$fault }) if $fault;

    my $r = $t->request('POST', $path, @rest);
    my @submits = grep { $_->{json}{prompt} eq $prompt } $t->submits;
    my @queries = grep { ($_->{json}{task_id} // '')
                         eq ($submits[0]{task_id} // 'none') } $t->queries;

    return ($r, $path, \@submits, \@queries);
}


# ---- each kind passes, and each stays

for my $row (@trouble) {
    my ($name, $fault) = @$row;

    my ($r, $path, $submits, $queries) = ask('v1', { times => 3, %$fault });
    is($r->status, 200, "$name: a picture in the end") or diag($r->body);
    is(@$submits, 1, "$name: one submit");
    cmp_ok(@$queries, '>=', 4, "$name: asked for again");

    my @warn = grep { /\[warn\].*asked for and not answered/ }
               log_of($t, $path);
    cmp_ok(@warn, '>=', 3, "$name: a warning each time");

    ($r, $path, $submits, $queries) = ask('few', { times => -1, %$fault });
    is_error($t, $r, "$name, for ever", code => 'generation_timeout',
             no_retry => 1, task_id => qr/^\Q$submits->[0]{task_id}\E$/,
             upstream_code => $name =~ /^a (50\d+)$/ ? $1 : undef);
    is(@$submits, 1, "$name, for ever: one submit");

    # The journal has a line when its answer was sent, if nobody waits for it.
    my $id = $submits->[0]{task_id};
    my $asked = sub { grep { ($_->{json}{task_id} // '') eq $id } $t->queries };
    wait_for { $asked->() >= ATTEMPTS } "$name, for ever: the last query";
    is(scalar $asked->(), ATTEMPTS,
       "$name, for ever: " . ATTEMPTS . ' queries');

    my @error = grep { /\[error\].*task "$submits->[0]{task_id}"/ }
                log_of($t, $path);
    is(@error, 1, "$name, for ever: an error with the task's id");

    $emulator->clear_faults;
}


# ---- connections that are refused

$emulator->fault({ on => 'submit', do => 'refuse', skip => 1 });

my (undef, undef, @rest) = $t->generation({ prompt => 'refused' });
my $path = '/v1/refused/images/generations';
my $request = $t->start_request('POST', $path, @rest);

wait_for(sub { log_of($t, $path) >= 3 }, 'queries that are refused');
$emulator->clear_faults;

is($request->response->status, 200, 'connections refused: a picture');
is(scalar(grep { $_->{json}{prompt} eq 'refused' } $t->submits), 1,
   'connections refused: one submit');

for my $prefix (qw(few short)) {
    $emulator->fault({ on => 'submit', do => 'refuse', skip => 1 });

    my ($r, undef, $submits) = ask($prefix);
    is_error($t, $r, "connections refused for ever, $prefix",
             code => 'generation_timeout', no_retry => 1, task_id => qr/^\d+$/);
    is(@$submits, 1, "connections refused for ever, $prefix: one submit");

    $emulator->clear_faults;
}


# ---- the deadline, with trouble until then

for my $name ('a reset', 'a time-out', 'a 502 with HTML', 'a 50430') {
    my ($fault) = map { $_->[1] } grep { $_->[0] eq $name } @trouble;

    $emulator->fault({ on => 'query', times => -1, %$fault });

    my $start = time;
    my ($r, undef, $submits, $queries) = ask('short');
    my $took = time - $start;

    is($r->status, 504, "$name until the deadline");
    is($t->upstream_ids($r->json->{task_id}), $submits->[0]{task_id},
       "$name until the deadline: the task's id");
    is(@$submits, 1, "$name until the deadline: one submit");
    cmp_ok($took, '>=', 0.45, "$name until the deadline: not before it");
    cmp_ok(@$queries, '>=', 3, "$name until the deadline: asked for again");

    $emulator->clear_faults;
}


# ---- a state that no document has

(undef, undef, @rest) = $t->generation({ prompt => '[[status=thinking]]' });
$path = '/v1/thinking/images/generations';

$emulator->fault({ on => 'query', times => 2,
                   %{ good({ status => 'thinking' }) } });

is($t->request('POST', $path, @rest)->status, 200,
   'an undocumented state: a picture in the end');

my @said = log_of($t, $path);
is(@said, 1, 'an undocumented state is logged once');
like($said[0], qr/\[warn\].*in an undocumented state.*text: "thinking"/,
     'it is named');

$t->done;
