#!/usr/bin/perl

# Pages in a real browser: those that conf-examples/browser.conf lists can ask
# for pictures and read all of the answer, others can not; and without it a
# page of another origin orders nothing, in none of the ways that a browser
# has.
#
# Seen failing: with the forms of "orders nothing" taken; with an example that
# lists every page, one that has no preflight, one without "always", and one
# without Access-Control-Expose-Headers.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use MIME::Base64 qw(encode_base64);
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Certificate;
use Jimeng::Test::Example qw(internal rewrite);
use Jimeng::Test::Http qw(decode_json_or_undef);
use Jimeng::Test::Keys;
use Jimeng::Test::Process qw(free_port slurp);

my $chromium = need_browser();
my $root = Jimeng::Test::Nginx::root();
my $page_port = free_port();
my $browsers = 0;

# Each name that a page can have here is one of this machine's.
my ($listed, $other) = map { "http://$_:$page_port" } 'app.example.com',
                       'evil.example.net';


# What the calls say, by their names.
sub browse {
    my ($t, @pages) = @_;
    my $n = ++$browsers;
    my $spec = $t->write_file("browser-$n.json", JSON::PP->new->encode({
        chromium => $chromium, port => $page_port, pages => \@pages,
        profile => $t->dir . "/browser-$n",
    }));

    return map { $_->{name} => $_ }
        answers_of(start_client($t->dir, 'browser.mjs', [ $spec ]));
}

sub bearer_json {
    return { 'Content-Type' => 'application/json', %{ bearer('alice') } };
}

# Logged when it is over.
sub lines_of {
    my ($t, $pattern, $n) = @_;
    my @lines;

    wait_for {
        @lines = grep { $_ =~ $pattern }
                 split /\n/, slurp($t->dir . '/access.log');
        @lines >= $n;
    } "$n lines with $pattern";

    return @lines;
}


# ---- pages that may

my $conf = rewrite(slurp("$root/conf-examples/browser.conf"));
$conf =~ s{https://app\.example\.com }{$listed }
    or die "browser.conf does not list app.example.com\n";

my $t = Jimeng::Test->new(start => 0, conf => $conf,
                          emulator => { seconds => 0.3 });

set_clients($t, 'alice rate=60r/m');
$t->write_file($_, $t->can($_)->($t) . "\n") for qw(access_key secret_key);
write_certificate($t->dir . '/gateway', 'gateway.example.com');
internal($t, plain => 1);
$t->start;
$t->secret(key_of('nobody'));

my $gateway = 'https://gateway.example.com:' . $t->port . '/v1';
my %post = (url => "$gateway/images/generations", as => 'json',
            headers => bearer_json(),
            fields => { prompt => 'a fox in the snow' });
my %edit = (url => "$gateway/images/edits", as => 'form', file => 'image',
            fields => { prompt => 'a fox, once more', n => 1,
                        model => 'jimeng_i2i_v30' });

my $screenshot = $ENV{JIMENG_SCREENSHOT} // $t->dir . '/page.png';

my %said = browse($t,
    { url => "$listed/", screenshot => $screenshot, calls => [
        { %post, name => 'JSON' },
        { %post, name => 'SDK', headers => {
            'Content-Type' => 'application/json', 'api-key' => key_of('alice'),
            'Idempotency-Key' => 'once', 'X-Stainless-Lang' => 'js',
            'X-Stainless-Retry-Count' => '0',
            'X-Header-Of-A-Later-Release' => '1' } },
        { %post, name => 'stream', stream => \1,
          fields => { prompt => 'a fox in a stream', stream => \1,
                      response_format => 'url' } },
        { %edit, name => 'form', headers => bearer('alice') },
        { %post, name => 'a bad value',
          fields => { prompt => 'a fox', size => 'huge' } },
        { %post, name => 'an unknown key', headers => {
            'Content-Type' => 'application/json', %{ bearer('nobody') } } },
        { %edit, name => 'no key' },
        { %post, name => 'too large',
          fields => { prompt => 'x' x 300_000 } },
        { url => "$gateway/models", name => 'models', method => 'GET',
          headers => bearer('alice') },
        { url => "$gateway/nothing", name => 'no such path', method => 'GET',
          headers => bearer('alice') },
        { url => $gateway =~ s{v1\z}{}r, name => 'elsewhere',
          method => 'GET' },
    ] },
    { url => "$other/", calls => [
        { %post, name => 'other: JSON' },
        { %edit, name => 'other: form', headers => bearer('alice') },
        { %edit, name => 'other: form without a key' },
        { %edit, name => 'other: form, blind', mode => 'no-cors' },
        { url => "$gateway/models", name => 'other: models', method => 'GET',
          headers => bearer('alice') },
        { url => "$gateway/models", name => 'other: no key',
          method => 'GET' },
    ] },
);

my @ids = qw(x-request-id);
my @rate = map { "x-ratelimit-$_-requests" } qw(limit remaining reset);

for my $case (
    [ 'JSON', 200, @rate ], [ 'SDK', 200, @rate ], [ 'stream', 200, @rate ],
    [ 'form', 200, @rate ], [ 'a bad value', 400, @rate ],
    [ 'an unknown key', 401, 'www-authenticate' ],
    [ 'no key', 401, 'www-authenticate' ], [ 'too large', 413 ],
    [ 'models', 200 ], [ 'no such path', 404 ], [ 'elsewhere', 404 ],
) {
    my ($name, $status, @headers) = @$case;
    my $answer = $said{$name};
    my $json = decode_json_or_undef($answer->{body});

    is($answer->{status}, $status, "$name: status") or diag(explain($answer));
    ok(defined $answer->{headers}{$_}, "$name: the page can read $_")
        for @headers, $name eq 'stream' ? () : @ids;

    if ($status == 200) {
        unlike($answer->{body}, qr/"error"/, "$name: no error");
    } else {
        is($json->{error}{code}, $json->{code}, "$name: the envelope");
        like($json->{message}, qr/^\S.{10,}\.\z/, "$name: its message");
    }
}

like($said{$_}{body}, qr{^\{"created":.*"url":"http://}, "$_: a picture")
    for 'JSON', 'SDK', 'form';
like($said{stream}{body}, qr/^event: image_generation\.completed\n/m,
     'stream: its event');
is($said{stream}{headers}{'content-type'}, 'text/event-stream',
   'stream: its type');

my ($edit) = grep { $_->{json}{prompt} eq 'a fox, once more' } $t->submits;
like(MIME::Base64::decode_base64($edit->{json}{binary_data_base64}[0] // ''),
     qr/^\x89PNG\r\n/, 'form: the picture of the page went upstream');

for my $name (grep { /^other: / } sort keys %said) {
    my $answer = $said{$name};

    if ($name =~ /blind/) {
        is_deeply([ @$answer{qw(type status body)} ], [ 'opaque', 0, '' ],
                  "$name: it is shown nothing");
    } else {
        is($answer->{error}{name}, 'TypeError', "$name: it can read nothing")
            or diag(explain($answer));
    }
}

is(scalar $t->submits, 4, 'as many submits as pictures for the page that may');
cmp_ok(scalar(lines_of($t, qr{"OPTIONS[ ]/v1/images/\w+","protocol":"HTTP/2\.0",
                              "status":"204"}x, 5)),
       '>=', 5, 'with preflights before them');

$t->finish;


# ---- pages of another origin, at a gateway without keys

$t = Jimeng::Test->new(
    emulator => { seconds => 0.1 }, poll_interval => '20ms',
    log => [ 'remote_user', 'http_sec_fetch_site', 'http_origin', 'uri' ],
    server => <<"EOC",
        default_type text/html;

        location = /page { alias $root/t/clients/browser.html; }
        location /on/ { jimeng_cross_site on; jimeng_pass /_volcengine; }
        location /password/ {
            auth_basic "a gateway";
            auth_basic_user_file %%DIR%%/users;

            location = /password/page {
                alias $root/t/clients/browser.html;
            }
            location /password/v1/ { jimeng_pass /_volcengine; }
        }
EOC
);

my $password = 'in-the-users-head';
$t->secret($password, encode_base64("user:$password", ''));
$t->write_file('users', "user:{PLAIN}$password\n");

# To 127.0.0.1 a browser says whose page it is without TLS as well.
my %place = (trusted => 'http://127.0.0.1:' . $t->port,
             plain => 'http://gateway.example.com:' . $t->port);

my %fields = (prompt => 'a fox that nobody ordered',
              image => 'https://a.example/b.png');

sub attacks {
    my ($name, $url) = @_;
    my %form = (url => "$url/v1/images/edits", as => 'form',
                fields => \%fields);
    my $json = JSON::PP->new->canonical->encode(\%fields);

    return (
        { %form, name => "$name: fetch" },
        { %form, name => "$name: blind", mode => 'no-cors' },
        { %form, name => "$name: with cookies", mode => 'no-cors',
          credentials => 'include' },
        { %form, name => "$name: beacon", by => 'beacon' },
        { %form, name => "$name: element", by => 'form' },
        { %form, name => "$name: JSON as text", by => 'form',
          enctype => 'text/plain', fields => { $json =~ s/\}\z/,"x":"/r
                                               => '"}' } },
        { %form, name => "$name: JSON as a parameter", by => 'form',
          enctype => 'application/x-www-form-urlencoded' },
        { %form, name => "$name: JSON", as => 'json',
          headers => { 'Content-Type' => 'application/json' } },
        { %form, name => "$name: JSON, blind", as => 'json',
          mode => 'no-cors',
          headers => { 'Content-Type' => 'application/json' } },
        { %form, name => "$name: with a key", headers => bearer('nobody') },
    );
}

my $inside = $place{trusted} =~ s{//}{//user:$password\@}r;

%said = browse($t,
    { url => "$other/", calls => [
        map { attacks($_, $place{$_}) } sort keys %place ] },
    { visit => "$inside/password/page", url => "$other/", calls => [
        { name => 'password', by => 'form', target => '_self', leaves => \1,
          url => "$place{trusted}/password/v1/images/edits",
          fields => \%fields } ] },
);

is(scalar $t->submits, 0, 'pages of another origin: nothing is ordered');

for my $name (sort keys %said) {
    my $answer = $said{$name};

    if ($name eq 'password') {
        is($answer->{status}, 403, 'with the password of a user: 403');
        like($answer->{body}, qr/"permission_denied".*jimeng_cross_site on/s,
             'with the password of a user: why');
    } elsif ($name =~ /beacon|element|JSON as/) {
        ok($answer->{sent}, "$name: it was sent");
    } elsif ($name =~ /blind|cookies/) {
        is($answer->{type}, 'opaque', "$name: it was sent");
    } else {
        is($answer->{error}{name}, 'TypeError', "$name: it failed");
    }
}

# Five forms of each, and two bodies that are none; the preflights of two.
my (@rows, %count);

wait_for {
    @rows = grep { $_->{uri} =~ m{/images/edits} } $t->access_log;
    @rows >= 21;
} 'all of it in the log';

$count{ ($_->{request} =~ /^(\w+)/)[0] . " $_->{status}" }++ for @rows;
is_deeply(\%count, { 'POST 403' => 11, 'POST 415' => 6, 'OPTIONS 405' => 4 },
          'what the log has of them') or diag(explain(\@rows));

my ($asked) = grep { $_->{remote_user} eq 'user' } @rows;
is($asked && $asked->{status}, 403, 'and of the password that came with one');

my %seen = map { $_->{http_sec_fetch_site} => 1 } @rows;
is_deeply(\%seen, { 'cross-site' => 1, '' => 1 },
          'some of them said whose page it was');


# ---- the gateway's own page, and any where that is the operator's wish

my %own = map {
    my $name = "own, $_";
    browse($t, { url => "$place{$_}/page", calls => [
        { name => "$name", url => "$place{$_}/v1/images/edits", as => 'form',
          fields => \%fields },
        { name => "$name, element", url => "$place{$_}/v1/images/edits",
          by => 'form', target => '_self', leaves => \1,
          fields => \%fields } ] });
} sort keys %place;

is($own{$_}{status}, 200, $_) or diag(explain($own{$_})) for sort keys %own;
is(scalar $t->submits, 4, 'own: four submits');

browse($t, { url => "$other/", calls => [
    { name => 'on', url => "$place{trusted}/on/images/edits", as => 'form',
      mode => 'no-cors', fields => \%fields } ] });
is(scalar $t->submits, 5, 'jimeng_cross_site on: a submit');

$t->done;
