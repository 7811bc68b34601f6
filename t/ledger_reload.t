#!/usr/bin/perl

# A reload, and one more: old workers finish what they have begun, and whoever
# asks again in a new one joins it. The end of nginx: what is submitted is
# finished, and nothing more is submitted.
#
# Seen failing: all that is asked for again, with a zone that is made anew.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Ledger;

my $prompts = 0;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 1.5 },
    http => 'lingering_close off;',
));

sub prompt { "a lock on the canal, $_[0], " . ++$prompts }

# What a repeat is told by: a key, or a count.
my %repeat = (
    key => sub { { 'Idempotency-Key' => "key of $_[0]" } },
    count => sub { { 'x-stainless-retry-count' => $_[1] } },
);

sub request {
    my ($how, $prompt, $again) = @_;
    return $t->generation({ prompt => $prompt },
                          $repeat{$how}->($prompt, $again));
}

sub refused { return scalar(() = $t->error_log =~ /was refused for load/g) }


# ---- jobs in all states; each is asked for again in the new workers

my %done;

for my $how (sort keys %repeat) {
    $done{$how} = prompt("$how, over before");
    is_picture($t, $t->request(request($how, $done{$how}, 0)), $done{$how},
               "$how, over before");
}

my @old = $t->workers;
my (%waits, %left, %busy, %flight, %all);

for my $how (sort keys %repeat) {
    my $name = "$how, it waits";
    my $prompt = $all{$name} = prompt($name);
    $waits{$name} = ask($t, $old[0], request($how, $prompt, 0));
    wait_for { queries_of($t, $prompt) } "$name: it is asked for";

    $name = "$how, the client has left";
    $prompt = $all{$name} = $left{$name} = prompt($name);
    my $gone = ask($t, $old[1], request($how, $prompt, 0));
    wait_for { submits_of($t, $prompt) } "$name: it is submitted";
    $gone->abort;

    $name = "$how, in flight";
    $prompt = $all{$name} = prompt($name);
    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1.6 });
    $waits{$name} = ask($t, $old[1], request($how, $prompt, 0));
    wait_for { submits_of($t, $prompt) } "$name: it is submitted";
}

# Last: the pause before the next try is to last until the reload.
for my $how (sort keys %repeat) {
    my $name = "$how, refused for load";
    my $busy = refused();
    $busy{$name} = prompt($name);
    $t->emulator->fault({
        on => 'submit', do => 'answer', status => 429,
        body => '{"code":50429,"data":null,"message":"busy"}' });
    $waits{$name} = ask($t, $old[0], request($how, $busy{$name}, 0));
    wait_for { refused() > $busy } "$name: it is";
}

ok($t->reload, 'reload');
my ($new) = $t->workers('staying');
my @leaving = grep { kill 0, $_ } @old;
ok(scalar @leaving, 'an old worker has jobs');

my %again = map {
    my ($how) = /^(\w+)/;
    $_ => ask($t, $new, request($how, $all{$_} // $busy{$_}, 1))
} keys %all, keys %busy;

for my $how (sort keys %repeat) {
    my $queries = queries_of($t, $done{$how});
    is_picture($t, ask($t, $new, request($how, $done{$how}, 1))->response,
               $done{$how}, "$how, over before, asked for again");
    is(queries_of($t, $done{$how}) - $queries, 1,
       "$how, over before, asked for again: by its id");
}

for my $name (sort keys %all) {
    is_picture($t, $waits{$name}->response, $all{$name}, "$name, at first")
        if $waits{$name};
    is_picture($t, $again{$name}->response, $all{$name}, "$name, again");
}

# An old worker begins nothing; a new one may.
for my $name (sort keys %busy) {
    my $first = $waits{$name}->response;
    is_error($t, $first, "$name, at first", code => 'service_unavailable',
             upstream_code => 50429);
    like(links($again{$name}->response), qr{/pictures/}, "$name, again");
    is(scalar submits_of($t, $busy{$name}), 2, "$name: once more");
}

wait_for { !grep { kill 0, $_ } @old } 'the old workers leave';


# ---- two in a row

my $prompt = prompt('two reloads');
my @three = ask($t, $new, request('key', $prompt, 0));
wait_for { queries_of($t, $prompt) } 'two reloads: it is asked for';

for (1, 2) {
    $t->reload(location => "jimeng_timeout 10${_}s;");
    push @three, ask($t, ($t->workers('staying'))[0],
                     request('key', $prompt, 1));
}

is_picture($t, $_->response, $prompt, 'two reloads') for @three;


# ---- another size: what there was is taken over, and that is said

$t->log_unlike(qr/goes on with/, 'it was the same zone so far');
$t->reload(http => 'lingering_close off; jimeng_zone ledger:2m;');
$t->log_like(qr/\[notice\].*zone "ledger" goes on with .* of 1048576 bytes/,
             'another size is said');
like(links($t->request(request('key', $prompt, 1))), qr{/pictures/},
     'another size: a picture');
is(scalar submits_of($t, $prompt), 1, 'another size: no new task');


# ---- the end

my %last = map { $_ => prompt("QUIT, $_") } qw(waits joined held);
my ($one, $other) = $t->workers('staying');

my @last = ask($t, $one, request('key', $last{waits}, 0));
push @last, ask($t, $one, request('key', $last{joined}, 0));
wait_for { queries_of($t, $last{joined}) } 'QUIT: they are asked for';
push @last, ask($t, $other, request('key', $last{joined}, 1));

$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1.5 });
push @last, ask($t, $one, request('key', $last{held}, 0));
wait_for { submits_of($t, $last{held}) } 'QUIT: one is in flight';
my $held = ask($t, $other, request('key', $last{held}, 1));
wait_for { $t->stub_status->{writing} == 6 } 'QUIT: five requests';

$t->signal('QUIT');
is_picture($t, $last[0]->response, $last{waits}, 'QUIT: one that waits');
is_picture($t, $last[$_]->response, $last{joined}, "QUIT: joined, $_")
    for 1, 2;
is_picture($t, $last[3]->response, $last{held}, 'QUIT: in flight');
is_error($t, $held->response, 'QUIT: one that waits for another one\'s submit',
         code => 'service_unavailable');
is($t->wait_exit, 0, 'QUIT: nginx leaves');

$t->done;
