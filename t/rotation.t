#!/usr/bin/perl

# An account's key is replaced: the new one in the configuration, a reload, and
# the old one is switched off while tasks run and wait.  Every client gets its
# picture, or a 503 that a repeat makes good; nothing is paid twice, and the
# account serves on at once.
#
# Seen failing: "503" of what runs, without ngx_http_jimeng_outcome_denied();
# "503" of what waits and "is not set aside", without the look at ngx_exiting in
# ngx_http_jimeng_admit_refused().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Queue;
use Time::HiRes qw(time);

my %old = (access_key => 'AKLTtheoldonetheoldone', secret_key => 'c2VjcmV0b2Zvbmw=');
my %new = (access_key => 'AKLTthenewonethenewone', secret_key => 'c2VjcmV0b2ZuZXc=');

sub account {
    my ($keys) = @_;
    return "access_key $keys->{access_key}; secret_key $keys->{secret_key};
            concurrency 2;";
}

my $t = Jimeng::Test->new(with_queue(
    workers => 2, strict => 1, emulator => { seconds => 6 },
    account => account(\%old), poll_interval => '2s',
    http => 'lingering_close off;',
));

$t->secret(map { @$_{qw(access_key secret_key)} } \%old, \%new);
$t->emulator->set_account('main', keys => [ \%old, \%new ]);

my $prompts = 0;

sub prompt { "a new lock on the shed, $_[0], " . ++$prompts }

# A repeat says so, or does not.
my @marks = ('none', 'count');

sub request {
    my ($mark, $prompt, $again) = @_;
    my %headers = $mark eq 'count' ? ('x-stainless-retry-count' => $again) : ();
    return $t->generation({ prompt => $prompt }, \%headers);
}

my (%prompt, %x);

for my $state ('runs', 'waits') {
    for my $mark (@marks) {
        my $name = "$state, $mark";
        $prompt{$name} = prompt($name);
        $x{$name} = $t->start_request(request($mark, $prompt{$name}, 0));
        wait_submits($t, $prompt{$name}) if $state eq 'runs';
    }
}

queued($t, 2);
$t->reload(account => account(\%new));
$t->emulator->set_account('main', keys => [ \%new ]);

my $switched = time;
my %again;

# What runs is known to be unfinished after three queries.
for my $mark (@marks) {
    my $name = "runs, $mark";
    my $r = $x{$name}->response;
    my ($row) = submits_of($t, $prompt{$name});

    is_error($t, $r, "$name: 503", code => 'service_unavailable',
             task_id => qr/^$row->{task_id}$/);
    cmp_ok(time - $switched, '<', 15, "$name: in time");
    $again{$name} = $t->start_request(request($mark, $prompt{$name}, 1));
}

for my $mark (@marks) {
    my $name = "runs, $mark";
    is_picture($t, $again{$name}->response, $prompt{$name},
               "$name: a repeat joins the task");
}

# What waits gets its turn then, and its submit is refused.
for my $mark (@marks) {
    my $name = "waits, $mark";
    my $r = $x{$name}->response;

    is_error($t, $r, "$name: 503", code => 'service_unavailable');
    is(($r->json // {})->{task_id}, undef, "$name: nothing was ordered");
    $again{$name} = $t->start_request(request($mark, $prompt{$name}, 1));
}

for my $mark (@marks) {
    my $name = "waits, $mark";
    is($again{$name}->response->status, 200, "$name: a repeat gets a picture");
    is(scalar(grep { ($_->{code} // '') eq '10000' }
              submits_of($t, $prompt{$name})), 1, "$name: of one task");
}

is(account_of($t)->{aside} + 0, 0, 'the account is not set aside');
is(account_of($t)->{denials}, 0, 'and was never denied');
is(account_of($t)->{query_denials}, 6, 'but for three queries of each task');
like($t->error_log, qr/is left by this worker, which is to exit, as its keys/,
     'the log says what happened');
$t->done;
