#!/usr/bin/perl

# What a file of keys says of names: lines without a key, "*" for whoever has
# none, "from", "default_model" and "expires".  Each name has counters of its
# own, over all workers, and they stay with a reload; and there are no more
# names than there is room for.
#
# Seen failing: with counters that all names have in common, with none for
# names without a line, without the limit of such names in
# jm_quota_loose_full(), with an error for it that is not told, with the lines
# of other files left out, with an address that is not looked at for a key, or
# for a name, and with the location's model for all.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask submits_of wait_submits with_ledger);
use Jimeng::Test::Metrics;

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, strict => 1, emulator => { seconds => 0.3 },
    poll_interval => '50ms', start => 0, log => [ 'jimeng_client' ],
    http => <<'EOT',
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Address;
EOT
    location => <<'EOT',
        jimeng_client $http_name;
        jimeng_keys %%DIR%%/keys;
EOT
    server => <<'EOT',
        location = /metrics { jimeng_metrics; }
        location /others/ {
            jimeng_client $http_name;
            jimeng_keys %%DIR%%/others;
            jimeng_pass /_volcengine;
        }
EOT
));

my @lines = ('- alice images=2/d', '- bob default_model=jimeng-4.6',
             '- gone expires=2020-01-01', '- may models=jimeng-4.6',
             '- near from=10.0.0.0/8,2001:db8::/32',
             client_line('far from=10.0.0.0/8'), client_line('dual'),
             '- dual from=192.0.2.7',
             '* rate=3r/h images=2/d concurrency=1');

sub lines {
    $t->secret(key_of('far'), key_of('dual'));
    return $t->write_file('keys', join '', map { "$_\n" } @_);
}

lines(@lines);
$t->write_file('others', "* rate=3r/h images=2/d concurrency=1\n");
$t->start;

my $prompts = 0;
my ($one, $other) = $t->workers;

sub prompt { "a harbour at night, $_[0], " . ++$prompts }

sub named {
    my ($name, $address) = @_;
    return { defined $name ? (Name => $name) : (),
             defined $address ? ('X-Address' => $address) : () };
}

sub order {
    my ($headers, $fields, $path) = @_;
    my @request = $t->generation({ prompt => prompt('any'),
                                   %{ $fields || {} } }, $headers);
    $request[1] = "$path/images/generations" if defined $path;
    return @request;
}

sub post { return $t->request(order(@_)) }

sub usage_of {
    my ($name, $path) = @_;
    return $t->request('GET', ($path // '/v1') . '/usage', named($name))->json;
}


# ---- a line without a key

is(ask($t, $_, order(named('alice')))->response->status, 200, "alice: $_")
    for $one, $other;
is_refused($t, post(named('alice')), 'alice: two are all',
           code => 'insufficient_quota', after => [ 1, 86400 ]);
is(usage_of('alice')->{images}{used}, 2, 'alice: usage');
is(usage_of('alice')->{requests}, undef, 'alice: and no other limit');
is_refused($t, post(named('gone')), 'a line that has expired',
           code => 'permission_denied', message => qr/over/);
is_refused($t, post(named('may')), 'not its model',
           code => 'permission_denied', param => 'model');
is(post(named('may'), { model => 'jimeng-4.6' })->status, 200, 'its model');


# ---- whoever has none

for my $name (qw(carol dave)) {
    my $r = post(named($name));
    is($r->status, 200, "$name: a picture");
    is_deeply([ @{ limits($r) }{qw(limit remaining)} ], [ 3, 2 ],
              "$name: a bucket of its own");
    is(ask($t, $_, order(named($name)))->response->status,
       $_ == $one ? 200 : 429, "$name: on another worker") for $one, $other;
    is(usage_of($name)->{images}{used}, 2, "$name: pictures of its own");
    is_refused($t, post(named($name)), "$name: four in an hour",
               code => 'rate_limit_exceeded', after => [ 1, 3600 ]);
}

my $prompt = prompt('slow');
my $slow = ask($t, $one, order(named('erin'), { prompt => $prompt }));
wait_submits($t, $prompt, 1);
is_refused($t, ask($t, $other, order(named('erin')))->response,
           'erin: one at a time', code => 'rate_limit_exceeded',
           message => qr/at a time/, after => [ 1, 60 ]);
is(ask($t, $other, order(named('frank')))->response->status, 200,
   'erin: another name');
is($slow->response->status, 200, 'erin: the first');
is_deeply(usage_of('nobody yet')->{images}{used}, 0, 'one that never came');


# ---- another file

is(usage_of('carol', '/others')->{images}{used}, 2, 'the same, by another file');
is(usage_of('alice', '/others')->{requests}, undef,
   'a name with a line is none of those without');
is_refused($t, post(named('alice'), {}, '/others'), 'it has its own limits',
           code => 'insufficient_quota', after => [ 1, 86400 ]);


# ---- a model

is(post(named('bob'))->json->{model}, 'jimeng_seedream46_cvtob',
   'default_model');
is(post(named('bob'), { model => 'jimeng-4.0' })->json->{model},
   'jimeng_t2i_v40', 'another that it asks for');
is(post(named('grace'))->json->{model}, 'jimeng_t2i_v40', 'nobody else\'s');


# ---- addresses

my $submits = $t->submits;

sub is_elsewhere {
    my ($headers, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is_refused($t, post($headers), $name,
                      code => 'address_not_allowed', message => qr/address/);
}

is_elsewhere(named('near'), 'its own address');
is_elsewhere(named('near', $_), "a name from $_")
    for '11.0.0.1', '2001:db9::1', '::1';
is_elsewhere({ %{ bearer('far') }, 'X-Address' => '9.1.1.1' }, 'a key');
is_elsewhere({ %{ bearer('far') }, Name => 'henry' },
             'a name of anybody\'s with such a key');
is_elsewhere({ %{ bearer('dual') }, Name => 'dual' }, 'the line of its name');
is(scalar $t->submits, $submits, 'nothing was submitted');
$t->log_like(qr/\[info\].* jimeng: the line has no such address: client "$_"/,
             "the log says it: $_") for 'near', 'far', 'dual', 'henry';

is(post(named('near', $_))->status, 200, "a name from $_")
    for '10.200.3.4', '2001:db8:77::1';
is(post({ %{ bearer('far') }, 'X-Address' => '10.0.0.9' })->status, 200,
   'a key, from where it may');
is(post(bearer('dual'))->status, 200, 'a key whose line says nothing of it');
is(post(named('dual', '192.0.2.7'))->status, 200, 'a name, from one address');
is($t->request('GET', '/v1/models', named('near'))->status, 403,
   'for all paths');


# ---- a reload

lines(@lines, '- carol images=3/d');
$t->reload;

is(usage_of('carol')->{images}{used}, 2, 'reload: with a line, what it used');
is(usage_of('carol')->{images}{limit}, 3, 'reload: and a limit of its own');
is(post(named('carol'))->status, 200, 'reload: one more');
is(usage_of('dave')->{images}{used}, 2, 'reload: without one');
is_refused($t, post(named('dave')), 'reload: nothing was forgotten',
           code => 'rate_limit_exceeded', after => [ 1, 3600 ]);

lines(@lines[0 .. $#lines - 1]);
$t->reload;
is(post(named('dave'))->status, 200, 'reload: no "*", no limits');
is(usage_of('dave')->{images}, undef, 'reload: none at all');


# ---- more names than there is room for

lines('* rate=1r/h', '- alice images=100/d');
$t->write_file('others', '');
$t->reload;

my $n = 0;
my $bad = [ 'POST', '/v1/images/generations',
            { 'Content-Type' => 'application/json' }, '{' ];
my $full;

while (!$full && $n < 20) {

    for my $i (1 .. 100) {
        my ($method, $path, $headers, $body) = @$bad;
        $t->request($method, $path, { %$headers, Name => "n-$n-$i" }, $body);
    }

    $n++;
    my $r = post(named("one more $n"));
    $full = $r if $r->status != 200;
}

is_refused($t, $full, "after $n hundreds there is no room",
           code => 'service_unavailable', after => [ 1, 1 ],
           message => qr/nothing was ordered/);
is(post(named('alice'))->status, 200, 'who has a line is served');
is_refused($t, post(named('n-1-1')), 'who is there is counted',
           code => 'rate_limit_exceeded', after => [ 1, 3600 ]);
cmp_ok($n, '<', 10, 'an eighth of the zone');

my $all = scrape($t);
my %results = map { /result="(\w+)"/ ? ($1 => 1) : () }
              keys %{ counted($all, 'jimeng_requests_total') };
ok($results{address_not_allowed}, 'metrics: addresses');

$t->done;
