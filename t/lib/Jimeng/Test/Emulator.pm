package Jimeng::Test::Emulator;

# A running t/emulator, its journal and its control URL.
#
#   my $e = Jimeng::Test::Emulator->start(dir => DIR, access_key => AK,
#       secret_key => SK, security_token => T, region => R, version => V,
#       seconds => S, concurrency => N, qps => N, accounts => [{...}, ...],
#       ark => [{ name => 'ark', key => KEY, ... }, ...]);
#   $e->journal(action => 'submit')   decoded lines, with the body's JSON
#   $e->calls($prompt, model => ...)  what Ark knows of the calls so far
#   $e->fault({...})  $e->clear_faults  $e->state
#   $e->set_account($name, %settings)   see Jimeng::Emulator::Account and
#                                       Jimeng::Emulator::Ark::Account
#   $e->accounts                        name => state
#   $e->port  $e->url  $e->stop  $e->restart(%changed)

use strict;
use warnings;

use File::Spec;
use JSON::PP ();
use Jimeng::Test::Http qw(decode_json_or_undef);
use Jimeng::Test::Process qw(free_port poll);

my %action = (
    submit => 'CVSync2AsyncSubmitTask',
    query  => 'CVSync2AsyncGetResult',
);

(my $program = __FILE__) =~ s{[^/]+/[^/]+/[^/]+/[^/]+\z}{emulator};


sub start {
    my ($class, %opt) = @_;

    my $self = bless {
        %opt, program => File::Spec->rel2abs($program), rows => [], offset => 0,
        journal_file => "$opt{dir}/journal.jsonl",
    }, $class;

    for (1 .. 5) {
        @$self{qw(port control)} = (free_port(), free_port());
        my $failed = $self->_run or return $self;
        die $failed unless $failed =~ /in use/i;
    }

    die "emulator: no free port";
}


# Returns nothing when it listens, else why it does not.
sub _run {
    my ($self) = @_;
    my @flags;

    for my $name (qw(security_token region version seconds concurrency
                     qps))
    {
        next unless defined $self->{$name};
        push @flags, '--' . $name =~ tr/_/-/r, $self->{$name};
    }

    # The keys go through the environment, where ps does not show them.
    my $process = Jimeng::Test::Process->start(
        name => 'emulator', dir => $self->{dir},
        env => {
            EMULATOR_ACCESS_KEY => $self->{access_key},
            EMULATOR_SECRET_KEY => $self->{secret_key},
            map { 'EMULATOR_' . uc $_ => $self->{$_}
                && JSON::PP->new->utf8->encode($self->{$_}) }
                qw(accounts ark),
        },
        command => [
            $^X, $self->{program},
            '--port', $self->{port}, '--control-port', $self->{control},
            '--journal', $self->{journal_file}, @flags,
        ],
    );

    my $ready = sub {
        return !$process->alive
               || $process->stdout =~ /^emulator: listening/m;
    };

    poll($ready, 30) or $process->stop;

    if (!$process->alive) {
        return "emulator: it did not start: " . $process->stderr;
    }

    $self->{process} = $process;
    return;
}


sub port { $_[0]{port} }
sub url { "http://127.0.0.1:$_[0]{port}" . ($_[1] // '') }
sub process { $_[0]{process} }
sub alive { $_[0]{process}->alive }
sub stop { $_[0]{process}->stop }


# Stops it and starts it again on the same ports: its tasks are forgotten.
sub restart {
    my ($self, %changed) = @_;

    $self->stop;
    @$self{ keys %changed } = values %changed;

    my $failed = $self->_run;
    die $failed if $failed;
    return $self;
}


# The requests so far, in order; each line has the body, decoded, as "json".
# A filter compares fields; the action may be "submit" or "query" for short.
sub journal {
    my $self = shift;
    my %filter = ref $_[0] ? %{ $_[0] } : @_;

    $filter{action} = $action{ $filter{action} } // $filter{action}
        if defined $filter{action};

    $self->_read_journal;

    my @rows = grep {
        my $row = $_;
        !grep { ($row->{$_} // '') ne $filter{$_} } keys %filter;
    } @{ $self->{rows} };

    return @rows;
}


# Those of requests whose prompt begins so, or all.
sub submits {
    my ($self, $prompt) = @_;

    return grep { !defined $prompt || index($_->{json}{prompt}, $prompt) == 0 }
           $self->journal(action => 'submit');
}


# The same, for tasks of such requests.
sub queries {
    my ($self, $prompt, %filter) = @_;
    my @rows = $self->journal(action => 'query', %filter);

    return @rows unless defined $prompt;

    my %mine = map { $_->{task_id} => 1 }
               grep { defined $_->{task_id} } $self->submits($prompt);

    return grep { $mine{ $_->{json}{task_id} } } @rows;
}


# Of requests to Ark whose prompt begins so, or all, in order: those that were
# refused, too, and those that still run, which have no "ended". A filter
# compares what state() says of them. In the journal their action is "ark".
sub calls {
    my ($self, $prompt, %filter) = @_;

    return grep {
        my $call = $_;
        (!defined $prompt || index($call->{prompt} // '', $prompt) == 0)
            && !grep { ($call->{$_} // '') ne $filter{$_} } keys %filter;
    } @{ $self->state->{ark} };
}


sub _read_journal {
    my ($self) = @_;

    open my $fh, '<:raw', $self->{journal_file} or return;

    if (-s $fh < $self->{offset}) {
        @$self{qw(offset rows)} = (0, []);
    }

    seek $fh, $self->{offset}, 0;

    while (defined(my $line = <$fh>)) {
        last if $line !~ /\n\z/;
        $self->{offset} += length $line;

        my $row = JSON::PP->new->utf8->decode($line);
        my $body = $row->{body} // '';
        utf8::encode($body);
        $row->{json} = decode_json_or_undef($body);
        push @{ $self->{rows} }, $row;
    }

    return;
}


sub fault {
    my ($self, $fault) = @_;
    return $self->_control('POST', '/faults', $fault);
}


sub clear_faults {
    my ($self) = @_;
    return $self->_control('DELETE', '/faults');
}


sub state {
    my ($self) = @_;
    return $self->_control('GET', '/state');
}


sub set_account {
    my ($self, $name, %settings) = @_;
    return $self->_control('POST', '/accounts',
                           { account => $name, %settings });
}


sub accounts {
    my ($self) = @_;
    return $self->_control('GET', '/accounts');
}


sub _control {
    my ($self, $method, $path, $what) = @_;

    my $response = Jimeng::Test::Http->start(
        $self->{control}, $method, $path,
        { 'Content-Type' => 'application/json' },
        $what && JSON::PP->new->utf8->encode($what),
    )->response;

    die "emulator: $method $path: ",
        $response->{status} || $response->{error} || 'no answer', "\n"
        unless $response->{status} =~ /^2/;

    return $response->{json};
}

1;
