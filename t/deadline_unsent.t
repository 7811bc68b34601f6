#!/usr/bin/perl

# A submit of which no byte has left when jimeng_timeout is over is taken back,
# wherever it waits: nothing is ordered, and its slot, its client's limits and
# its place in the ledger are free.  One that has begun to leave is waited for,
# and never sent again.
#
# Seen failing:
# - "limit_req", the first "not in time", without JM_EVENT_TIMER in
#   jm_task_submit(): nothing is told before the end of the delay;
# - "limit_req", without ngx_http_jimeng_exchange_delay(): the reply waits for
#   the end of the delay;
# - "half of it", with an ngx_http_jimeng_exchange_take_back() that does not ask
#   whether something was sent.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Keys;
use Jimeng::Test::Picture qw(base64 png);
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Sockets;
use Time::HiRes qw(time);

# ---- upstreams that take nothing: a full one, one that says nothing to a TLS
# handshake, and one that reads the beginning.

my ($full, @filler) = full_upstream();

my $heard = File::Temp->new;
my $mute = raw_server(sub {
    my ($socket) = @_;
    my $text = '';
    1 while sysread $socket, $text, 4096, length $text;
    open my $fh, '>>:raw', $heard->filename or die $!;
    print $fh ord $text, "\n";
    close $fh;
});

my $half = raw_server(sub {
    my ($socket) = @_;
    sysread $socket, my $text, 1000;
    select undef, undef, undef, 3.5;
});

my $proxy = 'proxy_connect_timeout 20s; proxy_read_timeout 20s;
             proxy_set_header Host visual.volcengineapi.com; internal;';

my %pass = (
    limit_req => "limit_req zone=slow burst=100;
                  proxy_pass http://volcengine/;",
    connecting => 'proxy_pass http://127.0.0.1:' . $full->sockport . '/;',
    handshake => 'proxy_pass https://127.0.0.1:' . $mute->port . '/;',
    half => 'proxy_request_buffering off;
             proxy_pass http://127.0.0.1:' . $half->port . '/;',
    all => 'proxy_pass http://volcengine/;',
);

# The body of half is large, and comes before its deadline.
my %timeout = ((map { $_ => '700ms' } keys %pass), half => '2s');

my $t = with_keys(
    [ 'alice images=4/d concurrency=1', map { "of_$_" } sort keys %pass ],
    poll_interval => '50ms', account => 'concurrency 8;',
    http => 'limit_req_zone $server_addr zone=slow:1m rate=1r/m;
             client_max_body_size 0;',
    server => join "\n", 'location = /status { jimeng_status; }', map { "
        location /$_/ {
            jimeng_pass /_$_;
            jimeng_timeout $timeout{$_};
            jimeng_keys %%DIR%%/keys;
        }
        location = /_$_ { $proxy $pass{$_} }" } sort keys %pass,
);

sub request_of {
    my ($place, $client, %fields) = @_;
    my (undef, undef, @rest) = $t->generation(
        { prompt => "a late ferry, $place", %fields }, bearer($client));
    return ('POST', "/$place/images/generations", @rest);
}

sub slots { $t->request('GET', '/status')->json->{accounts}[0]{running} }


# ---- nothing has left

sub not_in_time {
    my ($place, $x, $start, $name) = @_;
    my $r = $x->response;
    my $took = time - $start;

    is_error($t, $r, "$name: not in time", code => 'upstream_error');
    like(($r->json // {})->{message} // '', qr/nothing was ordered/,
         "$name: and it says so");
    cmp_ok($took, '>=', 0.65, "$name: not before the deadline");
    cmp_ok($took, '<', 8, "$name: and not long after it");
    return;
}

# The zone's first is not delayed.
is($t->request(request_of('limit_req', 'of_limit_req'))->status, 200,
   'limit_req: the first request');

for my $place (qw(limit_req connecting handshake)) {
    for my $kind (['alone'], ['async', async => \1], ['three', n => 3],
                  ['stream', stream => \1])
    {
        my ($what, @fields) = @$kind;

        # limit_req delays the first exchange of a client's request only.
        next if "$place $what" eq 'limit_req three';

        my $client = $what eq 'three' ? "of_$place" : 'alice';
        my $start = time;
        my $x = $t->start_request(request_of($place, $client, @fields));

        not_in_time($place, $x, $start, "$place, $what");
        used($t, 'alice', images => [ 0, 0 ], concurrency => 0);
        is(slots(), 0, "$place, $what: the slot is free");
    }
}

is(scalar $t->submits, 1, 'limit_req: nothing else is submitted');
is(connecting($full), 0, 'connecting: nor connects any more');
wait_for { (() = slurp($heard->filename) =~ /\n/g) == 6 }
    'handshake: all connections are closed';
is(join(' ', sort { $a <=> $b } split /\n/, slurp($heard->filename)),
   '22 22 22 22 22 22', 'handshake: and were sent a ClientHello');


# ---- something has left

# More than the sockets' buffers hold.
my $picture = base64(png(1024, 1024, 4_500_000));

my $start = time;
my $r = $t->request(request_of(
    'half', 'of_half', model => 'jimeng_image2image_dream_inpaint',
    image => $picture, mask => $picture));

is_error($t, $r, 'half of it', code => 'upstream_error', no_retry => 1);
cmp_ok(time - $start, '>', 3.4, 'half of it: it is waited for');
is($half->connections, 1, 'half of it: and not sent again');

$t->emulator->fault({ do => 'delay', seconds => 1.2 });
$start = time;
$r = $t->request(request_of('all', 'of_all'));
$t->emulator->clear_faults;

is_error($t, $r, 'all of it', code => 'generation_timeout',
         task_id => qr/^\d+$/);
cmp_ok(time - $start, '>', 1.1, 'all of it: the answer is waited for');
is(scalar(() = $t->submits('a late ferry, all')), 1, 'all of it: one submit');


# ---- what was taken back is no task that a repeat would wait for

for my $one ([ limit_req => 502 ], [ all => 200 ]) {
    my ($place, $status) = @$one;
    my @request = request_of($place, 'of_all', prompt => 'a ferry at night');

    $request[2]{'Idempotency-Key'} = 'night';
    is($t->request(@request)->status, $status, "a repeat: $status");
}

$t->done;
