#!/usr/bin/perl

# Each variable, in the access log and elsewhere: for a picture, for what
# failed before and after there was a task, and for what was never submitted.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.3 }, poll_interval => '100ms',
    location => 'jimeng_poll_attempts 20; '
                . 'add_header X-Variables "$jimeng_request_id $jimeng_account'
                . ' $jimeng_model $jimeng_task_id $jimeng_status $jimeng_code'
                . ' $jimeng_polls $jimeng_images" always;',
    server => <<'EOT',
        location /few/ {
            jimeng_pass /_volcengine;
            jimeng_poll_attempts 1;
        }
        location /unknown/ {
            jimeng_pass /_nowhere;
            jimeng_timeout 1s;
        }
        location = /plain {
            return 200 "[$jimeng_account$jimeng_model$jimeng_task_id]";
        }
EOT
    proxy => 'proxy_set_header X-Task $jimeng_task_id;
              proxy_set_header X-Polls $jimeng_polls;
              proxy_set_header X-Trace $jimeng_request_id;',
);

my $lines = 0;
my @names = qw(account model task_id status code polls images task_time
               upstream_time);
my $time = qr/^\d+\.\d{3}\z/;


# The log's line of a request, less what every line has.
sub logged {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $lines++;
    my ($row) = grep { $_->{jimeng_request_id}
                       eq ($r->header('X-Request-Id') // '') }
                $t->access_lines($lines);

    is($row->{status}, $r->status, "$name: the line in the log");
    return { map { $_ => $row->{"jimeng_$_"} } @names };
}


sub times_ok {
    my ($row, $name, $task) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    like($row->{upstream_time}, $time, "$name: upstream_time");

    if (defined $task) {
        like($row->{task_time}, $time, "$name: task_time");
        cmp_ok($row->{task_time}, '>=', $task, "$name: task_time, at least");
        cmp_ok($row->{task_time}, '<', $task + 10, "$name: task_time, at most");
    } else {
        is($row->{task_time}, '0.000', "$name: task_time");
    }

    delete @$row{qw(upstream_time task_time)};
    return;
}


# ---- a picture

my $r = $t->generate({ model => 'jimeng-4.6' });
my $row = logged($r, 'a picture');
my $id = $t->upstream_ids($r->json->{task_id});
my $queries = $t->queries;

times_ok($row, 'a picture', 0.3);
is_deeply($row, {
    account => 'main', model => 'jimeng_seedream46_cvtob',
    task_id => $id, status => 'succeed', code => 10000,
    polls => $queries, images => 1,
}, 'a picture');

is($r->header('X-Variables'),
   join(' ', $r->header('X-Request-Id'), 'main', 'jimeng_seedream46_cvtob',
        $id, 'succeed', 10000, $queries, 1),
   'a picture: in a header of the reply');

is_deeply([ map { $_->{headers}{'x-trace'} } $t->emulator->journal ],
          [ ($r->header('X-Request-Id')) x (1 + $queries) ],
          'towards the upstream: the request id');
is_deeply([ map { $_->{headers}{'x-task'} } $t->submits ], [ undef ],
          'towards the upstream: no task yet');
is_deeply([ map { $_->{headers}{'x-task'} } $t->queries ],
          [ ($id) x $queries ],
          'towards the upstream: the task');
is_deeply([ map { $_->{headers}{'x-polls'} } $t->queries ],
          [ 1 .. $queries ], 'towards the upstream: a new value each time');

$row = logged($t->generate({ prompt => 'a story [[pictures=3]]',
                             force_single => \0 }), 'a group');
is($row->{images}, 3, 'a group: images');


# ---- failures, with a task and without

for my $case (
    [ 'refused at submit', '/v1', 'boat [[50413]]', 50413, undef ],
    [ 'refused by the gateway', '/v1', 'boat [[InvalidAccessKey]]', '', undef ],
    [ 'refused at the end', '/v1', 'boat [[50511]]', 50511, 0.3 ],
    [ 'done with an error', '/v1', 'boat [[done:50512]]', 50512, 0.3 ],
    [ 'unknown upstream', '/v1', 'boat [[not_found]]', 10000, 0 ],
    [ 'not done in time', '/few', 'boat', 10000, 0 ],
    [ 'no such location', '/unknown', 'boat', '', undef ],
) {
    my ($name, $path, $prompt, $code, $task) = @$case;
    my ($submits, $queries) = (scalar $t->submits, scalar $t->queries);

    my $r = $t->request('POST', "$path/images/generations",
                        { 'Content-Type' => 'application/json' },
                        qq({"prompt":"$prompt, harbour"}));
    my $row = logged($r, $name);
    my ($submit) = ($t->submits)[$submits];

    times_ok($row, $name, $task);
    is_deeply($row, {
        account => 'main', model => 'jimeng_t2i_v40',
        task_id => defined $task ? $submit->{task_id} : '',
        status => 'failed', code => $code, polls => $t->queries - $queries,
        images => 0,
    }, $name);
}


# ---- a client that left: what became of its task is in the log

my $submits = $t->submits;
my $x = $t->start_generate({});
wait_for { $t->submits > $submits } 'the submit';
wait_for { ($t->queries)[-1]{task_id} eq ($t->submits)[-1]{task_id} }
    'a query';
$x->abort;
$lines++;

($row) = grep { $_->{jimeng_task_id} eq ($t->submits)[-1]{task_id} }
         $t->access_lines($lines);
is_deeply([ @$row{qw(status jimeng_status jimeng_code jimeng_images)} ],
          [ 499, 'succeed', 10000, 1 ], 'a client that left');


# ---- not submitted: texts are empty, but for the request's id, numbers are 0

my %none = (
    (map { $_ => '' } @names), polls => 0, images => 0, task_time => '0.000',
    upstream_time => '0.000',
);

for my $case (
    [ 'bad JSON', 'POST', '/v1/images/generations', '{' ],
    [ 'a long prompt', 'POST', '/v1/images/generations',
      '{"prompt":"' . 'x' x 801 . '"}' ],
    [ 'GET', 'GET', '/v1/images/generations', undef ],
    [ 'another path', 'POST', '/v1/x', '{}' ],
) {
    my ($name, $method, $path, $body) = @$case;
    my $r = $t->request($method, $path,
                        { 'Content-Type' => 'application/json' }, $body);

    is_deeply(logged($r, $name), \%none, $name);
    is($r->header('X-Variables'), $r->header('X-Request-Id') . '      0 0',
       "$name: in a header of the reply");
}


# ---- elsewhere

$lines++;
is($t->request('GET', '/plain')->body, '[]', 'in another location');
($row) = grep { $_->{request} =~ /plain/ } $t->access_lines($lines);
like($row->{jimeng_request_id}, qr/^[0-9a-f]{32}\z/,
     'in another location: jimeng_request_id');
is_deeply([ @$row{map { "jimeng_$_" } @names} ], [ @none{@names} ],
          'in another location: the log');

$t->done;
