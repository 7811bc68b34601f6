package Jimeng::Emulator::Faults;

# What is to go wrong, and how often. Faults stand in a list; the first that
# is meant for a request and has no requests left to skip is used.  One with a
# "task" is meant for requests that name this task's id, one with an "account"
# or a "req_key" (to Ark, a "model") for those of this account's keys, or for
# this model, one with a "prompt" for those that have this text in theirs.
#
#   reset   the connection, before anything is done
#   delay   the answer, by "seconds"
#   cut     the answer after "bytes" from its beginning, or after "body_bytes"
#           of its body; a stream of Ark's also after so many "events", and
#           "event_bytes" of the next one
#   answer  with "status", "headers", "body", and nothing else is done
#   drop    all is done, and the connection closed instead of an answer
#   refuse  connections
#   stall   "body_bytes" of the body, and "seconds" later the rest
#   slow    "bytes" at a time, with "seconds" between them
#   alter   what is in a result as base64: "null" in its place, so many
#           "pictures", the first of them "empty", a character that is not
#           base64 at an offset of the first ("spoil"), another "code"
#   error   of Ark's: the answer is this "code", with its status or another
#           "status", its message or another "message"
#   fail    of Ark's: the "picture" of this index fails with this "code"
#
# With "made", an answer or error of Ark's comes when its pictures have been
# made, and billed.

use strict;
use warnings;

use Jimeng::Emulator::Ark::Errors qw(is_error);
use Jimeng::Emulator::Models qw(is_number is_string);

use constant NARROWS => qw(task account req_key model);

my %ARK_ONLY = map { $_ => 1 } qw(error fail);

my %KIND = (
    reset  => [],
    delay  => ['seconds'],
    cut    => [],
    answer => ['status'],
    drop   => [],
    refuse => [],
    stall  => [qw(body_bytes seconds)],
    slow   => [qw(bytes seconds)],
    alter  => [],
    error  => [],
    fail   => ['picture'],
);


sub new { return bless { list => [] }, shift }

sub clear { $_[0]{list} = []; return }

sub list { return $_[0]{list} }


# Returns nothing when the fault was taken, else what is wrong with it.
sub add {
    my ($self, $fault) = @_;

    return 'a fault is a JSON object' if ref $fault ne 'HASH';

    my %fault = (on => 'any', skip => 0, times => 1, %$fault);
    my $needs = $KIND{ $fault{do} // '' };

    return 'do must be one of ' . join ', ', sort keys %KIND if !$needs;
    return 'on must be submit, query, result, ark or any'
        if $fault{on} !~ /^(?:submit|query|result|ark|any)$/;
    return "$fault{do} is for ark only"
        if $fault{on} ne 'ark'
        && ($ARK_ONLY{ $fault{do} } || $fault{made} || defined $fault{events});
    return 'code must be one of Ark\'s'
        if $ARK_ONLY{ $fault{do} }
        && !(is_string($fault{code}) && is_error($fault{code}));

    for my $name (qw(skip times), @$needs) {
        return "$name must be a number"
            if !is_number($fault{$name});
    }

    return 'cut needs bytes, body_bytes or events'
        if $fault{do} eq 'cut'
        && !is_number(
            $fault{bytes} // $fault{body_bytes} // $fault{events});

    for my $name (NARROWS, 'prompt') {
        return "$name must be a string"
            if defined $fault{$name} && !is_string($fault{$name});
    }

    return 'headers must be an object'
        if exists $fault{headers} && ref $fault{headers} ne 'HASH';

    push @{ $self->{list} }, \%fault;
    return;
}


# Is a fault meant for this stage? A query for the result itself, and not for
# links, is of the stage "result"; faults of queries are meant for it too.
sub concerns {
    my ($fault, $stage) = @_;

    return 1 if $fault->{on} eq 'any';
    return 0 if !defined $stage;
    return $fault->{on} eq $stage
        || $fault->{on} eq 'query' && $stage eq 'result';
}


# $stage: "submit", "query", "result", "ark" or undef for a request that is none
# of them; what else is known of it: task (the id that it names), account,
# req_key, model, prompt.
sub take {
    my ($self, $stage, %request) = @_;

    my $list = $self->{list};

    for my $index (0 .. $#$list) {
        my $fault = $list->[$index];

        next if !concerns($fault, $stage);
        next if $fault->{do} eq 'refuse';
        next if grep {
            defined $fault->{$_} && $fault->{$_} ne ($request{$_} // '')
        } NARROWS;
        next if defined $fault->{prompt}
            && index($request{prompt} // '', $fault->{prompt}) < 0;

        if ($fault->{skip} > 0) {
            $fault->{skip}--;
            next;
        }

        splice @$list, $index, 1
            if $fault->{times} > 0 && --$fault->{times} == 0;

        return $fault;
    }

    return;
}


# Is a refuse due? Asked once when a fault was set, and after each answer
# with what was answered, so that "skip" requests get through before it.
sub refuses {
    my ($self, $answered, $stage) = @_;

    for my $fault (grep { $_->{do} eq 'refuse' } @{ $self->{list} }) {
        $fault->{skip}--
            if $answered && concerns($fault, $stage);

        return 1 if $fault->{skip} <= 0;
    }

    return 0;
}

1;
