#!/usr/bin/perl

# A reply that cannot be sent, as a filter fails, while a task is followed or
# runs on: the client is cut off, and the task keeps its slot to its end.
#
# Seen failing: "it runs on", with an ngx_http_jimeng_job_deliver() that
# finishes the job for every NGX_ERROR.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;

use Jimeng::Test::Http2;
use Jimeng::Test::Modules;
use Jimeng::Test::Queue;

needs_modules('lua');

my $t = Jimeng::Test->new(with_queue(
    account => 'concurrency 8;', http2 => 1, emulator => { seconds => 3 },
    http => 'lingering_close off;', main => load_modules('lua'),
    server => join "\n", map { "
        location /$_/ {
            jimeng_pass /_volcengine;
            jimeng_timeout 1s;
            ${_}_filter_by_lua_block { error('out of order') }
        }
    " } qw(header body),
));

my %how = (reply => {}, stream => { stream => \1 }, async => { async => \1 });
my $n = 0;

for my $filter (qw(header body)) {
    for my $how (sort keys %how) {
        for my $version (1, 2) {
            my $name = "$filter, $how, HTTP/$version";
            my $prompt = "a lock, " . ++$n;
            my @request = of($prompt, undef, path => "/$filter",
                             %{ $how{$how} });

            if ($version == 1) {
                my $r = $t->request(@request);
                ok(!$r->complete, "$name: it is cut off");

            } else {
                my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
                ok($h2->response($h2->start(@request))->{reset},
                   "$name: it is reset");
                is($h2->response($h2->start('GET', '/v1/models'))->{status},
                   200, "$name: the session goes on");
                $h2->abort;
            }

            is(account_of($t)->{running}, 1, "$name: it runs on");
            free($t);

            is($t->emulator->state->{running}, 0, "$name: to its end");
        }
    }
}

$t->done;
