#!/usr/bin/perl

# Answers that are cut off, at every byte.  After the header nginx ends such a
# subrequest with NGX_OK and the status of the header: only the last buffer is
# missing.  A query that was answered so is asked again; a submit is not sent
# again, there may be a task.
#
# Seen failing: the cuts within white space at the end of a whole JSON text,
# without the test of x->complete in ngx_http_jimeng_exchange_read(); every
# "once" of a submit, with JM_TRANSPORT_BROKEN taken for JM_TRANSPORT_UNSENT.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done http submitted upstream);

# White space that may be cut off without breaking the JSON.
my $padding = ' ' x 20;


sub chunked {
    my ($body) = @_;
    my $half = int(length($body) / 2);

    return join "\r\n", 'HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '',
        map({ sprintf('%x', length), $_ }
            substr($body, 0, $half), substr($body, $half)),
        0, '', '';
}

my %framing = (
    'with a length' => sub { http($_[0], Connection => 'close') },
    'in chunks' => \&chunked,
);

my %test;

for my $name (sort keys %framing) {
    my $answer = $framing{$name}->(submitted() . $padding);
    my $done = $framing{$name}->(done() . $padding);
    my ($submits, $queries) = (0, 0);

    # Queries: the n-th connection is cut off at its n-th byte.
    my $server = upstream(
        submit => sub { http(submitted(), Connection => 'close') },
        query => sub {
            my ($request, $n) = @_;
            return substr $done, 0, $n - 2;
        },
    );

    my $t = Jimeng::Test->new(
        emulator => 0, upstream => '127.0.0.1:' . $server->port,
        poll_interval => '1ms',
        http => 'jimeng_poll_attempts 10000;',
    );

    my $r = $t->generate({ prompt => 'a path through rice fields' });
    is($r->status, 200, "queries $name: status");
    is($r->json->{data}[0]{url}, 'http://127.0.0.1/picture.png',
       "queries $name: the picture");
    is($server->connections, length($done) + 2,
       "queries $name: asked again after each cut");
    is(($t->access_lines(1))[0]{jimeng_polls}, length($done) + 1,
       "queries $name: number");
    $t->finish;

    # Submits.
    $server = upstream(
        submit => sub {
            my ($request, $n) = @_;
            my ($cut) = $request =~ /cut at (\d+)\./;
            return substr $answer, 0, $cut;
        },
        query => sub { die "there is nothing to ask for\n" },
    );

    $t = Jimeng::Test->new(
        emulator => 0, upstream => '127.0.0.1:' . $server->port,
    );

    my @status;
    my $last = length($answer) - 1;

    for (my $i = 0; $i <= $last; $i += 50) {
        my $end = $i + 49 < $last ? $i + 49 : $last;
        my @clients = map {
            $t->start_generate({ prompt => "a pagoda, cut at $_." });
        } $i .. $end;
        push @status, map { $_->response } @clients;
    }

    is(scalar(grep { $_->status == 502 } @status), length $answer,
       "submits $name: status");
    is(scalar(grep { $_->body =~ /may have been ordered/ } @status),
       length $answer, "submits $name: the client is warned");
    is($server->connections, length $answer, "submits $name: once");
    $t->finish;
}


# ---- without a length: only the JSON tells

my $done = "HTTP/1.1 200 OK\r\n\r\n" . done();

my $server = upstream(
    submit => sub { http(submitted(), Connection => 'close') },
    query => sub {
        my ($request, $n) = @_;
        return substr $done, 0, $n - 2;
    },
);

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '1ms', http => 'jimeng_poll_attempts 10000;',
);

is($t->generate->status, 200, 'until it closes: status');
is($server->connections, length($done) + 2,
   'until it closes: asked again after each cut');

$t->done;
