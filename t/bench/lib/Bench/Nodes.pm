package Bench::Nodes;

# Two machines that share what they know: two nginx, each with a directory, a
# port and processes of its own, and a redis-server, which keeps what it is told.
#
#   my $nodes = Bench::Nodes->start('queue', %options);
#
# is used as a Bench::Nginx is: the options are the same, and "port", "dir" and
# "stop" are there, of the first node where there is more than one.
#
#   $nodes->ports  $nodes->dirs     of all
#   $nodes->redis                   a Jimeng::Redis
#   $nodes->faults                  what befalls them, for those who wait: each
#                                   is [seconds between two, seconds before the
#                                   first, what to call]
#   $nodes->{kills}                 when a node was killed
#   $nodes->{downs}                 from when until when one was down
#   $nodes->{restarts}              how often the server was started again

use strict;
use warnings;

use Time::HiRes 'time';

use Bench::Nginx;
use Bench::Proc qw(children ended wait_for);
use Jimeng::Redis;

use constant {
    NODES   => 2,
    WORKERS => 2,           # of each
    KILL    => 15,          # seconds between two kills of a node
    DOWN    => 1,           # seconds until it is started again
    RESTART => 20,          # seconds between two of the server's restarts
    LEAVE   => 10,          # seconds in which what was killed is gone
    JOIN    => 10,          # ... in which what was started is ready
};


sub start {
    my ($class, $name, %o) = @_;

    # nothing is lost that it has answered
    my $redis = Jimeng::Redis->new(appendonly => 1);

    $o{http} = join ' ', $o{http} // (), "jimeng_store ${\ $redis->url };";
    $o{workers} = WORKERS;
    delete $o{daemon};

    my @nodes = map { Bench::Nginx->start($name, %o) } 1 .. NODES;

    # who comes to a worker that has not come to the store yet has to wait
    wait_for('the workers to come to the store', JOIN, sub {
        return $redis->command('ZCARD', '{jimeng}:o') == NODES * WORKERS;
    });

    return bless {
        redis => $redis, nodes => \@nodes, options => \%o, kills => [],
        downs => [], restarts => 0, turn => 0, port => $nodes[0]{port},
        dir => $nodes[0]{dir},
    }, $class;
}


sub ports { return map { $_->{port} } @{ $_[0]{nodes} } }
sub dirs { return map { "$_->{dir}" } @{ $_[0]{nodes} } }
sub redis { return $_[0]{redis} }


# One node is down at a time, by turns.

sub faults {
    my ($self) = @_;

    return (
        [ KILL, KILL / 2, sub { $self->kill_node } ],
        [ KILL, KILL / 2 + DOWN, sub { $self->start_node } ],
        [ RESTART, RESTART / 2, sub { $self->restart_redis } ],
    );
}


# All its processes at once, as a machine is that loses its power.

sub kill_node {
    my ($self) = @_;

    my $node = $self->{down} = $self->{nodes}[$self->{turn}++ % NODES];
    my @pids = ($node->{master}, children($node->{master}));

    push @{ $self->{kills} }, time;

    kill 'KILL', @pids;
    $node->left($node->{master});

    wait_for('a killed node to be gone', LEAVE, sub {
        return !grep { !ended($_) } @pids;
    });
}


sub start_node {
    my ($self) = @_;
    my $node = delete $self->{down} or return;

    $node->again(%{ $self->{options} });

    push @{ $self->{downs} }, [ $self->{kills}[-1], time ];
}


# It ends in good order, or is killed: both by turns.

sub restart_redis {
    my ($self) = @_;

    $self->{restarts}++ % 2 ? $self->{redis}->kill : $self->{redis}->stop;
    $self->{redis}->start;
}


sub stop {
    my ($self, @how) = @_;

    $self->start_node;

    $_->stop(@how) for @{ $self->{nodes} };
    $self->{redis}->stop;
}


1;
