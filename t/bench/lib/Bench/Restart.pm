package Bench::Restart;

# Does a restart cost anything?  Clients that repeat, as SDKs do, wait for two
# accounts, whose limits the upstream enforces.  While tasks run nginx is
# stopped as Debian's unit does it, and started; then, in the same place, killed
# with all its processes, and started; then its binary is replaced.

use strict;
use warnings;

use Digest::SHA 'sha256_hex';
use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;
use JSON::PP;
use List::Util qw(max min sum0);
use Mojo::IOLoop;
use Time::HiRes qw(sleep time);

use Bench::Accounts 'difference';
use Bench::Clients;
use Bench::Nginx;
use Bench::Proc 'wait_for';
use Jimeng::Test::Emulator;
use Jimeng::Test::Process qw(process_title processes_in);

our @EXPORT_OK = qw(print_restarts restarts);

use constant {
    CALLS    => 40,
    NAMES    => 10,         # clients
    ACCOUNTS => [ 2, 4 ],   # tasks at a time
    SETTLED  => 2,          # seconds after which slots are used again
    WITHIN   => 10,         # seconds in which all is counted
    SECRET   => 'seals the ids of a benchmark, and of nothing else',

    # seconds, divided by how much faster than life it goes
    TASK     => [ 10, 30 ], # the shortest and the longest
    INTERVAL => 1,          # between two queries
    STOP     => 15,         # after the first call
    GRACE    => 5,          # between QUIT and TERM
    BACK_OFF => [ 0.5, 8 ], # of a client, doubled each time
};

my %stop = (quit => \&stop_as_debian, kill => \&kill_all,
            upgrade => \&upgrade, node => \&node_and_store);


# $settings are options to start nginx with.  faster: than life; seed; ways: of
# quit, kill and upgrade, or node, which is for settings with Bench::Nodes for
# their gateway.  Returns a hash of what was measured for each of them; missed is
# a list of what should not have been.

sub restarts {
    my ($settings, %o) = @_;

    my $vars = $settings->{vars};
    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my %second = map { $_ => $vars->{ uc $_ } . 'second' }
                 qw(access_key secret_key);

    srand $o{seed};

    my $emulator = Jimeng::Test::Emulator->start(dir => "$dir",
        access_key => $vars->{ACCESS_KEY}, secret_key => $vars->{SECRET_KEY},
        concurrency => ACCOUNTS->[0],
        accounts => [ { name => 'second', concurrency => ACCOUNTS->[1],
                        %second } ]);

    my %options = (%$settings, workers => 2, daemon => 1,
        upstream => $emulator->port,
        vars => { FILE => ' file=state.zone', %$vars, INTERVAL => int 1000 * INTERVAL / $o{faster},
                  map { +"SECOND_\U$_" => $second{$_} } keys %second },
        files => { keys => keys_file(), task_secret => SECRET . "\n" });

    my %world = (
        %o, options => \%options, emulator => $emulator,
        nginx => ($settings->{gateway} // 'Bench::Nginx')
                 ->start('restart', %options),
        old => [], number => 0, logged => 0,
    );

    $world{clients} = Bench::Clients->new([$world{nginx}->ports],
        headers => \&mark, again => sub { return pause_of(\%world, @_) });

    my @runs = map { wave(\%world, $_) } @{ $o{ways} };

    $_->() for @{ $world{old} };
    $world{nginx}->stop('QUIT', qr/ exited on signal 9$| was locked by |
                                  | open\ socket\ \#\d+\ left\ in\ connection
                                  |\ aborting$/x);
    $emulator->stop;

    return @runs;
}


sub keys_file {
    return join '', map {
        sha256_hex(key_of($_)) . " client-$_ images=1000000/d\n"
    } 1 .. NAMES;
}


sub key_of { return "sk-bench-$_[0]" }


# Every other call has the mark of OpenAI's SDK.

sub mark {
    my ($call) = @_;

    return if $call->{call} % 2;
    return 'x-stainless-retry-count' => scalar @{ $call->{tries} };
}


# After how long a client repeats, if it does.

sub pause_of {
    my ($world, $call, $response) = @_;

    if ($response) {
        my $after = $response->headers->header('Retry-After');

        return if $response->code !~ /^(?:40[89]|429|5..)$/
                  || ($response->headers->header('X-Should-Retry') // '')
                     eq 'false';
        return $after if $after && $after <= 60;
    }

    my ($least, $most) = @{ +BACK_OFF };
    my $n = @{ $call->{tries} } - 1;

    return min($most, $least * 2 ** min($n, 10)) * (1 - rand() / 4)
           / $world->{faster};
}


# Calls, and what befalls nginx as their tasks run.  Half of them come to the
# new binary: those of the old one stay there.

sub wave {
    my ($world, $how) = @_;
    my $before = usage($world);
    my $late = $how eq 'upgrade' ? CALLS / 2 : 0;
    my (%at, @calls);

    Mojo::IOLoop->timer(STOP / $world->{faster}, sub {
        $stop{$how}->($world, \%at);
        push @calls, map { send_call($world) } 1 .. $late;
    });

    push @calls, map { send_call($world) } 1 .. CALLS - $late;

    $world->{clients}->run;

    return judged($world, $how, \%at, $before, @calls);
}


sub send_call {
    my ($world) = @_;
    my ($from, $to) = @{ +TASK };
    my $name = $world->{number}++ % NAMES + 1;
    my $seconds = sprintf '%.2f', ($from + rand($to - $from))
                                  / $world->{faster};

    my $call = $world->{clients}->call($name, key_of($name),
                                       " [[seconds=$seconds]]");

    $call->{seconds} = $seconds;

    return $call;
}


# QUIT, and TERM a little later: "start-stop-daemon --retry QUIT/5", and what
# systemd sends then.

sub stop_as_debian {
    my ($world, $at) = @_;
    my $master = $world->{nginx}{master};

    $at->{stop} = time;
    kill 'QUIT', $master;

    Mojo::IOLoop->timer(GRACE / $world->{faster}, sub {
        kill 'TERM', $master;
        start_again($world, $at);
    });
}


sub kill_all {
    my ($world, $at) = @_;
    my $nginx = $world->{nginx};

    $at->{stop} = time;
    kill 'KILL', $nginx->{master}, processes($nginx);

    start_again($world, $at);
}


# A node is killed, and while it is down so is the store.

sub node_and_store {
    my ($world, $at) = @_;
    my $nodes = $world->{nginx};

    $at->{stop} = time;
    $nodes->kill_node;
    $nodes->restart_redis;

    Mojo::IOLoop->timer(1, sub {
        $nodes->start_node;
        $at->{start} = time;
    });
}


sub start_again {
    my ($world, $at) = @_;
    my $nginx = $world->{nginx};

    $nginx->left($nginx->{master});

    wait_for('the workers to leave', WITHIN, sub { !processes($nginx) });

    $nginx->again(%{ $world->{options} });
    $at->{start} = time;
}


sub processes {
    my ($nginx) = @_;

    return grep { process_title($_) =~ /^nginx: / }
           processes_in("$nginx->{dir}");
}


# The old binary ends what it has; it is waited for when all is over.

sub upgrade {
    my ($world, $at) = @_;
    my $nginx = $world->{nginx};

    $at->{stop} = time;
    my $old = $nginx->upgrade;
    $at->{start} = time;

    push @{ $world->{old} }, sub { $nginx->left($old) };
}


# The pictures of the day, as the clients are told, when none is reserved.

sub usage {
    my ($world) = @_;
    my $http = HTTP::Tiny->new(timeout => WITHIN);
    my $end = time + WITHIN;
    my %used;

    for my $name (1 .. NAMES) {

        for ( ;; ) {
            my $r = $http->get(
                "http://127.0.0.1:$world->{nginx}{port}/v1/usage",
                { headers => { Authorization => 'Bearer ' . key_of($name) } });

            die "a client's usage: $r->{status}\n$r->{content}\n"
                unless $r->{success};

            my $images = decode_json($r->{content})->{images};

            $used{$name} = $images->{used};
            last if !$images->{reserved} || time > $end;
            sleep 0.05;
        }
    }

    return \%used;
}


sub judged {
    my ($world, $how, $at, $before, @calls) = @_;

    my (%of, @missed);
    my %m = (how => $how, calls => scalar @calls, refused => 0, tasks => 0,
             twice => 0, picture => 0, broken => 0, tries => 0);

    for my $row ($world->{emulator}->journal(action => 'submit')) {
        my ($call) = $row->{json}{prompt} =~ /^call (\d+):/;

        $m{refused}++ if $row->{code} == 50430
                         && grep { $_->{call} == $call } @calls;
        push @{ $of{$call} }, $row if defined $row->{task_id};
    }

    for my $call (@calls) {
        my @tasks = @{ $of{ $call->{call} } // [] };
        my $got = $call->{status} == 200
                  && grep { ($call->{url} // '') =~ m{/$_->{task_id}-} } @tasks;

        $call->{tasks} = \@tasks;

        $m{tasks} += @tasks;
        $m{twice}++ if @tasks > 1;
        $m{picture}++ if $got;
        $m{broken} += @{ $call->{broken} };
        $m{tries} += @{ $call->{tries} };

        push @missed, told($how, $call, $at) if @tasks != 1 || !$got;
    }

    push @missed, "$how: $m{refused} submits were refused (50430)"
        if $m{refused};

    my $used = usage($world);

    $m{images} = sum0 map { $used->{$_} - $before->{$_} } keys %$used;

    for my $name (sort { $a <=> $b } keys %$used) {
        my $n = sum0 map { scalar @{ $_->{tasks} } }
                grep { $_->{client} == $name } @calls;
        my $counted = $used->{$name} - $before->{$name};

        push @missed, "$how: client-$name has had $n pictures, and $counted"
                      . ' are counted' if $n != $counted;
    }

    my $d = logged($world);

    $m{log} = $d->{log} - $world->{logged};
    $world->{logged} = $d->{log};

    push @missed, map { "$how: $_" } @{ $d->{wrong} };

    $m{down} = $at->{start} - $at->{stop};
    $m{longest} = max map { $_->{ended} - $_->{sent} } @calls;
    $m{seconds} = max(map { $_->{ended} } @calls) - $calls[0]{sent};
    $m{used} = used($at->{start} + SETTLED, @calls);

    return { %m, missed => \@missed };
}


# The access log; the last lines may come a little later than the replies.

sub logged {
    my ($world) = @_;
    my $end = time + WITHIN;

    for ( ;; ) {
        my $d = difference($world->{nginx}, $world->{emulator});

        return $d if !@{ $d->{wrong} } || time > $end;
        sleep 0.05;
    }
}


sub told {
    my ($how, $call, $at) = @_;
    my $since = sub { sprintf '%.2f', $_[0] - $at->{stop} };

    return sprintf '%s: call %d (%s), of %.1f s: %d tasks (%s), ended with %s'
                   . ' %s; tries: %s', $how, $call->{call},
        $call->{call} % 2 ? 'unmarked' : 'marked', $call->{seconds},
        scalar @{ $call->{tasks} },
        join(', ', map { $since->($_->{time}) } @{ $call->{tasks} }),
        $call->{status}, $call->{code} // '',
        join ', ', map { join '-', map { $since->($_) } @$_[0, 1] }
            @{ $call->{tries} };
}


# The part of the slots that were in use, of those that could be, in per cent:
# no more than run, or have a client there that waits.  From a time on, until
# the last task is submitted.

sub used {
    my ($from, @calls) = @_;
    my $slots = sum0 @{ +ACCOUNTS };
    my (@events, $to);

    for my $call (@calls) {
        my @times = map { $_->{time} } @{ $call->{tasks} };
        my $submit = @times ? min(@times) : $call->{ended};

        $to = max($to // 0, $submit);

        push @events, map { ([ $_, run => 1 ],
                             [ $_ + $call->{seconds}, run => -1 ]) } @times;

        for my $try (grep { $_->[0] < $submit } @{ $call->{tries} }) {
            push @events, [ $try->[0], wait => 1 ],
                          [ min($try->[1], $submit), wait => -1 ];
        }
    }

    my %now = (run => 0, wait => 0);
    my ($used, $could, $last) = (0, 0, $from);

    for my $event (sort { $a->[0] <=> $b->[0] } @events) {
        my ($time, $what, $n) = @$event;
        my $span = min($time, $to) - $last;

        if ($span > 0) {
            $used += $span * $now{run};
            $could += $span * min($slots, $now{run} + $now{wait});
            $last += $span;
        }

        $now{$what} += $n;
    }

    return $could ? 100 * $used / $could : 100;
}


sub print_restarts {
    my ($faster, @runs) = @_;

    print <<"END";

Restarts: $runs[0]{calls} calls at once by clients that repeat, half of them marked; two
accounts that run 2 and 4 tasks, two workers, the zone in a file.  Times but the
module's own are divided by $faster: tasks of 10 to 30 s, a query a second, 15 s before
the stop, 5 s between QUIT and TERM, pauses of clients of 0.5 to 8 s.  Half of the
calls come after USR2.

| | QUIT, TERM, start | KILL of all, start | USR2, QUIT |
|---|--:|--:|--:|
END

    my @rows = (
        [ calls   => 'calls' ],
        [ tasks   => 'tasks upstream' ],
        [ twice   => 'calls with more than one task' ],
        [ refused => '50430 seen' ],
        [ picture => 'calls that ended with the picture' ],
        [ images  => 'pictures of the day' ],
        [ log     => 'pictures in the access log' ],
        [ used    => 'slots used, from 2 s after the start', '%.1f %%' ],
        [ broken  => 'connections that broke off, or were refused' ],
        [ tries   => 'tries' ],
        [ down    => 'from the stop to the start, s', '%.1f' ],
        [ longest => 'the longest call, s', '%.1f' ],
        [ seconds => 'all of it, s', '%.1f' ],
    );

    for my $row (@rows) {
        my ($name, $title, $format) = @$row;

        printf "| %s |\n", join ' | ', $title,
               map { sprintf $format // '%d', $_->{$name} } @runs;
    }
}


1;
