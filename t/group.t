#!/usr/bin/perl

# Groups: one task whose model decides how many pictures it makes.  All of
# them are billed and counted; "max_images" bounds what is handed on.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Errors qw(is_error);
use Jimeng::Test::Schema qw(usage_of);

my $t = Jimeng::Test->new(
    strict => 1, http => 'lingering_close off;',
    emulator => { seconds => 0.2 }, poll_interval => '50ms',
);

my $lines = 0;

# Checks a reply: pictures handed on, of so many made by one task.
sub group {
    my ($name, $fields, $handed, $made, $single) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $before = $t->submits;
    my $r = $t->generate({ prompt => 'some sails [[pictures=5]]', %$fields });
    my $row = ($t->access_lines(++$lines))[-1];
    my @submits = ($t->submits)[$before .. $t->submits - 1];

    is($r->status, 200, "$name: status") or return diag($r->body);
    is(scalar @submits, 1, "$name: one task");
    is(!!$submits[0]{json}{force_single}, !!$single, "$name: force_single");
    is(join(' ', map { $_->{url} =~ m{/(\d+-\d+)\.png\z} }
                 @{ $r->json->{data} }),
       join(' ', map { "$submits[0]{task_id}-$_" } 0 .. $handed - 1),
       "$name: pictures, in order");
    is_deeply($r->json->{usage}, usage_of($made),
              "$name: usage counts what was made");
    is($r->json->{errors}, undef, "$name: no errors");
    is($row->{jimeng_images}, $made, "$name: \$jimeng_images");
    is($row->{jimeng_task_id}, $submits[0]{task_id},
       "$name: \$jimeng_task_id");
    return $r;
}

sub options { (sequential_image_generation_options => { max_images => $_[0] }) }

my @auto = (sequential_image_generation => 'auto');


# ---- asked for in every way

group('force_single false', { force_single => \0 }, 5, 5);
group('auto', { @auto }, 5, 5);
group('both', { @auto, force_single => \0 }, 5, 5);
group('n 1', { @auto, n => 1 }, 5, 5);
group('in extra_body', { extra_body => { @auto, options(3) } }, 3, 5);
group('4.6', { @auto, model => 'jimeng-4.6' }, 5, 5);
group('of S4\'s name', { @auto, model => 'doubao-seedream-4-0-250828',
                         watermark => \0 }, 5, 5);
group("max_images $_", { @auto, options($_) }, $_ < 5 ? $_ : 5, 5)
    for 1, 2, 4, 5, 6, 15;
group('max_images, force_single false', { force_single => \0, options(2) },
      2, 5);
group('max_images null', { @auto, options(undef) }, 5, 5);
group('the model makes one', { @auto, options(4), prompt => 'one sail only' },
      1, 1);
group('at most 15', { @auto, prompt => 'many sails [[pictures=40]]' },
      15, 15);


# ---- not asked for: one picture, whatever the prompt says

for my $case (
    [ 'absent', {} ],
    [ 'force_single true', { force_single => \1 } ],
    [ 'disabled', { sequential_image_generation => 'disabled' } ],
    [ 'options alone', { options(3) },
      'sequential_image_generation_options' ],
    [ 'disabled, with options',
      { sequential_image_generation => 'disabled', options(3) },
      'sequential_image_generation_options' ],
) {
    my ($name, $fields, @ignored) = @$case;
    my $r = group($name, $fields, 1, 1, 1);

    is_deeply($r->json->{ignored}, @ignored ? \@ignored : undef,
              "$name: what is ignored");
}

is_deeply(
    group('a model without groups', {
        @auto, model => 'jimeng_t2i_v30', prompt => 'one sail',
    }, 1, 1)->json->{ignored},
    [ 'sequential_image_generation' ],
    'a model without groups: what is ignored');


# ---- with n

my $before = $t->submits;

for my $case (
    [ 'force_single', { n => 2, force_single => \0 } ],
    [ 'sequential_image_generation', { n => 10, @auto, options(3) } ],
    [ 'extra_body', { n => 2, extra_body => { @auto } } ],
) {
    my ($name, $fields) = @$case;

    is_error($t, $t->generate($fields), "n and $name",
             code => 'invalid_request', param => 'n');
    $lines++;
}

is(scalar($t->submits), $before, 'n and a group: nothing is submitted');


# ---- failures, and a client that left

is_error($t, $t->generate({ @auto, prompt => 'sails [[pictures=5]] [[50512]]' }),
         'a group that fails', code => 'content_policy_violation',
         upstream_code => 50512, task_id => qr/^\d+\z/);
$lines++;

$before = $t->submits;
my $x = $t->start_generate({ @auto, options(2),
                             prompt => 'sails, left [[pictures=5]]' });
wait_for { $t->submits > $before } 'left: it is submitted';
$x->abort;
my $row = ($t->access_lines(++$lines))[-1];
is($row->{status}, 499, 'left: status');
is($row->{jimeng_images}, 5, 'left: $jimeng_images');

$t->done;
