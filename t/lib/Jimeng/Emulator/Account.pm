package Jimeng::Emulator::Account;

# One account of the upstream's: its pairs of keys, and a service of its own
# behind it, with limits, tasks and failures that are no other account's. What
# may be set, at the start and over the control port:
#
#   keys       array of pairs, {"access_key": ..., "secret_key": ...}, that are
#              good from now on, and no others
#   seconds, concurrency, qps   as on the command line, from now on
#   refuse     the name of a gateway error: it is the answer to all that is
#              signed with these keys; null: no more
#   denied     array of req_keys that the account may not use (50400)
#   foreign    {"tasks": n, "seconds": s}: somebody else's tasks, which run from
#              now on and count like its own

use strict;
use warnings;

use Jimeng::Emulator::Errors qw(is_gateway);
use Jimeng::Emulator::Models qw(is_number is_string);
use Jimeng::Emulator::Visual;

use constant NUMBER   => qr{^\d+(?:\.\d+)?\z};
use constant SETTINGS => qw(seconds concurrency qps refuse denied keys);


# name, access_key, secret_key, security_token (or undef), url, and settings.
sub new {
    my ($class, %option) = @_;

    my $self = bless {
        name => $option{name},
        keys => [ { map { $_ => $option{$_} } qw(access_key secret_key
            security_token) } ],
    }, $class;

    $self->{count}  = { submits => 0, queries => 0, accepted => 0 };
    $self->{visual} = Jimeng::Emulator::Visual->new(
        seconds => 2, concurrency => 0, qps => 0, denied => [],
        url => $option{url},
    );

    my %settings = map { $_ => $option{$_} }
        grep { defined $option{$_} } SETTINGS;
    my $error = $self->set(\%settings);
    die "emulator: account $option{name}: $error\n" if defined $error;

    return $self;
}


sub name   { return $_[0]{name} }
sub visual { return $_[0]{visual} }
sub refuse { return $_[0]{refuse} }

# The pair with this access key, or nothing.
sub pair {
    my ($self, $access_key) = @_;
    return (grep { $_->{access_key} eq $access_key } @{ $self->{keys} })[0];
}


# Returns nothing when it was set, else what is wrong with it.
sub set {
    my ($self, $settings, $now) = @_;

    my $foreign = $settings->{foreign};
    my $error = violation($settings);
    return $error if defined $error;

    $self->{refuse} = $settings->{refuse} if exists $settings->{refuse};
    $self->{keys} = $settings->{keys} if $settings->{keys};

    for my $name (qw(seconds concurrency qps denied)) {
        $self->{visual}{$name} = $settings->{$name}
            if defined $settings->{$name};
    }

    $self->{visual}->tasks->foreign($foreign->{seconds}, $now)
        for 1 .. ($foreign ? $foreign->{tasks} : 0);

    return;
}


sub violation {
    my ($settings) = @_;

    my %known = map { $_ => 1 } SETTINGS, qw(account foreign);
    my ($unknown) = grep { !$known{$_} } sort CORE::keys %$settings;
    return "there is no $unknown" if defined $unknown;

    for my $name (qw(seconds concurrency qps)) {
        return "$name must be a number"
            if defined $settings->{$name} && $settings->{$name} !~ NUMBER;
    }

    my ($refuse, $denied, $foreign) = @$settings{qw(refuse denied foreign)};

    return 'refuse must be the name of a gateway error'
        if defined $refuse && !(is_string($refuse) && is_gateway($refuse));
    return 'denied must be an array' if $denied && ref $denied ne 'ARRAY';
    return 'keys must be an array of pairs' if !are_pairs($settings->{keys});
    return 'foreign needs tasks and seconds'
        if $foreign
        && (ref $foreign ne 'HASH'
            || grep { !is_number($foreign->{$_}) } qw(tasks seconds));

    return;
}


sub are_pairs {
    my ($keys) = @_;

    return 1 if !defined $keys;
    return if ref $keys ne 'ARRAY';
    return !grep {
        ref $_ ne 'HASH'
            || grep { !is_string($_) || !length } @$_{qw(access_key secret_key)}
    } @$keys;
}


# Notes a request and the code of its answer; returns how many tasks run.
sub count {
    my ($self, $stage, $code, $now) = @_;

    my $count = $self->{count};
    my $tasks = $self->{visual}->tasks;
    $code //= 'none';

    if (($stage // '') eq 'submit') {
        $count->{submits}++;
        $count->{accepted}++ if $code eq '10000';

    } elsif (defined $stage) {
        $count->{queries}++;
    }

    $self->{codes}{$code}++;

    return $tasks->running($now);
}


sub state {
    my ($self, $now) = @_;

    my $visual = $self->{visual};
    my $tasks  = $visual->tasks;

    return {
        %{ $self->{count} },
        (map { $_ => 0 + $visual->{$_} } qw(seconds concurrency qps)),
        refuse  => $self->{refuse},
        denied  => $visual->{denied},
        running => $tasks->running($now),
        foreign => $tasks->running_foreign($now),
        most    => $tasks->most,
        codes   => $self->{codes} // {},
    };
}

1;
