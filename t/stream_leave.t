#!/usr/bin/perl

# Clients that leave a stream, in every state of it: the task that was taken is
# followed to its end and not submitted again, and nothing is fetched for
# nobody.  Workers that are to leave finish their streams.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;
use Jimeng::Test::Pictures;
use Jimeng::Test::Sse;

my $t = Jimeng::Test->new(
    strict => 1, http2 => 1, poll_interval => '50ms',
    http => 'lingering_close off;', emulator => { seconds => 0.3 },
    proxy => 'proxy_read_timeout 20s;', location => 'jimeng_heartbeat 50ms;',
);

my $type = { 'Content-Type' => 'application/json' };
my $prompts = 0;
my $lines = 0;

sub prompt { 'a bittern ' . $prompts . '.' }

sub request_of {
    my ($fields, $words) = @_;

    $prompts++;
    return $t->generation({ stream => \1, %$fields,
                            prompt => prompt() . ($words // '') });
}

sub submits { $t->submits(prompt()) }

sub ids { map { $_->{task_id} // () } submits() }

sub rows_of {
    my ($form) = @_;
    my %mine = map { $_ => 1 } ids();
    return grep { $mine{ $_->{json}{task_id} } && $_->{form} eq $form }
           $t->queries;
}

# Each starts a client; returns a code that waits until a pattern is in what
# came, and one that has it leave.
sub http1 {
    my ($how, @arguments) = @_;
    my $x = $t->start_request(request_of(@arguments));
    return sub { $x->read_until($_[0], 10) }, sub { $x->$how; $x };
}

sub http2 {
    my ($how, @arguments) = @_;
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $id = $h2->start(request_of(@arguments));
    return sub { $h2->read_until($id, $_[0], 10) }, sub {
        $how eq 'stream' ? $h2->reset_stream($id) : $h2->$how;
        return $h2;
    };
}

my %client = (
    'HTTP/1.1, close' => sub { http1('abort', @_) },
    'HTTP/1.1, reset' => sub { http1('reset', @_) },
    'HTTP/2, close' => sub { http2('abort', @_) },
    'HTTP/2, stream' => sub { http2('stream', @_) },
);

sub is_followed {
    my ($name, $n, $results) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $row = ($t->access_lines(++$lines))[-1];

    like($row->{status}, qr/^(?:200|499)\z/, "$name: status");
    is($row->{jimeng_status}, 'succeed', "$name: \$jimeng_status");
    is($row->{jimeng_images}, $n, "$name: followed to the end");
    is(join(' ', sort split /, /, $row->{jimeng_task_id}),
       join(' ', sort(ids())), "$name: \$jimeng_task_id");
    is(scalar submits(), $n, "$name: submits");
    cmp_ok(scalar rows_of('base64'), '<=', $results,
           "$name: no more base64 than what was wanted");
    return;
}


for my $way (sort keys %client) {
    for my $case (
        [ 'after the header', qr/: \{[^\n]*\}\n/, {}, 1, 0 ],
        [ 'after comments', qr/(?:: \{[^\n]*\}\n.*){3}/s, { n => 2 }, 2, 0 ],
        [ 'after comments, base64', qr/(?:: \{[^\n]*\}\n.*){3}/s,
          { n => 2, response_format => 'b64_json' }, 2, 0 ],
        [ 'Ark', qr/: \{[^\n]*\}\n/,
          { sequential_image_generation => 'disabled' }, 1, 0 ],
    ) {
        my ($state, $pattern, $fields, $n, $results) = @$case;
        my $name = "$state, $way";
        my ($reached, $leave) = $client{$way}->($fields);

        ok($reached->($pattern), "$name: is reached");
        my $held = $leave->();
        is_followed($name, $n, $results);
    }

    # One of three has come; another is still asked for.
    my $name = "after an event, $way";
    $t->emulator->fault({ on => 'query', do => 'delay', seconds => 0.7 });
    my ($reached, $leave) = $client{$way}->(
        { n => 3, response_format => 'url' });
    ok($reached->(qr/^event: .*\ndata: .*\n\n/m), "$name: is reached");
    my $held = $leave->();
    is_followed($name, 3, 0);
    $t->emulator->clear_faults;

    # In the midst of a picture.
    $name = "within an event, $way";
    $t->emulator->fault({ on => 'result', do => 'stall',
                          body_bytes => 1_000_000, seconds => 0.5 });
    ($reached, $leave) = $client{$way}->(
        { n => 3, response_format => 'b64_json' }, ' [[bytes=2000000]]');
    ok($reached->(qr/b64_json":".{60000}/), "$name: is reached");
    $held = $leave->();
    is_followed($name, 3, 1);
    $t->emulator->clear_faults;
}

# Before anything was accepted: nothing is submitted any more.
my $x = $t->start_request(request_of({}, ' [[50430]]'));
ok($x->read_until(qr/: \{[^\n]*\}\n/, 10), 'refused for load: a comment');
$x->abort;
my $row = ($t->access_lines(++$lines))[-1];
is($row->{jimeng_task_id}, '', 'refused for load: no task');

is(scalar(grep { $_->{prompt} =~ /bittern/ }
          values %{ $t->emulator->state->{tasks} }),
   scalar(grep { defined $_->{task_id} } $t->submits),
   'every task was submitted once');


# ---- workers that are to leave

for my $signal ('HUP', 'QUIT') {
    my @old = $t->workers;
    my @streams = map {
        Jimeng::Test::Sse->new($t->start_request(
            request_of($_, ' [[bytes=300000]]')));
    } {}, { n => 2 }, { n => 2, response_format => 'b64_json' };
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $stream = $h2->start(request_of({}));

    like($_->next->{comment}, qr/^\{/, "$signal: it has begun") for @streams;
    ok($h2->read_until($stream, qr/: \{[^\n]*"running"/, 10),
       "$signal: HTTP/2 has begun");

    $signal eq 'HUP' ? ok($t->reload, "$signal: reload")
                     : $t->signal('QUIT');

    is(join(' ', map { scalar(() = $_->all) } @streams), '1 2 2',
       "$signal: events");
    is(scalar(grep { $_->complete } @streams), 3, "$signal: complete");
    my $answer = $h2->response($stream);
    ok($answer->{over} && !defined $answer->{reset}
       && $answer->{body} =~ /^event: /m, "$signal: HTTP/2");
    wait_for { !grep { kill 0, $_ } @old } "$signal: the old workers leave";
}

$t->done;
