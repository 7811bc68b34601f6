#!/usr/bin/perl

# The paths of the API: a slash at the end of one says nothing, neither to who
# asks, nor of what is the same request.
#
# Seen failing: with paths as they are, and with paths as they are in the
# ledger alone.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Envelope;
use Jimeng::Test::Http2;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;

my $t = with_keys([ 'alice' ],
    http2 => 1, emulator => { seconds => 0 }, poll_interval => '5ms',
    http => 'jimeng_model house/a jimeng_t2i_v40;',
    server => <<'EOT',
        location /free/ { jimeng_pass /_volcengine; }
        location /unmerged/ { jimeng_pass /_volcengine; }
        location ~ ^/regex/\w+/ { jimeng_pass /_volcengine; }
EOT
);

my %json = ('Content-Type' => 'application/json');
my $prompts = 0;

sub body {
    my ($prompt) = @_;
    $prompt //= 'a lantern, ' . ++$prompts;
    return qq({"prompt":"$prompt","image":"https://a.example/b.png"});
}

# Of two replies what does not change from one to the other.
sub shown {
    my ($r) = @_;
    my $json = $r->json;

    $json = { %$json, data => scalar @{ $json->{data} } }
        if $json->{task_id};

    delete @$json{qw(created task_id)} if $json->{task_id};
    return [ $r->status, $json, $r->header('Allow') ];
}

my $id = $t->request('POST', '/free/images/generations', \%json, body())
           ->json->{task_id};


# ---- with a slash as without

for my $prefix ('/free', '/free/api/v1', '/regex/me') {
    for my $case (
        [ POST => 'images/generations', 200 ], [ POST => 'images/edits', 200 ],
        [ GET => "images/$id", 200 ], [ GET => "images/generations/$id", 200 ],
        [ GET => "images/$id", 200, '?wait=1s' ],
        [ GET => 'models', 200 ], [ GET => 'models/house/a', 200 ],
        [ GET => 'models/jimeng-4.0', 200 ], [ GET => 'models/nobody', 404 ],
        [ HEAD => 'models', 200 ],
        [ GET => 'images/generations', 405 ], [ POST => 'models', 405 ],
        [ OPTIONS => 'images/edits', 405 ], [ GET => 'images/none', 404 ],
        [ GET => 'usage', 404 ], [ GET => 'images', 404 ],
        [ GET => 'nothing', 404 ], [ GET => '', 404 ],
    ) {
        my ($method, $path, $status, $more) = @$case;
        my @more = $method eq 'POST' ? (\%json, body()) : ({}, undef);
        $more //= '';

        my @replies = map { $t->request($method, "$prefix/$path$_$more",
                                        @more) }
                      '', '/', '//', '/%2F';

        is($_->status, $status, "$method $prefix/$path$more: $status")
            or diag($_->body) for @replies;
        is_deeply(shown($replies[$_]), shown($replies[0]),
                  "$method $prefix/$path$more: $_ slashes") for 1 .. 3;
    }
}

my $usage = $t->request('GET', '/v1/usage/', bearer('alice'));
is($usage->json->{client}, 'alice', 'GET usage/');
is($t->request('GET', '/v1/usage/', {})->status, 401, 'GET usage/: no key');

my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
is($h2->response($h2->start('GET', '/free/models/', {}))->{status}, 200,
   'HTTP/2');

# Not what only begins or ends like it.
is_error($t->request('POST', $_, \%json, body()), $_, 404, 'not_found')
    for '/free/images/generations/x/', '/free/images/generations/%20/',
        '/free/images/generations./', '/free/ximages/edits/';


# ---- the same request

my @request = ('POST', '/free/images/generations',
               { %json, 'Idempotency-Key' => 'a slash' }, body('a lamp'));
my $first = $t->request(@request);

$request[1] .= '/';
is(links($t->request(@request)), links($first),
   'a repeat with a slash: the same task');
is(scalar submits_of($t, 'a lamp'), 1, 'a repeat with a slash: one submit');

$h2->abort;
$t->done;
