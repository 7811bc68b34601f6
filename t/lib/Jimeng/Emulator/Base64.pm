package Jimeng::Emulator::Base64;

# Pictures as text in an answer, in all the ways that JSON and base64 leave
# open, and in a few that are wrong. Answers are encoded with a placeholder
# where the array is to be: tens of megabytes are no work for Mojo::JSON.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64);

use constant PLACE => '@base64@';


# Puts the pictures into an answer's body, as the trigger and the fault say.
sub fill {
    my ($answer, $fault) = @_;

    my $pictures = $answer->{pictures};
    my $trigger  = $answer->{trigger} // {};
    my $alter    = ($fault // {})->{do} // '';

    $fault = {} if $alter ne 'alter';

    return if !$pictures;

    # The encoder sorts, so "code" comes first.
    $answer->{body} =~ s/"code":10000/"code":$fault->{code}/
        if defined $fault->{code};
    $answer->{body} =~ s/^\{("code":\d+),(.*)\}$/{$2,$1}/s
        if $trigger->{late};

    my @texts = map { text($_, $trigger) } @$pictures;

    @texts = map { $texts[$_ % @texts] } 0 .. $fault->{pictures} - 1
        if defined $fault->{pictures};
    substr $texts[0], $fault->{spoil}, 1, '*' if defined $fault->{spoil};
    $texts[$_] = '' for 0 .. ($fault->{empty} // 0) - 1;

    my $array = $fault->{null}
        ? 'null' : '[' . join(',', map { qq("$_") } @texts) . ']';

    my $place = '"' . PLACE . '"';
    my $at    = index $answer->{body}, $place;

    substr $answer->{body}, $at, length $place, $array;
    $answer->{base64_at} = $at;
    return;
}


# The inside of a JSON string.
sub text {
    my ($bytes, $trigger) = @_;

    my $text = encode_base64($bytes, '');

    $text =~ s{(.{$trigger->{wrap}})}{$1\\n}g if $trigger->{wrap};
    $text =~ s{/}{\\/}g                       if $trigger->{escape};
    $text =~ s{\+}{\\u002b}g                  if $trigger->{escape};

    return $text;
}

1;
