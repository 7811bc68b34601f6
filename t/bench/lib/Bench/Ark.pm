package Bench::Ark;

# Jobs of Ark's in flight: clients whose call is not answered yet, and the memory
# they take.

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use POSIX ();
use Time::HiRes 'time';

use Bench::Load qw(ANSWER KEY body finish_jobs one_job open_jobs);
use Bench::Measure 'print_memory';
use Bench::Nginx;
use Bench::Proc qw(at_rest memory wait_for);
use Jimeng::Test::Http2;

our @EXPORT_OK = qw(held print_held);

use constant {
    OWN     => 50,      # descriptors of nginx that are no job's
    STREAMS => 128,     # that nginx takes on one connection
};


# Holds so many jobs in flight, and measures the worker's memory when each has
# made its call, and again when they have waited for $o{seconds}: { idle, early,
# late }, each as Bench::Proc::memory has it.  $upstream are options to start it
# with.  A job takes two of the worker's descriptors: clients that these do not
# suffice for are streams of one connection.

sub held {
    my ($upstream, $g, %o) = @_;

    my $limit = POSIX::sysconf(POSIX::_SC_OPEN_MAX) - OWN;
    my $streams = 2 * $o{jobs} > $limit ? 2 * $o{jobs} - $limit : 0;

    die "no more than $limit files may be open: too few for $o{jobs} jobs\n"
        if $streams > STREAMS;

    # with less than a sixteenth of them free, nginx takes from those that wait
    my $connections = int 2.2 * $o{jobs} + OWN;

    my $canned = Bench::Nginx->start('held', %$upstream,
                                     connections => $connections,
                                     vars => { ANSWER => ANSWER });
    my $port = Bench::Nginx::free_port();
    my $nginx = $g->{start}->($canned->{port}, http2 => $port,
                             connections => $connections);
    my ($worker) = @{ $nginx->{workers} };

    one_job($nginx, 'ark');
    at_rest($nginx->pids);

    my %m = (idle => memory($worker));

    my $before = ask($canned, 'count');
    ask($canned, 'hold');

    my @jobs = open_jobs('ark', $nginx->{port}, $o{jobs} - $streams);
    my ($h2, @streams) = open_streams($port, $streams);

    wait_for("$g->{name}: $o{jobs} calls", 120, sub {
        return ask($canned, 'count') - $before >= $o{jobs};
    });

    at_rest($nginx->pids);
    $m{early} = memory($worker);

    my $end = time + $o{seconds};
    wait_for('time to pass', 2 * $o{seconds}, sub { return time >= $end });

    $m{late} = memory($worker);

    my $calls = ask($canned, 'count') - $before;
    die "$g->{name}: $calls calls for $o{jobs} jobs\n" if $calls != $o{jobs};

    ask($canned, 'release');

    my $good = finish_jobs(@jobs);
    $good += grep { $_->{body} =~ /"url":\s*"https?:/ }
             map { $h2->response($_) } @streams;

    die "$g->{name}: $good of $o{jobs} jobs came to a good end\n"
        if $good != $o{jobs};

    $nginx->stop;
    $canned->stop;

    return \%m;
}


sub open_streams {
    my ($port, $n) = @_;

    return if !$n;

    my $h2 = Jimeng::Test::Http2->new($port);

    return $h2, map {
        $h2->start('POST', '/v1/images/generations',
                   { 'content-type' => 'application/json',
                     authorization => 'Bearer ' . KEY }, body('ark'))
    } 1 .. $n;
}


sub print_held {
    my ($o, @runs) = @_;

    print <<"END";

The same of $o->{'ark-jobs'} jobs of Ark's, whose call is not answered yet: when all
of them wait, and $o->{queries} s later.

| gateway | idle | all wait | $o->{queries} s later | growth | KiB a job |
|---|--:|--:|--:|--:|--:|
END

    print_memory($_->{title}, $_->{memory}, $o->{'ark-jobs'}) for @runs;
}


sub ask {
    my ($canned, $what) = @_;

    my $r = HTTP::Tiny->new->get("http://127.0.0.1:$canned->{port}/$what");
    die "the upstream does not $what: $r->{status}\n" if $r->{status} != 200;

    return $r->{content};
}


1;
