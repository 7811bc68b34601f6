#!/usr/bin/perl

# worker_shutdown_timeout ends a worker's requests: before that, whoever waits
# is told where the task is, and the same request finds it in a new worker.
#
# Seen failing: all that waits, without JM_EVENT_CLOSING.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Http2;
use Jimeng::Test::Ledger;
use Jimeng::Test::Sse;
use Time::HiRes qw(time);

use constant TIMEOUT => 2;

my $prompts = 0;

sub prompt { "a ferry in the evening, $_[0], " . ++$prompts }

# What a repeat is told by: a key, a count, or nothing.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key of $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
    none => sub { {} },
);

sub request {
    my ($t, $how, $prompt, $again, $fields) = @_;
    return $t->generation({ prompt => $prompt, %{ $fields || {} } },
                          $repeat{$how}->($prompt, $again));
}

sub ids { map { $_->{task_id} } submits_of($_[0], $_[1]) }

# With its task's id; "no_retry" says that a retry would be a new task.
sub is_near {
    my ($t, $r, $prompt, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @ids = ids($t, $prompt);
    my $ids = join '|', map { join ', ', @$_ } \@ids, [ reverse @ids ];

    return is_error($t, $r, "$name: 503", code => 'service_unavailable',
                    task_id => qr/^(?:$ids)$/, %opt);
}

my %option = (
    workers => 2, strict => 1, http2 => 1, emulator => { seconds => 8 },
    main => 'worker_shutdown_timeout ' . TIMEOUT . 's;',
);

my $t = Jimeng::Test->new(with_ledger(
    %option, http => 'lingering_close off;'));
my $none = Jimeng::Test->new(
    %option, http => 'lingering_close off;', workers => 1,
    emulator => { seconds => 3 });


# ---- all kinds of clients that wait

my ($one, $other) = $t->workers;
my %request = (
    key => [ 'key' ], count => [ 'count' ], none => [ 'none' ],
    data => [ 'key', { response_format => 'b64_json' } ],
    two => [ 'key', { n => 2 } ],
);
my %prompt = map { $_ => prompt($_) } keys %request, 'h2', 'sse', 'unkept';
my %waits = map {
    $_ => ask($t, $one, request($t, $request{$_}[0], $prompt{$_}, 0,
                                $request{$_}[1]))
} keys %request;

$waits{sse} = Jimeng::Test::Sse->new(
    ask($t, $one, request($t, 'key', $prompt{sse}, 0, { stream => \1 })));

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
my $stream = $h2->start(request($t, 'key', $prompt{h2}, 0));
my $unkept = $none->start_request(request($none, 'key', $prompt{unkept}, 0));

# One has gone before: its task goes on, too.
my $gone = prompt('gone');
my $x = ask($t, $one, request($t, 'key', $gone, 0));

wait_for {
    !grep { !queries_of($t, $_) } $gone, grep { !/unkept/ } values %prompt
} 'all are asked for';
wait_for { queries_of($none, $prompt{unkept}) } 'without a zone, too';
$x->abort;

my $begin = time;
my @old = $t->workers;
$_->reload for $t, $none;
my ($new) = $t->workers('staying');

my %near = map { $_ => $waits{$_}->response } keys %request;
my $took = time - $begin;

cmp_ok($took, '<', TIMEOUT, 'they are told before their worker leaves');
cmp_ok($took, '>', TIMEOUT / 4, 'and not at once');
is_near($t, $near{$_}, $prompt{$_}, $_) for qw(key count data none);
is_near($t, $near{two}, $prompt{two}, 'two');
is_near($none, $unkept->response, $prompt{unkept}, 'no zone', no_retry => 1);

my $reply = $h2->response($stream);
my $json = JSON::PP->new->utf8->decode($reply->{body} || '{}');
is($reply->{status}, 503, 'HTTP/2: status');
is_deeply([ $t->task_ids($json->{task_id}) ], [ ids($t, $prompt{h2}) ],
          'HTTP/2: the task\'s id');

my @events = $waits{sse}->all;
is(scalar @events, 1, 'a stream: one event');
is($events[0]{event}, 'error', 'a stream: an error');
is($events[0]{json}{error}{code}, 'service_unavailable', 'a stream: the code');
is_deeply([ $t->task_ids($events[0]{json}{task_id}) ],
          [ ids($t, $prompt{sse}) ], 'a stream: the task\'s id');
ok($waits{sse}->complete, 'a stream: it ends well');


# ---- the same again finds its task

my %again = map {
    $_ => ask($t, $new, request($t, $request{$_}[0], $prompt{$_}, 1,
                                $request{$_}[1]))
} keys %request;
$again{$_} = ask($t, $new, request($t, 'key', $prompt{$_} // $gone, 1))
    for qw(h2 gone);
my $sse = Jimeng::Test::Sse->new(
    ask($t, $new, request($t, 'key', $prompt{sse}, 1, { stream => \1 })));

ok(wait_for(sub { !grep { kill 0, $_ } @old }, 'the old workers leave'),
   'the old workers leave');
cmp_ok(time - $begin, '<', TIMEOUT + 4, 'in time');

is_picture($t, $again{$_}->response, $prompt{$_} // $gone, "$_, again")
    for qw(key count none h2 gone);
is($again{$_}->response->status, 200, "$_, again: status") for qw(data two);
is(scalar ids($t, $prompt{two}), 2, 'two, again: no new task');
is(scalar ids($t, $prompt{data}), 1, 'data, again: no new task');
@events = $sse->all;
is($events[0]{event}, 'image_generation.completed', 'a stream, again');
is(scalar ids($t, $prompt{sse}), 1, 'a stream, again: no new task');

$none->finish;
$t->done;
