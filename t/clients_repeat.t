#!/usr/bin/perl

# HTTP clients that know nothing of the API, unchanged, and repeat by
# themselves what fails.  None of them marks a repeat or sees x-should-retry:
# whatever they repeat, one task is made.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(sha256_hex);
use File::Spec::Functions qw(rel2abs);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Cutter;
use Jimeng::Test::Http qw(decode_json_or_undef);
use Jimeng::Test::Ledger;
use Jimeng::Test::Pictures qw(noise_of pictures);
use Jimeng::Test::Process qw(slurp);

need_clients();

# What makes a command of file, URL, key and body.
my %clients = (
    curl => \&curl,
    wget => \&wget,
    urllib3 => \&urllib3,
    map({ my $name = $_; $name => sub { node($name, @_) } }
        qw(got undici fetch-event-source)),
);

my %there = (
    wget => 'wget --version',
    urllib3 => q(/usr/bin/python3 -c 'import urllib3'),
);

for my $name (sort keys %there) {
    next if system("$there{$name} > /dev/null 2>&1") == 0;

    fail("$name is there") if $ENV{CI};
    diag("without $name, which is not there");
    delete $clients{$name};
}

my $t = Jimeng::Test->new(with_ledger(
    workers => 2, emulator => { seconds => 0.3 }, log => [ 'jimeng_client' ],
    main => 'worker_shutdown_timeout 500ms;',
    server => 'location /short/ {
                   jimeng_pass /_volcengine;
                   jimeng_timeout 1s;
               }',
));

$t->allow_log(qr/worker process \d+ exited on signal 9/);

sub curl {
    my ($file, $url, $key, $body) = @_;

    return (qw(curl -sS --retry 2 --retry-all-errors -o), $file,
            '-H', 'Content-Type: application/json',
            '-H', "Authorization: Bearer $key", '-d', $body, $url);
}

sub wget {
    my ($file, $url, $key, $body) = @_;

    return (qw(wget -nv -O), $file, '--header=Content-Type: application/json',
            "--header=Authorization: Bearer $key", "--post-data=$body", $url);
}

sub urllib3 {
    my ($file, @rest) = @_;
    return ('/usr/bin/python3', rel2abs('t/clients/repeat.py'), @rest);
}

sub node {
    my ($name, $file, @rest) = @_;

    return (rel2abs('build/clients/node_modules/.bin/node'),
            rel2abs('t/clients/repeat.mjs'), $name, @rest);
}


# A client that has begun: {name, prompt, key, file, process}.
sub begin {
    my ($client, $what, %opt) = @_;
    my $key = "sk-of-$client-$what" =~ tr/ /-/r;
    my $prompt = "a wren, $what, $client" . ($opt{words} // '');
    my $file = $t->dir . "/$key.json";
    my $body = JSON::PP->new->utf8->canonical->encode({
        model => $opt{model} // 'jimeng-4.0', prompt => $prompt, response_format => 'url',
        $client eq 'fetch-event-source' ? (stream => \1) : (),
        %{ $opt{fields} || {} },
    });
    my $url = ($opt{url} // $t->url('/v1')) . '/images/generations';

    $t->secret($key);

    my $process = Jimeng::Test::Process->start(
        dir => $t->dir, name => $client,
        command => [ $clients{$client}->($file, $url, $key, $body) ],
        env => { map { $_ => undef } qw(http_proxy HTTP_PROXY) },
    );

    return { name => "$what, $client", client => $client, prompt => $prompt, response_format => 'url',
             key => $key, file => $file, process => $process };
}


# How often it has been answered, or has left.
sub tries {
    my ($run) = @_;
    my $id = substr sha256_hex($run->{key}), 0, 16;

    return grep { ($_->{jimeng_client} // '') eq $id } $t->access_log;
}


# What it got in the end.
sub ended {
    my ($run) = @_;
    my $process = $run->{process};

    ok($process->wait(40), "$run->{name}: it ends") or $process->stop;

    return -e $run->{file} ? slurp($run->{file}) : $process->stdout;
}


# It got its picture, and made one task; who gives up on this has no picture.
sub has_picture {
    my ($run, %gives_up) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $text = ended($run);
    my @ids = map { $_->{task_id} } submits_of($t, $run->{prompt});
    my $id = $ids[-1] // 'none';

    if (my $why = $gives_up{ $run->{client} }) {
        like($run->{process}->stderr, $why, "$run->{name}: it says why");

    } elsif (my ($bytes) = $run->{prompt} =~ /\[\[bytes=(\d+)\]\]/) {
        my ($rest, @pictures) = pictures($text);
        is("@pictures", noise_of($id, $bytes), "$run->{name}: the picture")
            or diag($run->{process}->stderr);

    } else {
        like($text, qr{"url":"[^"]+/pictures/\Q$id\E-0\.png"},
             "$run->{name}: the picture")
            or diag($text, $run->{process}->stderr);
    }

    return is(scalar @ids, 1, "$run->{name}: one submit");
}


# It was told what is wrong as often as it cared to ask, and made one task.
sub has_error {
    my ($run, $code) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    # This one asks for ever.
    if ($run->{client} eq 'fetch-event-source') {
        wait_for { tries($run) >= 4 } "$run->{name}: it has repeated it";
        $run->{process}->stop;

    } else {
        my $json = decode_json_or_undef(ended($run)) // {};

        # Some do not hand on what they were answered.
        is($json->{code} // $code, $code, "$run->{name}: the error");
    }

    return is(scalar submits_of($t, $run->{prompt}), 1,
              "$run->{name}: one submit");
}


subtest 'answered, and not with the picture' => sub {
    my %lost = (model => 'jimeng-4.6');

    $t->emulator->fault({ on => 'submit', do => 'drop', times => -1,
                          req_key => 'jimeng_seedream46_cvtob' });

    my %short = (url => $t->url('/short'));
    my @late = map {
        begin($_, 'late', %short, words => ' [[seconds=2.4]]')
    } sort keys %clients;
    my @final = map { begin($_, 'final', words => ' [[50522]]') }
                sort keys %clients;
    my @lost = map { begin($_, 'lost', %lost) } sort keys %clients;

    has_picture($_) for @late;
    has_error($_, 'upstream_error') for @final, @lost;
    $t->emulator->clear_faults;

    for my $run (@late, @final, @lost) {
        cmp_ok(scalar(tries($run)), '>', 1, "$run->{name}: more than a try")
            if $run->{client} ne 'wget' || $run->{name} =~ /^late/;
    }
};


# Those whose connection is cut get their picture in another one.
sub disturbed {
    my ($what, $disturb, %opt) = @_;
    my @runs = map { begin($_, $what, words => ' [[seconds=3]]', %opt) }
               sort keys %clients;

    wait_submits($t, $_->{prompt}) for @runs;
    $disturb->();
    has_picture($_, %{ $opt{gives_up} || {} }) for @runs;
    return;
}


subtest 'workers are killed' => sub {
    disturbed('killed', sub { $t->kill_worker($_) for $t->workers });
};

subtest 'a reload' => sub {
    # Of what is answered wget repeats 504 only.
    disturbed('reloaded', sub { $t->reload },
              gives_up => { wget => qr/ERROR 503|URL:/ });
};

subtest 'connections are reset' => sub {
    my $net = Jimeng::Test::Cutter->new($t);

    disturbed('reset', sub { $net->cut }, url => $net->url('/v1'));
    cmp_ok($net->connections, '>', scalar keys %clients, 'they came twice');
    $net->stop;
};

# Who has a part of an answer may ask for the rest, which there is not.
my @part = (undici => qr/does not support the range header/);

subtest 'a reset in the middle of an answer' => sub {
    my (@nets, @runs);

    for my $client (sort keys %clients) {
        push @nets, Jimeng::Test::Cutter->new($t, first => 1_000_000);
        push @runs, begin($client, 'half', url => $nets[-1]->url('/v1'),
                          words => ' [[bytes=4000000]]',
                          fields => { response_format => 'b64_json' });
    }

    has_picture($_, @part) for @runs;
    is($_->connections, 2, 'it came twice') for @nets;
    $_->stop for @nets;
};

subtest 'base64 that breaks off' => sub {
    my @runs = map {
        begin($_, 'cut', words => ' [[seconds=3]] [[bytes=120000]]',
              fields => { response_format => 'b64_json' })
    } sort keys %clients;

    for my $run (@runs) {
        wait_submits($t, $run->{prompt});
        my ($submit) = submits_of($t, $run->{prompt});

        $t->emulator->fault({ on => 'result', do => 'cut',
                              body_bytes => 60_000,
                              task => $submit->{task_id} });
    }

    has_picture($_, @part) for @runs;
};


# They wait for each other.
subtest 'four at once' => sub {
    my @four = map { begin('curl', "four", words => ' [[seconds=1]]') } 1 .. 4;

    $_->{file} = undef for @four[1 .. 3];
    ok($_->{process}->wait(20), 'it ends') for @four;
    is(scalar submits_of($t, $four[0]{prompt}), 4, 'four submits');
};

$t->done;
