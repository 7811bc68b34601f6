#!/usr/bin/perl

# Which ids of tasks are good where: in every worker, in another nginx with the
# same secret, after a change of the secret and after a reload.  All others are
# 404, and so is an id that is too old, another client's, or of an account that
# is not configured any more; nobody is asked for any of them.
#
# Seen failing, each without its part of ngx_http_jimeng_retrieve_order(): "too
# old", and "another client's"; "the other account", with the location's account
# in ngx_http_jimeng_job_create().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Errors qw(is_error);

my $t = Jimeng::Test->new(
    workers => 2, poll_interval => '20ms', emulator => { seconds => 0.03 },
    location => 'jimeng_accounts main;',
    http => 'lingering_close off;
             jimeng_account "an other" {
                 access_key env:VOLC_ACCESSKEY;
                 secret_key env:VOLC_SECRETKEY;
             }',
    server => 'location /other/ { jimeng_pass /_volcengine;
                                  jimeng_accounts "an other"; }
               add_header X-Worker $pid;',
);

sub get { $_[0]->request('GET', "/v1/images/$_[1]") }

# None of these ids is good.
sub unknown {
    my ($t, $name, @ids) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @queries = $t->queries;
    my ($r, %got);

    for my $id (@ids) {
        $r = get($t, $id);
        $got{ $r->status . ' ' . (($r->json // {})->{code} // 'no code') }++;
    }

    is_deeply(\%got, { '404 task_not_found' => scalar @ids },
              "$name: none of " . @ids) or return;
    is_error($t, $r, $name, code => 'task_not_found');
    is(scalar $t->queries, scalar @queries, "$name: nobody is asked");
    return;
}


# ---- any worker

my $first = $t->generate({ n => 2 });
my $id = $first->json->{task_id};
my %worker;

for (1 .. 40) {
    my $r = get($t, $id);
    $worker{ $r->header('X-Worker') }++ if $r->body eq $first->body;
}

is(join(' ', sort keys %worker), join(' ', sort $t->workers),
   'each of the workers knows');

my ($killed) = $t->workers;
$t->allow_log(qr/exited on signal 9/);
$t->kill_worker($killed);
is(get($t, $id)->body, $first->body, 'and the one that took its place');


# ---- what is none

my @all = map { chr } 33 .. 126;
my @changed = map {
    my $at = $_;
    map { substr($id, 0, $at) . $_ . substr($id, $at + 1) }
        grep { $_ ne substr $id, $at, 1 } qw(A B _ - 9);
} 0 .. length($id) - 1;

unknown($t, 'one character is another', @changed);
unknown($t, 'cut', map { substr $id, 0, $_ } 1 .. length($id) - 1);
unknown($t, 'without a beginning',
        map { substr $id, $_ } 1 .. length($id) - 1);
unknown($t, 'longer', map { ("$id$_", "$_$id") } 'A', '=', '%01', '%0A', '.',
        '%20', 'AAAA', '==', $id);
unknown($t, 'two characters changed places', map {
    my $text = $id;
    substr($text, $_, 2, reverse substr $text, $_, 2);
    $text eq $id ? () : $text;
} 0 .. length($id) - 2);
unknown($t, 'other alphabets', grep { $_ ne $id }
        uc $id, lc $id, scalar reverse($id), $id =~ tr/_/-/r,
        $id =~ s/_/%2b/gr, unpack 'H*', $id);
unknown($t, 'not ours', 'x', '-', '1', '7392616336519610409',
        'e1df0ec2-9dca-45c4-961c-af52b1436281', 'AQ', 'A' x 39, 'A' x 40,
        'A' x 6144, 'A' x 6145, 'AQ' . 'x' x 7000, '%FF%FE%01', '"\'%3Cb%3E',
        '%25s%25n', '..%01', '%E7%81%AF', $t->task_ids($id));

srand 4711;
unknown($t, 'garbage', map {
    join '', map { ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_')[rand 64] }
             0 .. 40 + rand 120;
} 1 .. 300);

is($t->request('GET', "/v1/images/$id/x")->json->{code}, 'not_found',
   'an id is the end of a path');
is(get($t, $id)->body, $first->body, 'the id itself is good');


# ---- too old, another client's

my $age = 12 * 3600;
my $now = time;

for my $old (0, 1, $age - 60) {
    is(get($t, $t->reseal($id, created => $now - $old))->json->{created},
       $now - $old, "$old s old");
}

is(get($t, $t->reseal($id, created => $now + 100))->status, 200,
   'made by a clock that is ahead');
unknown($t, 'too old', map { $t->reseal($id, created => $now - $_) }
        $age + 2, $age + 60, 10 * $age, $now);
unknown($t, 'another client\'s', map { $t->reseal($id, owner => $_) }
        'x', 'a client', "\x{7f}", 'x' x 300);


# ---- the account is that of the id, wherever it is asked for

my $other = $t->request('POST', '/other/images/generations',
                        { 'Content-Type' => 'application/json' },
                        '{"prompt":"an island"}');
my $other_id = $other->json->{task_id};
is($t->unseal($other_id)->{account}, 'an other', 'the other account');
is(get($t, $other_id)->body, $other->body, 'the other account: asked for');

my ($row) = grep { $_->{request} =~ m{GET /v1/images/\Q$other_id\E } }
            $t->access_lines(1);
is($row->{jimeng_account}, 'an other', 'the other account: $jimeng_account');

unknown($t, 'an account that is gone', $t->reseal($id, account => 'gone'),
        $t->reseal($id, account => ''));
$t->log_like(qr/\[error\].*whose account "gone" is not configured any more/,
             'an account that is gone: the log says so');


# ---- another nginx

my $node = Jimeng::Test->new(
    emulator => 0, poll_interval => '20ms', http => 'lingering_close off;',
    upstream => '127.0.0.1:' . $t->emulator->port,
);

sub is_known {
    my ($t, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(get($t, $id)->body, $first->body, $name);
}

is_known($node, 'a node with the same secret');
is(get($node, $other_id)->status, 404, 'that does not have the account');

my ($old, $new) = ('a secret that seals the ids of all tests',
                   'a secret for the time that is to come');
$node->secret($new);

for my $step (
    [ "$new\n$old", 1, 'the old secret in the second line' ],
    [ "$old\n$new", 1, 'and in the first' ],
    [ $new, 0, 'the old one is gone' ],
    [ undef, 0, 'no secret' ],
    [ $old, 1, 'the old one is back' ],
) {
    my ($secret, $good, $name) = @$step;

    $node->reload(task_secret => $secret);
    $good ? is_known($node, $name)
          : is(get($node, $id)->status, 404, $name);
}

# The first node makes ids with the new one, the second has only that.
$t->reload(task_secret => "$new\n$old");
$node->reload(task_secret => $new);
my $r = $t->generate;
is(get($node, $r->json->{task_id})->body, $r->body,
   'a new id is sealed with the first line');
is_known($t, 'and one of before is opened with the second');


# ---- a random secret

for my $nginx ($t, $node) {
    $nginx->reload(task_secret => undef);
}

$r = $t->generate;
my $random = $r->json->{task_id};
is(get($t, $random)->body, $r->body, 'a random secret');
is(get($node, $random)->status, 404, 'is that of one nginx');
is(get($t, $id)->status, 404, 'and opens nothing else');

$t->reload for 1 .. 3;
is(get($t, $random)->body, $r->body, 'a reload keeps it');

$t->reload(task_secret => $old);
is(get($t, $random)->status, 404, 'a file ends it');
$t->reload(task_secret => undef);
is(get($t, $random)->status, 404, 'and what is random then is another');

is(scalar(grep { $_->{status} == 500 } $t->access_log), 0, 'no 500');
$node->finish;
$t->done;
