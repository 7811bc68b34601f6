#!/usr/bin/perl

# jimeng_poll_interval: the time before each query.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;

my $d = Jimeng::Test::Directive->new('jimeng_poll_interval');

$d->common('1s');
$d->good('1ms', '500ms', 1, '1m30s', '1d');
$d->bad(
    [ 0, 'must be greater than 0' ], [ '0s', 'must be greater than 0' ],
    [ -1, 'invalid value' ], [ 'x', 'invalid value' ],
    [ '1x', 'invalid value' ], [ '""', 'invalid value' ],
    [ '0.5s', 'invalid value' ], [ '99999999999999999999s', 'invalid value' ],
);


my $t = Jimeng::Test->new(
    emulator => { seconds => 0.4 }, poll_interval => undef, strict => 1,
    server => <<'EOT',
        jimeng_poll_interval 200ms;

        location /inherits/ { jimeng_pass /_volcengine; }
        location /often/ {
            jimeng_pass /_volcengine;
            jimeng_poll_interval 50ms;
        }
EOT
    location => 'jimeng_poll_interval 1s;',
);

# At the same time, each in its location: the path, the interval in seconds,
# the most queries that it takes, and what one interval at least is below.
my @cases = ([ 'inherits', 0.2, 3, 0.9 ], [ 'often', 0.05, 9, 0.19 ],
             [ 'v1', 1, 1, 1.9 ]);

sub ask {
    my ($path) = @_;
    return $t->start_request('POST', "/$path/images/generations",
                             { 'Content-Type' => 'application/json' },
                             qq({"prompt":"a boat, $path"}));
}

sub is_asked {
    my ($r, $name, $interval, $most, $below) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $id = $t->upstream_ids($r->json->{task_id});

    my @times = map { $_->{time} }
                grep { ($_->{task_id} // '') eq $id } $t->emulator->journal;
    my @intervals = sort { $a <=> $b }
                    map { $times[$_] - $times[$_ - 1] } 1 .. $#times;

    cmp_ok(scalar @intervals, '<=', $most, "$name: not too many queries");
    cmp_ok($intervals[0], '>=', $interval - 0.01,
           "$name: none before the interval was over");
    cmp_ok($intervals[0], '<', $below, "$name: and not much later");
    return;
}

my @asked = map { ask($_->[0]) } @cases;

for my $case (@cases) {
    my ($path, @expected) = @$case;
    my $r = shift(@asked)->response;

    is($r->status, 200, "$path: a picture");
    is_asked($r, $path, @expected);
}

$t->finish;

$t = Jimeng::Test->new(emulator => { seconds => 0 }, poll_interval => undef);
my $r = $t->generate({});
is_asked($r, '2s by default', 2, 1, 2.9);
$t->done;
