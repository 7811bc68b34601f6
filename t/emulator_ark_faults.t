# What can go wrong with the stand-in for Ark, and that it looks on the wire as
# the tests that rely on it believe. "Billed" is what the account has made.
#
# Seen failing: with nothing billed, and with a connection that the emulator cut
# taken for a client that has left.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use IO::Socket::INET;
use JSON::PP    ();
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Test::Http;
use Jimeng::Test::Process qw(poll);
use Jimeng::Test::Sse;

my $true = JSON::PP::true;
my $emulator = start(seconds => 0.1, ark => [
    { name => 'ark', key => ARK_KEY },
    { name => 'two', key => 'KEY2' },
]);

my %two   = (headers => { authorization => 'Bearer KEY2' });
my %group = (sequential_image_generation => 'auto', size => '1K',
    prompt => '[[pictures=3]]');

sub billed { return $emulator->accounts->{ark}{made} }
sub last_call { return ($emulator->calls)[-1] }

sub fault { return $emulator->fault({ on => 'ark', @_ }) }


# All bytes that come, and how it ends.
sub raw {
    my ($body, %option) = @_;

    my $call = begin_ark($body, %option);
    $call->read_until(qr/never/, 20);
    return ($call->{buffer} // '', $call->{error});
}


# What a call adds to the bill.
sub bill {
    my ($code) = @_;

    my $before = billed();
    $code->();
    ok(poll(sub { $emulator->accounts->{ark}{running} == 0 }, 10), 'it ends');
    return billed() - $before;
}


subtest 'refused' => sub {
    my $before = billed();

    fault(do => 'error', code => 'ServerOverloaded');
    my $answer = ark({});
    is($answer->{status}, 429, 'error: its status');
    is($answer->{json}{error}{code}, 'ServerOverloaded', 'error: its code');
    is(last_call()->{fault}, 'error', 'error: in the state');
    is(($emulator->journal(action => 'ark'))[-1]{fault}, 'error',
        'error: in the journal');

    fault(do => 'error', code => 'InternalServiceError', status => 503,
        message => 'another');
    $answer = ark({});
    is($answer->{status}, 503, 'error: another status');
    like($answer->{json}{error}{message}, qr/^another\. /, 'and message');

    fault(do => 'answer', status => 500, body => '<html>',
        headers => { 'Content-Type' => 'text/html', 'Retry-After' => 7 });
    $answer = ark({});
    is("$answer->{status} $answer->{body}", '500 <html>',
        'answer: a 500 without JSON');
    is($answer->{headers}{'content-type'}, 'text/html', 'answer: its type');
    is($answer->{headers}{'retry-after'}, 7, 'answer: a header');
    like($answer->{headers}{'x-request-id'}, qr/^02/, 'answer: X-Request-Id');

    fault(do => 'reset');
    $answer = ark({});
    is($answer->{status}, 0, 'reset: no answer');
    like($answer->{error}, qr/reset/i, 'reset: by RST');
    is(last_call()->{fault}, 'reset', 'reset: in the state');

    is(billed(), $before, 'nothing is billed');
    is(ark({})->{status}, 200, 'once only');
    is(billed(), $before + 1, 'then it is');
};


subtest 'made, billed and lost' => sub {
    is(bill(sub {
        fault(do => 'drop');
        my ($bytes, $error) = raw({});
        is("$bytes $error", ' closed', 'drop: no byte, by FIN');
    }), 1, 'drop: billed');
    is(last_call()->{made}, 1, 'drop: in the state');
    ok(!last_call()->{gone}, 'drop: the client was there');

    is(bill(sub {
        fault(do => 'drop');
        my ($bytes, $error) = raw({ %group, stream => $true });
        is("$bytes $error", ' closed', 'drop: of a stream no header');
    }), 3, 'drop: of a stream: billed');

    for my $bytes (0, 9, 120) {
        is(bill(sub {
            fault(do => 'cut', bytes => $bytes);
            is(length((raw({}))[0]), $bytes, "cut after $bytes bytes");
        }), 1, 'cut: billed');
    }

    is(bill(sub {
        fault(do => 'cut', body_bytes => 7);
        my $answer = ark({});
        is("$answer->{status} $answer->{body}", '200 {"creat',
            'cut in the body');
        ok(!$answer->{complete}, 'cut in the body: not complete');
    }), 1, 'cut in the body: billed');

    is(bill(sub {
        fault(do => 'answer', made => 1, status => 200,
            body => '{"data":[{"url":');
        my $answer = ark({});
        is($answer->{body}, '{"data":[{"url":', 'garbage');
        is($answer->{json}, undef, 'is no JSON');
    }), 1, 'garbage: billed');

    is(bill(sub {
        fault(do => 'answer', made => 1, status => 500, body => 'oops');
        is(ark({ stream => $true })->{body}, 'oops', 'a 500 for a stream');
    }), 1, 'a 500: billed');

    is(bill(sub {
        fault(do => 'error', made => 1, code => 'InternalServiceError');
        my $began = time;
        is(ark({})->{json}{error}{code}, 'InternalServiceError',
            'an error at the end');
        cmp_ok(time - $began, '>=', 0.1, 'not before');
    }), 1, 'an error at the end: billed');

    is(bill(sub {
        fault(do => 'drop');
        is(ark({ size => '1x1' })->{status}, 0, 'drop of a refusal');
    }), 0, 'drop of a refusal: not billed');
};


subtest 'streams that are cut' => sub {
    my $stream = { %group, stream => $true };
    my $events = sub {
        my $sse = Jimeng::Test::Sse->new(begin_ark($stream));
        my @events = $sse->all;
        ok(!$sse->complete, 'it does not end');
        is($sse->status, 200, 'after its header');
        return ($sse->strange, map { $_->{event} =~ s/.*_//r } @events);
    };

    for my $n (0 .. 3) {
        is(bill(sub {
            fault(do => 'cut', events => $n);
            is_deeply([$events->()], ['', ('succeeded') x $n],
                "after $n events");
        }), 3, 'billed');
        is(join(' ', map { last_call()->{$_} ? 1 : 0 } qw(made gone)), '1 0',
            'in the state');
    }

    fault(do => 'cut', events => 4);
    is((() = $events->()), 5, 'after completed, before [DONE]');

    is(bill(sub {
        fault(do => 'cut', events => 1, event_bytes => 40);
        my ($rest, @events) = $events->();
        is("@events", 'succeeded', 'inside an event: those before it');
        is($rest, 'event: image_generation.partial_succeede',
            'inside an event: 40 bytes of it');
    }), 3, 'inside an event: billed');

    fault(do => 'cut', body_bytes => 3);
    my ($bytes) = raw($stream);
    is(length($bytes =~ s/.*?\r\n\r\n//sr), 3, 'after bytes of the body');

    my $began = time;
    fault(do => 'cut', events => 1);
    raw({ %$stream, prompt => '[[pictures=3]] [[seconds=3]]' });
    cmp_ok(time - $began, '<', 2.7, 'it is cut at once');
    ok(poll(sub { last_call()->{ended} }, 10), 'and the call goes on');
    is(last_call()->{made}, 3, 'to its end');
};


subtest 'slow' => sub {
    my $body = { prompt => 'x', response_format => 'url' };
    my $took = sub {
        my $began = time;
        my $answer = ark({ @_ });
        is($answer->{status}, 200, 'the answer');
        ok($answer->{complete}, 'is whole');
        return time - $began;
    };

    fault(do => 'delay', seconds => 0.4);
    cmp_ok($took->(), '>=', 0.5, 'delay');

    fault(do => 'slow', bytes => 50, seconds => 0.1);
    cmp_ok($took->(), '>=', 0.5, 'slow bytes');

    fault(do => 'slow', bytes => 50, seconds => 0.1);
    cmp_ok($took->(stream => $true), '>=', 0.5, 'slow bytes of a stream');

    fault(do => 'stall', body_bytes => 10, seconds => 0.5);
    cmp_ok($took->(), '>=', 0.6, 'a stall');

    fault(do => 'stall', body_bytes => 10, seconds => 0.5);
    cmp_ok($took->(stream => $true), '>=', 0.6, 'a stall of a stream');

    $emulator->fault({ on => 'submit', do => 'slow', bytes => 50,
        seconds => 0.05 });
    my $began = time;
    is(submit('x')->{status}, 200, 'slow bytes of Visual');
    cmp_ok(time - $began, '>=', 0.2, 'take as long');
};


subtest 'a picture that fails' => sub {
    is(bill(sub {
        fault(do => 'fail', picture => 1,
            code => 'OutputImageSensitiveContentDetected');
        my $json = ark({ %group })->{json};
        is(join(' ', map { $_->{url} ? 'url' : $_->{error}{code} }
            @{ $json->{data} }), 'url OutputImageSensitiveContentDetected url',
            'one of three');
        is($json->{usage}{generated_images}, 2, 'is not in usage');
    }), 2, 'nor billed');
    is(last_call()->{failed}, 1, 'in the state');
};


subtest 'which calls' => sub {
    my $status = sub { join ' ', map { ark(@$_)->{status} } @_ };

    fault(do => 'answer', status => 503, skip => 1, times => 2);
    is($status->(([{}]) x 4), '200 503 503 200', 'by number');

    fault(do => 'answer', status => 503, prompt => 'a dog');
    is($status->([{ prompt => 'a cat' }], [{ prompt => 'it is a dog.' }],
        [{ prompt => 'a dog' }]), '200 503 200', 'by the prompt');

    fault(do => 'answer', status => 503, account => 'two');
    is($status->([{}], [{}, %two], [{}, %two]), '200 503 200',
        'by the account');

    fault(do => 'answer', status => 503,
        model => 'doubao-seedream-4-5-251128');
    is($status->([{}], [{ model => 'doubao-seedream-4-5-251128' }]),
        '200 503', 'by the model');

    $emulator->fault({ on => 'any', do => 'answer', status => 503 });
    is($status->([{}], [{}]), '503 200', 'any');

    $emulator->fault({ on => 'submit', do => 'answer', status => 503 });
    is($status->([{}]), '200', 'not those of Visual');
    is(submit('x')->{status}, 503, 'which are for it');

    $emulator->fault({ on => 'submit', do => 'answer', status => 503,
        prompt => 'a dog' });
    is(join(' ', map { submit($_)->{status} } 'a cat', 'a dog'), '200 503',
        'of Visual, by the prompt');

    fault(do => 'refuse', skip => 1);
    is($status->([{}]), '200', 'refuse: the last');
    ok(poll(sub { !IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $emulator->port, Timeout => 5) }, 10),
        'refuse: no connection');
    $emulator->clear_faults;
    is($status->([{}]), '200', 'refuse: cleared');

    is(Jimeng::Test::Http->start($emulator->{control}, 'POST', '/faults', {},
        $_)->response->{status}, 400, "not a fault: $_")
        for '{"on":"ark","do":"error"}', '{"on":"ark","do":"error","code":"x"}',
        '{"do":"error","code":"ServerOverloaded"}',
        '{"on":"ark","do":"fail","code":"ServerOverloaded"}',
        '{"on":"submit","do":"answer","status":500,"made":1}',
        '{"on":"submit","do":"cut","events":1}', '{"on":"ark","do":"cut"}',
        '{"on":"ark","do":"slow","bytes":1}',
        '{"on":"ark","do":"reset","prompt":1}';
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
