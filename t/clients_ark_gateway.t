#!/usr/bin/perl

# Clients of Ark that others wrote, unchanged, through the gateway: they need
# another base URL, and the gateway's key in place of Ark's.  All of them ask for
# data, which Ark's links become on their way.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Ark;
use Jimeng::Test::Clients;
use Jimeng::Test::Picture qw(jpeg);
use Jimeng::Test::Pictures qw(noise_of_call);
use Jimeng::Test::Shown qw(pictures_conf);

need_clients();

my $key = 'sk-of-the-gateway-and-not-of-ark';
my $v40 = 'doubao-seedream-4-0-250828';
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

my $t = with_ark(zone => ' ', pictures_conf(
    server => 'location /api/v3/ { jimeng_pass /_volcengine;'
              . ' jimeng_pictures /pictures/; jimeng_keys %%DIR%%/keys;'
              . ' client_max_body_size 8m; }',
), start => 0);

$t->write_file('keys', sha256_hex($key) . "  alice\n");
$t->secret($key);
$t->start;

my $input = jpeg(320, 480);
$t->write_file('input.jpeg', $input);


sub run {
    my ($program, @calls) = @_;

    return answers_of(start_client($t->dir, $program,
        [ $t->url('/api/v3'), JSON::PP->new->utf8->encode(\@calls) ]));
}

sub is_made {
    my ($answer, $prompt, $name) = @_;
    my ($call, @more) = $t->emulator->calls($prompt);

    is(scalar @more, 0, "$name: one call");
    is($call->{key}, 'ark', "$name: with the account's key");
    is(sums_of($answer), noise_of_call($call), "$name: its pictures")
        or diag(JSON::PP->new->canonical->encode($answer));
    return $call;
}


subtest '@ai-sdk/bytedance' => sub {
    my $call = sub {
        my ($prompt, %call) = @_;
        return { model => $v40, bytedance => $true,
            provider => { apiKey => $key }, %call,
            params => { prompt => $prompt, maxRetries => 0,
                %{ $call{params} // {} } } };
    };
    my ($one, $edit, $group, $refused) = run('ai.mjs',
        $call->('one [[bytes=1000]]'),
        $call->({ text => 'edit [[bytes=1000]]',
                  images => [ { bytes => $t->dir . '/input.jpeg' } ] }),
        $call->('group [[bytes=1000]] [[pictures=2]]', params => {
            providerOptions => { bytedance => { watermark => $false,
                sequentialImageGeneration => 'auto', maxImages => 2 } } }),
        $call->('refused', provider => { apiKey => 'another' }));

    is_made($one, 'one', 'one');

    my $made = is_made($edit, 'edit', 'an edit');
    is_deeply($made->{fields}{image},
        { data => 'image/jpeg', bytes => length $input,
          sha256 => sha256_hex($input) }, 'an edit: its picture has come');

    $made = is_made($group, 'group', 'a group');
    is($made->{fields}{watermark}, $false, 'a group: its options');

    is("@{ $refused->{error} }{qw(status code)}", '401 invalid_api_key',
        'a wrong key');
};


subtest '@aigne/doubao' => sub {
    my $call = sub {
        my ($prompt, %input) = @_;
        return { options => { apiKey => $key },
            input => { prompt => $prompt, %input } };
    };
    my ($plain, $edit, $bad) = run('doubao.mjs',
        $call->('plain [[bytes=1000]]', size => '2K'),
        $call->('changed [[bytes=1000]]', image => [$t->dir . '/input.jpeg']),
        $call->('wrong', size => '0x1'));

    is_made($plain, 'plain', 'plain');
    is_made($edit, 'changed', 'an edit');
    like($bad->{error}, qr/size/, 'it reads an error');
};

$t->done;
