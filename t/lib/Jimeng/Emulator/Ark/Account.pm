package Jimeng::Emulator::Ark::Account;

# One of Ark's accounts: its keys, its limits for each model, and what it has
# been used for. What may be set, at the start and over the control port:
#
#   keys         array of {"name": ..., "key": ...} that are good from now on,
#                and no others
#   seconds      that a call takes
#   concurrency  calls at a time, of one model; 0: any number
#   ipm          pictures a minute, of one model; 0: any number
#   minute       how many seconds a minute has here: 60
#   refuse       the code of an error: it is the answer to all that comes with
#                one of these keys; null: no more
#   denied       array of models that are not open for the account
#   foreign      {"model": ..., "calls": n, "seconds": s}: somebody else's
#                calls, which run from now on and count like its own

use strict;
use warnings;

use Jimeng::Emulator::Ark::Errors qw(is_error);
use Jimeng::Emulator::Models      qw(is_string);
use Jimeng::Emulator::Tasks;

use constant {
    NUMBER => qr{^\d+(?:\.\d+)?\z},
    BUSY   => 'RateLimitExceeded.EndpointRPMExceeded',
    MANY   => 'ModelAccountIpmRateLimitExceeded',
};

my @NUMBERS  = qw(seconds concurrency ipm minute);
my @SETTINGS = (@NUMBERS, qw(keys refuse denied));


# name, settings, and key: the only one, which has the account's name.
sub new {
    my ($class, %option) = @_;

    my $self = bless {
        name   => $option{name},
        count  => { map { $_ => 0 } qw(calls accepted made) },
        codes  => {},
        models => {},
    }, $class;

    my %settings = (
        seconds => 2, concurrency => 0, ipm => 0, minute => 60, denied => [],
        keys => [{ name => $option{name}, key => $option{key} }],
        map { $_ => $option{$_} } grep { defined $option{$_} } @SETTINGS,
    );

    my $error = $self->set(\%settings);
    die "emulator: Ark's account $option{name}: $error\n" if defined $error;

    return $self;
}


sub name    { return $_[0]{name} }
sub refuse  { return $_[0]{refuse} }
sub seconds { return $_[0]{seconds} }


# The name of this key, or nothing.
sub key {
    my ($self, $key) = @_;
    return (map { $_->{name} } grep { $_->{key} eq $key } @{ $self->{keys} })[0];
}


# Returns nothing when it was set, else what is wrong with it.
sub set {
    my ($self, $settings, $now) = @_;

    my $error = violation($settings);
    return $error if defined $error;

    for my $name (@SETTINGS) {
        $self->{$name} = $settings->{$name}
            if exists $settings->{$name}
            && (defined $settings->{$name} || $name eq 'refuse');
    }

    if (my $foreign = $settings->{foreign}) {
        Jimeng::Emulator::Tasks::begin(
            $self->model($foreign->{model})->{foreign},
            $now + $foreign->{seconds}) for 1 .. $foreign->{calls};
    }

    return;
}


sub violation {
    my ($settings) = @_;

    my %known = map { $_ => 1 } @SETTINGS, qw(account foreign);
    my ($unknown) = grep { !$known{$_} } sort keys %$settings;
    return "there is no $unknown" if defined $unknown;

    for my $name (@NUMBERS) {
        return "$name must be a number"
            if defined $settings->{$name} && $settings->{$name} !~ NUMBER;
    }

    my ($keys, $refuse, $denied, $foreign)
        = @$settings{qw(keys refuse denied foreign)};

    return 'keys must be an array of objects with name and key'
        if defined $keys
        && (ref $keys ne 'ARRAY' || grep { !is_key($_) } @$keys);
    return 'refuse must be the code of an error'
        if defined $refuse && !(is_string($refuse) && is_error($refuse));
    return 'denied must be an array' if $denied && ref $denied ne 'ARRAY';
    return 'foreign needs model, calls and seconds'
        if $foreign
        && (ref $foreign ne 'HASH' || !is_string($foreign->{model})
            || grep { ($foreign->{$_} // '') !~ NUMBER } qw(calls seconds));

    return;
}


sub is_key {
    my ($key) = @_;

    return ref $key eq 'HASH'
        && !grep { !is_string($_) || !length } @$key{qw(name key)};
}


sub model {
    my ($self, $name) = @_;

    return $self->{models}{$name}
        //= { running => 0, most => 0, foreign => [], pictures => [] };
}


sub running {
    my ($model, $now) = @_;

    return $model->{running}
        + Jimeng::Emulator::Tasks::left($model->{foreign}, $now);
}


# Pictures of the last minute.
sub pictures {
    my ($self, $model, $now) = @_;

    my $pictures = $model->{pictures};
    shift @$pictures
        while @$pictures && $pictures->[0] <= $now - $self->{minute};
    return scalar @$pictures;
}


# The code of the error that a call for so many pictures is answered with, or
# nothing.
sub limit {
    my ($self, $name, $pictures, $now) = @_;

    my $model = $self->model($name);

    return BUSY if $self->{concurrency}
        && running($model, $now) >= $self->{concurrency};
    return MANY if $self->{ipm}
        && $self->pictures($model, $now) + $pictures > $self->{ipm};
    return;
}


sub is_denied {
    my ($self, $name) = @_;
    return scalar grep { $_ eq $name } @{ $self->{denied} };
}


sub begin {
    my ($self, $name, $pictures, $now) = @_;

    my $model = $self->model($name);

    $self->{count}{accepted}++;
    $model->{running}++;
    push @{ $model->{pictures} }, ($now) x $pictures;

    my $running = running($model, $now);
    $model->{most} = $running if $running > $model->{most};
    return;
}


sub end {
    my ($self, $name, $made) = @_;

    $self->model($name)->{running}--;
    $self->{count}{made} += $made;
    return;
}


# Notes a call, and later what it was answered.
sub count { $_[0]{count}{calls}++; return }
sub answered { $_[0]{codes}{ $_[1] }++; return }


sub state {
    my ($self, $now) = @_;

    my $running = 0;
    my %models;

    for my $name (keys %{ $self->{models} }) {
        my $model = $self->{models}{$name};

        $models{$name} = {
            running  => running($model, $now),
            most     => $model->{most},
            pictures => $self->pictures($model, $now),
        };
        $running += $models{$name}{running};
    }

    return {
        %{ $self->{count} },
        (map { $_ => 0 + $self->{$_} } @NUMBERS),
        refuse  => $self->{refuse},
        denied  => $self->{denied},
        running => $running,
        models  => \%models,
        codes   => $self->{codes},
    };
}

1;
