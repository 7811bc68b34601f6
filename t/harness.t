#!/usr/bin/perl

# The test harness itself, on a plain nginx.  That its checks do fail is seen
# in the last part: small tests that must fail are run, each with one defect
# in it: an alert, a sanitizer's line, a secret in a log, a process that
# stays, a test that dies.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Socket::INET;
use Jimeng::Test::Process qw(poll slurp);


# ---- requests and answers

my $server = raw_server(sub {
    my ($socket) = @_;

    while (defined(my $request = read_request($socket))) {
        my ($path) = $request =~ m{^\S+ (\S+)};
        my $body = $request =~ s/.*?\r\n\r\n//sr;

        if ($path =~ /chunked/) {
            print $socket "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                . "X-Twice: 1\r\nX-Twice: 2\r\n\r\n"
                . "3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n";

        } elsif ($path =~ /cut/) {
            print $socket "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";
            return;

        } elsif ($path =~ /close/) {
            return;

        } elsif ($path =~ /silent/) {
            sysread $socket, my $byte, 1;
            return;

        } else {
            my $length = length $body;
            print $socket "HTTP/1.1 200 OK\r\nContent-Type: application/json"
                . "\r\nContent-Length: $length\r\n\r\n$body";
        }
        $socket->flush;
    }
});

sub ask {
    my ($method, $path, $headers, $body, %opt) = @_;
    return Jimeng::Test::Http->start(
        $server->port, $method, $path, $headers, $body, %opt)->response;
}

my $r = ask('GET', '/chunked');
is($r->status, 200, 'chunked: status');
is($r->body, 'abc0123456789abcdef', 'chunked: body');
is($r->header('X-Twice'), '1, 2', 'repeated headers are joined');
ok($r->complete, 'chunked: complete');

$r = ask('GET', '/cut');
is($r->status, 200, 'cut off: status');
is($r->body, 'abc', 'cut off: body');
ok(!$r->complete, 'cut off: not complete');
is($r->error, 'closed', 'cut off: closed');

$r = ask('GET', '/close');
is($r->status, 0, 'closed without an answer: status');
is($r->error, 'closed', 'closed without an answer: error');

$r = ask('GET', '/silent', {}, undef, timeout => 0.2);
is($r->status, 0, 'no answer in time: status');
is($r->error, 'timeout', 'no answer in time: error');

my $prompt = "\x{706f}\x{5854}";
$r = ask('POST', '/', {}, qq({"prompt":"$prompt"}));
is($r->json->{prompt}, $prompt, 'characters are sent as UTF-8');

$r = ask('HEAD', '/', {}, 'abc');
is($r->body, '', 'HEAD has no body');

my $first = Jimeng::Test::Http->start($server->port, 'POST', '/', {}, 'one',
                                      keepalive => 1);
is($first->response->body, 'one', 'first request of a connection');
$r = ask('POST', '/', {}, 'two', on => $first);
is($r->body, 'two', 'second request of the same connection');

is($server->connections, 7, 'connections are counted');
ok($server->stop, 'the server stops');

$r = Jimeng::Test::Http->start($server->port, 'GET', '/')->response;
is($r->status, 0, 'connection refused: status');
like($r->error, qr/refused/, 'connection refused: error');


# ---- how a client can leave

my $t = Jimeng::Test->new(emulator => 0, start => 0);
my $seen = $t->dir . '/seen';

my $watcher = raw_server(sub {
    my ($socket, $n) = @_;
    my $n_bytes;

    while ($n_bytes = sysread $socket, my $bytes, 65536) {
        # Whatever comes is of no interest: only how it ends.
    }

    my $end = defined $n_bytes ? 'FIN' : 'RST';
    print $socket "bye" if $end eq 'FIN';

    open my $fh, '>', "$seen.$n.new" or die $!;
    print $fh $end;
    close $fh;
    rename "$seen.$n.new", "$seen.$n";
});

my @leaves = (
    [ 'abort', 'FIN' ], [ 'reset', 'RST' ], [ 'half_close', 'FIN' ],
);

for my $n (1 .. @leaves) {
    my ($how, $expected) = @{ $leaves[$n - 1] };
    my $x = Jimeng::Test::Http->start($watcher->port, 'GET', '/', {}, undef,
                                      partial => 5);

    $x->$how;
    wait_for { -e "$seen.$n" } "the server notices $how";
    is(slurp("$seen.$n"), $expected, "$how is a $expected");
    is($x->response->body, 'bye', 'half closed: the answer can be read')
        if $how eq 'half_close';
}


# ---- nginx

$t = Jimeng::Test->new(
    module => 0, emulator => 0, http2 => 1, workers => 2,
    events => 'worker_connections 64;',
    main => '# main: %%DIR%%',
    http => 'map $arg_x $mapped { default none; a b; }',
    server => 'location = /map { return 200 $mapped; }
               location = /p { return 200 "%%PORT:http2%%"; }',
    location => 'return 201 "$request_method $request_uri";',
    start => 0,
);

# The port is taken by another program between choosing and using it.
my $other = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1,
) or die $!;
my $taken = $other->sockport;

$t->{ports}{http} = $taken;
$t->start;
isnt($t->port, $taken, 'another port when one is taken');

is($t->request('GET', '/map?x=a')->body, 'b', 'strings get into their blocks');
is($t->request('GET', '/p')->body, $t->port('http2'), 'placeholder of a port');
is($t->generate->status, 201, 'generate');
is($t->generate->body, 'POST /v1/images/generations', 'generate: a POST');
is($t->post_raw('{')->status, 201, 'post_raw');

my ($code, $out, $err) = $t->curl($t->url('/v1/x'));
is($code, 0, 'curl: exit code');
is($out, 'GET /v1/x', 'curl: output');

($code, $out, $err) = $t->curl('--http2-prior-knowledge', '-o', '/dev/null',
    '-w', '%{http_version}', 'http://127.0.0.1:' . $t->port('http2') . '/map');
is($out, '2', 'HTTP/2');

($code, $out, $err) = $t->curl('http://127.0.0.1:' . $t->port('nobody') . '/');
is($code, 7, 'curl: refused');
like($err, qr/refused|connect/i, 'curl: its error');

my $half = $t->start_request('POST', '/v1/x', {}, 'x' x 100, partial => 9);
wait_for { $t->stub_status->{active} >= 2 } 'the connection is counted';
$half->abort;
wait_for { $t->stub_status->{active} == 1 } 'the connection is gone';

my $curl = $t->curl_start('--limit-rate', '1', '-T', "$0", $t->url('/map'));
$curl->kill;
is(($curl->wait)[0], 128 + 9, 'curl: killed');

my ($row) = grep { ($_->{request} // '') eq 'GET /v1/x HTTP/1.1' }
            $t->access_lines(7);
is($row->{status}, 201, 'the access log is JSON');

is(scalar $t->workers, 2, 'workers');

my @old = $t->workers;
ok($t->reload(location => 'return 202;'), 'reload');
is($t->generate->status, 202, 'reload: changed configuration');

my %old = map { $_ => 1 } @old;
ok(!grep({ $old{$_} } $t->workers('staying')), 'reload: new workers');

my ($victim) = $t->workers('staying');
ok($t->kill_worker($victim), 'kill a worker');
ok(!grep({ $_ == $victim } $t->workers), 'the killed worker is gone');
$t->log_like(qr/worker process $victim exited on signal 9/, 'log_like');
$t->log_unlike(qr/no such line/, 'log_unlike');
$t->allow_log(qr/exited on signal 9/);

($code, $err) = $t->test_config;
is($code, 0, 'nginx -t: good') or diag($err);
($code, $err) = $t->test_config(http => 'no_such_directive;');
is($code, 1, 'nginx -t: bad');
like($err, qr/\[emerg\].*unknown directive "no_such_directive"/,
     'nginx -t: its words');
$t->log_unlike(qr/no_such_directive/, 'nginx -t has a log of its own');

$t->finish;

($code, $err) = Jimeng::Test->test_config(module => 0, server => 'listen x;');
is($code, 1, 'nginx -t without a test');


# ---- what is in a task's id

my $sealed = Jimeng::Test->new(emulator => 0, start => 0,
                               task_secret => '0123456789abcdef');

# As in t/unit/seal.c.
my $id = 'AQABAgMEBQYHCAkKCwGmZYRl2X3sm6D6m0juXllhGzcoj4aNl5bpi-1aBPEMXJZ7lz'
         . 'JyT7Rg0yVhcAF0NYlXeeKdoD4hvOZ8MYSp';

($code, $err) = $sealed->test_config;
is($code, 0, 'a secret for the ids of tasks') or diag($err);
is_deeply($sealed->unseal($id), {
    ids => [ '7392616336519610409' ], req_key => 'jimeng_t2i_v40',
    account => 'main', owner => '', req_json => '{"return_url":true}',
    created => 1795264361, width => 2304, height => 1728, area => 0,
    max_images => 0, entry => 0, b64 => JSON::PP::false(),
}, 'an id is opened with it');
is($sealed->unseal($id =~ s/p$/q/r), undef, 'another is not');
is(join('|', $sealed->task_ids($id)), '7392616336519610409', 'its tasks');
is($sealed->upstream_ids($id), '7392616336519610409', 'the same as text');
is($sealed->upstream_ids('x'), 'not sealed', 'and of what is no id');
is($sealed->upstream_ids(undef), undef, 'and of nothing');

my $changed = $sealed->reseal($id, account => 'b', owner => 'c', created => 0,
                            ids => '1,,x');
is_deeply($sealed->unseal($changed), {
    %{ $sealed->unseal($id) }, account => 'b', owner => 'c', created => 0,
    ids => [ '1', '', 'x' ],
}, 'an id with other values');
is($sealed->upstream_ids($changed), '1, -, x', 'one without a task');
$sealed->finish;


# ---- a configuration of one's own, and an end that is not QUIT

$t = Jimeng::Test->new(module => 0, emulator => 0, conf => <<'EOT');
%%GLOBALS%%
env ONE;
events { }
http {
    %%GLOBALS_HTTP%%
    server {
        listen 127.0.0.1:%%PORT%%;
        location / { root %%DIR%%; }
        %%VOLCENGINE%%
    }
    upstream volcengine { server %%UPSTREAM%%; }
}
EOT

$t->write_file('file', "\x{706f}");
is($t->request('GET', '/file')->body, "\xe7\x81\xaf", 'a template');
$t->signal('TERM');
is($t->wait_exit, 0, 'nginx ends on TERM');
$t->finish;


# ---- the emulator

$t = Jimeng::Test->new(
    module => 0, emulator => { seconds => 0.1 },
    location => 'proxy_pass http://127.0.0.1:%%EMULATOR_PORT%%/;',
);

my $e = $t->emulator;

my $submit = '/v1/?Action=CVSync2AsyncSubmitTask&Version=2022-08-31';
my $query = '/v1/?Action=CVSync2AsyncGetResult&Version=2022-08-31';

$r = $t->request('POST', $submit,
                 { 'Content-Type' => 'application/json' },
                 qq({"prompt":"a secret lighthouse $prompt"}));
is($r->status, 401, 'unsigned: refused');
is(scalar $t->submits, 1, 'journal: one submit');
is(scalar $t->queries, 0, 'journal: no query');
is(($t->submits)[0]{json}{prompt}, "a secret lighthouse $prompt",
   'journal: the body, decoded');
is(scalar $e->journal({ status => 401 }), 1, 'journal: a filter');
is($e->state->{running}, 0, 'state');

$e->fault({ on => 'any', do => 'answer', status => 418, body => 'tea' });
is($t->request('POST', $query, {}, '{}')->status, 418, 'a fault');
$e->clear_faults;
is(scalar $t->queries, 1, 'journal: one query');

my $port = $e->port;
$e->restart;
is($e->port, $port, 'restart: same port');
is($t->request('POST', $query, {}, '{}')->status, 401,
   'restart: it answers');
$t->finish;


# ---- tests that must fail

# Runs a test of its own; returns the names of its failed tests, its exit code
# and all it printed.
sub failing {
    my ($what, $options) = @_;
    my $pid = open my $fh, '-|';

    die "fork: $!" unless defined $pid;

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        delete @ENV{qw(TEST_KEEP HARNESS_ACTIVE)};
        exec $^X, '-It/lib', '-e', <<"EOT";
            use strict; use warnings; use Jimeng::Test;
            my \$t = Jimeng::Test->new(module => 0, emulator => 0, $options);
            print "dir=", \$t->dir, "\\n";
            pass('alive');
            $what;
            \$t->done;
EOT
    }

    local $/;
    my $output = <$fh>;
    close $fh;

    return ([ $output =~ /^not ok \d+ - (.*)/mg ], $? >> 8, $output);
}

my $clean = 'no alert and no sanitizer line in the error log';
my $secret = 'no secret and no prompt in the logs';

my @defects = (
    [ 'nothing', '', '' ],
    [ 'an alert', '$t->kill_worker', '', $clean ],
    [ 'a sanitizer', 'open my $fh, ">>", $t->dir . "/error.log"; '
      . 'print $fh "ngx_x.c:1: runtime error: shift exponent\n"; close $fh',
      '', $clean ],
    [ 'a secret in the access log',
      '$t->request("GET", "/" . $t->secret_key); $t->access_lines(1)', '',
      $secret ],
    [ 'a text that is said to be secret',
      '$t->secret("hush"); $t->request("GET", "/hush"); $t->access_lines(1)',
      '', $secret ],
    [ 'a secret in the error log at debug',
      '$t->request("GET", "/", { x => $t->secret_key }); $t->access_lines(1)',
      'log_level => "debug"', $secret ],
    [ 'a prompt in the log', '$t->{running} = Jimeng::Test::Emulator->start('
      . 'dir => $t->dir, access_key => "a", secret_key => "b");'
      . 'Jimeng::Test::Http->start($t->{running}->port, "POST",'
      . '"/?Action=CVSync2AsyncSubmitTask", {}, q({"prompt":"lighthouse"}))'
      . '->response; $t->request("GET", "/lighthouse"); $t->access_lines(1)',
      '', $secret ],
    [ 'a key of Ark in the access log',
      '$t->request("GET", "/hush"); $t->access_lines(1)',
      'emulator => { ark => [{ name => "ark", key => "hush" }] }', $secret ],
    [ 'one of several',
      '$t->request("GET", "/hush"); $t->access_lines(1)', 'emulator => { ark =>'
      . '[{ name => "ark", keys => [{ name => "a", key => "hush" }] }] }',
      $secret ],
    [ 'a process that stays', '$t->curl_start("-m", 30, "-T", "-",'
      . '"telnet://127.0.0.1:" . raw_server(sub { sleep 60 })->port);'
      . '$t->stub_status',
      '', 'no process is left' ],
    [ 'a condition that does not come', 'wait_for { 0 } "godot", 0.1', '',
      'godot, within 0.1 s' ],
);

for my $defect (@defects) {
    my ($name, $what, $options, @expected) = @$defect;
    my ($failed, undef, $output) = failing($what, $options);

    is_deeply($failed, \@expected, "found: $name") or diag($output);

    my ($dir) = $output =~ /^dir=(.*)/m;
    ok(!-e $dir, "removed: $name");
}

my (undef, $exit, $output) = failing('die "oops\n"', '');
isnt($exit, 0, 'a test that dies fails');
my ($dir) = $output =~ /^dir=(.*)/m;
ok(poll(sub { !Jimeng::Test::Process::processes_in($dir) }, 5),
   'a test that dies leaves no process');
ok(!-e $dir, 'a test that dies leaves no directory');

done_testing();
