package Jimeng::Test::Schema;

# What OpenAI's schema requires of a reply and of the events of a stream, by
# hand from its reference ("ImagesResponse", "ImageGenCompletedEvent",
# "ImageEditCompletedEvent", "ImageGenUsage"), with what its optional members
# may be, and as strictly as clients with enumerations read them.
#
#   reply_faults($json)       what is wrong with a reply that has pictures
#   event_faults($name, $json)            with an event, of OpenAI's form
#   check_reply($json)        fails the test for the first of these, if this
#   check_event($name, $json)             is such a reply, such an event
#
#   usage_of($n)              a "usage" of so many pictures
#   look_of(size => "auto", quality => "high", output_format => "png")
#                             the members that say what pictures are like
#
# The harness checks each reply and each event that it reads.

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Test::More;

our @EXPORT_OK = qw(check_event check_reply event_faults look_of reply_faults
                    usage_of);

my $json = JSON::PP->new->allow_nonref->canonical;

my %formats = map { $_ => 1 } qw(png webp jpeg);
my %qualities = map { $_ => 1 } qw(low medium high);
my %backgrounds = map { $_ => 1 } qw(transparent opaque);


sub _is_number { defined $_[0] && $json->encode($_[0]) =~ /\A\d+\z/ }
sub _is_text { defined $_[0] && !ref $_[0] && $json->encode($_[0]) =~ /\A"/ }


sub _numbers {
    my ($name, $object, @members) = @_;

    return "$name is no object" unless ref $object eq 'HASH';
    return map { "$name.$_ is no number" }
           grep { !_is_number($object->{$_}) } @members;
}


sub _usage {
    my ($usage) = @_;
    my @faults = _numbers('usage', $usage, qw(input_tokens output_tokens
                                              total_tokens generated_images));

    return @faults if ref $usage ne 'HASH';
    return (@faults, map {
        _numbers("usage.$_", $usage->{$_}, qw(text_tokens image_tokens));
    } qw(input_tokens_details output_tokens_details));
}


sub _look {
    my ($reply) = @_;
    my %allowed = (background => \%backgrounds, quality => \%qualities,
                   output_format => \%formats);

    my @faults = map { "$_ is " . $json->encode($reply->{$_}) }
                 grep { !_is_text($reply->{$_})
                        || !$allowed{$_}{ $reply->{$_} } } sort keys %allowed;

    push @faults, 'size is ' . $json->encode($reply->{size})
        if !_is_text($reply->{size})
           || $reply->{size} !~ /\A(?:auto|\d+x\d+|\d+|[\d.]+K)\z/;
    return @faults;
}


sub _picture {
    my ($picture) = @_;

    return 'a picture is no object' unless ref $picture eq 'HASH';

    my @forms = grep { exists $picture->{$_} } qw(url b64_json);
    return 'a picture has not one of url and b64_json' if @forms != 1;
    return _is_text($picture->{ $forms[0] }) ? () : "$forms[0] is no string";
}


sub _errors {
    my ($errors) = @_;

    return 'errors is no array' unless ref $errors eq 'ARRAY' && @$errors;
    return map {
        my $e = $_;
        ref $e eq 'HASH' && _is_number($e->{index}) && _is_text($e->{code})
            && _is_text($e->{message}) ? () : 'an error is none';
    } @$errors;
}


sub reply_faults {
    my ($reply) = @_;
    my @faults = _numbers('the reply', $reply, 'created');

    return @faults if ref $reply ne 'HASH';

    push @faults, 'data is no array of pictures'
        unless ref $reply->{data} eq 'ARRAY' && @{ $reply->{data} };
    push @faults, map { _picture($_) } @{ $reply->{data} }
        if ref $reply->{data} eq 'ARRAY';
    push @faults, _errors($reply->{errors}) if exists $reply->{errors};
    return (@faults, _look($reply), _usage($reply->{usage}));
}


sub event_faults {
    my ($name, $event) = @_;

    return 'an event is no object' unless ref $event eq 'HASH';

    if ($name eq 'error') {
        return ref $event->{error} eq 'HASH'
               && _is_text($event->{error}{message})
               && _is_text($event->{error}{code}) ? () : 'error is none';
    }

    return "$name is no event of OpenAI's"
        if $name !~ /\Aimage_(?:generation|edit)\.completed\z/;

    my @faults = _numbers('the event', $event, 'created_at');

    push @faults, 'type is not the event\'s'
        if !_is_text($event->{type}) || $event->{type} ne $name;
    push @faults, 'b64_json is no string' if !_is_text($event->{b64_json});
    push @faults, 'url is no string'
        if exists $event->{url} && !_is_text($event->{url});
    push @faults, 'error ends the stream' if exists $event->{error};
    push @faults, _errors($event->{errors}) if exists $event->{errors};
    return (@faults, _look($event), _usage($event->{usage}));
}


sub check_reply {
    my ($reply) = @_;

    return if ref $reply ne 'HASH'
              || ($reply->{task_status} // '') ne 'succeed';

    _fail('reply', reply_faults($reply));
    return;
}


# Ark's events have a model; what ends its streams has no name.
sub check_event {
    my ($name, $event) = @_;

    return if ref $event eq 'HASH' && exists $event->{model};
    return if $name !~ /\A(?:error|image_)/;

    _fail('event', event_faults($name, $event));
    return;
}


sub usage_of {
    my ($n) = @_;

    return {
        generated_images => $n,
        (map { $_ => 0 } qw(input_tokens output_tokens total_tokens)),
        (map { $_ => { text_tokens => 0, image_tokens => 0 } }
             qw(input_tokens_details output_tokens_details)),
    };
}


sub look_of {
    return (background => 'opaque', output_format => 'png', quality => 'high',
            size => 'auto', @_);
}


sub _fail {
    my ($what, @faults) = @_;
    return unless @faults;

    local $Test::Builder::Level = $Test::Builder::Level + 3;
    fail("OpenAI's schema, a $what: " . join '; ', @faults);
    return;
}

1;
