#!/usr/bin/perl

# Errors of a task that was accepted: what an answer to a query says that is
# final, and what is only trouble until there have been enough queries.  For
# each: the reply, that nothing is submitted twice, what the operator finds.
#
# Seen failing: with 50429 and 50430 of a task that is done taken for load in
# jm_visual_queried(), a 429 invites to order the picture again.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(final_codes is_error log_of);

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '50ms',
    location => 'jimeng_poll_attempts 6;',
);

my $task_id = qr/^\d{19,20}$/;
my $request_id = qr/request id: "\d{14}[0-9A-F]{10}"/;

sub path { "/v1/$_[0]/images/generations" }


# ---- all at once: no task waits for another

# trigger, code of the reply, log level, no_retry, upstream_code
my @final = (
    final_codes(),

    # a task that is done is over, whatever its number says of queries
    [ 'done:50413', 'content_policy_violation', 'info', 0, 50413 ],
    [ 'done:50511', 'content_policy_violation', 'info', 0, 50511 ],
    [ 'done:50215', 'invalid_request', 'info', 0, 50215 ],
    [ 'done:50500', 'upstream_error', 'error', 1, 50500 ],
    [ 'done:50501', 'upstream_error', 'error', 1, 50501 ],
    [ 'done:50522', 'upstream_error', 'error', 1, 50522 ],
    [ 'done:50429', 'upstream_error', 'error', 1, 50429 ],
    [ 'done:50430', 'upstream_error', 'error', 1, 50430 ],

    [ 'gateway:50511@query', 'content_policy_violation', 'info', 0, 50511 ],

    [ 'not_found', 'upstream_error', 'error', 1, undef, 10000 ],
    [ 'expired', 'upstream_error', 'error', 1, undef, 10000 ],
);

my @trouble = map { [ $_ ] } 50429, 50430, 50500, 50501, qw(
    MissingAuthenticationToken InvalidTimestamp SignatureDoesNotMatch
    AccessDenied FlowLimitExceeded InternalError FailToConnect
    InternalServiceError ServiceUnavailableTemp InternalServiceTimeout
);

for my $row (@final, @trouble) {
    my ($trigger) = @$row;
    my $prompt = 'query [[' . ($trigger =~ /^\d|^[A-Z]/ ? "$trigger\@query"
                                                       : $trigger) . ']]';
    my $path = path($trigger =~ tr/:@/--/r);
    my (undef, undef, @rest) = $t->generation({ prompt => $prompt });

    push @$row, undef while @$row < 6;
    push @$row, $prompt, $path, $t->start_request('POST', $path, @rest);
}

my %reply;

for my $row (@final, @trouble) {
    $reply{ $row->[0] } = $row->[-1]->response;
    $row->[-1]->abort;
}

my %access = map { ((split ' ', $_->{request})[1] => $_) }
             $t->access_lines(@final + @trouble);
my %submits;
push @{ $submits{ $_->{json}{prompt} } }, $_ for $t->submits;


for my $row (@final) {
    my ($trigger, $code, $level, $no_retry, $number, $last, $prompt, $path)
        = @$row;

    $number //= $trigger if $trigger =~ /^\d+$/;
    is_error($t, $reply{$trigger}, "$trigger: the reply", code => $code,
             no_retry => $no_retry, upstream_code => $number,
             task_id => $task_id);
    is(@{ $submits{$prompt} }, 1, "$trigger: one submit");

    my $id = $submits{$prompt}[0]{task_id};
    is($t->upstream_ids($reply{$trigger}->json->{task_id}), $id,
       "$trigger: this task's id");

    my @log = log_of($t, $path);
    my $said = $number // $last;

    is(@log, 1, "$trigger: one line in the error log");
    like($log[0], qr/\[$level\].*task "$id".*failed, upstream code: "$said"/,
         "$trigger: it says what there was");
    like($log[0], $request_id, "$trigger: with the upstream's request id");

    my $access = $access{$path};
    is($access->{jimeng_status}, 'failed', "$trigger: \$jimeng_status");
    is($access->{jimeng_code}, $said, "$trigger: \$jimeng_code");
    is($access->{jimeng_task_id}, $id, "$trigger: \$jimeng_task_id");
    is($access->{jimeng_images}, 0, "$trigger: \$jimeng_images");
    cmp_ok($access->{jimeng_polls}, '<', 6, "$trigger: at its first sight");
}


for my $row (@trouble) {
    my ($trigger, $prompt, $path) = @$row[0, -3, -2];
    my $number = $trigger =~ /^\d+$/ ? $trigger : undef;

    is_error($t, $reply{$trigger}, "$trigger for ever: the reply",
             code => 'generation_timeout', no_retry => 1,
             upstream_code => $number, task_id => $task_id);
    is(@{ $submits{$prompt} }, 1, "$trigger for ever: one submit");

    my $id = $submits{$prompt}[0]{task_id};
    my @queries = grep { $_->{json}{task_id} eq $id } $t->queries;
    my $access = $access{$path};

    is(@queries, 6, "$trigger for ever: as many queries as there may be");
    is($access->{jimeng_polls}, 6, "$trigger for ever: \$jimeng_polls");
    is($access->{jimeng_status}, 'failed',
       "$trigger for ever: \$jimeng_status");

    my @log = log_of($t, $path);
    my @warn = grep {
        /\[warn\].*task "$id".*not answered, upstream code: "$trigger"/
    } @log;

    ok(@warn >= 1, "$trigger for ever: the log says what was answered");
    is(scalar(grep { $_ !~ $request_id } @warn), 0,
       "$trigger for ever: with the upstream's request id");
    is(scalar(grep { /\[error\].*task "$id".*after 6 queries/ } @log), 1,
       "$trigger for ever: the end is an error");
}

$t->emulator->fault({ on => 'query', do => 'answer', status => 400,
                      body => { code => 59999, data => undef,
                                message => 'odd' } });

is_error($t, $t->generate, 'a number of no table', code => 'upstream_error',
         no_retry => 1, upstream_code => 59999, task_id => $task_id);

$t->done;
