#!/usr/bin/perl

# Pictures that are no base64, while another task is still being made.  Before
# anything of one went on it is asked for again, and given up; after that the
# reply breaks off.  The other task is followed to its end in any case.
#
# Seen failing: "followed" and "a stream ends", with c->error left as it is in
# ngx_http_jimeng_exchange_end(): the request ended at once.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Answer qw(done envelope http pending submitted);

my $ids = File::Temp->newdir;
my ($asked, $polls) = map { File::Temp->new } 1 .. 2;

# Of two tasks the second is never the first to be made.
my %picture = (
    first => '*' . 'QUJD' x 50_000,
    later => 'QUJD' x 50_000 . '*' . 'QUJD' x 50_000,
);

my %place = (first => 0, later => 1);
my @place = qw(first later);

my $server = raw_server(sub {
    my ($socket) = @_;

    while (defined(my $request = read_request($socket))) {

        if ($request =~ /Action=CVSync2AsyncSubmitTask/) {
            my $id = 1;
            $id++ until mkdir "$ids/$id";
            syswrite $socket, http(submitted($id));
            next;
        }

        my ($id) = $request =~ /task_id\W+(\d+)/;
        my $which = int(($id - 1) / 2);

        if ($request =~ /return_url\W+false/) {
            my $picture = $id % 2 ? $picture{ $place[$which] } : 'QUJD';
            syswrite $asked, $id;
            syswrite $socket, http(envelope({
                binary_data_base64 => [$picture], status => 'done',
            }));

        } elsif ($id % 2 == 0 && (() = slurp_polls() =~ /$id/g) < 30) {
            syswrite $polls, $id;
            syswrite $socket, http(pending());

        } else {
            syswrite $socket, http(done());
        }
    }
});

sub slurp_polls {
    open my $fh, '<', "$polls" or die "$polls: $!";
    return join '', <$fh>;
}

my $t = Jimeng::Test->new(
    emulator => 0, upstream => '127.0.0.1:' . $server->port,
    poll_interval => '20ms',
);

for my $place (@place) {
    my $r = $t->generate({
        prompt => 'a rope bridge', n => 2, stream => JSON::PP::true(),
        response_format => 'b64_json',
        # In Ark's form no picture waits for another.
        sequential_image_generation => 'disabled',
    });
    my ($row) = ($t->access_lines($place{$place} + 1))[-1];

    is($r->status, 200, "$place: status");
    is($row->{jimeng_task_id} =~ tr/,//, 1, "$place: two tasks");
    is($row->{jimeng_status}, 'succeed', "$place: both are followed");
    cmp_ok($row->{jimeng_polls}, '>', 30, "$place: as long as it takes");

    if ($place eq 'first') {
        ok($r->complete, "$place: the stream ends");
        ok($r->body =~ /"b64_json":"QUJD"/, "$place: the other picture");
        ok($r->body =~ /partial_failed/, "$place: the failure");

    } else {
        ok(!$r->complete, "$place: the reply breaks off");
        is(scalar(() = $r->body =~ /^event: /mg), 1,
           "$place: nothing follows");
    }
}

open my $fh, '<', "$asked" or die;
is(join('', sort split //, <$fh>), '11123', 'what was asked for, how often');

$t->done;
