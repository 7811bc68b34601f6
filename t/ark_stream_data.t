#!/usr/bin/perl

# Streams of what Ark makes, as data: each picture is fetched, and with the
# client, when it is made, while the call goes on and the next one is not.
#
# Ark and its server of pictures are hand-made here.  A prompt is a list of what
# a call does: it makes a picture of a name, or waits until the test lets go of
# another.  No clock is looked at.
#
# Seen failing:
# - "the first picture" of everything, with pictures that are fetched when the
#   call is over;
# - "one is lost", with a part that is made anew with each event and has
#   forgotten it, and "all are lost", with the error of none;
# - "no comment within an event", where a heartbeat looks only at what waits to
#   be sent;
# - "n, kept back", where all of a task that is over is, and "n, OpenAI's form",
#   where nothing is: no picture was the last, and its worker died of that;
# - "it ends meanwhile", with a stream that ends when its call does;
# - numbers of pictures that are those of their places in what is fetched.

use strict;
use warnings;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Http2;
use Jimeng::Test::Pictures qw(memory pictures);
use Jimeng::Test::Process qw(poll);
use Jimeng::Test::Shown qw(pictures_conf);
use Jimeng::Test::Sse;

# How much a worker may grow, in KiB, whatever the pictures' size.
use constant GROWTH => 16384;

my $dir = File::Temp->newdir('jimeng-data-XXXXXX', TMPDIR => 1);
my $model = 'doubao-seedream-4-5-251128';
my $v45 = 'jimeng-4.5';
my $prompts = 0;


# ---- Ark, and its pictures

sub bytes_of {
    my ($name) = @_;
    my $text = "\x89PNG\r\n\x1a\n$name"
               . join '', map { chr($_ % 251) } 1 .. 30_000;
    return $name =~ /^large/ ? $text x 100 : $text;
}

sub hash_of { sha256_hex(bytes_of($_[0])) }

sub mark { open my $fh, '>>', "$dir/$_[0]" or die "$_[0]: $!"; syswrite $fh, '.' }
sub noted { -e "$dir/$_[0]" }
sub times_of { (-s "$dir/$_[0]") || 0 }
sub go { mark("go.$_[0]") }

sub holds {
    my ($name) = @_;
    poll(sub { noted("go.$name") }, 30);
    return;
}

sub spill {
    my ($socket, $text) = @_;

    while (length $text) {
        my $n = syswrite($socket, $text) // return;
        substr $text, 0, $n, '';
    }
}

# "gate_X" is there when X is let go, "half_X" the second half of it.
sub show {
    my ($socket, $name) = @_;
    my $body = bytes_of($name);

    mark("asked.$name");

    return spill($socket, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
                          . "Connection: close\r\n\r\n")
        if $name =~ /^missing/;

    holds($1) if $name =~ /^gate_(.*)/;

    spill($socket, 'HTTP/1.1 200 OK' . "\r\nContent-Length: " . length($body)
                   . "\r\nConnection: close\r\n\r\n");

    if ($name =~ /^(?:half|broken)_(.*)/) {
        spill($socket, substr $body, 0, length($body) / 2, '');
        holds($1);
        return if $name =~ /^broken/;
    }

    return spill($socket, $body);
}

# The words of a prompt: "hold:X"; "first:X", which only the first call waits
# for; "fail", a picture that is not made; "cut", an end without its events;
# else a picture's name.
sub make {
    my ($socket, $port, $prompt) = @_;
    my ($id, @words) = split ' ', $prompt;
    my ($i, $made) = (0, 0);

    mark("calls.$id");
    my $first = mkdir "$dir/first.$id";

    spill($socket, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                   . "Connection: close\r\n\r\n");

    my $tell = sub {
        spill($socket, 'data: ' . JSON::PP::encode_json($_[0]) . "\n\n");
    };

    for my $word (@words) {
        if ($word =~ /^(hold|first):(.*)/) {
            holds($2) if $1 eq 'hold' || $first;

        } elsif ($word eq 'cut') {
            return mark("ended.$id");

        } elsif ($word eq 'fail') {
            $tell->({ type => 'image_generation.partial_failed',
                image_index => $i++, error => { message => 'no',
                    code => 'OutputImageSensitiveContentDetected' } });

        } else {
            mark("made.$id.$word");
            $made++;
            $tell->({ type => 'image_generation.partial_succeeded',
                image_index => $i++, size => '2048x2048',
                url => "http://127.0.0.1:$port/$word" });
        }
    }

    $tell->({ type => 'image_generation.completed',
              usage => { generated_images => $made, output_tokens => $made,
                         total_tokens => $made } });
    spill($socket, "data: [DONE]\n\n");
    mark("ended.$id");
}

my $server = raw_server(sub {
    my ($socket) = @_;
    my $request = read_request($socket) // return;

    if (my ($name) = $request =~ m{^GET /(\w+)}) {
        return show($socket, $name);
    }

    make($socket, $socket->sockport, $request =~ /"prompt":"([^"]*)"/);
});
my $port = $server->port;

my @lanes = (
    [ cache => 'proxy_cache pictures;', '' ],
    [ live => 'proxy_buffering off;', '' ],
    [ beats => 'proxy_buffering off;', 'jimeng_heartbeat 20ms;' ],
    [ soon => 'proxy_buffering off;', 'jimeng_timeout 1s;' ],
);

my $t = with_ark(zone => ' ', http2 => 1, log => [ 'jimeng_billed' ],
                 pictures_conf(
    hosts => "127.0.0.1:$port 127.0.0.1:%%EMULATOR_PORT%%",
    http => "lingering_close off; upstream hand { server 127.0.0.1:$port; }"
            . ' jimeng_account hand { api_key a-key-of-hand-that-opens-nothing;'
            . ' pass /_hand; concurrency 20; }',
    server => join "\n", 'location = /_hand { internal;'
        . ' proxy_http_version 1.1; proxy_pass http://hand/api; }',
        map { <<"EOT" } @lanes,
        location /$_->[0]/ {
            jimeng_pass /_volcengine;
            jimeng_accounts hand;
            jimeng_pictures /of_$_->[0]/;
            jimeng_poll_interval 50ms;
            $_->[2]
        }
        location /of_$_->[0]/ {
            jimeng_picture;
            proxy_pass \$jimeng_picture_url;
            proxy_http_version 1.1;
            $_->[1]
        }
EOT
));

$t->allow_log(qr/jimeng: (?:a picture's server answered|the pictures of task
                 |task "" of account "hand" failed
                 |an answer of \S+ ended early)/x);

my %ark = (model => $model);
my %openai = (model => $v45);
my %group = (sequential_image_generation => 'auto',
             sequential_image_generation_options => { max_images => 9 },
             response_format => 'b64_json');
my %form = ("Ark's form" => { %group, %ark },
            "OpenAI's form" => { %group, %openai,
                                 sequential_image_generation => undef,
                                 force_single => \0 });

sub request_of {
    my ($lane, $fields, $words) = @_;
    my (undef, undef, @rest) = $t->generation({
        stream => \1, %$fields, prompt => 'p' . ++$prompts . " $words" });

    return ('POST', "/$lane/images/generations", @rest);
}

sub begin {
    return Jimeng::Test::Sse->new($t->start_request(request_of(@_)));
}

sub is_over {
    my ($sse, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    ok($sse->complete, "$name: complete");
    is($sse->strange, '', "$name: nothing else");
    return;
}

# Each as a word: a picture by its name, or what else it is, and in Ark's form
# its number.
my %name_of = map { hash_of($_) => $_ } qw(red green blue large), map {
    my $kind = $_; map { "${kind}_$_" } 'a' .. 'z' } qw(gate half);

sub word {
    my ($event) = @_;

    return 'DONE' if ($event->{data} // '') eq '[DONE]';

    my $type = $event->{json}{type} // $event->{event} // 'none';
    my $index = $event->{json}{image_index};

    return ($name_of{ $event->{picture} // '' } // $type =~ s/.*\.//r)
           . (defined $index ? ":$index" : '');
}

sub words { join ' ', map { word($_) } @_ }

# What ends a stream in Ark's form.
my $end = 'completed DONE';


# ---- the first picture's data is the client's before the next one is made

for my $lane (qw(cache live)) {
    for my $form (sort keys %form) {
        my $ark = $form =~ /Ark/;
        my $name = "$lane, $form";
        my $hold = "$lane$ark";
        my $sse = begin($lane, $form{$form}, $ark
                        ? "red hold:$hold green blue"
                        : "red green hold:$hold blue");
        my $event = $sse->event;

        is(word($event), $ark ? 'red:0' : 'red', "$name: the first picture");
        ok(!noted("go.$hold"), "$name: the call goes on");
        ok(!noted("made.p$prompts." . ($ark ? 'green' : 'blue')),
           "$name: the next one is not made");
        go($hold);

        my @events = $sse->all;
        is(words(@events), $ark ? "green:1 blue:2 $end" : 'green blue',
           "$name: the others");
        is_over($sse, $name);
        is(times_of("calls.p$prompts"), 1, "$name: one call");
        is($t->logged($sse)->{jimeng_billed}, 3, "$name: billed");

        my %usage = %{ ($ark ? $events[-2] : $events[-1])->{json}{usage} };
        is($usage{output_tokens}, 3, "$name: what it took");
    }
}

# The emulator's, whose pictures come by its clock.
{
    my $sse = Jimeng::Test::Sse->new($t->start_generate({
        %group, %ark, stream => \1,
        prompt => 'herons [[pictures=3]] [[seconds=2]]' }));
    my $event = $sse->event;
    my ($call) = $t->emulator->calls('herons');

    like($event->{picture}, qr/^[0-9a-f]{64}$/, 'the emulator: a picture');
    is($call->{ended}, undef, 'the emulator: Ark still works');
    is(scalar(grep { $_->{picture} } $sse->all), 2, 'the emulator: the others');
}

{
    my $h2 = Jimeng::Test::Http2->new($t->port('http2'));
    my $id = $h2->start(request_of('live', $form{"Ark's form"},
                                   'red hold:h2 green'));

    ok($h2->read_until($id, qr/partial_succeeded.*?\n\n/s, 20),
       'HTTP/2: the first picture');
    ok(!noted("made.p$prompts.green"), 'HTTP/2: the next one is not made');
    go('h2');
    like($h2->response($id)->{body}, qr/data: \[DONE\]\n\n\z/,
         'HTTP/2: the end');
}


# ---- a fetch takes longer than the call

for my $word ('', ' cut') {
    my $name = $word ? 'it breaks off meanwhile' : 'it ends meanwhile';
    my $gate = $word ? 'gate_b' : 'gate_a';
    my $sse = begin('live', $form{"Ark's form"}, "$gate red$word");

    wait_for { noted("ended.p$prompts") && noted("asked.$gate") }
             "$name: it does";
    go($gate =~ s/gate_//r);

    my @events = $sse->all;
    is(words(@events), "$gate:0 red:1 $end", "$name: all of it");
    is($events[-2]{json}{usage}{generated_images}, 2, "$name: what it made");
    is_over($sse, $name);
}

{
    my $sse = begin('live', $form{"OpenAI's form"}, 'gate_c red fail');

    wait_for { noted("ended.p$prompts") } "OpenAI's form: it ends meanwhile";
    go('c');

    my @events = $sse->all;
    is(words(@events), 'gate_c red', "OpenAI's form, it ends meanwhile: all");
    is(join(' ', map { $_->{index} } @{ $events[1]{json}{errors} }), '2',
       "OpenAI's form, it ends meanwhile: what failed");
    is($events[0]{json}{errors}, undef, "OpenAI's form: told once");
    is_over($sse, "OpenAI's form, it ends meanwhile");
}


# ---- comments

{
    my $other = begin('beats', $form{"Ark's form"}, 'hold:beats red');
    my $sse = begin('beats', $form{"Ark's form"}, 'half_d red');

    wait_for { $sse->event(0.01); length $sse->strange > 10_000 }
             'half of it is there';
    my $before = $other->comments;
    wait_for { $other->next; $other->comments > $before + 5 }
             'others get comments';
    go('d');

    is(words($sse->all), "half_d:0 red:1 $end", 'no comment within an event');
    is_over($sse, 'comments');
    cmp_ok(scalar $sse->comments, '>=', 1, 'but around them');
    go('beats');
    is(words($other->all), "red:0 $end", 'the other');
}


# ---- n pictures, by a call each

for my $form (sort keys %form) {
    my $ark = $form =~ /Ark/;
    my $name = "n, $form";
    my $hold = $ark ? 'n1' : 'n2';
    my $sse = begin('live', { $ark ? %ark : %openai, n => 3,
                              response_format => 'b64_json' },
                    "first:$hold red");

    my @events = map { $sse->event } 1 .. ($ark ? 2 : 1);
    is(words(@events) =~ s/:\d//gr, $ark ? 'red red' : 'red',
       "$name: before the others are made");
    go($hold);
    push @events, $sse->all;

    my @last = splice @events, 3;
    is(words(@last), $ark ? $end : '', "$name: the end");
    is(join(' ', sort map { word($_) } @events),
       $ark ? 'red:0 red:1 red:2' : 'red red red', "$name: the pictures");
    is_over($sse, $name);
    is(times_of("calls.p$prompts"), 3, "$name: a call each");
    is($t->logged($sse)->{jimeng_billed}, 3, "$name: billed");
}

# Of a task that is over one is kept back while another runs, and no more.
{
    my $sse = begin('live', { %openai, n => 2, response_format => 'b64_json' },
                    'first:n4 gate_m red green');

    wait_for { times_of("ended.p$prompts") == 1 } "n, kept back: one ends";
    go('m');
    is(words(map { $sse->event } 1 .. 2), 'gate_m red',
       'n, kept back: but for one');
    ok(!noted('go.n4'), 'n, kept back: the other goes on');
    go('n4');
    is(join(' ', sort map { word($_) } $sse->all), 'gate_m green green red',
       'n, kept back: the rest');
    is_over($sse, 'n, kept back');
}

# A picture on its way when the others have come, and one of them after it.
{
    my $sse = begin('live', { %openai, n => 3, response_format => 'b64_json' },
                    'first:n3 gate_n');

    wait_for { times_of('asked.gate_n') == 1 } "n, OpenAI's form: one is asked";
    go('n3');
    wait_for { times_of("ended.p$prompts") == 3 } "n, OpenAI's form: all end";
    go('n');

    my @events = $sse->all;
    is(words(@events), 'gate_n gate_n gate_n', "n, OpenAI's form, meanwhile");
    is_deeply([ map { $_->{json}{usage}{output_tokens} } @events ], [ 0, 0, 3 ],
              "n, OpenAI's form, meanwhile: the last one tells of all");
    is_over($sse, "n, OpenAI's form, meanwhile");
}


# ---- single failures

{
    my $sse = begin('cache', $form{"Ark's form"},
                    'red missing_a hold:lost green');

    is(word($sse->event), 'red:0', 'one is lost: another');
    wait_for { times_of('asked.missing_a') == 3 } 'one is lost: three attempts';
    go('lost');

    my @events = $sse->all;
    is(words(@events), "green:2 partial_failed:1 $end", 'one is lost');
    is($events[1]{json}{error}{code}, 'upstream_error', 'one is lost: why');
    is($events[2]{json}{usage}{generated_images}, 3, 'one is lost: billed');
    is($t->logged($sse)->{jimeng_billed}, 3, 'one is lost: in the log');
    is_over($sse, 'one is lost');

    $sse = begin('cache', $form{"OpenAI's form"},
                 'red missing_b green hold:lost2 blue');
    is(word($sse->event), 'red', "one is lost, OpenAI's form: another");
    go('lost2');
    @events = $sse->all;
    is(words(@events), 'green blue', "one is lost, OpenAI's form");
    is(join(' ', map { $_->{index} } @{ $events[-1]{json}{errors} }), '1',
       "one is lost, OpenAI's form: told by the last one");
    is_over($sse, "one is lost, OpenAI's form");

    for my $words ('missing_c', 'missing_d missing_e') {
        $sse = begin('cache', $form{"Ark's form"}, "$words hold:$prompts");
        wait_for { times_of('asked.' . $words =~ s/.* //r) == 3 }
                 'all are lost: three attempts';
        go($prompts - 1);
        @events = $sse->all;
        is(words(@events), 'error', 'all are lost');
        is($events[0]{json}{error}{code}, 'upstream_error', 'all are lost: why');
        is_over($sse, 'all are lost');
    }

    $sse = begin('cache', $form{"OpenAI's form"}, 'red missing_f');
    is(words($sse->all), 'red error', "the last is lost, OpenAI's form");
}

# One that breaks off.
{
    my $sse = begin('live', $form{"Ark's form"}, 'broken_g hold:g2 red');

    wait_for { $sse->event(0.01); length $sse->strange > 10_000 }
             'broken: half of it';
    go('g');
    is($sse->event, undef, 'broken: no event');
    ok(!$sse->complete, 'broken: the client is told');
    ok(!noted("made.p$prompts.red"), 'broken: the call goes on');
    go('g2');
    wait_for { noted("ended.p$prompts") } 'broken: to its end';
    is($t->logged($sse)->{jimeng_billed}, 2, 'broken: billed');
}


# ---- not in time

{
    my $sse = begin('soon', $form{"Ark's form"}, 'red half_e hold:e2 green');

    is(word($sse->event), 'red:0', 'not in time: the first picture');
    wait_for { times_of('asked.half_e') } 'not in time: the second';
    wait_for { @{ [ $t->error_log =~ /failed after 0 queries/g ] } }
             'not in time: it is over';
    go('e');

    my @events = $sse->all;
    is(words(@events), "half_e:1 partial_failed:0 $end", 'not in time');
    is($events[1]{json}{error}{code}, 'generation_timeout',
       'not in time: why');
    is_over($sse, 'not in time');
    go('e2');
    is($t->logged($sse)->{jimeng_billed}, 3, 'not in time: billed');
}


# ---- clients

for my $while ('between two', 'within one') {
    my $words = $while =~ /^between/ ? 'red hold:l1 green'
                                     : 'red half_l hold:l2 green';
    my @request = request_of('live', $form{"Ark's form"}, $words);
    my $sse = Jimeng::Test::Sse->new($t->start_request(@request));

    is(word($sse->event), 'red:0', "who leaves $while: has a picture");

    if ($while =~ /^within/) {
        wait_for { $sse->event(0.01); length $sse->strange > 10_000 }
                 "who leaves $while: half of another";
    }

    $sse->abort;

    my $again = Jimeng::Test::Sse->new($t->start_request(@request));
    ok($again->next, "who leaves $while: is back");
    go($_) for $while =~ /^between/ ? 'l1' : qw(l l2);

    is(words($again->all), $while =~ /^between/ ? "red:0 green:1 $end"
                           : "red:0 half_l:1 green:2 $end",
       "who leaves $while: gets all");
    is_over($again, "who leaves $while");
    is(times_of("calls.p$prompts"), 1, "who leaves $while: one call");
    is($t->logged($sse)->{jimeng_billed}, $while =~ /^between/ ? 2 : 3,
       "who leaves $while: billed");
}

{
    my ($worker) = $t->workers;
    my $before = memory($worker);
    my $slow = $t->start_request(request_of('live', $form{"Ark's form"},
        'large red large hold:slow large'), buffer => 4096);

    wait_for { noted('asked.large') } 'a slow client: the first is asked';
    go('slow');
    wait_for { noted("ended.p$prompts") } 'a slow client: it is made';
    is(times_of('asked.large'), 1, 'a slow client: one at a time');

    my $sse = Jimeng::Test::Sse->new($slow);
    is(words($sse->all), "large:0 red:1 large:2 large:3 $end", 'a slow client');
    is_over($sse, 'a slow client');
    cmp_ok(memory($worker) - $before, '<', GROWTH, 'a slow client: memory');
}


# ---- reload

{
    my $sse = begin('live', $form{"Ark's form"}, 'red half_r hold:r2 green');

    is(word($sse->event), 'red:0', 'reload: the first picture');
    wait_for { $sse->event(0.01); length $sse->strange > 10_000 }
             'reload: half of another';
    kill 'HUP', $t->nginx->pid;
    wait_for { $t->workers('leaving') } 'reload: the worker is to leave';
    go('r');
    is(word($sse->event), 'half_r:1', 'reload: the other half');
    go('r2');
    is(words($sse->all), "green:2 $end", 'reload: the rest');
    is_over($sse, 'reload');
    is(times_of("calls.p$prompts"), 1, 'reload: one call');
}

$t->done;
