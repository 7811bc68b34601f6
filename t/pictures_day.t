#!/usr/bin/perl

# A picture outlives Volcengine's day: 25 hours later its link still opens it,
# from the cache, while Volcengine's own is gone.  A month later the link ends.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Clock;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Shown qw(asked_for fetches path_of pictures_conf shown);

use constant { HOUR => 3600, DAY => 86400 };

my $clock = Jimeng::Test::Clock->new
    or plan(skip_all => 'no clock can be put before that of nginx here');

my $t = Jimeng::Test->new(pictures_conf(
    env => $clock->env, pictures => '/pictures/ expires=30d',
    server => <<'EOT',
        location /plain/ {
            jimeng_picture;
            proxy_pass $jimeng_picture_url;
        }
EOT
));

my $url = $t->generate->json->{data}[0]{url};
my $other = $t->generate({ prompt => 'a second mill' })->json->{data}[0]{url};
my $plain = path_of($url) =~ s{^/pictures/}{/plain/}r;

wait_for { fetches($t, 'succeed') == 2 } 'both are fetched';
my $first = $t->request('GET', $plain);
is($first->status, 200, 'it is there, without a cache as well');

my ($row) = asked_for($t);
my $own = sub {
    Jimeng::Test::Http->start($t->emulator->port, 'GET', $row->{path})
        ->response->status;
};
is($own->(), 200, "and by Volcengine's link");

my $asked = asked_for($t);

for my $case ([ '25 hours', 25 * HOUR ], [ '29 days', 29 * DAY ]) {
    my ($name, $ahead) = @$case;
    $clock->set($ahead);

    is($own->(), 403, "$name: Volcengine's link is gone");
    is_error($t, $t->request('GET', $plain),
             "$name: and so is what was not kept", code => 'not_found');

    my $r = shown($t, $url);
    is($r->status, 200, "$name: the gateway's link opens");
    ok($r->body eq $first->body, "$name: the picture");
    is($r->header('Content-Type'), 'image/png', "$name: as it was");
    is(shown($t, $other)->status, 200, "$name: the other one as well");
}

# Of ours, and of those without a cache.
is(scalar asked_for($t), $asked + 4, 'the cache has asked nobody');

$clock->set(32 * DAY);
is_error($t, shown($t, $url), 'a month: the link has ended',
         code => 'not_found');
is(scalar asked_for($t), $asked + 4, 'and is not asked for');

$t->done;
