# The vendor's own SDK, unchanged, signs and sends to the emulator, which must
# accept it: this is what the emulator's check of signatures rests on.

use strict;
use warnings;

use lib 't/lib';

use File::Temp ();
use Test::More;

use Jimeng::Test::Clients;
use Jimeng::Test::Emulator;

need_clients();

my $dir = File::Temp->newdir;

my %credentials = (
    access_key => 'AKLTexampleexampleexample',
    secret_key => 'c2VjcmV0LWV4YW1wbGUtbm90LXJlYWw==',
);


# The script's line of JSON, and the journal.
sub run {
    my (%token) = @_;

    my $emulator = Jimeng::Test::Emulator->start(
        dir => File::Temp->newdir(DIR => $dir), seconds => 0.3, %credentials,
        %token);

    my ($result) = answers_of(start_client($dir, 'volcengine.mjs',
        [ $emulator->url ], env => {
            EMULATOR_ACCESS_KEY     => $credentials{access_key},
            EMULATOR_SECRET_KEY     => $credentials{secret_key},
            EMULATOR_SECURITY_TOKEN => $token{security_token},
        }));
    my @journal = $emulator->journal;
    $emulator->stop;

    return ($result, @journal);
}


for my $token (undef, 'STSexampletoken+/==') {
    subtest defined $token ? 'with a security token' : 'without' => sub {
        my ($result, @journal) = run(security_token => $token);

        is($result->{submit}{code}, 10000, 'the submit is accepted');
        is($result->{done}{data}{status}, 'done', 'the task is done');
        like($result->{done}{data}{image_urls}[0],
            qr{/pictures/$result->{submit}{data}{task_id}-0\.png$},
            'with its picture');
        is($result->{signer}{code}, 10000, 'a submit with Host is accepted');
        is($result->{refused}{ResponseMetadata}{Error}{Code},
            'SignatureDoesNotMatch', 'a wrong secret is not');

        my $wrong = pop @journal;
        my $host  = pop @journal;

        is($wrong->{signature}, 'SignatureDoesNotMatch',
            'journal: the wrong secret');
        is($host->{headers}{host}, 'visual.volcengineapi.com',
            'journal: the submit with Host');
        like($host->{headers}{authorization}, qr/SignedHeaders=host;/,
            'journal: the host is signed');
        is(scalar(grep { $_->{signature} ne 'ok' } @journal, $host), 0,
            'journal: every other signature is ok');
        is($journal[0]{action}, 'CVSync2AsyncSubmitTask',
            'journal: first the submit');
        cmp_ok(scalar(grep { $_->{action} eq 'CVSync2AsyncGetResult' }
            @journal), '>=', 1, 'journal: then queries');
        is($journal[0]{headers}{'x-security-token'}, $token,
            'journal: the token');
        is($journal[0]{json}{prompt},
            "\x{4e00}\x{53ea}\x{732b} & \"quotes\", 100% + ~*'()!",
            'journal: the prompt, as it was sent');
    };
}

done_testing();
