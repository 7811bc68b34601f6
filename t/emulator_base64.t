# The emulator's pictures as base64: in every way that an answer may be
# written, and what goes wrong with it when a test wants it to.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA  qw(sha256_hex);
use JSON::PP     ();
use MIME::Base64 qw(decode_base64);
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Emulator::Picture;
use Jimeng::Test::Http;

my $links    = { return_url => JSON::PP::true };
my $emulator = start(seconds => 0);


# The bytes of the pictures in an answer.
sub pictures {
    my ($answer) = @_;

    return map { decode_base64($_) }
        @{ $answer->{json}{data}{binary_data_base64} };
}


sub noise {
    my ($id, $index, $bytes) = @_;

    return Jimeng::Emulator::Picture::noise(2048, 2048, $bytes,
        "$id-$index");
}


subtest 'bytes' => sub {
    for my $bytes (24, 1000, 100_001, 180_000) {
        my $id   = task_id("a cat [[bytes=$bytes]]");
        my ($it) = pictures(query($id));

        is(length $it, $bytes, "$bytes: so many");
        is(sha256_hex($it), sha256_hex(noise($id, 0, $bytes)),
            "$bytes: the ones that can be foretold");
        ok(substr($it, 0, 24) eq "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
            . pack('NN', 2048, 2048), "$bytes: a PNG of its size");

        my $path = query($id, $links)->{json}{data}{image_urls}[0]
            =~ s{^http://[^/]+}{}r;
        my $link = Jimeng::Test::Http->start($emulator->port, 'GET', $path);
        ok($link->response->{body} eq $it, "$bytes: the link has the same");
    }

    my $id = task_id('a cat [[bytes=5000]] [[pictures=3]]',
        force_single => JSON::PP::false);
    my %different = map { $_ => 1 } pictures(query($id));
    is(scalar keys %different, 3, 'a group: three that differ');

    my $began = time;
    is(length noise('1', 0, 30_000_000), 30_000_000, 'thirty megabytes');
    cmp_ok(time - $began, '<', 2, 'in no time');
};


subtest 'the same, written otherwise' => sub {
    for my $case (
        ['plain', '', qr/\A\{"code":10000,"data":\{"binary_data_base64":\["iVB
            [A-Za-z0-9+\/]+=*"\],"image_urls":null,/x],
        ['escape', '[[escape]]', qr/\["iVB(?:[A-Za-z0-9]|\\\/|\\u002b)+=*"\]/],
        ['wrap', '[[wrap=76]]', qr/\["iVB\S{73}\\n(?:\S{76}\\n)*\S{1,76}"\]/],
        ['both', '[[wrap=19]] [[escape]]', qr/\\n.*\\\//],
        ['late', '[[late]]',
            qr/\A\{"data":.*"time_elapsed":"[^"]+","code":10000\}\z/],
        ['pieces', '[[pieces=777]]', qr/\A\{"code"/],
        ['chunked', '[[chunked]]', qr/\A\{"code"/],
        ['chunked, pieces', '[[chunked]][[pieces=2001]]', qr/\A\{"code"/],
        ['Result', '[[result]]', qr/"Result":\{"code":10000,/],
    ) {
        my ($name, $words, $pattern) = @$case;

        submit("a cat [[bytes=30000]] $words");
        my $id     = last_entry()->{task_id};
        my $answer = query($id);

        like($answer->{body}, $pattern, $name);
        ok($answer->{complete}, "$name: complete");
        is($answer->{headers}{'content-length'} // 'none',
            $name =~ /chunked/ ? 'none' : length $answer->{body},
            "$name: length");

        $answer->{json} = $answer->{json}{Result} if $name eq 'Result';
        is(sha256_hex(pictures($answer)), sha256_hex(noise($id, 0, 30000)),
            "$name: the same bytes");
        is(last_entry()->{form}, 'base64', "$name: journal");
    }

    my $id = task_id('a cat');
    is((query($id, $links), last_entry()->{form})[1], 'url',
        'journal: of links');
    is((query($id, { return_url => JSON::PP::false }), last_entry())[1]{form},
        'base64', 'journal: return_url false');
};


subtest 'faults' => sub {
    my $id   = task_id('a cat [[bytes=6000]]');
    my $text = query($id)->{json}{data}{binary_data_base64}[0];
    my $first = sub { query($id)->{json}{data}{binary_data_base64} };

    $emulator->fault({ on => 'result', do => 'answer', status => 429,
        body => { code => 50429, data => undef } });
    is(query($id, $links)->{status}, 200, 'result: not the query for links');
    is(query($id)->{status}, 429, 'result: the query for base64');
    is(query($id)->{status}, 200, 'result: once');

    $emulator->fault({ on => 'query', do => 'answer', status => 503 });
    is(query($id)->{status}, 503, 'query: that is one, too');

    $emulator->fault({ on => 'result', do => 'cut', body_bytes => 3000 });
    my $cut = query($id);
    ok(!$cut->{complete}, 'cut: not complete');
    is(length $cut->{body}, 3000, 'cut: in the base64');

    $emulator->fault({ on => 'result', do => 'stall', body_bytes => 3000,
        seconds => 0.4 });
    my $began = time;
    my $x = begin(prepare(QUERY, { req_key => 'jimeng_t2i_v40',
        task_id => $id }));
    ok(defined $x->read_until(qr/"iVB.{2000}/, 5), 'stall: it begins');
    cmp_ok(time - $began, '<', 0.35, 'stall: at once');
    $x->read_until(qr/"time_elapsed"/, 5);
    cmp_ok(time - $began, '>=', 0.39, 'stall: it goes on later');

    for my $case (
        ['null', { null => 1 }, undef],
        ['none', { pictures => 0 }, []],
        ['two', { pictures => 2 }, [$text, $text]],
        ['empty', { empty => 1 }, ['']],
        ['spoiled', { spoil => 4000 },
            [substr($text, 0, 4000) . '*' . substr $text, 4001]],
    ) {
        my ($name, $alter, $expected) = @$case;
        $emulator->fault({ on => 'result', do => 'alter', %$alter });
        is_deeply($first->(), $expected, "alter: $name");
    }

    $emulator->fault({ on => 'result', do => 'alter', code => 50500 });
    is(query($id)->{json}{code}, 50500, 'alter: another code');
    is_deeply($first->(), [$text], 'and then all is well');
};


my $connections = $emulator->state->{connections};
my $kept = begin(prepare(SUBMIT, { req_key => 'jimeng_t2i_v40',
    prompt => 'x' }), keepalive => 1);
$kept->response;
begin(prepare(SUBMIT, { req_key => 'jimeng_t2i_v40', prompt => 'x' }),
    on => $kept)->response;
is($emulator->state->{connections}, $connections + 1,
    'connections are counted, not requests');

my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
