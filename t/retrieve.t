#!/usr/bin/perl

# GET images/{task_id} and images/generations/{task_id}: what became of a
# request, from its id alone.  The same reply again when it is done, whatever
# the form; a state while it is not; and nothing is ever submitted.
#
# Seen failing:
# - "at once", with a job that lives on in ngx_http_jimeng_job_step() when the
#   client has gone; "nor is that an error", with the log's line in
#   ngx_http_jimeng_job_cleanup() for every job;
# - "nor is what nobody knows", without JM_CAUSE_TASK_NOT_FOUND in
#   ngx_http_jimeng_log_level(), and with the line of
#   ngx_http_jimeng_task_fail() for a retrieval;
# - "HEAD of data", without its case in ngx_http_jimeng_retrieve_reply();
# - "async, refused, b64_json", with parts that were not handed on in
#   ngx_http_jimeng_result_part(): the worker dies of it.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(envelope);
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Time::HiRes qw(time);

my $t = Jimeng::Test->new(
    workers => 2, http2 => 1, poll_interval => '20ms',
    emulator => { seconds => 0.05 }, http => 'lingering_close off;',
    location => 'jimeng_timeout 10s;',
    server => 'location /api/v1/ { jimeng_pass /_volcengine; }
               location /slow/ { jimeng_pass /_volcengine;
                                 jimeng_poll_interval 500ms; }',
);

sub get {
    my ($id, $args, %opt) = @_;
    my $path = $opt{path} // '/v1/images/';

    return $t->request('GET', $path . $id . ($args // ''));
}

# The queries of an upstream's ids, or of those in a task's id.
sub queries {
    my %mine = map { $_ => 1 } map { /^\d+\z/ ? $_ : $t->task_ids($_) } @_;
    return grep { $mine{ $_->{json}{task_id} } } $t->queries;
}


# ---- the reply to a request, once more

my $n = 0;

for my $fields (
    {}, { size => '2304x1728' }, { size => '4K' }, { n => 3 },
    { model => 'jimeng-4.6' }, { model => 'jimeng_t2i_v30', seed => 7 },
    { watermark => \1 },
    { watermark => { position => 2, logo_text_content => 'a "cat", 猫' } },
    { aigc_meta => { producer_id => 'p', propagate_id => 'q' } },
    { model => 'doubao-seedream-4-0-250828' },
    { prompt => 'a harbour [[pictures=4]]', force_single => \0 },
    { prompt => 'a harbour [[pictures=5]]',
      sequential_image_generation => 'auto',
      sequential_image_generation_options => { max_images => 2 } },
    { retries => 2 },
) {
    my $name = JSON::PP->new->canonical->encode($fields);
    my $first = $t->generate($fields);
    my $id = $first->json->{task_id};
    my ($submits, @asked) = (scalar $t->submits, queries($id));

    my $r = get($id, '', path => (qw(/v1/images/ /v1/images/generations/
                                     /api/v1/images/))[$n++ % 3]);
    is($r->status, 200, "$name: status");
    is($r->body, $first->body, "$name: the same reply");
    is($r->header('Content-Type'), 'application/json', "$name: type");
    is($r->header('x-should-retry'), undef, "$name: no x-should-retry");

    my @again = queries($id);
    is(scalar @again, @asked + ($fields->{n} // 1), "$name: asked for once");
    is($again[-1]{body}, $asked[-1]{body}, "$name: as before")
        unless $fields->{n};
    is(scalar $t->submits, $submits, "$name: nothing is submitted");
}

# What is not in the id.
my $r = $t->generate({ seed => 7 });
is_deeply($r->json->{ignored}, [ 'seed' ], 'ignored');
is_deeply({ %{ get($r->json->{task_id})->json }, ignored => [ 'seed' ] },
          $r->json, 'ignored: all but that');


# ---- as data, as links, and as the request wanted it

for my $pictures (1, 3) {
    my %reply;

    for my $form (qw(url b64_json)) {
        $reply{$form} = $t->generate({
            prompt => 'a pier [[bytes=3000]]', n => $pictures,
            response_format => $form, watermark => \1,
        });
    }

    for my $form (qw(url b64_json)) {
        my $name = "$pictures, $form";
        my ($rest) = pictures($reply{$form}->body);
        my $id = $rest->{task_id};
        my @ids = $t->task_ids($id);

        for my $args ('', '?response_format=url', '?response_format=b64_json',
                      '?response_format=b64%5Fjson&wait=1s')
        {
            my $b64 = $args =~ /b64/ || !length $args && $form eq 'b64_json';
            my $before = queries(@ids);

            $r = get($id, $args);
            my ($json, @got) = pictures($r->body);
            my @asked = (queries(@ids))[$before .. queries(@ids) - 1];

            is($r->status, 200, "$name$args: status");
            ok($r->complete, "$name$args: complete");
            is_deeply([ map { join ' ', sort keys %$_ } @{ $json->{data} } ],
                      [ ($b64 ? 'b64_json' : 'url') x $pictures ],
                      "$name$args: the form");
            is(join(' ', @got),
               join(' ', map { $b64 ? noise_of($_, 3000) : () } @ids),
               "$name$args: the pictures");
            is_deeply({ %$json, data => 0 }, { %$rest, data => 0 },
                      "$name$args: the rest");
            is(scalar @asked, $pictures * ($b64 ? 2 : 1),
               "$name$args: queries");
            is(scalar(grep { !/"logo_info":\{"add_logo":true\}/ }
                      map { $_->{json}{req_json} } @asked),
               0, "$name$args: each with the mark");
        }
    }
}


# ---- async, and what the reply says until it is done

$t->emulator->restart(seconds => 0.6);
my $start = time;
$r = $t->generate({ async => \1, n => 2 });
my $id = $r->json->{task_id};
is($r->json->{task_status}, 'pending', 'async: pending');
cmp_ok(time - $start, '<', 0.5, 'async: at once');

my %seen;

wait_for {
    $r = get($id);
    $seen{ $r->json->{task_status} }++;
    $r->json->{task_status} eq 'succeed';
} 'async: done';

is(join(' ', sort keys %seen), 'pending running succeed', 'async: its states');
is(scalar @{ $r->json->{data} }, 2, 'async: two pictures');

$r = $t->generate({ async => \1 });
my $again = get($r->json->{task_id}, '?wait=5s');
is($again->json->{task_status}, 'succeed', 'async: waited for');
is($again->json->{created}, $r->json->{created}, 'async: created');
is($again->json->{task_id}, $r->json->{task_id}, 'async: the same id');

# Nothing was taken: there is no id, but an error, whatever the form.
for my $form (qw(url b64_json)) {
    is_error($t, $t->generate({ async => \1, response_format => $form,
                                prompt => 'a wave [[50413]]' }),
             "async, refused, $form", code => 'content_policy_violation',
             upstream_code => 50413);
}

$t->emulator->restart(seconds => 0.05);


# ---- every state of two tasks.  The ids are made up, so are their answers.

my $url = 'http://127.0.0.1/picture.png';
my $serial = 1000;
my $created = $t->unseal($id)->{created};

sub state_of {
    my ($status, %more) = @_;

    return { status => 200, body => envelope({
        status => $status, image_urls => undef, binary_data_base64 => undef,
        %more }) };
}

my %answer = (
    queue => state_of('in_queue'), work => state_of('generating'),
    strange => state_of('thinking'), lost => state_of('not_found'),
    expired => state_of('expired'),
    done => state_of('done', image_urls => [ $url ]),
    failed => { status => 400,
                body => envelope(undef, code => 50511, status => 50511) },
    broken => { status => 502, body => '' },
    none => undef,
);

# A state may be several, one after the other: "work*5 done".
sub with_states {
    my (@states) = @_;
    my @ids;

    $t->emulator->clear_faults;

    for my $state (@states) {
        push @ids, $state eq 'none' ? '' : ++$serial;
        next if $state eq 'none';

        for my $one (split ' ', $state) {
            my ($name, $times) = split /\*/, $one;
            $t->emulator->fault({ on => 'query', task => "$ids[-1]",
                                  times => 0 + ($times // -1), do => 'answer',
                                  %{ $answer{$name} } });
        }
    }

    return $t->reseal($id, ids => join ',', @ids);
}

sub expected {
    my %is = map { $_ => 1 } @_;

    return 'running' if $is{work};
    return $is{done} ? 'running' : 'pending' if $is{queue} || $is{strange};
    return 'upstream_error' if $is{broken};
    return 'succeed' if $is{done};
    return 'failed' if $is{failed};
    return 'task_not_found';
}

for my $one (sort keys %answer) {
    for my $two (undef, sort keys %answer) {
        my @states = ($one, $two // ());
        next unless grep { $_ ne 'none' } @states;

        my $name = join ' and ', @states;
        my $sealed = with_states(@states);
        my $expected = expected(@states);
        my $before = $t->queries;

        $r = get($sealed);
        is($t->queries - $before, scalar(grep { $_ ne 'none' } @states),
           "$name: each is asked for once");

        if ($expected eq 'task_not_found') {
            is_error($t, $r, $name, code => $expected);
            next;
        }

        if ($expected eq 'upstream_error') {
            like($t->upstream_ids($r->json->{task_id}), qr/\d/,
                 "$name: task_id");
            is_error($t, $r, $name, code => $expected, task_id => qr/\d/);
            next;
        }

        my $json = $r->json;
        is($r->status, 200, "$name: status");
        is($json->{task_status}, $expected, "$name: task_status");
        is($json->{task_id}, $sealed, "$name: the same id");
        is($json->{created}, $created, "$name: created");
        is($json->{model}, 'jimeng_t2i_v40', "$name: model");
        is(exists $json->{data}, $expected eq 'succeed', "$name: data");
        is(exists $json->{error}, $expected eq 'failed', "$name: error");

        if ($expected eq 'succeed') {
            my %code = (failed => 'content_policy_violation',
                        none => 'upstream_error', lost => 'task_not_found',
                        expired => 'task_not_found');
            is_deeply($json->{data},
                      [ map { $_ eq 'done' ? { url => $url } : () } @states ],
                      "$name: the pictures");
            is_deeply([ map { @$_{qw(index code)} }
                        @{ $json->{errors} || [] } ],
                      [ map { ($_, $code{ $states[$_] }) }
                        grep { $states[$_] ne 'done' } 0 .. $#states ],
                      "$name: errors");
        }

        like($t->logged($r)->{jimeng_status}, $expected eq 'running'
             ? qr/^(?:running|succeed)\z/ : qr/^$expected\z/,
             "$name: \$jimeng_status");
    }
}

$t->emulator->clear_faults;
is_error($t, get($t->reseal($id, ids => '1,2,3')), 'ids that nobody knows',
         code => 'task_not_found');

my $sealed = with_states('failed');
is_deeply(get($sealed)->json->{error}, {
    code => 'content_policy_violation', type => 'image_generation_user_error',
    param => undef, upstream_code => 50511,
    message => get($sealed)->json->{error}{message},
}, 'failed: the error');
like(get(with_states('done', 'none'))->json->{errors}[0]{message},
     qr/never accepted/, 'a part that was never accepted');
$t->log_unlike(qr/\[error\].*client: .*GET .*in_queue/,
               'what is not done is no error');

my @errors = grep { /\[error\].* jimeng: .*"GET / } split /\n/, $t->error_log;
is(scalar(grep { !/could not be asked for|failed, upstream code: "50511"/ }
          @errors), 0, 'nor is what nobody knows') or diag($errors[0]);

# As data, one of them lost, and one that fails at its last step.
$r = $t->generate({ n => 3, prompt => 'a buoy [[bytes=500]]' });
my @ids = $t->task_ids($r->json->{task_id});
$t->emulator->fault({ on => 'result', task => $ids[0], times => -1,
                      do => 'reset' });
$r = get($t->reseal($r->json->{task_id}, ids => "$ids[0],77,$ids[2]"),
         '?response_format=b64_json');
my ($json, @got) = pictures($r->body);
is($r->status, 200, 'data, two are not to be had: status');
is("@got", noise_of($ids[2], 500), 'data, two are not to be had: the third');
is_deeply([ map { @$_{qw(index code)} } @{ $json->{errors} } ],
          [ 0, 'upstream_error', 1, 'task_not_found' ],
          'data, two are not to be had: errors');
is(scalar(grep { $_->{fault} } queries($ids[0])), 3,
   'data: it was tried three times');
$t->emulator->clear_faults;


# ---- wait

sub waits {
    my ($name, $sealed, $args, $least, $most, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $start = time;
    my $r = get($sealed, $args, %opt);
    my $took = time - $start;

    cmp_ok($took, '>=', $least, "$name: not before");
    cmp_ok($took, '<', $most, "$name: and not long after");
    return $r;
}

$sealed = with_states('work');
my $before = $t->queries;
$r = waits('not done', $sealed, '?wait=300ms', 0.29, 1);
is($r->json->{task_status}, 'running', 'not done: running');
cmp_ok($t->queries - $before, '>=', 4, 'not done: asked for again and again');
cmp_ok($t->queries - $before, '<=', 17, 'not done: at its interval');

waits('a time without a unit', $sealed, '?wait=2', 1.99, 3);
waits('none', $sealed, '?wait=0', 0, 0.25);
waits('none, as a time', $sealed, '?wait=0s', 0, 0.25);
waits('an argument without a value is none', $sealed, '?wait', 0, 0.25);
waits('the first counts', $sealed, '?wait=0&wait=5s', 0, 0.25);

$before = $t->queries;
waits('less than the interval', $sealed, '?wait=200ms', 0.19, 0.45,
      path => '/slow/images/');
is($t->queries - $before, 2, 'less than the interval: twice');

my $got = get(with_states('work*5 done', 'queue*2 work*2 done'), '?wait=9s');
is($got->json->{task_status}, 'succeed', 'done meanwhile');
cmp_ok($t->logged($got)->{request_time}, '<', 5, 'done meanwhile: at once');
is($t->logged($got)->{jimeng_polls}, 11, 'done meanwhile: $jimeng_polls');

$got = get(with_states('work*3 failed'), '?wait=9s');
is($got->json->{task_status}, 'failed', 'failed meanwhile');

$sealed = with_states('lost');
is(get($sealed, '?wait=10s')->status, 404, 'wait: the most');

for my $case (
    (map { [ 'wait', "wait=$_" ] } '', 'x', '-1s', '1.5s', '2%20s', '11s',
         '10001ms', '1h', '20s,', '%32%30s', '99999999999999999999s'),
    (map { [ 'response_format', "response_format=$_" ] }
         '', 'URL', 'b64', 'b64_jsonx', 'png', '%75rlx'),
) {
    my ($param, $args) = @$case;
    my $before = $t->queries;

    is_error($t, get($sealed, "?$args"), $args, code => 'invalid_request',
             param => $param);
    is($t->queries, $before, "$args: nobody is asked");
}


# ---- methods, bodies, connections

my $done = $t->generate({ prompt => 'a mole [[bytes=100]]' });
$id = $done->json->{task_id};

for my $path ("/v1/images/$id", "/v1/images/generations/$id") {
    for my $method (qw(POST PUT PATCH OPTIONS)) {
        my $r = $t->request($method, $path);
        is_error($t, $r, "$method $path", code => 'method_not_allowed');
        is($r->header('Allow'), 'GET, HEAD, DELETE', "$method: Allow");
    }

    my $head = $t->request('HEAD', $path);
    is($head->status, 200, 'HEAD: status');
    is($head->body, '', 'HEAD: no body');
    is($head->header('Content-Length'), length $done->body, 'HEAD: length');
}

$before = $t->results;
$r = $t->request('HEAD', "/v1/images/$id?response_format=b64_json");
is($r->status, 200, 'HEAD of data: status');
is($r->body, '', 'HEAD of data: no body');
is($r->header('Content-Type'), 'application/json', 'HEAD of data: type');
is($r->header('Content-Length'), undef, 'HEAD of data: no length');
is(scalar $t->results, $before, 'HEAD of data: they are not fetched');
is($t->request('HEAD', '/v1/images/' . with_states('lost'))->status, 404,
   'HEAD of nothing');
is($t->request('HEAD', '/v1/images/' . with_states('queue'))->status, 200,
   'HEAD of what is not done');
$t->emulator->clear_faults;

my $x;

for my $case (
    [ {}, undef ], [ {}, '{}' ], [ {}, 'x' x 200_000 ],
    [ { 'Transfer-Encoding' => 'chunked' }, "3\r\nabc\r\n0\r\n\r\n" ],
) {
    my ($headers, $body) = @$case;

    for my $method (qw(GET HEAD)) {
        for my $args ('', '?response_format=b64_json') {
            $x = $t->start_request($method, "/v1/images/$id$args", $headers,
                                   $body, $x ? (on => $x) : (keepalive => 1));
            is($x->response->status, 200, "$method$args, "
               . length($body // '') . ' bytes of body, on a kept connection');
        }
    }
}

$x->abort;

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
$got = $h2->response($h2->start('GET', "/v1/images/$id"));
is($got->{body}, $done->body, 'HTTP/2');
$got = $h2->response($h2->start(
    'GET', "/v1/images/$id?response_format=b64_json", {}, 'x' x 10_000));
is((pictures($got->{body}))[1], noise_of($t->task_ids($id), 100),
   'HTTP/2: data, with a body');
$got = $h2->response($h2->start('HEAD',
                                "/v1/images/$id?response_format=b64_json"));
is("$got->{status} $got->{body}", '200 ', 'HTTP/2: HEAD');
$h2->abort;


# ---- variables

$r = get($id);
my $row = $t->logged($r);
is_deeply([ @$row{map { "jimeng_$_" } qw(account model task_id status code
                                         polls images task_time) } ],
          [ 'main', 'jimeng_t2i_v40', $t->upstream_ids($id), 'succeed', 10000,
            1, 1, '0.000' ], 'variables');
like($row->{jimeng_upstream_time}, qr/^0\.\d{3}\z/,
     'variables: $jimeng_upstream_time');


# ---- a client that leaves ends it at once

for my $state ('between queries', 'a query is in flight') {
    for my $version ('HTTP/1.1', 'HTTP/2', 'HTTP/2, reset') {
        my $name = "$state, $version";
        my $path = ($state =~ /between/ ? '/slow' : '/v1') . '/images/';
        my $lines = $t->access_log;

        $sealed = with_states('work');
        my ($upstream) = $t->task_ids($sealed);

        if ($state !~ /between/) {
            $t->emulator->clear_faults;
            $t->emulator->fault({ on => 'query', task => $upstream,
                                  do => 'delay', seconds => 3 });
        }

        my $left = () = $t->error_log =~ /client closed connection, task/g;
        my $two = $version =~ /2/
            && Jimeng::Test::Http2->new($t->port('http2'));
        my $x = $two ? $two->start('GET', "$path$sealed?wait=9s")
                     : $t->start_request('GET', "$path$sealed?wait=9s");

        # The journal has a line when it was answered, or given up.
        if ($state =~ /between/) {
            wait_for { queries($upstream) } "$name: it was asked for";
        } else {
            wait_for { !@{ $t->emulator->state->{faults} } }
                "$name: it is being asked for";
        }

        $version =~ /reset/ ? $two->reset_stream($x) : ($two || $x)->abort;

        wait_for {
            $left < (() = $t->error_log =~ /client closed connection, task/g);
        } "$name: it is noticed";

        my $row = ($t->access_lines($lines + 1))[-1];
        is($row->{status}, 499, "$name: status");
        cmp_ok($row->{request_time}, '<', 2, "$name: at once");
        is(scalar(queries($upstream)) <= 1, 1, "$name: no query more");
        $two->abort if $two;
    }
}

$t->emulator->clear_faults;
unlike($t->error_log, qr/followed to its end.*"GET /,
       'it is not followed by one who only asked');
unlike($t->error_log, qr/is not followed/, 'nor is that an error');

$t->done;
