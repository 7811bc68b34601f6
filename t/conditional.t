#!/usr/bin/perl

# A request with a condition (RFC 9110, section 13) is served as if it had
# none: what nginx makes of one, 304 or 412, would take the place of pictures
# that are paid for.
#
# Seen failing without disable_not_modified: 412 and 304 for all, and a worker
# that dies of a stream, whose request has lost its context.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;

my $t = Jimeng::Test->new;
my $true = JSON::PP::true();

my @conditions = (
    [ 'If-Match', '"x"' ], [ 'If-None-Match', '*' ],
    [ 'If-Unmodified-Since', 'Sun, 06 Nov 1994 08:49:37 GMT' ],
    [ 'If-Modified-Since', 'Fri, 06 Nov 2093 08:49:37 GMT' ],
    [ 'If-Range', '"x"' ],
);

for my $condition (@conditions) {
    my ($name, $value) = @$condition;
    my %header = ($name => $value);

    for my $fields ({}, { stream => $true }, { n => 2 },
                    { response_format => 'b64_json' })
    {
        my $r = $t->generate({ %$fields, prompt => "a moon, $name" },
                             { %header });
        my $pictures = () = $r->body =~ /"(?:url|b64_json)":/g;

        is($r->status, 200, join ' ', $name, %$fields);
        is($pictures, $fields->{n} // 1, 'what it has paid for is in it');
    }

    is($t->request('GET', '/v1/models', { %header })->status, 200,
       "$name: models");
}

$t->done;
