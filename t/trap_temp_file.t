#!/usr/bin/perl

# Bodies that nginx keeps in a file, or in several buffers, whole or coming in
# pieces: the submit is the same.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;
use JSON::PP ();

my %location = (
    memory => 'client_body_buffer_size 1m;',
    file   => 'client_body_buffer_size 1k;',
    always => 'client_body_in_file_only clean;',
    kept   => 'client_body_in_file_only on;',
    tiny   => 'client_body_buffer_size 16;',
    direct => 'client_body_in_single_buffer on; client_body_buffer_size 64;',
);

my $t = Jimeng::Test->new(
    strict => 1, http2 => 1, poll_interval => '50ms',
    http => 'lingering_close off;',
    server => join "\n", map {
        "location /$_/ { jimeng_pass /_volcengine; $location{$_} }"
    } sort keys %location,
);

my @clients;
my $n = 0;
my %expected;

for my $name (sort keys %location) {
    for my $pad (0, 500, 5000) {
        for my $how (qw(length chunked pieces h2)) {
            my $prompt = 'a quarry in the rain, ' . ++$n . '. '
                         . 'x' x ($pad / 10);
            my $body = JSON::PP->new->encode({ prompt => $prompt })
                       . ' ' x $pad;
            my $path = "/$name/images/generations";
            my %type = ('Content-Type' => 'application/json');

            $expected{$prompt} = "$name, $pad, $how";

            if ($how eq 'h2') {
                my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
                my $id = $h2->start('POST', $path, \%type, $body);
                push @clients, [ $expected{$prompt},
                                 sub { $h2->response($id)->{status} } ];
                next;
            }

            if ($how eq 'chunked') {
                $body = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
                                 $body =~ /(.{1,700})/gs;
                $body .= "0\r\n\r\n";
                $type{'Transfer-Encoding'} = 'chunked';
            }

            my %opt = $how eq 'pieces' ? (partial => 100) : ();
            my $x = $t->start_request('POST', $path, \%type, $body, %opt);

            if ($how eq 'pieces') {
                my $head = "POST $path HTTP/1.1\r\nHost: localhost\r\n"
                    . "Connection: close\r\nContent-Length: "
                    . length($body) . "\r\nContent-Type: application/json"
                    . "\r\n\r\n";
                my $rest = substr $head . $body, 100;
                $x->write($_) for $rest =~ /(.{1,97})/gs;
            }

            push @clients, [ $expected{$prompt},
                             sub { $x->response->status } ];
        }
    }
}

is($_->[1]->(), 200, $_->[0]) for @clients;

my %sent = map { $_->{json}{prompt} => 1 } $t->submits;
is(join('; ', sort grep { !$sent{$_} } keys %expected), '',
   'every prompt has arrived whole');
is(scalar $t->submits, scalar @clients, 'each once');
@clients = ();

$t->done;
