#!/usr/bin/perl

# GET images/{task_id} when the upstream does not answer, or answers what says
# nothing of the task: an error that may be repeated, as it costs nothing; when
# the wait is long enough, no error at all.  What is known is told in spite of
# later trouble.  The request itself has a task of its own, and errors of its
# own: see query_trouble.t and errors_query.t.
#
# Seen failing: "a 401" and its like, without the turn to a failure in
# ngx_http_jimeng_retrieve_answer(); "data, a reset for ever", without "transient"
# in ngx_http_jimeng_data_trouble(), and with its x-should-retry.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Errors qw(final_codes is_error);
use Jimeng::Test::Pictures;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(
    strict => 1, poll_interval => '20ms', emulator => { seconds => 0.03 },
    http => 'lingering_close off;', proxy => 'proxy_read_timeout 200ms;
                                              proxy_next_upstream off;',
    server => 'location /nowhere/ { jimeng_pass /none; }
               location /dead/ { jimeng_pass /_dead; }
               location = /_dead { internal; proxy_pass http://127.0.0.1:1;
                                   proxy_set_header Host
                                                visual.volcengineapi.com; }
               location /small/ { jimeng_pass /_small; }
               location = /_small { internal; client_max_body_size 1;
                                    proxy_pass http://volcengine/; }
               location /refused/ { jimeng_pass /_volcengine; deny all; }',
);

my $emulator = $t->emulator;
my $made = $t->generate({ prompt => 'a breakwater [[bytes=4000]]', n => 2 });
my $sealed = $made->json->{task_id};
my @tasks = $t->task_ids($sealed);
my $submits = $t->submits;
my $id = $t->reseal($sealed, ids => $tasks[0]);

sub get {
    my ($id, $args, %opt) = @_;
    return $t->request('GET', ($opt{path} // '/v1/images/') . $id
                              . ($args // ''));
}

sub answer {
    my ($status, $body, %more) = @_;
    return { do => 'answer', status => $status, body => $body, %more };
}

sub gateway {
    my ($status, $code) = @_;
    return answer($status, { ResponseMetadata => {
        RequestId => '2026112120000000000000000000000000',
        Action => 'CVSync2AsyncGetResult', Version => '2022-08-31',
        Service => 'cv', Region => 'cn-north-1',
        Error => { Code => $code, Message => 'Internal RPC' } } });
}

sub business {
    my ($code, $status) = @_;
    return answer($status // 400, envelope(undef, code => $code,
        status => $code, message => 'Risk Not Pass'));
}

sub state_of {
    my ($status, %more) = @_;
    return answer(200, envelope({ status => $status, image_urls => undef,
                                  binary_data_base64 => undef, %more }));
}

my $waiting = state_of('generating');


# ---- what says nothing of the task

my @limited = ('upstream_rate_limited', no_retry => 0);
my @auth = ('upstream_auth_failed', no_retry => 1);

my @trouble = (
    [ 'a reset', { do => 'reset' } ],
    [ 'a closed connection', { do => 'drop' } ],
    [ 'a time-out', { do => 'delay', seconds => 0.6 } ],
    [ 'an answer cut in its header', { do => 'cut', bytes => 10 } ],
    [ 'a body cut', { do => 'cut', body_bytes => 50 } ],
    [ 'an empty 200', answer(200, '') ],
    [ 'HTML', answer(200, '<html>') ],
    [ 'a 502 with HTML', answer(502, '<html>') ],
    [ 'a 404', answer(404, '') ],
    [ 'a 429', answer(429, '') ],
    [ 'no code', answer(200, '{}') ],
    [ 'no data', answer(200, envelope(undef)) ],
    [ 'done, and no picture', state_of('done', image_urls => []) ],
    [ 'done, and no URL', state_of('done', image_urls => [ 'x' ]) ],
    [ 'an empty state', state_of('') ],
    [ 'over the limit', answer(200, '{"code":10000,"x":"' . 'x' x 300_000
                                    . '"}') ],
    [ 'a 50500', business(50500, 500), upstream_code => 50500 ],
    [ 'a 50501', business(50501, 500), upstream_code => 50501 ],
    [ 'a 50429', business(50429, 429), upstream_code => 50429, @limited ],
    [ 'a 50430', business(50430, 429), upstream_code => 50430, @limited ],
    (map { [ $_, gateway(500, $_) ] } qw(InternalError FailToConnect
        InternalServiceTimeout FlowLimitExceeded)),
    (map { [ $_, gateway(401, $_), @auth ] } qw(SignatureDoesNotMatch
        InvalidAccessKey AccessDenied InvalidTimestamp)),
    [ 'a 401', answer(401, ''), @auth ],
    [ 'a 403', answer(403, ''), @auth ],
    [ 'a 50400', business(50400), upstream_code => 50400, @auth ],
    [ 'a 50204', business(50204), upstream_code => 50204, @auth ],
);

for my $case (@trouble) {
    my ($name, $fault, @want) = @$case;
    my $upstream = @want && $want[0] eq 'upstream_code' ? $want[1] : undef;
    splice @want, 0, 2 if defined $upstream;
    my $code = shift(@want) // 'upstream_error';
    my %want = @want;
    my $final = $code eq 'upstream_auth_failed';

    for my $args ('', '?response_format=b64_json') {
        $emulator->fault({ on => 'query', times => -1, %$fault });
        my $r = get($id, $args);
        $emulator->clear_faults;

        is_error($t, $r, "$name$args", code => $code,
                 no_retry => $want{no_retry}, upstream_code => $upstream,
                 task_id => qr/^$tasks[0]\z/);
        is(($r->json // {})->{task_id}, $id, "$name$args: the same id");

        my $row = $t->logged($r);
        is($row->{jimeng_polls}, 1, "$name$args: asked for once");
        is($row->{jimeng_status}, '', "$name$args: no state is known");

        my @log = grep { index($_, $id) > 0 && / jimeng: / } split /\n/,
                  $t->error_log;
        is(scalar(grep { /\[error\]/ } @log) > 0, 1,
           "$name$args: the operator is told");
    }

    # Three times, and then the answer: with a wait it is no trouble.
    $emulator->fault({ on => 'query', times => 3, %$fault });
    my $r = get($id, '?wait=9s');
    $emulator->clear_faults;

    is($r->status, $final ? 502 : 200, "$name, with a wait")
        or diag($r->body);

    # A connection that is kept may be closed when it is used again.
    my $polls = $t->logged($r)->{jimeng_polls};
    $final ? is($polls, 1, "$name, with a wait: polls")
           : cmp_ok($polls, '>=', 4, "$name, with a wait: polls");
}

for my $case ([ '/nowhere', 'no such location' ],
              [ '/dead', 'a refused connection' ],
              [ '/small', 'a location that refuses it' ])
{
    my ($path, $name) = @$case;

    is_error($t, get($id, '', path => "$path/images/"), $name,
             code => 'upstream_error', task_id => qr/^$tasks[0]\z/);
}

is_error($t, get($id, '', path => '/refused/images/'), 'nginx refuses',
         code => 'permission_denied');


# ---- the wait ends in trouble

for my $case ([ 'trouble for all the time', [], 'upstream_error' ],
              [ 'first a state', [ $waiting ], 'running' ],
              [ 'a state in between', [ { do => 'reset' }, $waiting,
                                        { do => 'reset' } ], 'running' ])
{
    my ($name, $first, $expected) = @$case;

    $emulator->fault({ on => 'query', times => 1, %$_ }) for @$first;
    $emulator->fault({ on => 'query', times => -1, do => 'reset' });

    my $start = time;
    my $r = get($id, '?wait=300ms');
    my $took = time - $start;

    cmp_ok($took, '>=', 0.29, "$name: not before the time is over");
    cmp_ok($took, '<', 1.5, "$name: and not long after");
    is($r->json->{task_status} // $r->json->{code}, $expected, $name);
    is($t->logged($r)->{jimeng_status}, $expected eq 'running' ? 'running' : '',
       "$name: \$jimeng_status");
    $emulator->clear_faults;
}


# ---- one of two

for my $case (
    [ 'the other is done', undef, 'upstream_error' ],
    [ 'the other is worked on', $waiting, 'running' ],
    [ 'the other has failed', business(50511), 'upstream_error' ],
    [ 'the other is lost', state_of('not_found'), 'upstream_error' ],
) {
    my ($name, $fault, $expected) = @$case;

    for my $index (0, 1) {
        for my $args ('', '?response_format=b64_json') {
            $emulator->fault({ on => 'query', task => $tasks[$index],
                               times => -1, do => 'reset' });
            $emulator->fault({ on => 'query', task => $tasks[1 - $index],
                               times => -1, %$fault }) if $fault;

            my $r = get($sealed, $args);
            is($r->json->{task_status} // $r->json->{code}, $expected,
               "$index$args, $name") or diag($r->body);
            is($r->header('x-should-retry'), undef,
               "$index$args, $name: it may be repeated");
            $emulator->clear_faults;
        }
    }
}


# ---- what says that the task failed, is the answer to the question

for my $case (final_codes(), [ 50500, 'upstream_error', '', 1, 'done' ],
              [ 59999, 'upstream_error', '', 1 ])
{
    my ($number, $code, undef, undef, $done) = @$case;
    next if $code eq 'upstream_auth_failed';

    $emulator->fault({ on => 'query', times => 1, $done
        ? %{ answer(200, envelope({ status => 'done' }, code => $number)) }
        : %{ business($number) } });

    my $r = get($id);
    my $json = $r->json;

    is($r->status, 200, "$number: status");
    is($json->{task_status}, 'failed', "$number: failed");
    is($json->{error}{code}, $code, "$number: code");
    is($json->{error}{upstream_code}, $number, "$number: upstream_code");
    is($json->{data}, undef, "$number: no data");
    is($r->header('x-should-retry'), undef, "$number: no x-should-retry");
    is($t->logged($r)->{jimeng_status}, 'failed', "$number: \$jimeng_status");
}


# ---- the pictures themselves, as data

my @data = '?response_format=b64_json';

for my $case ([ 'a reset', { do => 'reset' } ],
              [ 'a 50500', business(50500, 500), 50500 ],
              [ 'null', { do => 'alter', null => 1 } ],
              [ 'cut', { do => 'cut', body_bytes => 30 } ])
{
    my ($name, $fault, $upstream) = @$case;

    $emulator->fault({ on => 'result', times => 2, %$fault });
    my $r = get($id, @data);
    is((pictures($r->body))[1], noise_of($tasks[0], 4000),
       "data, $name twice: the picture");
    $emulator->clear_faults;

    $emulator->fault({ on => 'result', times => -1, %$fault });
    $r = get($id, @data);
    is_error($t, $r, "data, $name for ever", code => 'upstream_error',
             upstream_code => $upstream, task_id => qr/^$tasks[0]\z/);
    like($r->json->{message} // '', qr/ask for it again/,
         "data, $name for ever: it may be asked for again");
    $emulator->clear_faults;
}

$emulator->fault({ on => 'result', %{ business(50511) } });
my $r = get($id, @data);
is($r->json->{task_status}, 'failed', 'data, refused at last: failed');
is($r->json->{error}{upstream_code}, 50511, 'data, refused at last: why');

$emulator->fault({ on => 'result', %{ business(50520) } });
$r = get($id, @data);
is($r->json->{task_status}, 'failed', 'data, failed at last: failed');
is($r->header('x-should-retry'), undef, 'data, failed at last: no header');

$emulator->fault({ on => 'result', %{ state_of('expired') } });
is_error($t, get($id, @data), 'data, expired', code => 'task_not_found');

$emulator->fault({ on => 'result', %{ gateway(401, 'InvalidAccessKey') } });
is_error($t, get($id, @data), 'data, no access',
         code => 'upstream_auth_failed', no_retry => 1,
         task_id => qr/^$tasks[0]\z/);

$emulator->fault({ on => 'result', do => 'cut', body_bytes => 3000 });
$r = get($id, @data);
is($r->status, 200, 'data that breaks off: status');
ok(!$r->complete, 'data that breaks off: the connection is cut');
$r = get($id, @data);
is((pictures($r->body))[1], noise_of($tasks[0], 4000),
   'data that breaks off: it is there when it is asked for again');

is(get($sealed)->body, $made->body, 'and all is well');
is(scalar $t->submits, $submits, 'nothing was submitted');
$t->done;
