package Bench::Nginx;

# An nginx of our own: one worker, unless told otherwise, a directory and a free
# port of its own, gone when we are.

use strict;
use warnings;

use Cwd 'abs_path';
use File::Basename 'dirname';
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Time::HiRes ();

use Bench::Proc qw(children ended wait_for);

use constant LEAVE => 60;       # seconds

my $bench = abs_path(dirname(__FILE__) . '/../..');
my %running;


# The nginx that is measured: its path, its version, where its modules are.

sub binary {
    my ($nginx) = grep { defined && length } @ENV{qw(JIMENG_NGINX NGINX)};

    ($nginx) = grep { -x } map { "$_/nginx" }
               split(/:/, $ENV{PATH} // ''), '/usr/sbin'
        unless $nginx;

    die "there is no nginx here\n" unless $nginx;

    my $text = qx('$nginx' -V 2>&1);

    my ($version) = $text =~ m{nginx/(\S+)}
        or die "$nginx -V says nothing\n";
    my ($modules) = $text =~ /--modules-path=(\S+)/;
    my ($prefix) = $text =~ /--prefix=(\S+)/;

    return {
        path    => abs_path($nginx),
        version => $version,
        modules => $modules // ($prefix // '/usr/local/nginx') . '/modules',
    };
}


sub free_port {
    my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
        or die "no free port: $!\n";

    return $s->sockport;
}


# Starts nginx with t/bench/conf/NAME.conf, in which @WORD@ stands for
# $o{vars}{WORD}; files are written beside its configuration.  $o{upstream} is
# the port of "upstream canned"; $o{modules} are paths; $o{http} and $o{main}
# are text for these blocks; $o{workers} is how many; $o{under} is a command to
# run it with, as one process; a $o{daemon} can be replaced.

sub start {
    my ($class, $name, %o) = @_;

    # somebody may take the free port before nginx does
    for (1 .. 5) {
        my $self = $class->try($name, %o);
        return $self if $self;
    }

    die "no port for nginx ($name)\n";
}


sub try {
    my ($class, $name, %o) = @_;

    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my $port = free_port();
    my $self = bless { name => $name, dir => $dir, port => $port }, $class;

    my %files = (%{ $o{files} // {} }, 'nginx.conf' => conf($name, %o,
        dir => "$dir", port => $port));

    for my $file (keys %files) {
        open my $fh, '>', "$dir/$file" or die "$dir/$file: $!\n";
        print $fh $files{$file};
        close $fh or die "$dir/$file: $!\n";
    }

    return $self->launch(%o) ? $self : undef;
}


# Starts it again, with what there is in its directory.

sub again {
    my ($self, %o) = @_;

    unlink "$self->{dir}/nginx.pid";

    $self->launch(%o)
        or die "nginx ($self->{name}) does not start again:\n", $self->log;
}


sub launch {
    my ($self, %o) = @_;
    my ($name, $dir, $port) = @$self{qw(name dir port)};

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>', "$dir/stderr";
        chdir $dir;
        exec @{ $o{under} // [] }, $o{nginx}{path}, '-p', "$dir/",
            '-c', "$dir/nginx.conf" or POSIX::_exit(127);
    }

    $self->{master} = $pid;
    $running{$pid} = $$;

    my $dead = 0;

    wait_for("nginx ($name) to start", 30, sub {
        $dead ||= waitpid($pid, POSIX::WNOHANG) == $pid && ($? || !$o{daemon});
        return 1 if $dead;
        return unless -s "$dir/nginx.pid";
        $self->{master} = $self->noted('') if $o{daemon};
        $self->{workers} = [children($self->{master})];
        return ($o{under} || @{ $self->{workers} }) && IO::Socket::INET->new(
            PeerAddr => '127.0.0.1', PeerPort => $port);
    });

    delete $running{$pid};

    if (!$dead) {
        $running{ $self->{master} } = $$;
        return 1;
    }

    delete $self->{master};

    my $log = $self->log;
    return if $log =~ /Address already in use/;

    die "nginx ($name) does not start:\n$log";
}


# The pid in nginx.pid, or in nginx.pid.oldbin.

sub noted {
    my ($self, $which) = @_;

    open my $fh, '<', "$self->{dir}/nginx.pid$which" or return 0;

    return (<$fh> // '') =~ /^(\d+)$/ ? $1 : 0;
}


# Replaces the binary of a daemon: the old one ends what it has.

sub upgrade {
    my ($self) = @_;
    my $old = $self->{master};

    kill 'USR2', $old;

    wait_for("another nginx ($self->{name})", LEAVE, sub {
        my $new = $self->noted('');
        return unless $self->noted('.oldbin') == $old && $new && $new != $old;
        $self->{master} = $new;
        $running{$new} = $$;
        $self->{workers} = [children($new)];
        return scalar @{ $self->{workers} };
    });

    kill 'QUIT', $old;

    return $old;
}


sub conf {
    my ($name, %o) = @_;

    my %vars = (%{ $o{vars} // {} }, BENCH => $bench, DIR => $o{dir},
                PORT => $o{port}, UPSTREAM => $o{upstream});

    open my $fh, '<', "$bench/conf/$name.conf"
        or die "$bench/conf/$name.conf: $!\n";
    my $http = do { local $/; <$fh> };

    $http =~ s/\@([A-Z_]+)\@/$vars{$1} \/\/ die "$name.conf: no $1\n"/ge;

    if ($o{upstream}) {
        $http = <<"END" . $http;
upstream canned {
    server 127.0.0.1:$o{upstream};
    keepalive 512;
    keepalive_requests 1000000000;
}

END
    }

    my $user = $> == 0 ? 'user root;' : '';
    my $more = $o{http} // '';
    my $main = $o{main} // '';
    my $workers = $o{workers} // 1;
    my $processes = $o{under} ? 'off' : 'on';
    my $daemon = $o{daemon} ? 'on' : 'off';
    my $load = join '', map { "load_module $_;\n" } @{ $o{modules} // [] };
    my $temp = join '', map { "${_}_temp_path $o{dir}/$_;\n" }
               qw(client_body proxy fastcgi uwsgi scgi);

    return <<"END";
$user
daemon $daemon;
master_process $processes;
worker_processes $workers;
pid $o{dir}/nginx.pid;
error_log $o{dir}/error.log warn;
$load
$main
events {
    worker_connections $o{connections};
}

http {
access_log off;
default_type application/json;
keepalive_timeout 600s;
keepalive_requests 1000000000;
$temp
$more
$http
}
END
}


sub log {
    my ($self) = @_;
    my $text = '';

    for my $file (qw(stderr error.log)) {
        open my $fh, '<', "$self->{dir}/$file" or next;
        local $/;
        $text .= <$fh> // '';
    }

    return $text;
}


# As of several, see Bench::Nodes.

sub ports { return $_[0]{port} }
sub dirs { return "$_[0]{dir}" }


sub pids {
    my ($self) = @_;

    return $self->{master}, @{ $self->{workers} };
}


# Ends nginx with a signal; dies when it stays, or when its log tells of trouble
# that was not expected.

sub stop {
    my ($self, $signal, $expected) = @_;
    my $pid = delete $self->{master} or return;

    kill $signal // 'TERM', $pid;

    $self->left($pid);

    my @trouble = grep { /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:/
                         && !(defined $expected && /$expected/) }
                  split /^/, $self->log;

    die "nginx ($self->{name}) logged:\n", @trouble[0 .. min(9, $#trouble)]
        if @trouble;
}


# Waits until a master is no more.

sub left {
    my ($self, $pid) = @_;

    # a daemon is not our child: nobody may ever wait for it
    wait_for("nginx ($self->{name}) to leave", LEAVE, sub {
        return waitpid($pid, POSIX::WNOHANG) == $pid || ended($pid);
    });

    delete $running{$pid};
}


sub min { return $_[0] < $_[1] ? $_[0] : $_[1] }


END {
    my $status = $?;

    for my $pid (grep { $running{$_} == $$ } keys %running) {
        kill 'TERM', $pid;
        waitpid $pid, 0;
    }

    $? = $status;
}


1;
