package Jimeng::Emulator::Tasks;

# The tasks that were accepted, and where each of them is in its life. Time
# always comes in as an argument.

use strict;
use warnings;

use constant {
    KEEP     => 20_000,
    IN_QUEUE => 0.3,
};


# seconds: how long a task runs.
sub new {
    my ($class, %option) = @_;

    return bless {
        seconds => $option{seconds},
        tasks   => {},
        order   => [],
        running => [],
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


# $task: a hash with req_key, prompt, width, height, pictures, trigger.
sub add {
    my ($self, $task, $now) = @_;

    my $id = $self->next_id;

    $self->{tasks}{$id} = { %$task, id => $id, born => $now };
    push @{ $self->{order} },   $id;
    push @{ $self->{running} }, $now + $self->{seconds};

    $self->forget($now);
    return $self->{tasks}{$id};
}


# Old tasks that are over make room.
sub forget {
    my ($self, $now) = @_;

    my $order = $self->{order};

    while (@$order > KEEP) {
        last if !$self->over($self->{tasks}{ $order->[0] }, $now);
        delete $self->{tasks}{ shift @$order };
    }

    return;
}


sub find { return $_[0]{tasks}{ $_[1] // '' } }


# All tasks run equally long, so the first to be over is the first of the
# list.
sub running {
    my ($self, $now) = @_;

    my $running = $self->{running};

    shift @$running while @$running && $running->[0] <= $now;
    return scalar @$running;
}


sub over {
    my ($self, $task, $now) = @_;

    return $now - $task->{born} >= $self->{seconds};
}


# data.status of a task that nothing befalls.
sub status {
    my ($self, $task, $now) = @_;

    return 'done' if $self->over($task, $now);

    my $part = ($now - $task->{born}) / $self->{seconds};

    return $task->{trigger}{status}
        if defined $task->{trigger}{status} && $part < 0.5;
    return $part < IN_QUEUE ? 'in_queue' : 'generating';
}


# For people and tests: id => status, age in seconds, prompt.
sub report {
    my ($self, $now) = @_;

    return {
        map {
            $_->{id} => {
                status => $self->status($_, $now),
                age    => $now - $_->{born},
                prompt => $_->{prompt},
            }
        } values %{ $self->{tasks} }
    };
}

1;
