package Bench::Billing;

# The fourth measurement: is anything paid twice, or lost?  Other people's
# clients call through a proxy that resets connections; the emulator delays,
# refuses submits and drops answers of submits; nginx is reloaded, and loses a
# worker, every so often.  What was paid for is in the emulator's journal.

use strict;
use warnings;

use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(sleep time);

use Bench::Accounts 'difference';
use Bench::Nginx;
use Bench::Proc 'children';
use Jimeng::Test::Emulator;
use Jimeng::Test::Pictures 'noise_of';
use Jimeng::Test::Process 'process_title';

our @EXPORT_OK = qw(billing print_billing);

use constant {
    TASK    => 2,           # seconds that a task takes
    SUBMIT  => 1,           # seconds that the answer to a submit takes at most
    QUERY   => 0.8,         # ... and to a query
    LEAVE   => 4,           # seconds that an old worker has
    WITHIN  => 2000,        # milliseconds: no task is over sooner
    SPARE   => 0.2,         # seconds between what two processes noted
    BYTES   => 3000,        # of a picture, as the prompts have it
    SECRET  => 'seals the ids of a benchmark, and of nothing else',

    CUT     => 0.05,
    REFUSED => 0.05,
    DROPPED => 0.02,

    # seconds for a call: jimeng_timeout for each try, and the pauses
    LIMIT   => 3 * 15 + 10,

    # seconds in which what killed workers had is found to be over
    LAST    => 90,
    REST    => 999_999_999, # the number of calls that only look for these
};

my $bench = abs_path(dirname(__FILE__) . '/../..');
my $root = abs_path("$bench/../..");

# Of the resets of connections the gateway hears of so many.  Where it does not,
# and the next request is not marked as a repeat, nobody can tell it from one
# of a client that wants two pictures.
my %heard = (openai => 0.5, ai => 1, curl => 1);

my %refused = (
    do => 'answer', status => 429,
    body => { code => 50429, message => 'Request Has Reached API Limit',
              data => undef, request_id => 'refused', status => 50429 },
);


# $settings are options to start nginx with.  client: whose, openai, ai or curl;
# calls: how many; clients: how many at a time; reload, kill: seconds between
# two, 0 for never; seed.  The settings' gateway is Bench::Nodes for two machines:
# with faults that is what befalls them.  Returns a hash of counts; missed is a
# list of what should not have been.

sub billing {
    my ($settings, %o) = @_;

    my $packages = packages();
    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);

    my $emulator = Jimeng::Test::Emulator->start(dir => "$dir",
        access_key => $settings->{vars}{ACCESS_KEY},
        secret_key => $settings->{vars}{SECRET_KEY}, seconds => TASK);

    my $delays = set_faults($emulator, %o);

    my $gateway = $settings->{gateway} // 'Bench::Nginx';

    my $nginx = $gateway->start('billing', %$settings, workers => 2,
        main => "worker_shutdown_timeout ${\ LEAVE}s;",
        upstream => $emulator->port,
        files => { task_secret => SECRET . "\n" });

    my $client = Jimeng::Test::Process->start(name => 'client', dir => "$dir",
        command => ["$packages/node_modules/.bin/node",
            "$bench/client/billing.mjs", encode_json({
            gateways => [$nginx->ports], packages => $packages, dir => "$dir",
            client => $o{client}, calls => $o{calls}, clients => $o{clients},
            share => CUT, within => WITHIN, heard => $heard{ $o{client} },
            limit => LIMIT, seed => $o{seed} })]);

    my $began = time;
    my ($reloads, @kills) = trouble($nginx, $client, %o);
    my $seconds = time - $began;

    die 'the clients have failed: ', $client->stderr if $client->status;

    my @lines = map { decode_json($_) } split /\n/, $client->stdout;
    my $network = pop @lines;

    find_rest($nginx, $emulator, \@kills, $delays, %o);

    # what is under way without a client ends before anything is counted
    $nginx->stop('QUIT', @kills ? qr/ exited on signal 9$| was locked by / : ());

    my $counts = judged(\@lines, $network, $emulator, [ @$delays ], $nginx,
                        \@kills);
    my @unlogged = unknown($emulator, \@kills, $delays);
    my $log = difference($nginx, $emulator, @unlogged);

    push @{ $counts->{missed} }, @{ $log->{wrong} } if $o{ledger};

    return { %$counts, made => $log->{made}, log => $log->{log},
             unlogged => scalar @unlogged,
             reloads => $reloads, kills => scalar @kills,
             resets => $network->{resets}, seconds => $seconds };
}


# Where the packages are; the tests install the same.

sub packages {
    my $said = qx($root/t/tools/clients);
    die $said if $?;

    return "$root/build/clients";
}


# What the unit test of the ledger says about the memory of a task.

sub entry_size {
    my ($line) = qx($root/build/unit/ledger) =~ /^# (.* bytes an entry.*)$/m
        or die "build/unit/ledger does not tell how large an entry is\n";

    return $line;
}


# What befalls each submit is known before the first, of more than there will
# be: faults follow one another.  Returns after how many seconds each of them
# is answered.

sub set_faults {
    my ($emulator, %o) = @_;
    my ($good, @seconds) = (0);

    srand $o{seed};

    $emulator->fault({ on => 'query', times => 0, do => 'delay',
                       seconds => QUERY });

    while (@seconds < 2 * $o{calls}) {
        my $chance = rand;

        if ($chance >= DROPPED + REFUSED) {
            $good++;
            next;
        }

        my $seconds = rand SUBMIT;

        $emulator->fault({ on => 'submit', times => $good, do => 'delay',
                           seconds => $seconds }) if $good;
        $emulator->fault({ on => 'submit',
                           $chance < DROPPED ? (do => 'drop') : %refused });

        push @seconds, ($seconds) x $good, 0;
        $good = 0;
    }

    return \@seconds;
}


# Reloads and kills until the clients are done; returns how many reloads, and
# when each worker was killed.

sub trouble {
    my ($nginx, $client, %o) = @_;
    my ($reloads, @kills) = (0);

    my @faults = $o{faults} ? $nginx->faults : grep { $_->[0] } (
        [ $o{reload}, $o{reload}, sub {
            $reloads += kill 'HUP', $nginx->{master};
        } ],
        [ $o{kill}, $o{kill} / 2, sub {
            push @kills, time if kill_worker($nginx);
        } ],
    );

    my @next = map { time + $_->[1] } @faults;

    while ($client->alive) {
        for my $i (grep { time >= $next[$_] } 0 .. $#faults) {
            $next[$i] += $faults[$i][0];
            $faults[$i][2]->();
        }

        sleep 0.02;
    }

    $nginx->start_node if $o{faults};

    return $reloads, @kills, @{ $nginx->{kills} // [] };
}


# One of them, whether it takes requests or only ends those it has.

sub kill_worker {
    my ($nginx) = @_;

    my @workers = sort { $a <=> $b }
                  grep { process_title($_) =~ /^nginx: worker process/ }
                  children($nginx->{master});

    return @workers && kill 'KILL', $workers[rand @workers];
}


# What a killed worker had, and no client came back for, is found by those who
# come for a slot: so many do as it takes.

sub find_rest {
    my ($nginx, $emulator, $kills, $delays, %o) = @_;
    my $http = HTTP::Tiny->new(timeout => LIMIT);
    my $end = time + LAST;

    while ($o{ledger} && time < $end) {
        my @lost = unknown($emulator, $kills, $delays);

        return unless @{ difference($nginx, $emulator, @lost)->{wrong} };

        $http->post("http://127.0.0.1:$nginx->{port}/v1/images/generations", {
            headers => { 'Content-Type' => 'application/json' },
            content => encode_json({ prompt => "call ${\ REST}: " . rand
                                               . ' [[seconds=0]]' }),
        });
    }
}


# The tasks whose id nobody has: the answer with it was lost.

sub unknown {
    my ($emulator, $kills, $delays) = @_;
    my @delays = @$delays;

    return map { $_->{task_id} }
           grep { $_->{answered} = $_->{time} + shift @delays;
                  defined $_->{task_id} && lost_answer($_, $kills) }
           $emulator->journal(action => 'submit');
}


# Holds what the clients got against the journal.

sub judged {
    my ($results, $network, $emulator, $delays, $nginx, $kills) = @_;

    my %count = map { $_ => 0 } qw(calls tasks twice picture named free
                                   unknown unreached hidden hung longest
                                   refused dropped retries found moved);
    my (%tasks, %tries, @missed);

    for my $row ($emulator->journal(action => 'submit')) {
        $row->{answered} = $row->{time} + shift @$delays;

        my ($call) = $row->{json}{prompt} =~ /^call (\d+):/;

        $count{refused}++ if $row->{code} eq '50429';
        $count{dropped}++ if ($row->{fault} // '') eq 'drop';

        push @missed, "a submit was answered $row->{code}"
            if $row->{code} !~ /^(?:10000|50429)$/;

        push @{ $tasks{$call} }, $row if defined $row->{task_id};
    }

    push @{ $tries{ $_->{call} } }, $_ for @{ $network->{tries} };

    for my $result (@$results) {
        my $call = $result->{call};
        my $tasks = $tasks{$call} // [];
        my $tries = $tries{$call} // [];

        my $how = verdict($result, $tasks, $tries->[-1], $nginx, $kills);

        $count{calls}++;
        $count{tasks} += @$tasks;
        $count{twice}++ if @$tasks > 1;
        $count{$how}++;

        $count{longest} = $result->{seconds}
            if $result->{seconds} > $count{longest};

        for my $try (@$tries) {
            $count{moved}++ if ($try->{status} // 0) == 503;
            $count{retries}++ if $try->{retry};
            $count{found}++ if $try->{retry} && found($try, $tasks);
        }

        push @missed, sprintf 'call %d: %d tasks (%s), %s after %.1f s: %s',
                $call, scalar @$tasks,
                join(', ', map { at($_->{time}) } @$tasks), $how,
                $result->{seconds}, told($result, $tries)
            if @$tasks > 1 || $how =~ /^(?:hung|hidden)$/;
    }

    return { %count, missed => \@missed };
}


# What became of a call:
#
#   picture     it got the picture of a task of its own
#   named       an error that names its tasks
#   free        an error, and there is no task
#   unknown     an error that says there may be one, whose id nobody has: the
#               answer with it was dropped, or its reader was killed
#   unreached   no answer can have reached it: its last connection broke off,
#               or was to a node that is down, and no client was left to be told
#   hidden      it should have got one of the first two
#   hung        it has not ended

sub verdict {
    my ($result, $tasks, $last, $nginx, $kills) = @_;
    my $error = $result->{error};

    return 'hung' if $result->{hung};

    if (!$error) {
        return (grep { is_picture($result, $_->{task_id}) } @$tasks)
               ? 'picture' : 'hidden';
    }

    return 'free' unless @$tasks;

    if (defined $error->{task_id}) {
        my %named = map { $_ => 1 } ids($nginx, $error->{task_id});

        return 'named' unless grep { !$named{ $_->{task_id} } } @$tasks;

        # the id of a request that waited may have been made before its tasks
    }

    return 'unreached'
        if !defined $error->{status} && $last->{how} eq 'lost'
           && (grep { abs($last->{ended} - $_) < SPARE } @$kills
               or grep { $last->{ended} > $_->[0] && $last->{ended} < $_->[1] }
                  @{ $nginx->{downs} // [] });

    return 'hidden' if grep { !lost_answer($_, $kills) } @$tasks;

    return ($error->{retry} // '') eq 'false' ? 'unknown' : 'hidden';
}


sub is_picture {
    my ($result, $id) = @_;

    return $result->{sha256} eq noise_of($id, BYTES)
        if defined $result->{sha256};

    return ($result->{url} // '') =~ m{/pictures/$id-\d+\.png};
}


# Did the answer with this task's id never come to be known?

sub lost_answer {
    my ($task, $kills) = @_;

    return 1 if ($task->{fault} // '') eq 'drop';

    return grep { $_ > $task->{time} - SPARE && $_ < $task->{answered} + SPARE }
           @$kills;
}


# The upstream's ids in a sealed id.

sub ids {
    my ($nginx, $sealed) = @_;

    open my $fh, '-|', "$root/build/unseal", "$nginx->{dir}/task_secret",
        $sealed or die "$root/build/unseal: $!\n";
    my $text = do { local $/; <$fh> } // '';
    close $fh;

    return $? ? () : @{ decode_json($text)->{ids} };
}


# Did a retry come to what another try had begun?

sub found {
    my ($try, $tasks) = @_;

    return $try->{how} eq 'answered' && $try->{status} == 200
           && @$tasks == 1 && $tasks->[0]{time} < $try->{began};
}


sub told {
    my ($result, $tries) = @_;

    my @tries = map {
        sprintf('try %d at %s ', $_->{retry}, at($_->{began}))
            . (defined $_->{how} ? "$_->{how} at " . at($_->{ended}) : 'waits')
            . ($_->{status} ? " ($_->{status})" : '')
    } @$tries;

    return join '; ', @tries, $result->{url} // (),
                $result->{error} ? $result->{error}{message} : ();
}


sub at { return sprintf '%.2f', $_[0] - $^T }


sub print_billing {
    my ($o, @runs) = @_;

    my $without = $o->{ledger} ? '' : ', without the ledger';
    my $seconds = join ', ', map { sprintf '%.0f s', $_->{seconds} } @runs;

    print <<"END";

Double billing$without: clients with the retries they make by themselves,
$o->{clients} calls at a time, two workers; $seconds.  Calls
that have had, or ended with:

| ${\ join ' | ', '', map { $_->{title} } @runs } |
|---${\ join '', map { '|--:' } @runs }|
END

    my @rows = (
        [ calls     => 'calls' ],
        [ tasks     => 'tasks upstream' ],
        [ twice     => 'more than one task' ],
        [ picture   => 'the picture' ],
        [ named     => 'an error that names the task' ],
        [ free      => 'an error, and no task' ],
        [ unknown   => 'an error, the task\'s id was lost on its way here' ],
        [ unreached => 'no answer, the worker was killed in the last try' ],
        [ hidden    => 'none of these' ],
        [ hung      => 'no end' ],
        [ resets    => 'connections reset' ],
        [ refused   => 'submits refused' ],
        [ dropped   => 'answers to submits dropped' ],
        [ reloads   => 'reloads' ],
        [ kills     => 'workers killed' ],
        [ moved     => 'tries answered 503' ],
        [ retries   => 'retries' ],
        [ found     => '... that found their task' ],
        [ longest   => 'the longest call, s', '%.1f' ],
        [ made      => 'pictures made' ],
        [ log       => 'pictures in the access log' ],
        [ unlogged  => 'tasks whose id was lost on its way here' ],
    );

    for my $row (@rows) {
        my ($name, $title, $format) = @$row;

        printf "| %s |\n", join ' | ', $title,
               map { sprintf $format // '%d', $_->{$name} } @runs;
    }

    print <<"END";

Memory of the zone: ${\ entry_size() }.

Bars: no more than one task, the picture or an error that names the task
wherever its id got here, and an end, for every call; each picture in one line of
the access log, but of tasks whose id was lost on its way here.
END
}


1;
