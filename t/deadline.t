#!/usr/bin/perl

# jimeng_timeout counts from a request's arrival, with all its body takes;
# the last query is sent at the deadline, and an exchange that is in flight
# then is waited for.  jimeng_poll_attempts bounds the queries.
#
# Seen failing: with a deadline that counts from the end of the body in
# ngx_http_jimeng_job_start(), "a slow body" takes too long; with a pause in
# jm_task_pause() that is not cut at the deadline, "the last query" is a 504;
# with no look at the deadline in jm_task_admit(), "a body after the deadline"
# is submitted and never asked for.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Time::HiRes qw(time);

# A task takes 0.8 s.
my $t = Jimeng::Test->new(
    emulator => { seconds => 0.8 }, poll_interval => '50ms',
    server => <<'EOT',
        location /second/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
        }
        location /half/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 500ms;
        }
        location /last/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
            jimeng_poll_interval 700ms;
        }
        location /five/ {
            jimeng_pass /_volcengine;
            jimeng_poll_attempts 5;
        }
        location /one/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 1s;
            jimeng_poll_attempts 1;
        }
EOT
);

my $task_id = qr/^\d{19,20}$/;
my $prompt = 0;

sub generation {
    my ($lane) = @_;
    my (undef, undef, $headers, $body)
        = $t->generation({ prompt => 'deadline ' . ++$prompt });

    return ('POST', "/$lane/images/generations", $headers, $body);
}

sub submits { grep { $_->{json}{prompt} eq "deadline $prompt" } $t->submits }

sub queries {
    my ($submit) = submits();
    return grep { $_->{json}{task_id} eq $submit->{task_id} } $t->queries;
}

# Sends a request whose last byte comes after these seconds.
sub slowly {
    my ($lane, $seconds) = @_;
    my @request = generation($lane);
    my $length = length $request[3];
    my $start = time;

    # All of it but its last byte: the length of the head is not known here.
    $request[2]{'Content-Length'} = $length;
    my $last = chop $request[3];
    my $x = $t->start_request(@request);

    wait_for(sub { time - $start >= $seconds }, 'the time for the last byte');
    $x->write($last);

    my $response = $x->response;
    return ($response, time - $start);
}


# ---- the deadline

my $start = time;
my $r = $t->request(generation('half'));
my $took = time - $start;

is_error($t, $r, 'not done in time', code => 'generation_timeout',
         no_retry => 1, task_id => $task_id);
cmp_ok($took, '>=', 0.48, 'not done in time: not before the deadline');
cmp_ok($took, '<', 0.75, 'not done in time: and not long after it');
is(scalar(submits()), 1, 'not done in time: one submit');

my @queries = queries();
cmp_ok($queries[-1]{time} - $start, '>=', 0.48,
       'not done in time: the last query is at the deadline');


# ---- a slow body

($r, $took) = slowly('second', 0.5);

is($r->status, 504, 'a slow body: 504, the task would need longer');
cmp_ok($took, '>=', 0.95, 'a slow body: not before the deadline');
cmp_ok($took, '<', 1.25, 'a slow body: the deadline is that of the arrival');

($r) = slowly('half', 0.7);

is($r->status, 408, 'a body after the deadline: 408');
is($r->json->{error}{code}, 'request_timeout', 'a body after the deadline');
is($r->header('x-should-retry'), undef,
   'a body after the deadline: it may be sent again');
is(scalar(submits()), 0, 'a body after the deadline: nothing is submitted');


# ---- the last query

$start = time;
$r = $t->request(generation('last'));

is($r->status, 200, 'the last query: a picture');
@queries = queries();
is(@queries, 2, 'the last query: it is the second');
cmp_ok($queries[1]{time} - $queries[0]{time}, '<', 0.6,
       'the last query: before its turn, at the deadline');


# ---- an exchange in flight

$t->emulator->fault({ on => 'query', skip => 1, do => 'delay',
                      seconds => 0.4 });
$start = time;
$r = $t->request(generation('last'));
$took = time - $start;
$t->emulator->clear_faults;

is($r->status, 200, 'an answer that comes after the deadline: a picture');
cmp_ok($took, '>', 1.35, 'an answer that comes after the deadline');


# ---- attempts

$r = $t->request(generation('five'));

is_error($t, $r, 'five attempts', code => 'generation_timeout',
         no_retry => 1, task_id => $task_id);
is(scalar(queries()), 5, 'five attempts: five queries');
is(scalar(submits()), 1, 'five attempts: one submit');

my $access = ($t->access_lines(6))[-1];
is($access->{jimeng_polls}, 5, 'five attempts: $jimeng_polls');
is($access->{jimeng_status}, 'failed', 'five attempts: $jimeng_status');
is($access->{jimeng_code}, 10000, 'five attempts: $jimeng_code');
cmp_ok($access->{jimeng_task_time}, '>=', 0.24,
       'five attempts: $jimeng_task_time');

is($t->request(generation('one'))->status, 200,
   'one attempt, and it is the right one: a picture');
is(scalar(queries()), 1, 'one attempt: one query');


# ---- a connection that is older than the deadline

my $first = $t->start_request(generation('second'), keepalive => 1);
is($first->response->status, 200, 'a first request on a connection');

$start = time;
wait_for(sub { time - $start >= 0.4 }, 'the connection to be old');

is($t->request(generation('second'), on => $first)->status, 200,
   'the next one has its own time');

$t->done;
