package Jimeng::Redis;

# A redis-server in a directory of its own, for the tests.
#
#   my $redis = Jimeng::Redis->new(appendonly => 1, password => 'x');
#   $redis->port  $redis->url  $redis->socket
#   $redis->command('GET', 'x')     what it answers; dies on an error of its
#   $redis->start  $redis->stop  $redis->kill
#
# Options: appendonly, password, config (array of more name => value), env.
# Without appendonly it forgets everything when it ends.

use strict;
use warnings;

use Cwd ();
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use Jimeng::Test::Process qw(free_port poll);


# Whether there is a server to be started.
sub there {
    return scalar grep { -x "$_/redis-server" } split(/:/, $ENV{PATH}),
                                                '/usr/bin';
}


sub new {
    my ($class, %opt) = @_;

    my $self = bless {
        %opt, owner => $$, runs => 0, port => free_port(),
        dir => Cwd::abs_path(
            File::Temp::tempdir('jimeng-redis-XXXXXX', TMPDIR => 1)),
    }, $class;

    chmod 0755, $self->{dir};
    return $self->start;
}


sub port { $_[0]{port} }
sub socket { "$_[0]{dir}/redis.sock" }
sub url { "redis://127.0.0.1:$_[0]{port}" }


# On the same port, with the same data if it is kept.
sub start {
    my ($self) = @_;
    my @auth = defined $self->{password}
             ? (requirepass => $self->{password}) : ();

    my @config = (
        port => $self->{port}, bind => '127.0.0.1', dir => $self->{dir},
        unixsocket => $self->socket, unixsocketperm => 777, daemonize => 'no',
        save => '', appendfsync => 'always', 'enable-debug-command' => 'yes',
        'shutdown-on-sigterm' => 'nosave',
        appendonly => $self->{appendonly} ? 'yes' : 'no',
        @auth, @{ $self->{config} || [] },
    );

    my @command = ('redis-server');

    while (my ($name, $value) = splice @config, 0, 2) {
        push @command, "--$name", $value;
    }

    $self->{process} = Jimeng::Test::Process->start(
        name => 'redis-' . ++$self->{runs}, dir => $self->{dir},
        env => $self->{env},
        command => \@command,
    );

    poll(sub {
        eval { $self->command('PING') eq 'PONG' }
            || !$self->{process}->alive;
    }, 20);

    die 'redis-server: ' . $self->{process}->stdout
        unless $self->{process}->alive;

    return $self;
}


sub stop {
    my ($self) = @_;
    delete $self->{client};
    $self->{process}->signal('CONT');
    $self->{process}->stop;
    return;
}


sub kill {
    my ($self) = @_;
    delete $self->{client};
    $self->{process}->signal('KILL');
    $self->{process}->wait(10);
    return;
}


# STOP and CONT: it hangs, with all its connections open.
sub signal { $_[0]{process}->signal($_[1]) }


# Over a connection that is kept.  An array is returned as a reference.
sub command {
    my ($self, @args) = @_;

    my $client = $self->{client} //= $self->_client;
    my $reply = eval { _exchange($client, @args) };

    if (my $error = $@) {
        delete $self->{client} unless $error =~ /^-/;
        die $error;
    }

    return $reply;
}


sub _client {
    my ($self) = @_;

    my $client = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5,
    ) or die "redis-server: $!\n";

    _exchange($client, 'AUTH', $self->{password}) if defined $self->{password};
    return $client;
}


sub _exchange {
    my ($client, @args) = @_;

    utf8::encode($_) for @args;
    print $client '*' . @args . "\r\n",
                  map { '$' . length($_) . "\r\n$_\r\n" } @args;
    $client->flush;

    return _read($client);
}


sub _read {
    my ($client) = @_;

    my $line = <$client> // die "redis-server closed the connection\n";
    $line =~ s/\r\n\z//;

    my ($type, $rest) = $line =~ /^(.)(.*)/s;

    die "-$rest\n" if $type eq '-';
    return $rest if $type =~ /[+:]/;
    return undef if $rest < 0;
    return [ map { _read($client) } 1 .. $rest ] if $type eq '*';

    read $client, my $text, $rest + 2;
    return substr $text, 0, $rest;
}


# The numbers of the connections, but for that of command().
sub clients {
    my ($self) = @_;
    my $own = $self->command('CLIENT', 'ID');

    return grep { $_ != $own }
           $self->command('CLIENT', 'LIST') =~ /^id=(\d+)/mg;
}


sub DESTROY {
    my ($self) = @_;
    local ($?, $!, $@);

    return if $self->{owner} != $$;

    $self->stop if $self->{process};
    File::Path::remove_tree($self->{dir});
    return;
}

1;
