#!/usr/bin/perl

# Answers of a store that do not come in time, over a wire that a test holds:
# a client that goes while its place is asked for, which is granted, and let in
# for its submit, is not submitted for, and a repeat of its request is; and a
# client whose last task's end has no answer is released once.
#
# Seen failing: "the repeat", without ngx_http_jimeng_task_not_let_in(); "the
# other one still runs", without is_new() in the function "over".

use strict;
use warnings;

use lib 't/lib';
use IO::Select;
use IO::Socket::INET;
use Jimeng::Redis;
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of wait_submits);
use Jimeng::Test::RawServer;

plan(skip_all => 'there is no redis-server') unless Jimeng::Redis::there();

my $redis = Jimeng::Redis->new;
my $dir = $redis->{dir};
my $port = $redis->port;

# What is done on the wire: a file "hold" has the name of a function: from its
# call on no answer comes through until the file is gone; with "cut" the
# connection goes with the answer.  "seen" says that there was such a call.
sub text_of {
    open my $file, '<', "$dir/$_[0]" or return '';
    return scalar <$file> // '';
}

sub put {
    my ($name, $text) = @_;
    open my $file, '>', "$dir/$name" or die "$name: $!\n";
    print $file $text;
    close $file;
    return;
}

my $wire = Jimeng::Test::RawServer->new(sub {
    my ($worker) = @_;

    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or return;
    my $select = IO::Select->new($worker, $server);
    my ($held, $cuts) = (0, 0);

    while (1) {
        if ($held && !text_of('hold')) {
            $held = 0;
            $select->add($server);
        }

        for my $from ($select->can_read(0.01)) {
            my $to = $from == $worker ? $server : $worker;

            return if !sysread $from, my $bytes, 65_536;
            return if $cuts && $from == $server;

            for my $how (qw(hold cut)) {
                my $name = text_of($how);
                next if $from == $server || !$name || $held
                        || $bytes !~ /jimeng1_$name\b/;

                ($how eq 'hold' ? $held : $cuts) = 1;
                $select->remove($server) if $held;
                unlink "$dir/cut";
                put('seen', $name);
            }

            syswrite $to, $bytes;
        }
    }
});

my $t = with_keys(
    [ 'alice concurrency=2' ],
    account => 'concurrency 2;', emulator => { seconds => 0.3 },
    workers => 1, poll_interval => '100ms',
    http => 'jimeng_store redis://127.0.0.1:' . $wire->port . ' timeout=5s;',
);

my ($pid) = $t->workers;

# A worker that has come serves at once.
is(generate_as($t, 'alice')->status, 200, 'it works');


# ---- the client goes between both

my @request = request_as($t, 'alice', 'a client that goes', {},
                         { 'Idempotency-Key' => 'goes' });

put('hold', 'place');
my $client = ask($t, $pid, @request);
wait_for(sub { text_of('seen') eq 'place' }, 'its place is asked for');
$client->abort;
$t->log_like(qr/client closed connection/, 'it goes');
unlink "$dir/hold", "$dir/seen";
used($t, 'alice', concurrency => 0);
is(scalar submits_of($t, 'a client that goes'), 0, 'it is not submitted');

my $r = ask($t, $pid, @request)->response;
is($r->status, 200, 'the repeat is served') or diag($r->body);
is(scalar submits_of($t, 'a client that goes'), 1, 'and submitted once');


# ---- the end of one has no answer, while another one runs

my $other = ask($t, $pid, request_as($t, 'alice', 'another [[seconds=2]]'));
wait_submits($t, 'another [[seconds=2]]');

put('cut', 'over');
is(generate_as($t, 'alice')->status, 200, 'its own end is known');
is(text_of('seen'), 'over', 'and had no answer');
used($t, 'alice', concurrency => 1);
is(usage($t, 'alice')->{concurrency}{used}, 1, 'the other one still runs');
is($other->response->status, 200, 'to its end');
used($t, 'alice', concurrency => 0);

$t->done;
$wire->stop;
