package Bench::Queue;

# The fifth measurement: many clients wait for an account that runs few tasks.
# One of them has half of the requests, and sends them before anybody else does;
# an upstream that would take only as many tasks as the account may run says
# how well the slots are used, and in which order.  Then the same with
# reloads and killed workers, and an upstream that takes anything: so more than
# there should be would be seen.

use strict;
use warnings;

use Digest::SHA 'sha256_hex';
use Exporter 'import';
use File::Temp ();
use POSIX ();
use Time::HiRes 'time';

use Bench::Clients;
use Bench::Nginx;
use Bench::Proc 'children';
use Jimeng::Test::Emulator;
use Jimeng::Test::Process 'process_title';

our @EXPORT_OK = qw(queue);

use constant {
    SLOTS    => 2,
    TASK     => 1,          # seconds
    WORKERS  => 4,
    INTERVAL => 20,         # milliseconds between two queries
    SMALL    => 20,         # clients beside the one with half of the requests
    APART    => 0.003,      # seconds between two requests that are sent
    SAME     => 0.2,        # seconds in which what is sent comes in any order
    SPARE    => 0.2,        # seconds between what two processes noted
    LAPSE    => 5,          # seconds that a lost task's slot may be kept
    PROMPT   => 0.5,        # seconds in which a free slot is used
};


# $settings are options to start nginx with.  requests: how many, all at once;
# reload, kill: seconds between two, 0 for never.  The settings' gateway is
# Bench::Nodes for two machines: faults then befall them, and again is as
# Bench::Clients has it.  Returns a hash of what was measured; missed is a list of
# what should not have been.

sub queue {
    my ($settings, %o) = @_;

    my $trouble = $o{reload} || $o{kill} || $o{faults};
    my $gateway = $settings->{gateway} // 'Bench::Nginx';
    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my %key = map { $_ => "sk-bench-$_" } 'half', 'probe', 1 .. SMALL;

    my $emulator = Jimeng::Test::Emulator->start(dir => "$dir",
        access_key => $settings->{vars}{ACCESS_KEY},
        secret_key => $settings->{vars}{SECRET_KEY}, seconds => TASK,
        concurrency => $trouble ? 0 : SLOTS);

    my $nginx = $gateway->start('queue', %$settings, workers => WORKERS,
        upstream => $emulator->port,
        vars => { %{ $settings->{vars} }, SLOTS => SLOTS,
                  QUEUE => 2 * $o{requests}, INTERVAL => INTERVAL },
        files => { keys => keys_file(%key) });

    # strictly by turns each of two slots would always be the same node's
    my @ports = ($nginx->ports, reverse $nginx->ports);

    my $clients = Bench::Clients->new(\@ports,
        map { ($_ => $o{$_}) x !!$o{$_} } 'again');
    my %done = (reloads => 0, kills => $nginx->{kills} // []);

    $clients->every($o{reload}, $o{reload}, sub {
        $done{reloads} += kill 'HUP', $nginx->{master};
    }) if $o{reload};

    $clients->every($o{kill}, $o{kill} * 0.7, sub {
        push @{ $done{kills} }, time if kill_worker($nginx);
    }) if $o{kill};

    $clients->every(@$_) for $o{faults} ? $nginx->faults : ();

    my @calls = wave($clients, $o{requests}, %key);
    $clients->run;

    # whatever was lost is over by now: every slot is there again
    $clients->pause($o{lapse} // LAPSE) if $trouble;

    my @probe = map { $clients->call('probe', $key{probe}) } 1 .. 2 * SLOTS;
    $clients->run;

    $nginx->stop('QUIT', @{ $done{kills} }
                         ? qr/ exited on signal 9$| was locked by / : ());

    my @journal = $emulator->journal(action => 'submit');
    my @queries = $emulator->journal(action => 'query');
    $emulator->stop;

    return { %{ judged(\@calls, \@probe, \@journal, \%done, $trouble) },
             handed => handed(\@calls, \@journal, \@queries),
             reloads => $done{reloads}, kills => scalar @{ $done{kills} } };
}


# The limits are there, and nobody comes near them.

sub keys_file {
    my (%key) = @_;

    return join '', map {
        sha256_hex($key{$_})
            . " client-$_ rate=100000r/m concurrency=10000 images=1000000/d\n"
    } sort keys %key;
}


# Sends them all, the greedy client's first; the others' in turn.

sub wave {
    my ($clients, $requests, %key) = @_;

    my $half = int $requests / 2;
    my @names = ('half') x $half;

    push @names, $_ % SMALL + 1 for 0 .. $requests - $half - 1;

    return map {
        $clients->pause(APART);
        $clients->call($_, $key{$_});
    } @names;
}


# The one that has the most connections.

sub kill_worker {
    my ($nginx) = @_;

    my %sockets = map { $_ => sockets($_) }
                  grep { process_title($_) =~ /^nginx: worker process/ }
                  children($nginx->{master});

    my ($busiest) = sort { $sockets{$b} <=> $sockets{$a} } keys %sockets;

    return defined $busiest && kill 'KILL', $busiest;
}


sub sockets {
    my ($pid) = @_;
    return scalar grep { (readlink // '') =~ /^socket:/ } glob "/proc/$pid/fd/*";
}


sub judged {
    my ($calls, $probe, $journal, $done, $trouble) = @_;

    my (%tasks, @missed);
    my %m = (refused => 0, tasks => 0, unknown => 0, broken => 0);

    for my $row (@$journal) {
        $m{refused}++ if $row->{code} =~ /^50(?:429|430)$/;

        next unless defined $row->{task_id};

        my ($call) = $row->{json}{prompt} =~ /^call (\d+):/;

        push @{ $tasks{$call} }, { call => $call, id => $row->{task_id},
                                   time => $row->{time} };
    }

    for my $call (@$calls, @$probe) {
        my $n = @{ $tasks{ $call->{call} } // [] };

        $m{broken} += @{ $call->{broken} };

        next if $call->{status} == 200 && $n == 1;

        if ($call->{status} == 502 && $n <= 1 && @{ $call->{broken} }
            && ($call->{retry} // '') eq 'false')
        {
            $m{unknown}++;
            next;
        }

        push @missed, "request $call->{call} of client-$call->{client}:"
                      . " $n tasks, $call->{status} " . ($call->{code} // '');
    }

    my @tasks = map { @{ $tasks{ $_->{call} } // [] } } @$calls;

    $m{calls} = @$calls;
    $m{tasks} = @tasks;
    $m{used} = used(@tasks);
    $m{most} = most(0, map { @$_ } values %tasks);

    lost($done->{kills}, \%tasks, @$calls);

    $m{held} = most(1, map { @$_ } values %tasks);
    $m{lost} = grep { $_->{lost} } @tasks;
    $m{ready} = grep { ($tasks{ $_->{call} }[0]{time} // 1e12)
                       < $probe->[0]{sent} + PROMPT } @$probe;

    if (!$trouble) {
        my $order = order($calls, \%tasks);

        $m{share} = $order->{share};
        $m{longest} = $order->{longest};
        push @missed, @{ $order->{missed} };
    }

    return { %m, slots => SLOTS, missed => \@missed };
}


# The part of the time from the first submit to the end of the last task that
# the slots were in use, in per cent.

sub used {
    my @times = sort { $a <=> $b } map { $_->{time} } @_;

    return 0 unless @times;
    return 100 * @times * TASK / (SLOTS * ($times[-1] + TASK - $times[0]));
}


# How many tasks ran at the same time, at most; without those that were lost,
# from then on.

sub most {
    my ($held, @tasks) = @_;
    my @events;

    for my $task (@tasks) {
        my $end = $task->{time} + TASK;

        $end = $task->{lost} if $held && $task->{lost} && $task->{lost} < $end;
        push @events, [ $task->{time}, 1 ], [ $end, -1 ];
    }

    my ($now, $most) = (0, 0);

    for my $event (sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @events) {
        $now += $event->[1];
        $most = $now if $now > $most;
    }

    return $most;
}


# A task is lost when it runs as its client's connection breaks off because a
# worker was killed.

sub lost {
    my ($kills, $tasks, @calls) = @_;

    for my $call (@calls) {
        for my $task (@{ $tasks->{ $call->{call} } // [] }) {
            my ($kill) = grep {
                my $kill = $_;
                $task->{time} - SPARE < $kill
                && $kill < $task->{time} + TASK + SPARE
                && grep { abs($_ - $kill) < SPARE } @{ $call->{broken} }
            } @$kills;

            $task->{lost} = $kill < $task->{time} ? $task->{time} : $kill
                if defined $kill;
        }
    }
}


# After how many seconds each slot that was freed on one node was used on the
# other: a task's last query says that it is over, and slots are used as they
# become free.

sub handed {
    my ($calls, $submits, $queries) = @_;

    my %over = map { $_->{json}{task_id} => $_->{time} } @$queries;
    my %node = map { $_->{call} => $_->{tries}[-1][2] } @$calls;
    my (@freed, @used, @seconds);

    for my $row (grep { defined $_->{task_id} } @$submits) {
        my ($call) = $row->{json}{prompt} =~ /^call (\d+):/;
        my $node = $node{$call} // next;

        push @used, [ $row->{time}, $node ];
        push @freed, [ $over{ $row->{task_id} } // next, $node ];
    }

    my @later = (sort { $a->[0] <=> $b->[0] } @used)[SLOTS .. $#used];

    for my $freed (sort { $a->[0] <=> $b->[0] } @freed) {
        my $used = shift @later // last;

        push @seconds, $used->[0] - $freed->[0] if $used->[1] != $freed->[1];
    }

    return \@seconds;
}


# How long each request waited, beside its fair share: when clients take turns,
# as many tasks come before the third request of one as there are first and
# second ones, and third ones, of all of them.  And whether a client's requests
# went upstream in the order they were sent.

sub order {
    my ($calls, $tasks) = @_;

    my (%of, @missed);
    my %o = (share => 0, longest => 0);

    push @{ $of{ $_->{client} } }, $_
        for grep { $tasks->{ $_->{call} } } @$calls;

    for my $client (sort keys %of) {
        my @mine = @{ $of{$client} };

        for my $n (1 .. @mine) {
            my $call = $mine[$n - 1];
            my $waited = $tasks->{ $call->{call} }[0]{time} - $call->{sent};
            my $before = 0;

            $before += $n < @$_ ? $n : @$_ for values %of;

            my $share = $waited / ($before * TASK / SLOTS);

            $o{share} = $share if $share > $o{share};
            $o{longest} = $waited if $waited > $o{longest};
        }

        push @missed, map { "client-$client: request $_ overtook another" }
                      overtaken($tasks, @mine);
    }

    return { %o, missed => \@missed };
}


# Those that went before one that had been sent clearly earlier.

sub overtaken {
    my ($tasks, @calls) = @_;
    my @found;

    for my $i (0 .. $#calls) {
        my ($call, $task) = ($calls[$i], $tasks->{ $calls[$i]{call} }[0]);

        push @found, $call->{call} if grep {
            $_->{sent} < $call->{sent} - SAME
            && $tasks->{ $_->{call} }[0]{time} > $task->{time}
        } @calls[0 .. $i - 1];
    }

    return @found;
}


1;
