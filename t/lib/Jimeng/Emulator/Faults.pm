package Jimeng::Emulator::Faults;

# What is to go wrong, and how often. Faults stand in a list; the first that
# is meant for a request and has no requests left to skip is used.  One with a
# "task" is meant for requests that name this task's id, one with an "account"
# or a "req_key" for those of this account's keys, or for this model.
#
#   stall   "body_bytes" of the body, and "seconds" later the rest
#   alter   what is in a result as base64: "null" in its place, so many
#           "pictures", the first of them "empty", a character that is not
#           base64 at an offset of the first ("spoil"), another "code"

use strict;
use warnings;

use Jimeng::Emulator::Models qw(is_number is_string);

use constant NARROWS => qw(task account req_key);

my %KIND = (
    reset  => [],
    delay  => ['seconds'],
    cut    => [],
    answer => ['status'],
    drop   => [],
    refuse => [],
    stall  => [qw(body_bytes seconds)],
    alter  => [],
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
    return 'on must be submit, query, result or any'
        if $fault{on} !~ /^(?:submit|query|result|any)$/;

    for my $name (qw(skip times), @$needs) {
        return "$name must be a number"
            if !is_number($fault{$name});
    }

    return 'cut needs bytes or body_bytes'
        if $fault{do} eq 'cut'
        && !is_number(
            $fault{bytes} // $fault{body_bytes});

    for my $name (NARROWS) {
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


# $stage: "submit", "query", "result" or undef for a request that is none of
# them; what else is known of it: task (the id that it names), account, req_key.
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
