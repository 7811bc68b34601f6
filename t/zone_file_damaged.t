#!/usr/bin/perl

# The zone's file is cut, zeroed, overwritten, of another version or size, or
# another program's: nginx starts and serves, what is whole is there, and what
# is not is moved aside, with a line in the log.
#
# Seen failing without jm_store_believed() in the imports, without the salt
# behind the last record ("no salt"), without the count of what is missing
# ("zeros in a record"), without jm_state_looks() ("a text"), and without
# ngx_http_jimeng_memory_file_keep().

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::Restart;

use constant { RECORD => 256, META => 1, ENTRY => 8, PAGE => 4096 };

# Where the log begins.
use constant UNDO => 72;

my $rounds = 0;

my $t = with_keys([ 'alice images=900/d' ], zone => '1m file=state.zone',
                  emulator => { seconds => 0 });
my $file = file_of($t);

sub of_key {
    my ($key) = @_;
    return $t->request(request_as($t, 'alice', "a bell, $key", {},
                                  { 'Idempotency-Key' => $key }));
}

my %first = map { $_ => links(of_key($_)) } 'k0' .. 'k4';
is((grep { /png/ } values %first), 5, 'five pictures');
used($t, 'alice', images => [ 5, 0 ]);

stop_nginx($t, 'QUIT');
my $good = slurp($file);

# The heads of all records that are in use, by their types.
my %at;
my $from = 4 * unpack 'V', substr $good, 32, 4;

for (my $i = $from; $i < length $good; $i += RECORD) {
    my $type = ord substr $good, $i + 8, 1;
    push @{ $at{$type} }, $i if $type;
}

is(scalar @{ $at{+META} }, 2, 'the salt is there twice');
is(scalar @{ $at{+ENTRY} }, 5, 'and five requests');

# Starts nginx with these bytes as its file.  "found" are the keys of requests
# that are known, "aside" says whether the file is kept.
sub damaged {
    my ($name, $bytes, %want) = @_;

    unlink $file, glob("$file.*");

    if (defined $bytes) {
        $t->write_file('state.zone', $bytes);
        chmod 0644, $file;
    }

    start_nginx($t, %{ $want{with} || {} });

    is(generate_as($t, 'alice', { prompt => 'new ' . ++$rounds })->status, 200,
       "$name: it serves");

    my @aside = glob "$file.damaged.*";
    is(scalar @aside, $want{aside} ? 1 : 0, "$name: what is kept");
    is((grep { slurp($_) eq $bytes } @aside), scalar @aside,
       "$name: it is as it was");

    my $told = said($t) =~ /\[error\].*"\Q$file\E" is damaged, or not of (?x:
                            )this version.*; it is moved to (?x:
                            )"\Q$file\E\.damaged\.\d+"/;
    is($told ? 1 : 0, $want{aside} ? 1 : 0, "$name: it is told");

    my @found = grep { links(of_key($_)) eq $first{$_} } sort keys %first;
    is("@found", "@{ $want{found} }", "$name: what is known")
        if $want{found};

    is((stat $file)[2] & 07777, 0600, "$name: the file is for nobody else");
    is(-s $file, $want{size} // length $good, "$name: it has its size");
    ok(!-e "$file.new", "$name: nothing else is left");

    stop_nginx($t, 'QUIT');

    # What it has made of it is good.
    start_nginx($t);
    unlike(said($t), qr/\[error\]/, "$name: the next start has nothing to say");
    stop_nginx($t, 'QUIT');
    return;
}

sub over {
    my ($at, $with) = @_;
    my $bytes = $good;

    substr $bytes, $at, length $with, $with;
    return $bytes;
}

sub noise { return join '', map { chr int rand 256 } 1 .. $_[0] }

srand 42;

my @all = sort keys %first;
my @entries = @{ $at{+ENTRY} };
my ($meta, $spare) = @{ $at{+META} };

damaged('as it was', $good, found => \@all);
damaged('not there', undef, found => []);
damaged('empty', '', found => []);


# ---- cut

damaged('one byte', 'J', found => [], aside => 1);
damaged('half', substr($good, 0, length($good) / 2), found => \@all,
        aside => 1);
damaged('a part of its head', substr($good, 0, 8000), found => [], aside => 1);
damaged('a record is cut off', substr($good, 0, $entries[3] + 100), aside => 1,
        found => [ @all[0 .. 2] ]);
damaged('longer', $good . "\0" x 1000, found => \@all);


# ---- zeros

damaged('zeros', "\0" x length $good, found => [], aside => 1);
damaged('zeros in its first page', over(0, "\0" x PAGE), found => \@all,
        aside => 1);
damaged('zeros up to the records', over(0, "\0" x $from), found => \@all,
        aside => 1);
damaged('zeros in a record', over($entries[2], "\0" x RECORD), aside => 1,
        found => [ @all[0, 1, 3, 4] ]);
damaged('no salt', over($meta, "\0" x RECORD), found => \@all, aside => 1);
damaged('no salt behind the last', over($spare, "\0" x RECORD),
        found => \@all, aside => 1);
damaged('zeros in the middle', over($from, "\0" x (16 * PAGE)), found => [],
        aside => 1);


# ---- anything

damaged('noise', noise(length $good), found => [], aside => 1);
damaged('noise in its head', over(0, noise($from)), found => \@all,
        aside => 1);

# What a head says of how many there are is believed as far as it can be.
my $noise = noise($from - 16);
my ($records, $free, $given) = unpack 'x12 V x8 V x12 V', $noise;
damaged('noise behind its magic', over(16, $noise), found => \@all,
        aside => (($records - $free - $given) & 0xffffffff) <= $records);

damaged('noise in a record', over($entries[0], noise(RECORD)), aside => 1,
        found => [ @all[1 .. 4] ]);
damaged('a bit of a record', over($entries[4] + 60,
                                  substr($good, $entries[4] + 60, 1) ^ "\1"),
        found => [ @all[0 .. 3] ], aside => 1);
damaged("noise of a record's types",
        over($at{+ENTRY}[0], join '', map { substr(noise(8), 0, 8)
             . chr(1 + $_ % 12) . "\1" . noise(RECORD - 10) } 1 .. 64),
        found => [], aside => 1);

# nundo, and entries of the undo log: 16 * offset + size
damaged('a log without end', over(24, pack 'V', 0xffffffff), found => \@all);
damaged('a log that leads out of it',
        over(24, pack('V', 2)) =~ s{\A(.{${\ UNDO}})(.{32})}
            {$1 . pack 'Q4', 1, ~0, 2, 16 * length($good) + 8}ser,
        found => \@all);
damaged('a log that leads into a record',
        over(24, pack('V', 1)) =~ s{\A(.{${\ UNDO}})(.{16})}
            {$1 . pack 'Q2', 0, 16 * ($entries[1] + 24) + 8}ser,
        found => [ @all[0, 2 .. 4] ], aside => 1);
damaged('its first record is anywhere', over(32, pack 'V', 0xfffffff0),
        found => \@all, aside => 1);


# ---- another program's

damaged('a text', "listen 80;\n" x 9999, found => [], aside => 1);
damaged('a picture', "\x89PNG\r\n\x1a\n\0\0\0\rIHDR" . noise(50_000),
        found => [], aside => 1);


# ---- another version, another size

damaged('another layout', over(8, pack 'Q', 4711), found => \@all);

my $older = $good;
substr $older, $_ + 9, 1, "\2" for map { @$_ } values %at;
damaged('records of another version', $older, found => [], aside => 1);

for my $size (qw(256k 1100k 4m 1000001)) {
    damaged("$size now", $good, found => \@all,
            size => $size =~ /(\d+)m/ ? $1 << 20
                    : $size =~ /(\d+)k/ ? $1 << 10 : $size,
            with => { http => "jimeng_zone ledger:$size file=state.zone;" });
    like(said($t), qr/zone "ledger" goes on with \d+ requests, /,
         "$size now: it is told");
}

# Four pages of records, for more than these hold.
$t->{http} = 'jimeng_zone ledger:1m file=state.zone;';
unlink $file;
start_nginx($t);
$t->request(request_as($t, 'alice', "leaf $_", {},
                       { 'Idempotency-Key' => "leaf $_" })) for 1 .. 250;
my $last = links(of_key('last'));
stop_nginx($t, 'QUIT');

start_nginx($t, http => 'jimeng_zone ledger:64k file=state.zone;');
like(said($t), qr/\[warn\].*zone "ledger" has no room for \d+ of what was there/,
     'smaller than what is there: it is told');
is(links(of_key('last')), $last, 'smaller: the newest are known');
used($t, 'alice', images => [ 251, 0 ]);

$t->done;
