#!/usr/bin/perl

# The log adds up: $jimeng_billed of all lines is what the emulator has made,
# with repeats that join, are told again or get what is owed, clients that
# leave, groups, several tasks, tries, streams, refusals, reloads, requests that
# time out, and two workers; and each picture is in the line of the request
# that has ordered it.
#
# Seen failing: with $jimeng_images in place of $jimeng_billed; without the
# count of a task that is followed after its time; with the number of pictures
# that are handed on.

use strict;
use warnings;

use lib 't/lib';
use List::Util qw(sum0);
use Jimeng::Test;
use Jimeng::Test::Accounting;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;

my $t = with_keys(
    [ 'alice', 'bob concurrency=3' ],
    accounted(
        workers => 2, strict => 1, emulator => { seconds => 0.3 },
        account => 'concurrency 4; queue 30;',
        http => 'lingering_close off;',
        server => <<'EOT',
            location /short/ {
                jimeng_keys %%DIR%%/keys;
                jimeng_pass /_volcengine;
                jimeng_timeout 500ms;
            }
EOT
    ),
);

my $prompts = 0;
my %fields = (
    one => {}, several => { n => 3 }, stream => { stream => \1 },
    data => { response_format => 'b64_json' },
    group => { force_single => \0 },
    bounded => { sequential_image_generation => 'auto',
                 sequential_image_generation_options => { max_images => 2 } },
    async => { async => \1 }, 'several, async' => { n => 2, async => \1 },
    tries => { retries => 2 },
);

sub order {
    my ($client, $kind, $trigger, %opt) = @_;
    my $pictures = $kind =~ /group|bounded/ ? '[[pictures=4]]' : '';
    my ($method, $path, $headers, $body) = request_as($t, $client,
        "a lock, $trigger $pictures, " . ++$prompts, $fields{$kind},
        $opt{key} ? { 'Idempotency-Key' => "key $prompts" } : {});

    $path =~ s{^/v1}{/short} if $opt{short};
    return ($method, $path, $headers, $body);
}

sub runs { return $t->emulator->state->{running} }


# ---- all kinds, one after the other: the line has what its prompt brought

for my $kind (sort keys %fields) {
    my $before = made($t);
    my $r = $t->request(order('alice', $kind, ''));
    my $row = account_line($t, $r);

    is($r->status, 200, "$kind: status");
    is($row->{billed}, made($t) - $before, "$kind: what was made");
    cmp_ok($row->{billed}, '>', 0, "$kind: something");
}


# ---- together, with repeats of all sorts

my @requests = map { my $kind = $_; (
    [ order('alice', $kind, '', key => 1) ],
    [ order('alice', $kind, '') ],
    [ order('alice', $kind, '[[50511]]') ],
) } sort keys %fields;

# Half of the first go, and come again, while the others have repeats at once.
my @waiting;

for my $request (@requests) {
    my $x = $t->start_request(@$request);
    my $repeat = $request->[2]{'Idempotency-Key'};

    if ($repeat && @waiting % 2) {
        push @waiting, $x, $t->start_request(@$request);
        next;
    }

    if (@waiting % 3 == 0) {
        wait_for { grep { $_->{json}{prompt} eq prompt_of($request) }
                   $t->submits or left($x) } 'it is submitted, or waits';
        $x->abort;
        push @waiting, $t->start_request(@$request);
        next;
    }

    push @waiting, $x;
    $_->response for splice @waiting, 0, 4;
}

sub prompt_of { return JSON::PP::decode_json($_[0][3])->{prompt} }

# As many as the queue takes wait already.
sub left { return runs() >= 4 }

$_->response for @waiting;
$t->reload;
$t->request(@$_) for @requests;


# ---- too many, too late, refused for load, of an unknown outcome

my @many = map { $t->start_request(order('bob', 'one', '')) } 1 .. 8;
my %status;
$status{ $_->response->status }++ for @many;
cmp_ok($status{429} // 0, '>', 0, 'more than a client may have at a time');
cmp_ok($status{200} // 0, '>', 0, 'and as many as it may');

@many = map { [ order('alice', 'one', '') ] } 1 .. 40;
my @x = map { $t->start_request(@$_) } @many;
%status = ();
$status{ $_->response->status }++ for @x;
cmp_ok($status{429} // 0, '>', 0, 'a full queue');

$t->emulator->fault({ on => 'submit', times => 2, do => 'answer',
                      status => 429,
                      body => '{"code":50430,"data":null,"message":"busy"}' });
is($t->request(order('alice', 'several', ''))->status, 200,
   'refused for load at first');

my @late = order('alice', 'several', '[[seconds=1.5]]', short => 1);
is($t->request(@late)->status, 504, 'late');
is($t->request(@late)->status, 504, 'late, again');


# ---- who leaves in the queue, and in the midst of it

@many = map { [ order('alice', 'several', '[[seconds=1]]') ] } 1 .. 4;
@x = map { $t->start_request(@$_) } @many;
wait_for { runs() == 4 } 'four tasks run, and others wait';
$_->abort for @x;
wait_for { runs() == 0 } 'what was sent ends';
$_->response for map { $t->start_request(@$_) } @many;


# ---- what it comes to

wait_for { runs() == 0 } 'all tasks end';
ok($t->signal('QUIT') && defined $t->wait_exit, 'nginx ends');

my @rows = account_lines($t);
my %joins;
$joins{ $_->{join} || 'none' } += 1 for @rows;

is(sum0(map { $_->{billed} } @rows), made($t),
   'all lines together are what was made');
cmp_ok(sum0(map { $_->{images} } @rows), '>', made($t),
       'and more was told than was made');
is(scalar(grep { $_->{billed} && $_->{join} ne 'new' } @rows), 0,
   'only who has ordered is billed');
is(scalar(grep { ($_->{join} eq 'new') != ($_->{tries} > 0) } @rows), 0,
   'who is new has sent something');
ok($joins{$_}, "some are $_") for qw(new joined replayed owed none);
cmp_ok(scalar(grep { $_->{status} eq '499' && $_->{billed} } @rows), '>', 0,
       'some of those who left are billed');

# A repeat may find some of its tasks, and have to send the others: then it is
# new, and billed for those.
my %ordered = map { $_ => 1 } map { split /, /, $_->{upstream_task_id} }
              grep { $_->{billed} } @rows;
my %tasks = %{ $t->emulator->state->{tasks} };

is(join(' ', grep { $tasks{$_}{made} && !$ordered{$_} } sort keys %tasks), '',
   'each task that made a picture is in a line that was billed');

$t->done;
