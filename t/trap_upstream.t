#!/usr/bin/perl

# Answers and connections of an upstream that are unusual.
#
# Seen failing under AddressSanitizer: every answer, without
# ngx_http_jimeng_exchange_clean(): the request's list of cleanups goes on in
# the pool of an exchange that is over.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Compress::Gzip qw(gzip);
use Jimeng::Test::Answer qw(done http pending submitted upstream);

# The kind of the answer is in the prompt of the submit, which makes the id of
# the task, which is in the query.
my @kinds = qw(
    plain chunks until_close gzip no_content not_modified redirect accel
    too_short too_long http10 trailers latin1 text empty_chunks
    many_buffers
);
my %id = map { $kinds[$_] => 1000 + $_ } 0 .. $#kinds;
my %kind = reverse %id;


sub chunks {
    my ($size, @bytes) = @_;
    my $body = join '', @bytes;
    my $text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
             . "Connection: close\r\n\r\n";

    $text .= sprintf("%x;a=b\r\n%s\r\n", length $1, $1)
        while $body =~ /\G(.{1,$size})/gs;
    return $text . "0\r\n\r\n";
}

# Else nginx would keep a connection that the server is about to close.
my $close = "Connection: close\r\n";

my %answer = (
    plain        => sub { http($_[0]) },
    chunks       => sub { chunks(7, $_[0]) },
    until_close  => sub { "HTTP/1.1 200 OK\r\n\r\n$_[0]" },
    gzip         => sub {
        gzip \$_[0] => \my $packed;
        http($packed, 'Content-Encoding' => 'gzip') },
    no_content   => sub { "HTTP/1.1 204 No Content\r\n$close\r\n" },
    not_modified => sub { "HTTP/1.1 304 Not Modified\r\n$close\r\n" },
    redirect     => sub { "HTTP/1.1 302 Found\r\nLocation: /x\r\n"
                          . "Content-Length: 0\r\n\r\n" },
    accel        => sub { http($_[0], 'X-Accel-Redirect' => '/secret',
                               'X-Accel-Limit-Rate' => 1,
                               'X-Accel-Buffering' => 'no') },
    too_short    => sub { http($_[0], 'Content-Length' => 1000,
                               Connection => 'close') },
    too_long     => sub { http($_[0], Connection => 'close') . 'more' x 100 },
    http10       => sub { "HTTP/1.0 200 OK\r\n\r\n$_[0]" },
    trailers     => sub { chunks(100, $_[0]) =~ s/\r\n\z/X-A: b\r\n\r\n/r },
    latin1       => sub { http($_[0] =~ s/Success/\xe4\xf6\xfc/r) },
    text         => sub { http($_[0], 'Content-Type' => 'text/html') },
    empty_chunks => sub { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                          . "$close\r\n0\r\n\r\n" },
    many_buffers => sub { http($_[0] . ' ' x 200_000) },
);

my $state = File::Temp->newdir;

my $server = upstream(
    submit => sub {
        my ($request) = @_;
        my ($kind) = $request =~ /"prompt":"a bridge, (\w+)"/;
        return http(submitted($id{$kind}));
    },
    query => sub {
        my ($request) = @_;
        my ($id) = $request =~ /"task_id":"(\d+)"/;

        # What cannot be understood is asked for again.
        return http(done()) if -e "$state/$id";
        open my $fh, '>', "$state/$id" or die $!;
        return $answer{ $kind{$id} }->(done());
    },
);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    http => 'lingering_close off;',
    server => "location = /secret { return 200 '@{[ pending() ]}'; }",
);

my %client = map { $_ => $t->start_generate({ prompt => "a bridge, $_" }) }
             @kinds;

# How many queries it takes.
my %polls = (
    (map { $_ => 1 } qw(plain chunks until_close accel too_long http10
                        trailers text many_buffers)),
    (map { $_ => 2 } qw(gzip no_content not_modified redirect too_short
                        empty_chunks)),
);

for my $kind (@kinds) {
    my $r = $client{$kind}->response;
    is($r->status, 200, "$kind: status") or diag $r->body;
}

my %row = map { $_->{jimeng_task_id} => $_ } $t->access_lines(scalar @kinds);

for my $kind (sort keys %polls) {
    is($row{ $id{$kind} }{jimeng_polls}, $polls{$kind}, "$kind: queries");
}

$t->finish;


# ---- X-Accel-Redirect where it is not ignored: it is the location's answer

my $secret = done('http://127.0.0.1/redirected.png');

unlink glob "$state/*";
$t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    proxy => 'proxy_ignore_headers Set-Cookie;',
    server => "location = /secret { internal; default_type application/json;
                   return 200 '$secret'; }",
);

my $r = $t->generate({ prompt => 'a bridge, accel' });
is($r->status, 200, 'X-Accel-Redirect: status');
is($r->json->{data}[0]{url}, 'http://127.0.0.1/redirected.png',
   'X-Accel-Redirect: obeyed');
$t->finish;


# ---- connections that the upstream closes while they are idle, and those
# that it closes when the next request comes: a submit is not sent again, a
# query is

for my $reset (0, 1) {
    my $name = $reset ? 'kept connections, reset' : 'kept connections';
    my $log = File::Temp->new;

    my $closing = raw_server(sub {
        my ($socket) = @_;
        my $request = read_request($socket);

        my $submit = $request =~ /Action=CVSync2AsyncSubmitTask/;
        syswrite $log, $submit ? 's' : 'q';
        syswrite $socket, http($submit ? submitted()
                               : -s $log->filename < 20 ? pending() : done());

        # Closes when the next one has come, or at once.
        if ($reset) {
            sysread $socket, my $bytes, 10;
            syswrite $log, $bytes =~ /^POST/ ? 'x' : '';
        }
    });

    $t = Jimeng::Test->new(
        emulator => 0, upstream => '127.0.0.1:' . $closing->port,
        poll_interval => '20ms',
    );

    is($t->generate->status, 200, "$name: status");
    $t->finish;

    seek $log, 0, 0;
    my $calls = <$log>;
    is($calls =~ tr/s//, 1, "$name: one submit");
    like($calls, $reset ? qr/^s(x?q)+$/ : qr/^sq{19}$/, "$name: queries");
}


# ---- a submit on a kept connection that dies: it is not sent again

my $log = File::Temp->new;
my $dying = raw_server(sub {
    my ($socket) = @_;

    while (defined(my $request = read_request($socket))) {
        my $submit = $request =~ /Action=CVSync2AsyncSubmitTask/;
        syswrite $log, $submit ? 's' : 'q';

        # The second submit finds a connection that was kept.
        return if $submit && $request =~ /second/;
        syswrite $socket, http($submit ? submitted() : done());
    }
});

$t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $dying->port,
);

is($t->generate({ prompt => 'the first snow' })->status, 200,
   'a kept connection that dies: the first');
is($t->generate({ prompt => 'the second snow' })->status, 502,
   'a kept connection that dies: the second');
is($dying->connections, 1, 'a kept connection that dies: one connection');
seek $log, 0, 0;
is(scalar <$log>, 'sqs', 'a kept connection that dies: is sent once');

$t->done;
