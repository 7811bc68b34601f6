#!/usr/bin/perl

# A model that both services make, when the first in order does not make it any
# more: whoever finds out gets the error, new requests go to the other service,
# in any worker, and back when the first takes them again.  What was ordered
# before stays where it is, in both directions: its repeat, marked or not, gets
# what it has brought, and nothing is paid twice.
#
# Seen failing:
# - "another request", and all that follow from it, with a jm_queue_service()
#   that returns 0;
# - "made by Ark", "made by Jimeng" and "of unknown outcome", with the digest of
#   what is submitted for a fingerprint: they are paid again;
# - "made by Jimeng", without the look at jm_ledger_read_other() in
#   jm_ledger_open() and jm_memory_served(): its task is asked for at Ark;
# - "once in the log", without "left";
# - "heard late", without JM_LEDGER_OTHER in jm_ledger_open();
# - "one tries it", without the look at "tried" in jm_queue_service_tries().

use strict;
use warnings;

use lib 't/lib';
use MIME::Base64 qw(encode_base64);
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Envelope;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Picture qw(png);

my $model = 'doubao-seedream-4-0-250828';
my $prompts = 0;

my $t = with_ark(
    workers => 2, listen => 'reuseport', poll_interval => '50ms',
    emulator => { seconds => 0.3 }, ark => { seconds => 0.3 },
    more => [ two => 'concurrency 4;' ], account => 'concurrency 4;',
    accounts => 'main ark', start => 0,
    http => 'lingering_close off; client_body_buffer_size 1k;
             jimeng_upload %%DIR%%/up http://pictures.example/up;',
    server => <<'EOT',
        location = /pid { return 200 $pid; }
        location /both/ {
            jimeng_pass /_volcengine;
            jimeng_accounts main ark two;
        }
        location /keys/ {
            jimeng_pass /_volcengine;
            jimeng_keys %%DIR%%/keys;
        }
        location /off/ {
            jimeng_pass /_volcengine;
            jimeng_dedupe off;
        }
        location /rows/ {
            jimeng_pass /_volcengine;
            jimeng_model never jimeng_t2i_v40 provider=visual;
            jimeng_model turned jimeng_t2i_v31;
            jimeng_model turned doubao-seedream-4-0-20260415;
            jimeng_model doubao-seedream-4-0-250828
                         doubao-seedream-4-0-250828;
        }
EOT
);
set_clients($t, "alice models=$model", 'bob models=jimeng_t2i_v40');
$t->start;

my ($one, $other) = $t->workers;

sub prompt { sprintf 'a heron, %s, %03d. ', $_[0], ++$prompts }

sub order {
    my ($prompt, $fields, $headers, $path) = @_;
    my @request = $t->generation(
        { model => $model, prompt => $prompt, %{ $fields || {} } }, $headers);

    $request[1] =~ s{^/v1}{/$path} if defined $path;
    return @request;
}

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

# Who was asked for a prompt's pictures.
sub asked {
    my ($prompt) = @_;
    return join ' ', (map { $_->{account} } calls($prompt)),
                     map { $_->{json}{req_key} } submits_of($t, $prompt);
}

sub is_made {
    my ($r, $prompt, $by, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is($r->status, 200, "$name: a picture") or diag($r->body);
    return is(asked($prompt), $by, "$name: made by");
}

sub left {
    my ($name, $prompt, $x) = @_;
    my $before = () = $t->error_log =~ /client closed connection/g;

    wait_for { asked($prompt) ne '' } "$name: it is under way";
    $x->abort;
    return wait_for {
        $before < (() = $t->error_log =~ /client closed connection/g)
    } "$name: its client has left";
}

sub lines { scalar grep { /$_[0]/ } split /\n/, $t->error_log }

sub stop { $t->emulator->set_account($_, denied => [ $model ]) for @_ }

# Ark makes it again, and nginx knows nothing of what was.
sub again {
    my ($timeout) = @_;

    $t->emulator->set_account($_, denied => [], refuse => undef)
        for qw(ark two);
    $t->reload(location => "jimeng_timeout $timeout;");
    ($one, $other) = $t->workers('staying');
    return;
}

# One that finds out, after which Ark's account is set aside.
sub find_out {
    my ($name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $prompt = prompt("$name, found out");

    is_error(ask($t, $one, order($prompt))->response, "$name: found out", 502,
             'upstream_auth_failed', retry => 0);
    return is(asked($prompt), 'ark', "$name: found out, by one call");
}

my %marks = ('no mark' => {}, 'a key' => { 'Idempotency-Key' => 'k' },
             'a retry' => { 'x-stainless-retry-count' => 1 });

# The headers of a first try, and of its repeat.
sub headers {
    my ($mark, $name, $repeat) = @_;
    my %headers = %{ $marks{$mark} };

    $headers{'Idempotency-Key'} .= " of $name" if $mark eq 'a key';
    return $mark eq 'a retry' && !$repeat ? {} : \%headers;
}


# ---- as long as Ark makes it

my $prompt = prompt('before');
is_made(ask($t, $one, order($prompt))->response, $prompt, 'ark', 'before');

# What is left there, to be asked for later: made, and not known.
my %left;

for my $mark (sort keys %marks) {
    my $p = $left{$mark} = prompt("made by Ark, $mark");
    left("made by Ark, $mark", $p,
         ask($t, $one, order($p, {}, headers($mark, 'Ark'))));
}

sub form {
    my ($prompt, $boundary, $picture) = @_;
    my $part = "--$boundary\r\nContent-Disposition: form-data; name=";

    return ('POST', '/v1/images/edits',
            { 'Content-Type' => "multipart/form-data; boundary=$boundary" },
            qq($part"prompt"\r\n\r\n$prompt\r\n)
            . qq($part"model"\r\n\r\n$model\r\n)
            . qq($part"image"; filename="$boundary.png"\r\n)
            . qq(Content-Type: image/png\r\n\r\n$picture\r\n--$boundary--\r\n));
}

my @pictures = map { png(640, 480, 20_000, $_) } 1, 2;
my $form = prompt('a form, made by Ark');
left('a form', $form, ask($t, $one, form($form, 'first', $pictures[0])));

my $lost = prompt('of unknown outcome');
$t->emulator->fault({ on => 'ark', do => 'drop', prompt => $lost });
my $unknown = ask($t, $one, order($lost))->response;
is_error($unknown, 'of unknown outcome', 502, 'upstream_error', retry => 0,
         task_id => $unknown->json->{task_id});
wait_for { !grep { !defined $_->{ended} } $t->emulator->calls } 'all is made';


# ---- Ark stops it

stop('ark');
find_out('stopped');
$t->log_like(qr/\[error\].*account "ark" was refused access to $model and/,
             'stopped: the account is set aside for it');

for my $worker ($other, $one, $other) {
    $prompt = prompt('another request');
    is_made(ask($t, $worker, order($prompt))->response, $prompt,
            'jimeng_t2i_v40', 'another request');
}

my $made_by = qr/\[warn\].*the model "$model" is made by Jimeng now, as all/;
is(lines($made_by), 1, 'stopped: once in the log');

# It is read in Jimeng's words.
$prompt = prompt('data');
my $r = ask($t, $one, order($prompt, { response_format => 'b64_json' }))
        ->response;
is_made($r, $prompt, 'jimeng_t2i_v40', 'data, which Ark has none of here');
ok(length $r->json->{data}[0]{b64_json}, 'data: it is there');

$prompt = prompt('a picture');
is_made(ask($t, $one, form($prompt, 'x', $pictures[1]))->response, $prompt,
        'jimeng_t2i_v40', 'a picture in a form');
like((submits_of($t, $prompt))[0]{json}{image_urls}[0],
     qr{^http://pictures\.example/up/\w+\.png}, 'a picture: is stored');

$prompt = prompt('a picture in JSON');
is_made(ask($t, $one, order($prompt, { image => encode_base64($pictures[0],
        '') }))->response, $prompt, 'jimeng_t2i_v40', 'a picture in JSON');

is_error(ask($t, $one, order(prompt('x'), { n => 0 }))->response, 'a bad value',
         400, 'invalid_request', param => 'n');

# Whose name may be used says who may have it; rows say where it goes.
for my $case ([ 'alice', 200 ], [ 'bob', 403 ]) {
    my ($client, $status) = @$case;
    $prompt = prompt("a key of $client");
    is($t->request(order($prompt, {}, bearer($client), 'keys'))->status,
       $status, "$client: status");
    is(asked($prompt), $status == 200 ? 'jimeng_t2i_v40' : '',
       "$client: made by");
}

$prompt = prompt('no ledger');
is_made($t->request(order($prompt, {}, {}, 'off')), $prompt, 'jimeng_t2i_v40',
        'without a ledger');
$prompt = prompt('a row of one service');
is_error($t->request(order($prompt, {}, {}, 'rows')), 'a row of Ark alone', 502,
         'upstream_auth_failed', retry => 0);
is(asked($prompt), '', 'a row of Ark alone: nobody is asked');
$prompt = prompt('another model');
is_made(ask($t, $one, order($prompt, { model => 'jimeng-4.5' }))->response,
        $prompt, 'ark', 'another model');

# Another account of Ark's makes it yet.
$prompt = prompt('two accounts');
is_made($t->request(order($prompt, {}, {}, 'both')), $prompt, 'two',
        'two accounts, one is set aside');
stop('two');
$prompt = prompt('two accounts');
is($t->request(order($prompt, {}, {}, 'both'))->status, 502,
   'two accounts: the other finds out');
$prompt = prompt('two accounts');
is_made($t->request(order($prompt, {}, {}, 'both')), $prompt, 'jimeng_t2i_v40',
        'two accounts, both are set aside');


# ---- what was ordered of Ark is Ark's

for my $mark (sort keys %marks) {
    my $p = $left{$mark};
    $r = ask($t, $other, order($p, {}, headers($mark, 'Ark', 1)))->response;
    is_made($r, $p, 'ark', "made by Ark, $mark");
    like(links($r), qr{/pictures/ark/\Q$_->{request_id}\E_0\.jpeg},
         "made by Ark, $mark: its picture") for calls($p);
}

$r = ask($t, $other, form($form, 'second', $pictures[0]))->response;
is_made($r, $form, 'ark', 'a form, made by Ark, another boundary');
$r = ask($t, $one, form($form, 'third', $pictures[1]))->response;
is_made($r, $form, 'ark jimeng_t2i_v40', 'a form, another picture: a new one');

$unknown = ask($t, $other, order($lost))->response;
is_error($unknown, 'of unknown outcome, again', 502, 'upstream_error',
         retry => 0, task_id => $unknown->json->{task_id});
is(asked($lost), 'ark', 'of unknown outcome: nothing is submitted');

# What has cost nothing is not.
for my $mark (sort keys %marks) {
    again('91s');
    stop('ark');
    my $p = prompt("refused by Ark, $mark");
    my $lines = () = $t->access_log;

    is(ask($t, $one, order($p, {}, headers($mark, 'none')))->response->status,
       502, "refused by Ark, $mark: an error");

    # Until it is logged it may not be over for others.
    wait_for { (() = $t->access_log) > $lines }
        "refused by Ark, $mark: it is over";
    is_made(ask($t, $other, order($p, {}, headers($mark, 'none', 1)))
            ->response, $p, 'ark jimeng_t2i_v40', "refused by Ark, $mark");
}


# ---- what was ordered of Jimeng is Jimeng's, when Ark makes it again

my %fields = ('' => {}, ', as data' => { response_format => 'b64_json' });

for my $mark (sort keys %marks) {
    for my $as (sort keys %fields) {
        my $p = $left{"$mark$as"} = prompt("made by Jimeng, $mark$as");
        left("made by Jimeng, $mark$as", $p,
             ask($t, $one, order($p, $fields{$as}, headers($mark, "J$as"))));
    }
}

again('92s');

for my $mark (sort keys %marks) {
    for my $as (sort keys %fields) {
        my $p = $left{"$mark$as"};
        $r = ask($t, $other, order($p, $fields{$as},
                                   headers($mark, "J$as", 1)))->response;
        is_made($r, $p, 'jimeng_t2i_v40', "made by Jimeng, $mark$as");
    }
}

$prompt = prompt('after a reload');
is_made(ask($t, $one, order($prompt))->response, $prompt, 'ark',
        'after a reload');

# One that has left, which its worker does not know yet when the same comes to
# another, and is read for Jimeng: it is read once more.
$prompt = prompt('heard late [[seconds=2]]');
my $x = ask($t, $one, order($prompt));
wait_for { calls($prompt) } 'heard late: it is called';
stop('ark');
is(ask($t, $other, order(prompt('heard late, found out')))->response->status,
   502, 'heard late: found out');
connect_workers($t, 2, $one, $other);

kill 'STOP', $one;
$x->abort;
my $again = ask($t, $other, order($prompt));
$t->log_like(qr/seen whether it goes on/, 'heard late: it waits for it');
kill 'STOP', $other;
my $noticed = () = $t->error_log =~ /client closed connection/g;
kill 'CONT', $one;
wait_for { $noticed < (() = $t->error_log =~ /client closed connection/g) }
    'heard late: its own worker notices';
kill 'CONT', $other;
$r = $again->response;
is_made($r, $prompt, 'ark', 'heard late');
is($r->json->{model}, $model, 'heard late: in the words of Ark');
again('96s');

# A client that still waits: its repeat joins it.
stop('ark');
find_out('joined');
$prompt = prompt('joined [[seconds=2]]');
$x = ask($t, $one, order($prompt, {}, headers('a key', 'joined')));
wait_submits($t, $prompt);
again('93s');
is_made(ask($t, $other, order($prompt, {}, headers('a key', 'joined')))
        ->response, $prompt, 'jimeng_t2i_v40', 'joined');
is($x->response->status, 200, 'joined: the first as well');


# ---- the order of rows is another one, and a whole account

$t->emulator->set_account('main', denied => ['jimeng_t2i_v31']);
$prompt = prompt('turned');
is($t->request(order($prompt, { model => 'turned' }, {}, 'rows'))->status, 502,
   'Jimeng first: found out');
is(asked($prompt), 'jimeng_t2i_v31', 'Jimeng first: by one submit');
$prompt = prompt('turned');
is_made($t->request(order($prompt, { model => 'turned' }, {}, 'rows')),
        $prompt, 'ark', 'Jimeng first, then Ark');
$t->log_like(qr/the model "turned" is made by Ark now, as all/,
             'Jimeng first: in the log');

$t->emulator->set_account('ark', refuse => 'AuthenticationError');
find_out('a key that is refused');
$prompt = prompt('a key that is refused');
is_made(ask($t, $other, order($prompt))->response, $prompt, 'jimeng_t2i_v40',
        'a key that is refused');


# ---- back, without a reload

again('94s');
stop('ark');
find_out('back');
my $since = lines($made_by);

# One tries it, when its time is over; the others do not wait for that.
sub tried {
    my ($name) = @_;
    my $p;

    wait_for {
        $p = prompt("$name, a try");
        my $r = ask($t, $one, order($p))->response;
        $r->status == ($name eq 'still stopped' ? 502 : 200)
            && asked($p) eq 'ark';
    } "$name: it is tried", 20;
    return $p;
}

tried('still stopped');
is(lines($made_by), $since + 1, 'still stopped: once in the log');
$prompt = prompt('still stopped');
is_made(ask($t, $other, order($prompt))->response, $prompt, 'jimeng_t2i_v40',
        'still stopped');

$t->finish;


# ---- one at a time

$t = with_ark(workers => 2, listen => 'reuseport', poll_interval => '50ms',
              ark => { seconds => 0.3 }, emulator => { seconds => 0.1 },
              account => 'concurrency 4;', http => 'lingering_close off;',
              server => 'location = /pid { return 200 $pid; }');
($one, $other) = $t->workers;

stop('ark');
find_out('one tries it');
$t->emulator->set_account('ark', denied => [], seconds => 2);

my @tries;
wait_for {
    push @tries, prompt('one tries it');
    my $x = ask($t, $one, order($tries[-1]));
    wait_for { asked($tries[-1]) ne '' } 'it is asked for';
    asked($tries[-1]) eq 'ark' ? ($t->{trying} = $x) : !$x->response;
} 'one tries it', 20;

for my $worker ($one, $other) {
    $prompt = prompt('others, meanwhile');
    is_made(ask($t, $worker, order($prompt))->response, $prompt,
            'jimeng_t2i_v40', 'one tries it: others, meanwhile');
}

is((delete $t->{trying})->response->status, 200, 'one tries it: its picture');
$t->emulator->set_account('ark', seconds => 0.1);

for my $worker ($other, $one) {
    $prompt = prompt('then all');
    is_made(ask($t, $worker, order($prompt))->response, $prompt, 'ark',
            'one tries it: then all');
}

is(lines(qr/\[warn\].*the model "$model" is made by Ark again/), 1,
   'one tries it: once in the log');
$t->finish;


# ---- without a zone a location has accounts of one service

my ($rc, $said) = Jimeng::Test->test_config(
    account => '', http => 'jimeng_accounts main ark;'
    . ark_accounts(ark => ''), server => ark_location());
isnt($rc, 0, 'no zone: both in a location are refused');
like($said, qr/account "main" has no "concurrency", which several accounts/,
     'no zone: why');

$t = with_ark(zone => '', accounts => 'ark', account => '');
$t->emulator->set_account('ark', denied => [ $model ]);
$prompt = prompt('no zone');
is($t->request(order($prompt))->status, 502, 'no zone: refused') for 1, 2;
is(asked($prompt), 'ark ark', 'no zone: it is asked each time');

$t->done;
