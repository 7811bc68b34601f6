package Jimeng::Test::Nginx;

# One nginx master in a directory of its own, for the tests and make demo.
#
#   my $nginx = Jimeng::Test::Nginx->new(dir => DIR, env => {...});
#   $nginx->start($text, $workers)    undef, or why it did not start
#   $nginx->check($text)              (exit code, stderr) of nginx -t
#   $nginx->signal('HUP')  $nginx->workers  $nginx->reload  $nginx->stop
#
# The nginx that is tested: binary(), about() (what its -V says) and
# at_least('1.25.1').

use strict;
use warnings;

use Cwd ();
use File::Spec;
use version ();
use Jimeng::Test::Process qw(children poll process_title slurp);

(my $root = Cwd::abs_path(__FILE__)) =~ s{(?:/[^/]+){5}\z}{};

# By path: nginx is asked once, and started often.
my %about;


sub root { $root }


sub binary {
    for my $name (grep { length } @ENV{qw(JIMENG_NGINX NGINX)}) {
        return File::Spec->rel2abs($name) if -x $name;
    }

    for my $path (File::Spec->path, '/usr/sbin', '/usr/local/sbin') {
        return "$path/nginx" if -x "$path/nginx";
    }

    die "nginx was not found: set JIMENG_NGINX\n";
}


# Its version and what it was built with.
sub about {
    my $binary = binary();
    return $about{$binary} //= `'$binary' -V 2>&1`;
}


sub at_least {
    my ($least) = @_;

    my ($version) = about() =~ m{nginx/(\d+\.\d+\.\d+)}
        or die binary() . " does not tell its version\n";

    return version->parse("v$version") >= version->parse("v$least");
}


# The module to load; the empty string when it is compiled in.
sub module_file {
    my $file = $ENV{JIMENG_MODULE}
               // "$root/build/ngx_http_jimeng_module.so";

    return length $file ? File::Spec->rel2abs($file) : '';
}


sub new {
    my ($class, %opt) = @_;

    # nginx takes a variable of its own name for inherited sockets.
    $opt{env} = { %{ $opt{env} || {} }, NGINX => undef };

    return bless { %opt, checks => 0 }, $class;
}


sub _run {
    my ($self, $name, $text, $log, @flags) = @_;
    my $conf = "$self->{dir}/$name.conf";

    open my $fh, '>:raw', $conf or die "$conf: $!";
    utf8::encode($text) if utf8::is_utf8($text);
    print $fh $text;
    close $fh or die "$conf: $!";

    # What nginx says before it has read the name of its log; an older one
    # prints that.
    unshift @flags, '-e', "$self->{dir}/$log" if at_least('1.19.5');

    return Jimeng::Test::Process->start(
        name => 'nginx', dir => $self->{dir}, env => $self->{env},
        command => [ binary(), '-p', "$self->{dir}/", '-c', $conf,
                     @flags ],
    );
}


sub start {
    my ($self, $text, $workers) = @_;

    my $process = $self->{process} = $self->_run('nginx', $text, 'error.log');

    my $ready = sub {
        return !$process->alive || $self->workers >= ($workers // 1);
    };

    if (!poll($ready, 30)) {
        $process->stop;
        return 'its workers did not start within 30 s';
    }

    return if $process->alive;
    return 'it did not start: ' . ($process->stderr || 'no reason given');
}


# Replaces the configuration that the next reload reads.
sub write_conf {
    my ($self, $text) = @_;
    my $conf = "$self->{dir}/nginx.conf";

    open my $fh, '>:raw', "$conf.new" or die "$conf: $!";
    utf8::encode($text) if utf8::is_utf8($text);
    print $fh $text;
    close $fh or die "$conf: $!";
    rename "$conf.new", $conf or die "$conf: $!";
    return;
}


sub check {
    my ($self, $text) = @_;
    my $name = 'check-' . ++$self->{checks};
    my $process = $self->_run($name, $text, "$name.log", '-t');

    die "nginx -t hangs" unless $process->wait(30) || !$process->stop;
    return ($process->status >> 8 || $process->status, $process->stderr);
}


sub process { $_[0]{process} }
sub alive { $_[0]{process} && $_[0]{process}->alive }
sub pid { $_[0]{process}->pid }
sub signal { $_[0]{process}->signal($_[1]) }


# The pids of the workers; with "leaving" or "staying", of those that were
# told to leave, or not.
sub workers {
    my ($self, $which) = @_;
    $which //= '';

    my $title = $which eq 'leaving' ? qr/^nginx: worker process is shutting/
              : $which eq 'staying' ? qr/^nginx: worker process$/
              :                       qr/^nginx: worker process/;

    my @pids = grep { process_title($_) =~ $title } children($self->pid);
    return @pids;
}


# HUP; returns true when every worker was replaced: as many new ones are
# there, and the old ones are leaving or have left.
sub reload {
    my ($self, $workers) = @_;
    my %old = map { $_ => 1 } $self->workers;

    $self->signal('HUP');

    return poll(sub {
        my @staying = $self->workers('staying');
        return @staying >= ($workers // 1) && !grep { $old{$_} } @staying;
    }, 30);
}


# QUIT; true when the master has ended, which it does after its last worker.
sub quit {
    my ($self, $seconds) = @_;
    $self->signal('QUIT');
    return $self->{process}->wait($seconds);
}


sub stop { $_[0]{process} && $_[0]{process}->stop }


# Everything nginx has said: its log, and what it printed.
sub said {
    my ($self) = @_;
    my $printed = $self->{process} ? $self->{process}->stderr : '';
    return slurp("$self->{dir}/error.log") . $printed;
}

1;
