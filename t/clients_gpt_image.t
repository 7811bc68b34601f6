#!/usr/bin/perl

# The openai package, unchanged, with the name of one of OpenAI's live models
# and none of the fields that those do not take: it gets what its types promise.

use strict;
use warnings;

use lib 't/lib';

use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Clients;
use Jimeng::Test::Picture qw(png);
use Jimeng::Test::Pictures qw(noise_of);

need_clients();

my $t = Jimeng::Test->new(
    emulator => { seconds => 0.3 },
    http => 'jimeng_upload %%DIR%%/up http://pictures.example/up;',
    location => 'client_max_body_size 1m;
                 jimeng_model gpt-image-1 jimeng_t2i_v40;',
);

my $picture = $t->write_file('input.png', png(640, 480, 20_000, 1));
my $count = qr/^\d+$/;
my %one_of = (
    background => qr/^(?:transparent|opaque|auto)$/,
    output_format => qr/^(?:png|webp|jpeg)$/,
    quality => qr/^(?:low|medium|high|auto)$/,
);
my %usage = (
    input_tokens => $count, output_tokens => $count, total_tokens => $count,
    input_tokens_details => { image_tokens => $count, text_tokens => $count },
);


# Whether an object has all of these members, numbers as numbers.
sub has {
    my ($object, $members, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $member (sort keys %$members) {
        my ($value, $wanted) = ($object->{$member}, $members->{$member});

        if (ref $wanted eq 'HASH') {
            has($value // {}, $wanted, "$name: $member");

        } elsif ($wanted == $count) {
            like(JSON::PP->new->allow_nonref->encode($value), $count,
                 "$name: $member is a number");

        } else {
            like($value // '', $wanted, "$name: $member");
        }
    }

    return;
}


my $n = 0;

sub call {
    my ($method, %params) = @_;

    return { method => "images.$method", client => { maxRetries => 0 },
             params => { model => 'gpt-image-1',
                         prompt => 'a plover [[bytes=3000]] ' . ++$n,
                         $method eq 'edit' ? (image => { bytes => $picture })
                                           : (),
                         %params } };
}


my @calls = (
    call('generate'),
    call('generate', n => 2, quality => 'high', background => 'opaque',
         moderation => 'low', output_format => 'png'),
    call('edit'),
    call('edit', image => [ ({ bytes => $picture }) x 2 ],
         input_fidelity => 'high'),
    call('generate', stream => \1, partial_images => 2),
    call('edit', stream => \1),
);
my @answers = answers_of(start_client($t->dir, 'openai.mjs',
    [ $t->url('/v1'), JSON::PP->new->utf8->encode(\@calls) ]));

for my $i (0 .. $#calls) {
    my $params = $calls[$i]{params};
    my $name = "$calls[$i]{method}, $i";
    my $result = $answers[$i]{result};
    my @ids = map { $_->{task_id} } $t->submits($params->{prompt});
    my $kind = $calls[$i]{method} eq 'images.edit' ? 'image_edit'
                                                   : 'image_generation';

    is($answers[$i]{status}, 200, "$name: status")
        or diag(explain($answers[$i]));

    if ($params->{stream}) {
        is(scalar @{ $result || [] }, 1, "$name: an event");
        has($result->[0], { %one_of, usage => \%usage, created_at => $count,
                            size => qr/^(?:auto|\d+x\d+)$/,
                            type => qr/^$kind\.completed$/ }, $name);
        $result = { data => $result };

    } else {
        has($result, { %one_of, usage => \%usage, created => $count }, $name);
    }

    is(join(' ', sort map { $_->{b64_json}{sha256} // 'none' }
            @{ $result->{data} || [] }),
       join(' ', sort map { noise_of($_, 3000) } @ids), "$name: the pictures");
    is(scalar @ids, $params->{n} // 1, "$name: the tasks");
    ok(!(grep { exists $_->{url} } @{ $result->{data} || [] }),
       "$name: no link");
}

my ($refused) = answers_of(start_client($t->dir, 'openai.mjs',
    [ $t->url('/v1'), JSON::PP->new->utf8->encode(
        call('generate', prompt => 'a plover [[50511]]')) ]));

is($refused->{error}{name}, 'BadRequestError', 'refused: the exception');
is($refused->{error}{code}, 'moderation_blocked', 'refused: the code');
is($refused->{error}{type}, 'image_generation_user_error', 'refused: the type');

$t->done;
