#!/usr/bin/perl

# Calls of Ark's that nobody remembers: without jimeng_zone, with jimeng_dedupe
# off, and in a zone that has no room for what they brought.  Their clients get
# their pictures, "async" or not, as they could not ask for them later; nothing
# is called twice, and whoever asks for what is not kept is told.
#
# Seen failing:
# - "async", with a worker that crashed, without NGX_DECLINED in
#   ngx_http_jimeng_deliver_async();
# - "no room: the log", without its line in ngx_http_jimeng_task_counted().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;
use Jimeng::Test::Sse;

my $model = 'doubao-seedream-4-5-251128';
my $refused = 'OutputImageSensitiveContentDetected';
my %group = (sequential_image_generation => 'auto');
my ($t, $prompts);

sub calls {
    my ($prompt) = @_;
    return grep { $_->{prompt} eq $prompt } $t->emulator->calls;
}

# A reply, and how many calls it took.
sub ask_for {
    my ($fields, $headers) = @_;
    my $prompt = sprintf 'a sieve, %03d. %s', ++$prompts,
                 delete $fields->{prompt} // '';
    my $r = $t->generate({ model => $model, prompt => $prompt, %$fields },
                         $headers);

    wait_for { !grep { !$_->{ended} } calls($prompt) } 'it ends';
    return ($r, scalar(calls($prompt)), $prompt);
}

sub pictures {
    my ($name, $n, $calls, $fields) = @_;
    my ($r, $made) = ask_for($fields);

    is($r->status, 200, "$name: status") or diag($r->body);
    is(scalar @{ ($r->json // {})->{data} || [] }, $n, "$name: pictures");
    is($made, $calls, "$name: calls");
    return $r;
}


for my $case ([ 'no zone', zone => '', account => '' ],
              [ 'dedupe off', http => 'jimeng_dedupe off;' ]) {
    my ($name, %opt) = @$case;
    $t = with_ark(
        %opt, accounts => 'ark', ark => { seconds => 0.3 }, strict => 1,
        http => ($opt{http} // '') . "jimeng_timeout 900ms; lingering_close off;
                                      jimeng_default_model $model;",
    );

    my $r = pictures("$name: one", 1, 1, {});
    is($r->json->{task_id}, undef, "$name: no id, which would be of no use");
    pictures("$name: a group", 3, 1, { %group, prompt => '[[pictures=3]]' });
    pictures("$name: several", 3, 3, { n => 3 });
    pictures("$name: async", 1, 1, { async => \1 });
    pictures("$name: async, several", 2, 2, { async => \1, n => 2 });

    $t->emulator->fault({ on => 'ark', do => 'drop' });
    $r = pictures("$name: async, one of two is lost", 1, 2,
                  { async => \1, n => 2 });
    is($r->json->{errors}[0]{code}, 'upstream_error',
       "$name: async, one of two is lost: the error");

    $t->emulator->fault({ on => 'ark', do => 'error', code => $refused });
    pictures("$name: retries", 1, 2, { retries => 1 });

    for my $fields ({}, { async => \1 }, { retries => 3 }, { stream => \1 }) {
        my $kind = join ' ', $name, 'lost', keys %$fields;
        $t->emulator->fault({ on => 'ark', do => 'drop' });
        my ($r, $calls) = ask_for({ %$fields });
        is_error($t, $r, $kind, code => 'upstream_error', no_retry => 1);
        is($calls, 1, "$kind: one call");
    }

    for my $fields ({}, { async => \1 }) {
        my $kind = join ' ', $name, 'late', keys %$fields;
        my ($r, $calls) = ask_for({ %$fields, prompt => '[[seconds=1.5]]' });
        is_error($t, $r, $kind, code => 'generation_timeout', no_retry => 1);
        is($calls, 1, "$kind: one call");
    }

    my $sse = Jimeng::Test::Sse->new($t->start_generate(
        { model => $model, prompt => 'a stream [[pictures=2]]', %group,
          stream => \1 }));
    is(scalar(grep { $_->{json} && $_->{json}{url} } $sse->all), 2,
       "$name: a stream");

    my $x = $t->start_generate({ model => $model, prompt => 'who leaves' });
    wait_for { calls('who leaves') } 'it is called';
    $x->abort;
    $t->log_like(qr/client closed connection, task/, "$name: a client leaves");
    wait_for { (calls('who leaves'))[0]{ended} } 'it ends';
    ok(!(calls('who leaves'))[0]{gone}, "$name: its call does not break");

    $t->finish;
}


# ---- a zone that is full of what runs

$t = with_ark(
    zone => 'jimeng_zone jimeng:128k;', account => '',
    ark => { seconds => 6 }, accounts => 'ark', strict => 1,
    http => "jimeng_default_model $model; lingering_close off;",
);

my %fields = (model => $model, %group,
              prompt => 'a sieve. [[pictures=15]] [[seconds=4]]');
my $first = $t->start_generate(\%fields);
my $async = $t->generate({ %fields, async => \1 });
my $id = $async->json->{task_id};
wait_for { calls($fields{prompt}) == 2 } 'they are called';

my @others = map { $t->start_generate({ model => $model, prompt => "full $_" }) }
             1 .. 400;
wait_for { $t->emulator->calls == 402 } 'all are called';

my $r = $first->response;
is(scalar @{ $r->json->{data} }, 15, 'no room: a client gets its pictures');
$t->log_like(qr/\[error\].*no room to keep what account "ark" has made/,
             'no room: the log');
wait_for { !grep { !$_->{ended} } calls($fields{prompt}) } 'they end';

# Entries that are over are the first to be forgotten.
for my $of ($id, $r->json->{task_id}) {
    my $get = $t->request('GET', "/v1/images/$of?wait=5s");
    my $json = $get->json;

    ok($get->status == 404 && $json->{error}{code} eq 'task_not_found'
       || $json->{task_status} eq 'failed'
          && $json->{error}{message} =~ /no room to keep/,
       'no room: GET says so') or diag($get->body);
}

my %status;
$status{ $_->response->status }++ for @others;
is(join(' ', %status), '200 400', 'no room: all have their pictures');
is($t->generate({ model => $model, prompt => 'later [[seconds=0]]' })->status,
   200, 'no room: later there is');

$t->done;
