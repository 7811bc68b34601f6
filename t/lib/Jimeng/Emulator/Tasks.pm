package Jimeng::Emulator::Tasks;

# The tasks that were accepted, and where each of them is in its life. Time
# always comes in as an argument.  Somebody else's tasks have no id here, and
# count only while they run.

use strict;
use warnings;

use constant {
    KEEP     => 20_000,
    IN_QUEUE => 0.3,
};


sub new {
    my ($class) = @_;

    return bless {
        tasks   => {},
        order   => [],
        running => [],
        foreign => [],
        most    => 0,
        serial  => int rand 1_000_000,
    }, $class;
}


# Ids are decimal, of 19 and 20 digits in turn, and never fit in 63 bits.
sub next_id {
    my ($self) = @_;

    my $serial = ++$self->{serial};
    my $tail   = sprintf '%09d%07d', int rand 1_000_000_000,
        $serial % 10_000_000;

    return $serial % 2 ? "1597$tail" : "973$tail";
}


# $task: a hash with req_key, prompt, width, height, pictures, trigger, and
# seconds, how long it runs.
sub add {
    my ($self, $task, $now) = @_;

    my $id = $self->next_id;

    $self->{tasks}{$id} = { %$task, id => $id, born => $now };
    push @{ $self->{order} },   $id;
    begin($self->{running}, $now + $task->{seconds});

    my $running = $self->running($now);
    $self->{most} = $running if $running > $self->{most};

    $self->forget($now);
    return $self->{tasks}{$id};
}


# A task that somebody else runs.
sub foreign {
    my ($self, $seconds, $now) = @_;

    begin($self->{foreign}, $now + $seconds);
    return;
}


# Ends are kept in order; most often the last to begin is the last to end.
sub begin {
    my ($ends, $end) = @_;

    my $index = @$ends;
    $index-- while $index > 0 && $ends->[ $index - 1 ] > $end;
    splice @$ends, $index, 0, $end;
    return;
}


# Old tasks that are over make room.
sub forget {
    my ($self, $now) = @_;

    my $order = $self->{order};

    while (@$order > KEEP) {
        last if !over($self->{tasks}{ $order->[0] }, $now);
        delete $self->{tasks}{ shift @$order };
    }

    return;
}


sub find { return $_[0]{tasks}{ $_[1] // '' } }


# How many run, somebody else's included.
sub running {
    my ($self, $now) = @_;

    return left($self->{running}, $now) + $self->running_foreign($now);
}


sub running_foreign { return left($_[0]{foreign}, $_[1]) }


# The most that ever ran at once when one was accepted.
sub most { return $_[0]{most} }


sub left {
    my ($ends, $now) = @_;

    shift @$ends while @$ends && $ends->[0] <= $now;
    return scalar @$ends;
}


sub over {
    my ($task, $now) = @_;

    return $now - $task->{born} >= $task->{seconds};
}


# data.status of a task that nothing befalls.
sub status {
    my ($self, $task, $now) = @_;

    return 'done' if over($task, $now);

    my $part = ($now - $task->{born}) / $task->{seconds};

    return $task->{trigger}{status}
        if defined $task->{trigger}{status} && $part < 0.5;
    return $part < IN_QUEUE ? 'in_queue' : 'generating';
}


sub made {
    my ($task, $now) = @_;

    return over($task, $now) && !$task->{trigger}{query} ? $task->{pictures}
                                                         : 0;
}


# For people and tests: id => status, age in seconds, prompt, and how many
# pictures were made.
sub report {
    my ($self, $now) = @_;

    return {
        map {
            $_->{id} => {
                status => $self->status($_, $now),
                age    => $now - $_->{born},
                prompt => $_->{prompt},
                made   => made($_, $now),
            }
        } values %{ $self->{tasks} }
    };
}

1;
