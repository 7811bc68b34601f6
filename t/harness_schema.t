#!/usr/bin/perl

# The check of OpenAI's schema, which the harness makes of all it reads: it says
# what is missing, and what is of another type.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Test::More;
use Jimeng::Test::Schema qw(event_faults look_of reply_faults usage_of);

my $json = JSON::PP->new;

sub clone { $json->decode($json->encode($_[0])) }

my $type = 'image_generation.completed';
my %common = (look_of(), usage => usage_of(1));
my $reply = { created => 1, data => [ { url => 'http://h/' } ], %common };
my $event = { type => $type, created_at => 1, b64_json => 'AAAA', %common };

is(join('; ', reply_faults(clone($reply))), '', 'a reply');
is(join('; ', event_faults($type, clone($event))), '', 'an event');
is(join('; ', event_faults('image_edit.completed',
    { %{ clone($event) }, type => 'image_edit.completed' })), '', 'of an edit');
is(join('; ', event_faults('error',
    { error => { code => 'x', message => 'X.' } })), '', 'an error');

sub is_wrong {
    my ($name, @faults) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(@faults > 0, $name);
}

# Each member, and each of its own, is left out, or is another.
sub changes {
    my ($whole, @path) = @_;
    my $at = $whole;

    $at = $at->{$_} for @path;
    return map {
        my @inner = (@path, $_);
        (\@inner, ref $at->{$_} eq 'HASH' ? changes($whole, @inner) : ());
    } sort keys %$at;
}

for my $case ([ 'reply', $reply, \&reply_faults ],
              [ 'event', $event, sub { event_faults($type, @_) } ])
{
    my ($what, $whole, $faults) = @$case;

    for my $path (changes($whole)) {
        my ($name, @values) = ("$what, @$path", undef, \1, [], {}, 1.5);
        push @values, ref \$whole->{ $path->[0] } eq 'SCALAR'
                      && $json->encode([ $whole->{ $path->[0] } ]) =~ /"/
            ? 7 : '7';

        for my $value ('nothing', @values) {
            my $changed = clone($whole);
            my $at = $changed;
            $at = $at->{$_} for @$path[0 .. $#$path - 1];

            defined $value && !ref $value && $value eq 'nothing'
                ? delete $at->{ $path->[-1] }
                : ($at->{ $path->[-1] } = $value);

            is_wrong("$name: " . $json->allow_nonref->encode($value),
                     $faults->($changed));
        }
    }
}

is_wrong('an event of nobody\'s',
         event_faults('image_generation.partial_failed', clone($event)));
is_wrong('an event with an error',
         event_faults($type, { %{ clone($event) }, error => {} }));
is_wrong("$_ auto", reply_faults({ %{ clone($reply) }, $_ => 'auto' }))
    for qw(background quality output_format);
is_wrong('a picture that is none',
         reply_faults({ %{ clone($reply) }, data => [ {} ] }));
is_wrong('an error that is none',
         reply_faults({ %{ clone($reply) }, errors => [ {} ] }));

done_testing();
