#!/usr/bin/perl

# proxy_pass with a variable, which nginx resolves when the subrequest runs:
# names that are found, that are not, that take their time, and a client that
# leaves meanwhile, in which case nothing is sent.
#
# Seen failing: "without waiting for the name", with an ngx_http_jimeng_exchange_take_back() that
# declines.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use IO::Select;
use IO::Socket::INET;

my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'udp')
    or die $!;


# Answers questions for addresses until the code is true: 127.0.0.1 for
# found.test and late.test, no such name else.
sub serve_names {
    my ($until, $late) = @_;

    wait_for {
        while (IO::Select->new($dns)->can_read(0)) {
            my $peer = $dns->recv(my $question, 512) or last;

            next if $question =~ /late/ && !$late;
            answer($question, $peer);
        }
        $until->();
    } 'names are asked for';
    return;
}


sub answer {
    my ($question, $peer) = @_;
    my ($id) = unpack 'n', $question;
    my ($labels, $type) = substr($question, 12) =~ /\A(.*?\0)(..)/s;
    my $found = $question =~ /found|late/ && unpack('n', $type) == 1;
    my $code = $question =~ /found|late/ ? 0x8180 : 0x8183;

    my $text = pack('nnnnnn', $id, $code, 1, $found ? 1 : 0, 0, 0)
             . $labels . $type . pack('n', 1);
    $text .= pack 'nnnNnC4', 0xc00c, 1, 1, 60, 4, 127, 0, 0, 1 if $found;
    $dns->send($text, 0, $peer);
    return;
}

my $proxy = 'proxy_pass http://$name:%%EMULATOR_PORT%%/?$args;
    proxy_set_header Host visual.volcengineapi.com; internal;';

my $t = Jimeng::Test->new(
    strict => 1, poll_interval => '50ms',
    http => 'lingering_close off; resolver 127.0.0.1:' . $dns->sockport
            . ' ipv6=off valid=30s; resolver_timeout 5s;',
    server => join "\n", map {
        "location /$_/ { jimeng_pass /_$_; }
         location /_$_ { set \$name $_.test; $proxy }"
    } qw(found missing late),
);

my (undef, undef, $headers, $body) = $t->generation;

my %client = map {
    $_ => $t->start_request('POST', "/$_/images/generations", $headers, $body);
} qw(found missing);

serve_names(sub { $t->access_log == 2 });
is($client{found}->response->status, 200, 'a name that is found');
is($client{missing}->response->status, 502, 'a name that is not');
is(scalar $t->submits, 1, 'one submit');

my $x = $t->start_request('POST', '/late/images/generations', $headers, $body);
wait_for { IO::Select->new($dns)->can_read(0) } 'a late name is asked for';
$x->abort;

my @rows = $t->access_lines(3);
is($rows[2]{status}, 499, 'the client leaves: status');
cmp_ok($rows[2]{request_time}, '<', 4,
       'the client leaves: without waiting for the name');
is($rows[2]{jimeng_task_id}, '', 'the client leaves: no task');

my $y = $t->start_request('POST', '/late/images/generations', $headers, $body);
serve_names(sub { $t->access_log == 4 }, 'late');
is($y->response->status, 200, 'a name that takes its time');
is(scalar $t->submits, 2, 'nothing was sent for the client that left');

$t->done;
