#!/usr/bin/perl

# Filters that make a subrequest of the client's own for its reply, before it,
# after it, or to keep it: what comes after waits for it, also in a reply that
# goes on while tasks run, and in one that is passed on from an exchange.
#
# Seen failing:
# - "async", without the look at r->postponed in ngx_http_jimeng_send_rest(): no
#   reply, and a worker that does not leave;
# - "base64" and "tasks", before and both, with c->data set and restored by
#   ngx_http_jimeng_pass_output() whatever it was: no reply.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

# By the module: what is set, and what a client gets before and after.
my @filters = (
    [ '', before => 'add_before_body /x;', 'xxx', '' ],
    [ '', after => 'add_after_body /x;', '', 'xxx' ],
    [ '', both => 'add_before_body /x; add_after_body /slow;', 'xxx', 'late' ],
    [ 'srcache_filter', srcache => 'srcache_store PUT /x;
                                    srcache_methods POST;', '', '' ],
);

my %forms = (
    link => {}, async => { async => \1 }, stream => { stream => \1, n => 2 },
    base64 => { response_format => 'b64_json' },
    tasks => { response_format => 'b64_json', n => 3 },
    events => { response_format => 'b64_json', stream => \1 },
);

my @loaded = grep { length && has_module($_) } map { $_->[0] } @filters;
@filters = grep { $_->[0] eq '' || has_module($_->[0]) } @filters;

my $slow = raw_server(sub {
    my ($socket) = @_;
    read_request($socket);
    select undef, undef, undef, 0.1;
    print $socket "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nlate";
});

my %orders = @loaded ? load_orders(@loaded) : (alone => {});

for my $order (sort keys %orders) {
    my $t = Jimeng::Test->new(
        %{ $orders{$order} }, strict => 1, poll_interval => '20ms',
        env => { MALLOC_PERTURB_ => 165 }, http => 'addition_types *;',
        server => join("\n", 'location = /x { return 200 "xxx"; }
            location = /slow {
                proxy_pass http://127.0.0.1:' . $slow->port . ';
                proxy_method GET;
            }', map { "
            location /$_->[1]/ { jimeng_pass /_volcengine; $_->[2] }
        " } @filters),
    );

    my @workers = $t->workers;
    my @started;

    for my $filter (@filters) {
        for my $form (sort keys %forms) {
            my (undef, undef, $headers, $body) = $t->generation({
                prompt => "a weir, $filter->[1], $form. [[bytes=30000]]",
                %{ $forms{$form} },
            });

            push @started, [ $filter, $form, $t->start_request(
                'POST', "/$filter->[1]/images/generations", $headers, $body) ];
        }
    }

    for my $one (@started) {
        my ($filter, $form, $x) = @$one;
        my (undef, $what, undef, $before, $after) = @$filter;
        my $name = "$order, $form, $what";
        my $r = $x->response;
        my $text = $r->body // '';

        is($r->status, 200, "$name: status");
        ok($r->complete, "$name: whole");
        like($text, qr/^\Q$before\E(?!x).*[^x]\Q$after\E\n*\z/s,
             "$name: in order");
        like($text, $forms{$form}{stream} ? qr/completed.*"usage"/s
                                          : qr/\{"created".*\}/s,
             "$name: the reply");
        is(scalar(() = $t->submits("a weir, $what, $form.")),
           $forms{$form}{n} // 1, "$name: submits");
    }

    wait_for { $t->emulator->state->{running} == 0 } "$order: all tasks end";
    is(join(' ', $t->workers), "@workers", "$order: the same workers");
    $t->finish;
}

done_testing;
