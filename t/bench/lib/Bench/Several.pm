package Bench::Several;

# Two machines and one store: do they use all slots, and no more; whose turn is
# it; is anything paid twice while nodes are killed, and the store is started
# again; what does the store cost.  Prints Markdown.

use strict;
use warnings;
use utf8;

use Exporter 'import';
use File::Temp ();
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes 'time';

use Bench::Billing 'billing';
use Bench::Load 'KEY';
use Bench::Measure qw(beside median);
use Bench::Nodes;
use Bench::Queue 'queue';
use Bench::Restart 'restarts';
use Jimeng::Redis;
use Jimeng::Test::Emulator;

our @EXPORT_OK = qw(print_several);

use constant {
    USED   => 95,       # per cent of the time
    TURN   => 2,        # fair shares, that a client waits
    HANDED => 50,       # ms from one node's slot to the other's task
    CPU    => 1.5,      # of a job, beside the memory's store
    CALLS  => 5,        # of a job with two queries

    LAPSE  => 20,       # seconds after which a killed node's slots are back
    AGAIN  => 0.1,      # seconds before a request is sent again
    FASTER => 2,        # than life: leases are not
    JOBS   => 40,       # whose calls are counted
    TASK   => 0.15,     # seconds, of these: two queries
    QUERY  => 100,      # ms
    PAUSE  => 50,       # ms, of those whose CPU time is measured
};


# $settings are options to start nginx with; shared is a gateway as
# Bench::Measure has it, with the memory's store; upstream is for it.  parts: of
# quiet, queue, billing, restart and cost; requests, clients, seed, rounds,
# seconds, connections.  Returns what was missed.

sub print_several {
    my ($settings, %o) = @_;
    my %nodes = (%$settings, gateway => 'Bench::Nodes');

    my %part = (
        quiet   => sub { quiet(\%nodes, %o) },
        queue   => sub { queue_of(\%nodes, %o) },
        billing => sub { billing_of(\%nodes, %o) },
        restart => sub { restart_of(\%nodes, %o) },
        cost    => sub { cost($settings, %o) },
    );

    $part{$_} or die "the nodes have no part \"$_\"\n" for @{ $o{parts} };

    return map { $part{$_}->() } @{ $o{parts} };
}


sub quiet {
    my ($settings, %o) = @_;
    my $m = queue($settings, requests => $o{requests});
    my @handed = @{ $m->{handed} };

    print <<"END";

Two nodes of two workers, one Redis: $m->{calls} requests at once, to each node by
turns, half of them one client's and sent before the others', for $m->{slots} slots; tasks
of 1 s.
END

    return rows(
        [ 'tasks upstream', '%d', $m->{tasks}, $m->{calls} ],
        [ '50429 and 50430 seen', '%d', $m->{refused}, 0 ],
        [ 'tasks at the same time', '%d', $m->{most}, $m->{slots} ],
        [ 'slots unused, %', '%.1f', 100 - $m->{used}, 100 - USED ],
        [ 'longest wait in fair shares', '%.2f', $m->{share}, TURN ],
        [ 'slots freed on one node, used on the other', '%d',
          scalar @handed ],
        [ '... after so many ms, at the median', '%.1f',
          @handed ? 1e3 * median(@handed) : 9999, HANDED ],
        [ 'slots not used at once when all is over', '%d',
          $m->{slots} - $m->{ready}, 0 ],
    ), @{ $m->{missed} };
}


# A node is killed, and started again, the other one next time; and so is the
# server.

sub queue_of {
    my ($settings, %o) = @_;

    my $m = queue($settings, requests => $o{requests}, faults => 1,
                  lapse => LAPSE, again => \&again);

    print <<"END";

The same with $m->{calls}, a node killed every 15 s, by turns, and started a second
later; Redis, which keeps what it is told, ended or killed every 20 s, and started
at once; an upstream without a limit.
END

    return rows(
        [ 'nodes killed', '%d', $m->{kills} ],
        [ 'tasks upstream', '%d', $m->{tasks} ],
        [ 'connections that broke off', '%d', $m->{broken} ],
        [ 'requests whose submit was cut off', '%d', $m->{unknown} ],
        [ 'tasks at the same time', '%d', $m->{most}, $m->{slots} ],
        [ 'slots used, %', '%.1f', $m->{used} ],
        [ 'slots not used at once when all is over', '%d',
          $m->{slots} - $m->{ready}, 0 ],
    ), map { "nodes, queue: $_" } @{ $m->{missed} };
}


sub billing_of {
    my ($settings, %o) = @_;

    my $m = billing({
        %$settings, vars => { %{ $settings->{vars} },
                              LEDGER => 'jimeng_zone billing:1m;' },
    }, client => 'openai', calls => 4 * $o{requests}, clients => $o{clients},
       seed => $o{seed}, ledger => 1, faults => 1);

    print <<"END";

The same faults, $m->{calls} calls of `openai`, $o{clients} at a time, over a network that breaks
connections.
END

    return rows(
        [ 'nodes killed', '%d', $m->{kills} ],
        [ 'tasks upstream', '%d', $m->{tasks} ],
        [ 'calls with more than one', '%d', $m->{twice}, 0 ],
        [ 'the picture', '%d', $m->{picture} ],
        [ 'an error that names the task', '%d', $m->{named} ],
        [ 'an error, and no task', '%d', $m->{free} ],
        [ 'an error, the task\'s id was lost', '%d', $m->{unknown} ],
        [ 'no answer, the node was killed in the last try', '%d',
          $m->{unreached} ],
        [ 'none of these', '%d', $m->{hidden}, 0 ],
        [ 'no end', '%d', $m->{hung}, 0 ],
        [ 'tries answered 503', '%d', $m->{moved} ],
        [ 'retries', '%d', $m->{retries} ],
        [ '... that found their task', '%d', $m->{found} ],
        [ 'the longest call, s', '%.1f', $m->{longest} ],
        [ 'pictures made', '%d', $m->{made} ],
        [ 'pictures in the access logs', '%d', $m->{log} ],
        [ 'tasks whose id was lost on its way here', '%d', $m->{unlogged} ],
    ), map { "nodes, billing: $_" } @{ $m->{missed} };
}


sub restart_of {
    my ($settings, %o) = @_;

    my ($m) = restarts(
        { %$settings, vars => { %{ $settings->{vars} }, FILE => '' } },
        faster => FASTER, seed => $o{seed}, ways => ['node']);

    print <<"END";

$m->{calls} calls at once by clients that repeat, half of them marked, to two accounts
that run 2 and 4 tasks of 5 to 15 s; after 7.5 s a node is killed, and started a
second later, and meanwhile so is Redis.
END

    return rows(
        [ 'tasks upstream', '%d', $m->{tasks} ],
        [ 'calls with more than one', '%d', $m->{twice}, 0 ],
        [ '50430 seen', '%d', $m->{refused}, 0 ],
        [ 'calls that ended with the picture', '%d', $m->{picture} ],
        [ 'pictures of the day', '%d', $m->{images} ],
        [ 'pictures in the access logs', '%d', $m->{log} ],
        [ 'slots used, from 2 s after the start, %', '%.1f', $m->{used} ],
        [ 'the longest call, s', '%.1f', $m->{longest} ],
        [ 'all of it, s', '%.1f', $m->{seconds} ],
    ), map { "nodes, restart: $_" } @{ $m->{missed} };
}


# What breaks off is sent again, and what was told to come again.

sub again {
    my ($call, $response) = @_;

    return AGAIN unless $response;
    return if $response->code != 503;
    return $response->headers->header('Retry-After') || AGAIN;
}


sub cost {
    my ($settings, %o) = @_;

    my $redis = Jimeng::Redis->new(appendonly => 1,
                                   config => [ appendfsync => 'everysec' ]);

    # as many jobs a second with both, as each waits for its query: what one of
    # them has more at a time it would do for less
    my ($shared, $store) = map {
        my ($name, @http) = @$_;
        +{ %{ $o{shared} }, name => $name, start => sub {
            return $o{shared}{start}->(@_, interval => PAUSE, @http);
        } };
    } [ 'shared' ], [ 'store', http => "jimeng_store ${\ $redis->url };" ];

    my $ratio = beside($o{upstream}, $store, $shared, %o);
    my ($calls, %of) = calls_of_a_job($settings);

    $redis->stop;

    print <<"END";

What the store costs: CPU time of a job on nginx's side, beside the memory's store
(with keys, quotas and slots in both), as many jobs a second, round by round; calls
to Redis of a job of one task and two queries: ${\ join ', ', map { "$_ $of{$_}" } sort keys %of }.
END

    return rows(
        [ 'CPU time', '%.2f', $ratio, CPU ],
        [ 'calls to Redis', '%.2f', $calls, CALLS ],
    );
}


# Jobs one after the other: the calls of one, and those of each function.

sub calls_of_a_job {
    my ($settings) = @_;

    my $dir = File::Temp->newdir('jimeng-bench-XXXXXX', TMPDIR => 1);
    my $redis = Jimeng::Redis->new(appendonly => 1);

    my $emulator = Jimeng::Test::Emulator->start(dir => "$dir",
        access_key => $settings->{vars}{ACCESS_KEY},
        secret_key => $settings->{vars}{SECRET_KEY}, seconds => TASK);

    my $nginx = Bench::Nginx->start('shared', %$settings,
        upstream => $emulator->port,
        http => "jimeng_store ${\ $redis->url };",
        vars => { %{ $settings->{vars} }, INTERVAL => QUERY, ATTEMPTS => 60,
                  FILE => '' });

    one_call($nginx, 0);
    $redis->command('CONFIG', 'SET', @$_)
        for [ 'slowlog-max-len', 100_000 ], [ 'slowlog-log-slower-than', 0 ];
    $redis->command('SLOWLOG', 'RESET');

    my $before = $emulator->journal(action => 'query');

    one_call($nginx, $_) for 1 .. JOBS;

    my $queries = $emulator->journal(action => 'query') - $before;
    my $log = $redis->command('SLOWLOG', 'GET', -1);
    my %of;

    for my $entry (@$log) {
        my ($command, $function) = @{ $entry->[3] };
        next if uc $command ne 'FCALL';

        # these are once in a while, however many jobs there are
        next if $function =~ /_(?:configure|join|renew|quit|bury)$/;

        $function =~ s/^.*?_//;
        $of{$function} += 1 / JOBS;
    }

    $nginx->stop;
    $emulator->stop;
    $redis->stop;

    die "there were $queries queries for ${\ JOBS} jobs\n"
        if $queries != 2 * JOBS;

    my $sum = 0;
    $sum += $_ for values %of;

    return $sum, map { $_ => sprintf '%.2g', $of{$_} } keys %of;
}


sub one_call {
    my ($nginx, $n) = @_;

    my $r = HTTP::Tiny->new(timeout => 60)->post(
        "http://127.0.0.1:$nginx->{port}/v1/images/generations",
        { headers => { 'Content-Type' => 'application/json',
                       Authorization => 'Bearer ' . KEY },
          content => encode_json({ model => 'jimeng-4.0',
                                   prompt => "a cat, number $n" }) });

    die "a job was answered $r->{status}:\n$r->{content}\n", $nginx->log
        unless $r->{success};
}


# Prints a table of [what, format, figure, bar]; returns those that are above
# their bar.  Without one there is nothing to miss.

sub rows {
    my @missed;

    print "\n| | | at most |\n|---|--:|--:|\n";

    for my $row (@_) {
        my ($what, $format, $figure, $bar) = @$row;

        printf "| %s | $format | %s |\n", $what, $figure, $bar // '';

        push @missed, sprintf "nodes, %s: $format, the bar is %s", $what,
                      $figure, $bar
            if defined $bar && $figure > $bar;
    }

    return @missed;
}


1;
