package Jimeng::Emulator::Faults;

# What is to go wrong, and how often. Faults stand in a list; the first that
# is meant for a request and has no requests left to skip is used.  One with a
# "task" is meant for requests that name this task's id.

use strict;
use warnings;

use Jimeng::Emulator::Models qw(is_number is_string);

my %KIND = (
    reset  => [],
    delay  => ['seconds'],
    cut    => [],
    answer => ['status'],
    drop   => [],
    refuse => [],
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
    return 'on must be submit, query or any'
        if $fault{on} !~ /^(?:submit|query|any)$/;

    for my $name (qw(skip times), @$needs) {
        return "$name must be a number"
            if !is_number($fault{$name});
    }

    return 'cut needs bytes or body_bytes'
        if $fault{do} eq 'cut'
        && !is_number(
            $fault{bytes} // $fault{body_bytes});
    return 'task must be a string'
        if defined $fault{task} && !is_string($fault{task});
    return 'headers must be an object'
        if exists $fault{headers} && ref $fault{headers} ne 'HASH';

    push @{ $self->{list} }, \%fault;
    return;
}


# $on: "submit", "query" or undef for a request that is neither; $task: the id
# that it names, or undef.
sub take {
    my ($self, $on, $task) = @_;

    my $list = $self->{list};

    for my $index (0 .. $#$list) {
        my $fault = $list->[$index];

        next if $fault->{on} ne 'any' && $fault->{on} ne ($on // '');
        next if $fault->{do} eq 'refuse';
        next if defined $fault->{task} && $fault->{task} ne ($task // '');

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
    my ($self, $answered, $on) = @_;

    for my $fault (grep { $_->{do} eq 'refuse' } @{ $self->{list} }) {
        $fault->{skip}--
            if $answered && ($fault->{on} eq 'any'
                || $fault->{on} eq ($on // ''));

        return 1 if $fault->{skip} <= 0;
    }

    return 0;
}

1;
