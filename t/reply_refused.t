#!/usr/bin/perl

# A reply that a filter of another module refuses while tasks run upstream: its
# header, with a status that error_page sends to a slow location, or its body,
# with which nginx answers by itself and clears every module's context.  The
# request is not a job's any more, and nothing of its tasks runs on.
#
# Seen failing, each with a worker that dies of signal 11 or of
# AddressSanitizer:
# - "header", without ngx_http_jimeng_job_stop();
# - "body" and "bare body", without the looks at r->filter_finalize in
#   ngx_http_jimeng_job_step().

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

needs_modules('image_filter');

my $slow = raw_server(sub {
    my ($socket) = @_;
    read_request($socket);
    select undef, undef, undef, 1;
    print $socket "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nlate";
});

my %location = (
    header => 'image_filter_buffer 1; error_page 415 500 = /slow;',
    body => 'error_page 415 500 = /slow;',
    bare_body => '',
);

my %request = (
    async => { async => \1 },
    followed => {},
    two => { async => \1, n => 2 },
    stream => { stream => \1, n => 2 },
);

my $t = Jimeng::Test->new(
    main => load_modules('image_filter'), emulator => { seconds => 0.8 },
    poll_interval => '50ms', http => 'jimeng_zone shared:1m; jimeng_timeout 400ms;',
    account => 'concurrency 100;',
    server => join "\n", 'location = /slow {
            proxy_pass http://127.0.0.1:' . $slow->port . ';
            proxy_method GET;
        }', map { "
        location /$_/ {
            jimeng_pass /_volcengine;
            image_filter test;
            $location{$_}
        }" } sort keys %location,
);

my @workers = $t->workers;
my @started;

for my $place (sort keys %location) {
    for my $kind (sort keys %request) {
        my $prompt = "a moor, $place, $kind";
        my (undef, undef, @rest)
            = $t->generation({ prompt => $prompt, %{ $request{$kind} } });

        push @started, [ $place, $kind, $prompt, $t->start_request(
            'POST', "/$place/images/generations", @rest) ];
    }
}

for my $one (@started) {
    my ($place, $kind, $prompt, $x) = @$one;
    my $name = "$place, $kind" =~ tr/_/ /r;
    my $r = $x->response;

    # There is no length to be refused for in a stream's header.
    is($r->body, 'late', "$name: the error_page's location")
        if $place eq 'header' && $kind ne 'stream';
    is($r->status, 415, "$name: nginx's own answer")
        if $place eq 'bare_body' && $kind ne 'stream';
    is(scalar(() = $t->submits($prompt)), $request{$kind}{n} // 1,
       "$name: submits");
}

wait_for { $t->emulator->state->{running} == 0 } 'all tasks end upstream';
is($t->generate({ prompt => 'a heath' })->status, 504, 'the next request');
is(join(' ', $t->workers), "@workers", 'the same workers');
$t->log_like(qr/is not followed to its end/, 'the log says so');
$t->done;
