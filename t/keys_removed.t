#!/usr/bin/perl

# A client's line is taken out of the file of keys, and nginx reloaded: what it
# has waiting in the old workers is not submitted any more, what runs is
# followed to its end, and others are served as before.  A name of jimeng_client
# needs no line; but a key that was sent with it does.
#
# Seen failing: "waits" and "stream", without ngx_http_jimeng_client_listed() in
# ngx_http_jimeng_admit().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(is_picture submits_of wait_submits);

my $prompts = 0;

sub prompt { "an empty berth, $_[0], " . ++$prompts }

sub start {
    my ($t, $client, $prompt, $fields) = @_;
    return $t->start_request($t->generation(
        { prompt => $prompt, %{ $fields || {} } }, bearer($client)));
}

my $t = with_keys(
    [ 'alice concurrency=9 images=20/d', 'bob concurrency=9' ],
    workers => 2, emulator => { seconds => 3 }, account => 'concurrency 1;',
    http => 'lingering_close off;',
    server => <<'EOT',
        location /named/ {
            jimeng_client $http_name;
            jimeng_keys %%DIR%%/keys;
            jimeng_pass /_volcengine;
        }
EOT
);

sub start_named {
    my ($headers, $prompt) = @_;
    my @request = $t->generation({ prompt => $prompt }, $headers);
    $request[1] = '/named/images/generations';
    return $t->start_request(@request);
}

my %prompt = map { $_ => prompt($_) } qw(runs waits stream bob name both);
my %x = (runs => start($t, 'alice', $prompt{runs}));
wait_submits($t, $prompt{runs});

$x{waits} = start($t, 'alice', $prompt{waits}, { n => 2 });
$x{stream} = start($t, 'alice', $prompt{stream}, { stream => \1 });
used($t, 'alice', concurrency => 3);
$x{bob} = start($t, 'bob', $prompt{bob});
used($t, 'bob', concurrency => 1);
$x{name} = start_named({ Name => 'carol' }, $prompt{name});
$x{both} = start_named({ Name => 'carol', %{ bearer('alice') } },
                       $prompt{both});
wait_for { $t->stub_status->{active} >= 7 } 'all of them wait';

set_clients($t, 'bob concurrency=9');
$t->reload;

for my $what (qw(waits stream both)) {
    my $r = $x{$what}->response;

    # A stream that waits has begun, and others have an id by now.
    if ($what eq 'stream') {
        like($r->body, qr/event: error\ndata: .*"code":"invalid_api_key"/,
             "alice, $what: invalid_api_key");
    } else {
        is($r->status, 401, "alice, $what: 401");
        is($r->json->{code}, 'invalid_api_key', "alice, $what: why");
    }

    is(scalar submits_of($t, $prompt{$what}), 0, "alice, $what: no submit");
    is($t->emulator->accounts->{main}{running}, 1, "alice, $what: at once");
}

is_error($t, generate_as($t, 'alice'), 'alice, in a new worker: 401',
         code => 'invalid_api_key');
is_picture($t, $x{runs}->response, $prompt{runs}, 'alice, what runs');
is_picture($t, $x{bob}->response, $prompt{bob}, 'bob, who waited');
is_picture($t, $x{name}->response, $prompt{name}, 'a name needs no line');
like($t->error_log, qr/client "alice" is in no file of keys any more/,
     'the log says why');
$t->done;
