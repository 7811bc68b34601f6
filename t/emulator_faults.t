# The emulator's faults and connections: each fault must look on the wire as
# the tests that rely on it believe.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use IO::Socket::INET;
use JSON::PP   ();
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Test::Http;
use Jimeng::Test::Process qw(poll);

my $json = JSON::PP->new->utf8->canonical;
my $emulator = start();


subtest 'faults' => sub {
    my $body = { req_key => 'jimeng_t2i_v40', prompt => 'x' };
    my $submits = sub { scalar keys %{ $emulator->state->{tasks} } };
    my $tasks = $submits->();

    $emulator->fault({ on => 'submit', do => 'reset' });
    my $answer = submit('x');
    is($answer->{status}, 0, 'reset: no answer');
    like($answer->{error}, qr/reset/i, 'reset: by RST');
    is(last_entry()->{fault}, 'reset', 'reset: in the journal');
    is(last_entry()->{status}, undef, 'reset: with no status');
    is($submits->(), $tasks, 'reset: no task');
    is(submit('x')->{status}, 200, 'once only');

    $tasks = $submits->();
    $emulator->fault({ on => 'submit', do => 'drop' });
    $answer = submit('x');
    is($answer->{status}, 0, 'drop: no answer');
    is($answer->{error}, 'closed', 'drop: by FIN');
    is($submits->(), $tasks + 1, 'drop: the task exists');
    my $id = last_entry()->{task_id};
    is(query($id)->{json}{code}, 10000, 'drop: it can be asked for');

    $emulator->fault({ on => 'any', do => 'answer', status => 503,
        headers => { 'Retry-After' => 3 }, body => '{"code":50500,"é":"猫"}' });
    $answer = submit('x');
    is($answer->{status}, 503, 'answer: status');
    is($answer->{headers}{'retry-after'}, 3, 'answer: header');
    is($answer->{json}{é}, '猫', 'answer: body');
    is(last_entry()->{code}, 50500, 'answer: its code in the journal');
    is($submits->(), $tasks + 1, 'answer: no task');

    $emulator->fault({ on => 'query', skip => 1, times => 2, do => 'answer',
        status => 500, body => { code => 50501 } });
    submit('x');
    is(join(' ', map { query($id)->{status} } 1 .. 4), '200 500 500 200',
        'on, skip and times');

    my $other = task_id('x');
    $emulator->fault({ on => 'query', task => $other, do => 'answer',
        status => 503 });
    is(join(' ', map { query($_)->{status} } $id, $other, $other, $id),
        '200 503 200 200', 'for one task');

    $emulator->fault({ on => 'query', times => -1, do => 'answer',
        status => 502 });
    is(join(' ', map { query($id)->{status} } 1 .. 3), '502 502 502',
        'for ever');
    is(@{ $emulator->state->{faults} }, 1, 'it stays in the list');
    $emulator->clear_faults;
    is(query($id)->{status}, 200, 'until it is cleared');

    $emulator->fault({ do => 'delay', seconds => 0.3 });
    my $began = time;
    $answer = query($id);
    is($answer->{status}, 200, 'delay: answered');
    cmp_ok(time - $began, '>=', 0.29, 'delay: later');

    for my $bytes (0, 9, 120) {
        $emulator->fault({ do => 'cut', bytes => $bytes });
        my $cut = begin(prepare(SUBMIT, $body));
        $cut->read_until(qr/never/, 10);
        is(length($cut->{buffer} // ''), $bytes, "cut after $bytes bytes");
    }

    $emulator->fault({ do => 'cut', body_bytes => 7 });
    $answer = submit('x');
    is($answer->{status}, 200, 'cut in the body: the header is whole');
    is($answer->{body}, '{"code"', 'cut in the body: 7 bytes of it');
    ok(!$answer->{complete}, 'cut in the body: not complete');

    is(Jimeng::Test::Http->start($emulator->{control}, 'POST', '/faults', {},
        $_)->response->{status}, 400, "not a fault: $_")
        for '[]', '{', '{"do":"explode"}', '{"do":"delay"}', '{"do":"cut"}',
        '{"do":"drop","task":1}', '{"do":"drop","on":"never"}';
};


sub can_connect {
    return defined IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $emulator->port, Timeout => 5);
}


subtest 'connections' => sub {
    my $body  = { req_key => 'jimeng_t2i_v40', prompt => 'x' };
    my $first = begin(prepare(SUBMIT, $body), keepalive => 1);
    my $id    = $first->response->{json}{data}{task_id};

    my $again = begin(prepare(SUBMIT, $body), on => $first);
    is($again->response->{status}, 200, 'kept alive');

    # Both in one packet: the second has to wait for the first.
    $emulator->fault({ on => 'submit', do => 'delay', seconds => 0.2 });
    my $text = Jimeng::Test::Http::_request('POST',
        '/?Action=' . SUBMIT . '&Version=' . VERSION,
        prepare(SUBMIT, $body)->{headers}, $json->encode($body),
        { keepalive => 1 });
    my $busy = Jimeng::Test::Http->start($emulator->port, 'GET',
        "/pictures/$id-9.png", {}, undef, keepalive => 1);
    $busy->response;
    $busy->write("$text$text");
    is(join(' ', map { $busy->response->{status} } 1, 2), '200 200',
        'pipelined');

    my $sent = prepare(SUBMIT, $body);
    my $bytes = $sent->{body};
    $sent->{body} = sprintf "5\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n",
        substr($bytes, 0, 5), length($bytes) - 5, substr $bytes, 5;
    $sent->{headers}{'transfer-encoding'} = 'chunked';
    is(begin($sent)->response->{status}, 200, 'a chunked body');

    my $large = prepare(SUBMIT, { %$body, unknown => 'x' x 3_000_000 },
        headers => { expect => '100-continue' });
    is(begin($large)->response->{status}, 200, 'a large body');

    my $raw = Jimeng::Test::Http->start($emulator->port, 'GET', '/a b');
    is($raw->response->{status}, 400, 'not HTTP');

    my $idle = Jimeng::Test::Http->start($emulator->port, 'GET', '/x', {},
        undef, keepalive => 1);
    $idle->response;

    $emulator->fault({ on => 'submit', do => 'delay', seconds => 0.3 });
    my $waiting = begin(prepare(SUBMIT, $body), keepalive => 1);
    ok(poll(sub { (last_entry()->{fault} // '') eq 'delay' }, 10),
        'a request is under way');

    $emulator->fault({ do => 'refuse' });
    ok(!can_connect(), 'refuse: no connection');
    ok($!{ECONNREFUSED}, 'refuse: ECONNREFUSED');
    $idle->read_until(qr/never/, 10);
    is($idle->{error}, 'closed', 'refuse: idle connections are closed');
    is($waiting->response->{status}, 200, 'refuse: who waits is answered');
    is($emulator->state->{faults}[0]{do}, 'refuse',
        'refuse: the control port works');

    $emulator->clear_faults;
    is(submit('x')->{status}, 200, 'cleared: it listens again');

    $emulator->fault({ on => 'submit', skip => 1, do => 'refuse' });
    is(query($id)->{status}, 200, 'refuse later: not yet');
    is(submit('x')->{status}, 200, 'refuse later: the last one');
    ok(!can_connect(), 'refuse later: after it');
    $emulator->clear_faults;

    my @many = map {
        Jimeng::Test::Http->start($emulator->port, 'GET', '/x', {}, undef,
            keepalive => 1)
    } 1 .. 800;
    is(scalar(grep { $_->response->{status} == 404 } @many), 800,
        'many connections');
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
