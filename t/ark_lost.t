#!/usr/bin/perl

# Money: a call of Ark's whose answer is lost may have made its pictures, and
# nobody can ask for them.  Whatever becomes of a call after its first byte, and
# of its answer before its last, it is not made again: not by nginx, and not by
# a client that repeats it, with or without a mark, which is told the same.  What
# came of a group is handed on, and kept.
#
# Seen failing:
# - "never again", each with more calls than requests, with a lost answer made
#   JM_EVENT_BUSY in jm_ark_read(), and with ngx_http_jimeng_exchange_sent()
#   that returns 0;
# - "a repeat", with jm_ledger_owed() that returns NULL, and those with a mark
#   with JM_SENT_FREE in place of JM_SENT_UNKNOWN;
# - "of a stream", without cut in jm_ark_gather_end();
# - "the log tells of it", without a line about an answer that was cut.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error log_of);
use Jimeng::Test::Sse;

use JSON::PP ();
use Socket qw(SOL_SOCKET SO_LINGER SHUT_WR);

use constant WAVE => 16;

my $dir = File::Temp->newdir('jimeng-lost-XXXXXX', TMPDIR => 1);
my $model = 'doubao-seedream-4-5-251128';


# ---- what Ark says

sub picture {
    my ($n) = @_;
    return { url => "https://example.com/$n.jpeg?a=b", size => '2048x2048' };
}

my $json = JSON::PP->new->canonical;
my $answer = $json->encode({
    model => $model, created => 1796117888, data => [ picture(0) ],
    usage => { generated_images => 1, output_tokens => 16384,
               total_tokens => 16384 },
});

my @events = map { $json->encode($_) } (
    (map { {
        type => 'image_generation.partial_succeeded', image_index => $_,
        model => $model, created => 1796117888, %{ picture($_) },
    } } 0 .. 2),
    { type => 'image_generation.completed', model => $model,
      created => 1796117888, usage => { generated_images => 3,
      output_tokens => 49152, total_tokens => 49152 } },
);
my @blocks = map {
    'event: ' . JSON::PP::decode_json($_)->{type} . "\ndata: $_\n\n"
} @events;
my $stream = join '', @blocks, "data: [DONE]\n\n";

sub head {
    my ($type, $more) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Type: $type\r\n"
           . "X-Request-Id: 02179611788\r\n$more\r\n";
}

sub in_chunks {
    return join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                    unpack('(a90)*', $_[0]), '';
}

my %text = (
    answer_length => head('application/json',
                          'Content-Length: ' . length($answer) . "\r\n")
                     . $answer,
    answer_chunks => head('application/json', "Transfer-Encoding: chunked\r\n")
                     . in_chunks($answer),
    answer_close  => head('application/json', "Connection: close\r\n")
                     . $answer,
    stream_chunks => head('text/event-stream',
                          "Transfer-Encoding: chunked\r\n")
                     . in_chunks($stream),
    stream_close  => head('text/event-stream', "Connection: close\r\n")
                     . $stream,
);


# ---- its stand-ins: they end where the connection's or the prompt's number says

sub read_exactly {
    my ($socket, $n) = @_;
    my $text = '';

    while ($n > length $text) {
        sysread $socket, $text, $n - length $text, length $text or last;
    }
}

sub close_gently {
    my ($socket) = @_;
    shutdown $socket, SHUT_WR;
    sysread $socket, my $rest, 65536;
}

my %server = (
    probe => raw_server(sub {
        my $request = read_request($_[0]);

        open my $fh, '>', "$dir/probe" or die $!;
        print $fh $request;
    }),
    call_fin => raw_server(sub {
        my ($socket, $n) = @_;
        read_exactly($socket, $n);
        close_gently($socket);
    }),
    call_rst => raw_server(sub {
        my ($socket, $n) = @_;
        read_exactly($socket, $n);
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    }),
    (map {
        my $text = $text{$_};
        ($_ => raw_server(sub {
            my ($socket) = @_;
            my $request = read_request($socket) // return;
            my ($n) = $request =~ /"a call (\d{5})"/;

            syswrite $socket, substr $text, 0,
                defined $n ? $n - 1 : length $text;
            close_gently($socket);
        }))
    } keys %text),
);

my @lanes = sort keys %server;
# A call that was lost holds its slot for a while.
my $t = with_ark(
    account => "concurrency 1000;",
    ark => { seconds => 0.1 },
    http => join("\n", 'jimeng_timeout 20s;', map { <<"EOT" } @lanes),
        upstream $_ { server 127.0.0.1:@{[ $server{$_}->port ]}; }
        jimeng_account $_ {
            api_key a-key-of-$_-that-opens-nothing;
            pass /_$_;
            concurrency 1000;
        }
EOT
    server => join "\n", <<'EOT', map({ <<"EOT" } @lanes),
        proxy_http_version 1.1;
        proxy_read_timeout 3s;
        proxy_set_header Connection "";
EOT
        location /$_/ {
            jimeng_pass /_volcengine;
            jimeng_accounts $_;
            jimeng_default_model $model;
        }
        location = /_$_ {
            internal;
            proxy_pass http://$_/api/v3/images/generations;
        }
EOT
);

my $group = {
    model => $model, sequential_image_generation => 'auto',
    sequential_image_generation_options => { max_images => 3 },
};

sub request {
    my ($lane, $fields, $headers) = @_;
    my (undef, undef, @rest) = $t->generation(
        { model => $model, %$fields }, $headers);

    return ('POST', "/$lane/images/generations", @rest);
}

# What is the same in a repeat of request $n: none, a mark, or a key.
sub headers {
    my ($lane, $n, $again) = @_;
    return { 'Idempotency-Key' => "the key $lane $n" } if $n % 3 == 2;
    return { 'x-stainless-retry-count' => $again } if $n % 3 == 1;
    return {};
}

# Sends each of so many requests, and then its repeat; returns the two arrays
# of replies.  Without fields it stops when a call was made again.
sub each_twice {
    my ($lane, $times, $fields) = @_;
    my @numbers = 1 .. $times;
    my (@first, @again);

    while (my @wave = splice @numbers, 0, WAVE) {
        for my $repeat (0, 1) {
            my @x = map {
                $t->start_request(request($lane, {
                    prompt => sprintf('a call %05d', $_), %{ $fields || {} },
                }, headers($lane, $_, $repeat)));
            } @wave;

            push @{ $repeat ? \@again : \@first }, map { $_->response } @x;
        }

        # One that is made again waits for bytes that do not come.
        last if !$fields && $server{$lane}->connections > @first;
    }

    return (\@first, \@again);
}

sub is_lost {
    my ($r) = @_;

    return $r->status == 502 && $r->json->{error}{code} eq 'upstream_error'
           && ($r->header('x-should-retry') // '') eq 'false'
           && !defined $r->header('Retry-After');
}

sub all_lost {
    my ($lane, $times, $name) = @_;
    my ($first, $again) = each_twice($lane, $times);

    is(scalar(grep { !is_lost($_) } @$first), 0, "$name: a 502, do not retry");
    is(scalar(grep { !is_lost($_) } @$again), 0, "$name: a repeat: a 502");
    is(scalar(grep { $first->[$_]->body ne $again->[$_]->body }
              0 .. $#$first), 0, "$name: a repeat is told the same");
    is($server{$lane}->connections, $times, "$name: never again");
}


# ---- every byte of the call

is_error($t, $t->request(request('probe', { prompt => 'a call 00000' })),
         'read and not answered', code => 'upstream_error', no_retry => 1);

# The repeats with a key send a longer request, but not upstream.
my $length = -s "$dir/probe";
cmp_ok($length, '>', 250, 'the whole call was seen');

all_lost($_, $length, "$_ after 1 .. $length bytes")
    for qw(call_fin call_rst);


# ---- every byte of the answer

for my $lane (grep { /^answer/ } @lanes) {
    my $size = length $text{$lane};

    all_lost($lane, $size, "$lane, 0 .. @{[ $size - 1 ]} bytes");
    is($t->request(request($lane, { prompt => 'whole' }))->status, 200,
       "$lane, all of it: a picture");
}


# ---- every byte of a group's stream: what came is handed on, and kept

sub urls { return join ' ', map { $_->{url} } @{ $_[0]{data} || [] } }

for my $lane (grep { /^stream/ } @lanes) {
    my $size = length $text{$lane};
    my ($first, $again) = each_twice($lane, $size, $group);
    my (@bad, @differ, %seen);
    my @ends = map { index($stream, $blocks[$_]) + length $blocks[$_] } 0 .. 3;

    for my $n (1 .. $size) {
        my ($r, $s) = ($first->[$n - 1], $again->[$n - 1]);
        my $sent = substr $text{$lane}, 0, $n - 1;
        my $body = $sent =~ /\r\n\r\n(.*)/s ? $1 : '';

        # The bytes of its chunks that came; the last may not be whole.
        if ($lane =~ /chunks/) {
            my $rest = $body;
            $body = '';
            while ($rest =~ s/\A([0-9a-f]+)\r\n//) {
                my $chunk = substr $rest, 0, hex $1, '';
                $body .= $chunk;
                last unless $rest =~ s/\A\r\n//;
            }
        }

        my $came = grep { length $body >= $_ } @ends[0 .. 2];
        my $data = $r->json->{data} // [];
        my $good = $came == 0 ? is_lost($r)
            : $r->status == 200
              && urls($r->json) eq join ' ', map { picture($_)->{url} }
                                             0 .. $came - 1;

        push @bad, $n unless $good;
        $seen{$came}++;

        # Who has pictures, and sends the same without a mark, wants others.
        next if $came && $n % 3 == 0;
        push @differ, $n
            if $came ? urls($r->json) ne urls($s->json) : $r->body ne $s->body;
    }

    is("@bad", '', "$lane, 0 .. @{[ $size - 1 ]} bytes: what came of a stream");
    is("@differ", '', "$lane: a repeat gets the same of a stream");
    is(join(' ', sort keys %seen), '0 1 2 3', "$lane: of all lengths");
    ok($seen{$_} > 20, "$lane: $_ pictures") for 0 .. 3;

    my $new = grep { !is_lost($first->[$_ - 1]) && $_ % 3 == 0 } 1 .. $size;
    is($server{$lane}->connections, $size + $new, "$lane: never again");
}


# ---- what the emulator does to a call

my $emulator = $t->emulator;
my $prompts = 0;

sub ask { return $t->request(request('v1', @_)) }

sub calls { return $emulator->calls("lost $prompts.") }

sub lose {
    my ($name, $fault, $fields, %want) = @_;
    my %fields = (prompt => 'lost ' . ++$prompts . '.' . ($want{prompt} // ''),
                  %{ $fields || {} });

    $emulator->fault({ on => 'ark', %$fault });

    my $r = ask(\%fields);
    is_error($t, $r, $name, code => 'upstream_error', no_retry => 1);
    is(ask(\%fields)->body, $r->body, "$name: a repeat is told the same");
    is(ask(\%fields, { 'x-stainless-retry-count' => 1 })->body, $r->body,
       "$name: also with a mark");
    is(scalar(calls()), 1, "$name: never again");
}

my %made = (do => 'answer', made => 1);

lose('made, and no answer', { do => 'drop' });
lose('a reset', { do => 'reset' });
lose("a $_ without JSON", { %made, status => $_, body => '<html>no</html>' })
    for 200, 201, 302, 408, 499, 500, 502, 503, 504;
lose("a 200 with $_", { %made, status => 200, body => $_ })
    for '', '{', '[]', 'null', 'data: [DONE]', "$answer}", substr($answer, 1),
        substr($answer, 0, -1), '{"data":[]}', '{"data":[{}]}',
        '{"data":[{"url":"javascript:x"}]}', '{"data":[{"url":null}]}',
        '{"created":1,"usage":{"generated_images":1}}', "\x{1}\x{2}";
lose('an answer over the limit',
     { %made, status => 200, body => '{"x":"' . 'x' x 2_000_000 . '"}' });
lose('deep JSON', { %made, status => 200, body => '[' x 5000 . ']' x 5000 });
lose('a 500 of Ark\'s', { do => 'error', code => 'InternalServiceError' });
lose('a 500 of Ark\'s, with retries',
     { do => 'error', code => 'InternalServiceError', made => 1 },
     { retries => 3 });
lose('made, and no answer, with retries', { do => 'drop' }, { retries => 3 });
lose('made, and no answer, for a stream', { do => 'drop' }, { stream => \1 });
lose('a group: no header', { do => 'drop' }, $group, prompt => '[[pictures=3]]');
lose('a group: no event', { do => 'cut', events => 0 }, $group,
     prompt => '[[pictures=3]]');
lose('a group: inside the first event',
     { do => 'cut', events => 0, event_bytes => 200 }, $group,
     prompt => '[[pictures=3]]');


# ---- of several pictures one is lost: the others are the client's

my %three = (prompt => 'lost ' . ++$prompts . '.', n => 3);
$emulator->fault({ on => 'ark', do => 'drop' });
my $r = ask(\%three);
is($r->status, 200, 'one of three is lost: status');
is(scalar @{ $r->json->{data} }, 2, 'one of three is lost: two');
is_deeply([ map { $_->{code} } @{ $r->json->{errors} } ], ['upstream_error'],
          'one of three is lost: the error');
my $again = ask(\%three, { 'x-stainless-retry-count' => 1 });
is_deeply([ @{ $again->json }{qw(data errors)} ],
          [ @{ $r->json }{qw(data errors)} ],
          'one of three is lost: a repeat gets the same');
is(scalar(calls()), 3, 'one of three is lost: never again');


# ---- a stream that the client reads, and that breaks off

for my $case ([ 1, 0 ], [ 1, 60 ], [ 2, 0 ], [ 3, 0 ], [ 3, 40 ], [ 4, 0 ]) {
    my ($events, $bytes) = @$case;
    my $name = "a stream, after $events events and $bytes bytes";
    my %fields = (%$group, stream => \1,
                  prompt => 'lost ' . ++$prompts . '.[[pictures=3]]');
    my $came = $events > 3 ? 3 : $events;

    $emulator->fault({ on => 'ark', do => 'cut', events => $events,
                       event_bytes => $bytes });

    my $sse = Jimeng::Test::Sse->new($t->start_request(
        request('v1', \%fields)));
    my @got = $sse->all;
    is(join(' ', map { $_->{event} =~ s/.*\.//r } @got),
       join(' ', ('partial_succeeded') x $came, 'completed', ''),
       "$name: the events");
    is($got[$came]{json}{usage}{generated_images}, $came, "$name: usage");
    ok($sse->complete, "$name: complete");

    $sse = Jimeng::Test::Sse->new($t->start_request(
        request('v1', \%fields, { 'x-stainless-retry-count' => 1 })));
    is_deeply([ map { $_->{json} && $_->{json}{url} } $sse->all ],
              [ map { $_->{json} && $_->{json}{url} } @got ],
              "$name: a repeat gets the same of a stream");
    is(scalar(calls()), 1, "$name: never again");
}

my @cut = grep { /\[error\].*broke off/ } log_of($t, '/v1/images/generations');
is(scalar @cut, 5, 'the log tells of it');
like($cut[0] // '', qr/account "ark".*request id: "02/, 'with the call\'s id');


# ---- no connection: no call, and a client may try again

$emulator->fault({ do => 'refuse' });
my %gone = (prompt => 'lost ' . ++$prompts . '.');
my $x = $t->start_request(request('v1', \%gone));
is_error($t, $x->response, 'no connection', code => 'upstream_error');
is(scalar(grep { /\[warn\].*could not be submitted/ }
          log_of($t, '/v1/images/generations')), 3, 'no connection: three tries');

%gone = (prompt => 'lost ' . ++$prompts . '.');
$x = $t->start_request(request('v1', \%gone));
wait_for { 4 <= grep { /could not be submitted/ }
                log_of($t, '/v1/images/generations') } 'a try';
$emulator->clear_faults;
is($x->response->status, 200, 'it comes back: a picture');
is(scalar(calls()), 1, 'it comes back: one call');

$t->done;
