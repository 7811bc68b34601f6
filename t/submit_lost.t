#!/usr/bin/perl

# Money: a submit that was sent may have been taken, and a second one would be
# paid for as well.  Whatever becomes of a submit after its first byte, and of
# its answer before its last, there is exactly one; the client is told that a
# retry may be billed again.  Only a submit of which no byte was sent is sent
# again.
#
# Seen failing, each with more submits than pictures asked for:
#   - an answer of JM_CAUSE_OUTCOME_UNKNOWN made JM_EVENT_BUSY in
#     jm_visual_fail(), as if the upstream had refused it for load;
#   - ngx_http_jimeng_exchange_sent() made to return 0, so that what was sent
#     and not answered counts as not sent;
#   - ngx_http_jimeng_exchange_idempotent() taken out ("two servers").

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error log_of);

use IO::Poll qw(POLLHUP POLLIN);
use Jimeng::Test::Process qw(free_port slurp);
use Socket qw(SOL_SOCKET SO_LINGER SHUT_WR);

use constant WAVE => 24;

my $dir = File::Temp->newdir('jimeng-lost-XXXXXX', TMPDIR => 1);


# ---- upstreams, made by hand

# Complete submits are counted where every process of a server can.
sub count {
    my ($name, $request) = @_;
    return unless $request =~ m{Action=CVSync2AsyncSubmitTask};

    my ($prompt) = $request =~ /"prompt":"([^"]*)"/;

    open my $fh, '>>', "$dir/$name" or die $!;
    syswrite $fh, "$prompt\n";
}

sub counted { return split /\n/, slurp("$dir/$_[0]") }

my $accepted = '{"code":10000,"data":{"task_id":"15977608121972527084"},'
             . '"message":"Success","request_id":"R1","status":10000}';
my $finished = '{"code":10000,"data":{"image_urls":'
             . '["https://example.com/a.png"],"status":"done"},'
             . '"message":"Success","request_id":"R2"}';

sub with_length {
    my ($body) = @_;
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
           . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
}

my %framing = (
    length => \&with_length,
    chunks => sub {
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               . join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                          unpack('(a40)*', $_[0]), '';
    },
    close => sub { "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n$_[0]" },
);

sub say_to {
    my ($socket, $bytes) = @_;

    while (length $bytes) {
        my $n = syswrite $socket, $bytes or return;
        substr $bytes, 0, $n, '';
    }
}

# Answers as the real one, until the other side leaves.
sub serve {
    my ($name, $socket) = @_;

    while (defined(my $request = read_request($socket))) {
        count($name, $request);
        say_to($socket, with_length($request =~ /SubmitTask/ ? $accepted
                                                             : $finished));
    }
}

sub wait_on {
    my ($socket, $what) = @_;
    my $poll = IO::Poll->new;

    $poll->mask($socket => $what);
    $poll->poll(10);
}

# Ends what is sent, and closes when the other side has: FIN, nothing else.
sub close_gently {
    my ($socket) = @_;
    shutdown $socket, SHUT_WR;
    wait_on($socket, POLLHUP);
}

sub close_hard {
    my ($socket) = @_;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
}

sub read_exactly {
    my ($socket, $n) = @_;
    my $text = '';

    while ($n > length $text) {
        sysread($socket, $text, $n - length $text, length $text) or last;
    }

    return $text;
}

my %server = (
    probe => raw_server(sub {
        my ($socket) = @_;
        my $request = read_request($socket);

        open my $fh, '>', "$dir/probe" or die $!;
        print $fh $request;
    }),

    # The connection's number is how many bytes of the submit it reads.
    fin => raw_server(sub {
        my ($socket, $n) = @_;
        read_exactly($socket, $n);
        close_gently($socket);
    }),
    rst => raw_server(sub {
        my ($socket, $n) = @_;
        read_exactly($socket, $n);
        close_hard($socket);
    }),

    # Every other connection ends before a byte of it was read.
    nothing_fin => raw_server(sub {
        my ($socket, $n) = @_;
        serve('nothing_fin', $socket) if $n % 2 == 0;
    }),
    nothing_rst => raw_server(sub {
        my ($socket, $n) = @_;
        return close_hard($socket) if $n % 2;
        serve('nothing_rst', $socket);
    }),

    good => raw_server(sub { serve('good', $_[0]) }),

    # A handshake of TLS is no byte of the submit.
    tls => raw_server(sub { sysread $_[0], my $hello, 65536 }),

    # Breaks off when the third request comes.
    kept => raw_server(sub {
        my ($socket, $n) = @_;
        my $requests = $n == 1 ? 2 : 1000;

        while ($requests-- > 0 && defined(my $r = read_request($socket))) {
            count('kept', $r);
            say_to($socket, with_length($r =~ /SubmitTask/ ? $accepted
                                                           : $finished));
        }

        wait_on($socket, POLLIN) if $n == 1;
    }),

    (map {
        my $name = $_;
        ($name => raw_server(sub {
            my ($socket) = @_;
            my $request = read_request($socket) // return;
            count('pair', $request);
        }))
    } qw(first second)),
);

# The connection's number, less one, is how many bytes of the answer it gives;
# when that is all of it, it goes on as a good one.
for my $name (sort keys %framing) {
    my $answer = $framing{$name}->($accepted);

    $server{"answer_$name"} = raw_server(sub {
        my ($socket, $n) = @_;
        my $request = read_request($socket) // return;

        count("answer_$name", $request);

        my $text = $request =~ /SubmitTask/ ? $answer : with_length($finished);
        my $bytes = $n <= length $answer ? $n - 1 : length $text;

        say_to($socket, substr $text, 0, $bytes);
        close_gently($socket);
    });
}


# ---- nginx, with a location for each

my $refused = free_port();
my $http = '';
my $locations = <<'EOT';
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;
    proxy_read_timeout 10s;
EOT

sub lane {
    my ($name, $servers, $scheme, $more) = @_;
    my @lines = map { "server 127.0.0.1:$_;" } @$servers;

    $http .= "upstream $name { @lines keepalive 8; }\n";
    $locations .= "location /$name/ { jimeng_pass /_$name; }\n"
        . "location = /_$name { internal; proxy_pass $scheme://$name/; "
        . ($more // '') . " }\n";
}

lane($_, [ $server{$_}->port ], 'http')
    for grep { !/^(?:tls|first|second)$/ } sort keys %server;
lane('tls', [ $server{tls}->port ], 'https');
lane('spare', [ $refused, $server{good}->port ], 'http');
lane('pair', [ map { $server{$_}->port } qw(first second) ], 'http',
     'proxy_next_upstream error timeout http_502 non_idempotent;');

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '20ms',
    http => "$http jimeng_timeout 4s;", server => $locations,
    proxy => 'proxy_read_timeout 300ms;',
);


sub start {
    my ($lane, $prompt) = @_;
    my (undef, undef, @rest) = $t->generation({ prompt => $prompt });
    return $t->start_request('POST', "/$lane/images/generations", @rest);
}

sub ask { return start(@_)->response }

# Asks this often, some at a time; returns the responses.  With "lost" it
# stops when one of them is other than a 502 that says "do not retry".
sub ask_often {
    my ($lane, $times, %opt) = @_;
    my @responses;

    while (@responses < $times && !($opt{lost} && others(@responses))) {
        my $left = $times - @responses;
        my $wave = $left < WAVE ? $left : WAVE;
        my $n = @responses;
        my @requests = map { start($lane, $opt{prompt} // "$lane " . ($n + $_)) }
                       1 .. $wave;

        push @responses, map { $_->response } @requests;
    }

    return @responses;
}

sub is_unknown {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return is_error($t, $r, $name, code => 'upstream_error', no_retry => 1);
}

# What is not a 502 that says "do not retry".
sub others {
    my @others = grep {
        $_->status != 502 || ($_->header('x-should-retry') // '') ne 'false'
        || $_->json->{error}{code} ne 'upstream_error'
    } @_;

    return @others;
}


# ---- those that take their time: started here, looked at below

my %slow = (
    tls => start('tls', 'over TLS'),
    spare => start('spare', 'spare'),
);


# ---- every byte of the submit

is_unknown(ask('probe', 'a submit'), 'a submit that was read and not answered');

my $length = length slurp("$dir/probe");
cmp_ok($length, '>', 400, 'the whole submit has been seen');

for my $end (qw(fin rst)) {
    my @responses = ask_often($end, $length, prompt => 'a submit', lost => 1);

    is(@responses - others(@responses), $length,
       "$end after 1 .. $length bytes of the submit: a 502, do not retry");
    is($server{$end}->connections, $length,
       "$end after 1 .. $length bytes of the submit: none is sent again");
}

for my $lane (qw(nothing_fin nothing_rst)) {
    my @responses = ask_often($lane, 30);
    my %complete;

    $complete{$_}++ for counted($lane);

    for my $n (1 .. @responses) {
        my $r = $responses[$n - 1];
        my $submits = $complete{"$lane $n"} // 0;

        ok($r->status == 200 ? $submits == 1
                             : $submits == 0 && $r->status == 502,
           "$lane, $n: a picture and a submit, or neither")
            or diag($r->status, ", $submits submits");
    }
}


# ---- every byte of the answer

for my $name (sort keys %framing) {
    my $lane = "answer_$name";
    my $size = length $framing{$name}->($accepted);
    my @responses = ask_often($lane, $size, lost => 1);

    is(@responses - others(@responses), $size,
       "an answer ($name) cut after 0 .. @{[ $size - 1 ]} bytes: a 502");
    is(scalar(counted($lane)), $size, "an answer ($name), cut: one submit each");
    is($server{$lane}->connections, $size,
       "an answer ($name), cut: nothing else is sent");

    is(ask($lane, 'whole')->status, 200, "the whole answer ($name): a picture");
    is(scalar(grep { $_ eq 'whole' } counted($lane)), 1,
       "the whole answer ($name): one submit");
}

my $emulator = $t->emulator;
my (@bad, $whole);

for my $bytes (0 .. 2000) {
    $emulator->fault({ on => 'submit', do => 'cut', bytes => $bytes });

    my $r = ask('v1', "cut $bytes");

    if ($r->status == 200) {
        $whole //= $bytes;
        last if $bytes > $whole + 9;
    } elsif (others($r)) {
        push @bad, $bytes;
        last;
    }
}

# How long the answer is depends on how long it took.
my %cut;
$cut{ $_->{json}{prompt} }++ for $t->submits;

cmp_ok($whole // 0, '>', 200, 'the length of the answer was found');
is("@bad", '', 'each shorter one is a 502, do not retry');
is(scalar(keys %cut), ($whole // 0) + 11, 'each of these was submitted');
is(scalar(grep { $_ > 1 } values %cut), 0, 'and none of them twice');


# ---- what the emulator can do to a submit

sub answer { { do => 'answer', status => $_[0], body => $_[1] } }

my @lost = (
    [ 'accepted, and no answer' => { do => 'drop' } ],
    [ 'a reset' => { do => 'reset' } ],
    [ 'a time-out' => { do => 'delay', seconds => 0.6 } ],

    (map { [ "a $_ with HTML" => answer($_, '<html>no</html>') ] }
        200, 201, 204, 302, 500, 502, 503, 504),
    [ 'an empty 200' => answer(200, '') ],
    [ 'an empty 500' => answer(500, '') ],
    [ 'a 500 with other JSON' => answer(500, { message => 'Internal' }) ],

    (map { [ "garbage: $_" => answer(200, $_) ] }
        '{', '[]', 'null', '10000', "$accepted}", substr($accepted, 1),
        substr($accepted, 0, -1), "$accepted$accepted", "\x{1}\x{2}"),
    [ 'an answer over the limit' =>
        answer(200, $accepted =~ s/Success/'x' x 300_000/er) ],
    [ 'deep JSON' => answer(200, '[' x 5000 . ']' x 5000) ],

    (map { [ "10000, data $_" => answer(200, qq({"code":10000,"data":$_})),
             10000 ] }
        'null', '{}', '[]', '{"task_id":null}', '{"task_id":""}',
        '{"task_id":["1"]}', '{"task_id":"a b"}', '{"task_id":"../1"}',
        '{"task_id":"' . '1' x 300 . '"}'),
    [ '10000 without data' => answer(200, { code => 10000 }), 10000 ],
    [ 'an id and no code' => answer(200, { data => { task_id => '1' } }) ],
    [ 'an id beside 50430' =>
        answer(429, { code => 50430, data => { task_id => '1' } }), 50430 ],
);

for my $row (@lost) {
    my ($name, $fault, $number) = @$row;
    my @before = $t->submits;
    my $queries = $t->queries;
    my $path = '/v1/lost-' . @before . '/images/generations';
    my (undef, undef, @rest) = $t->generation({ prompt => $name });

    $emulator->fault({ on => 'submit', %$fault });

    my $r = $t->request('POST', $path, @rest);
    is_error($t, $r, $name, code => 'upstream_error', no_retry => 1,
             upstream_code => $number);

    # nginx gives up after 300 ms, and the emulator may not have read it yet.
    wait_for(sub { $t->submits > @before }, "$name: a submit");
    is($t->submits - @before, 1, "$name: one submit");
    is($t->queries - $queries, 0, "$name: nothing to ask for");

    my @log = grep { /submitted and not answered/ } log_of($t, $path);
    is(@log, 1, "$name: the log says so");
    like($log[0], qr/\[error\]/, "$name: as an error");
}


# ---- no connection

is_error($t, $slow{tls}->response, 'no TLS: a client may try again',
         code => 'upstream_error');
is($server{tls}->connections, 3, 'no TLS: three tries');

is($slow{spare}->response->status, 200, 'a second server, the first refuses');
is(scalar(counted('good')), 1,
   'a second server, the first refuses: one submit');

$emulator->fault({ do => 'refuse' });

my @before = $t->submits;
my $request = start('v1/back', 'back again');
my $gone = start('v1/gone', 'gone for ever');

wait_for(sub { log_of($t, '/v1/gone/images/generations') >= 4 },
         'three tries without a connection');

is_error($t, $gone->response, 'no connection: a client may try again',
         code => 'upstream_error');

my @log = log_of($t, '/v1/gone/images/generations');
is(scalar(grep { /\[warn\].*could not be submitted/ } @log), 3,
   'no connection: each try is a warning');
is(scalar(grep { /\[error\].*failed/ } @log), 1,
   'no connection: the end is an error');

is($request->response->status, 502, 'no connection: every one of them');

$request = start('v1/again', 'back again');
wait_for(sub { log_of($t, '/v1/again/images/generations') >= 1 },
         'a try without a connection');
$emulator->clear_faults;

is($request->response->status, 200, 'the upstream comes back: a picture');
is($t->submits - @before, 1, 'the upstream comes back: one submit');


# ---- connections that were kept

is(ask('kept', 'kept 1')->status, 200, 'a kept connection: a picture');
is($server{kept}->connections, 1, 'a kept connection: one');

is_unknown(ask('kept', 'kept 2'), 'a kept connection that dies under a submit');
is($server{kept}->connections, 1, 'it is not sent over another');

is(ask('kept', 'kept 3')->status, 200, 'the next submit has a new one');
is(join(',', counted('kept')), 'kept 1,kept 3', 'and there is one of each');


# ---- two servers, and an operator who wants it retried

is_unknown(ask('pair', 'two servers'),
           'two servers, proxy_next_upstream non_idempotent');
is(scalar(counted('pair')), 1, 'two servers: one submit');

$t->done;
