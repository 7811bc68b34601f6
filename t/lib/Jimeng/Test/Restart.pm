package Jimeng::Test::Restart;

# For tests of what outlives nginx.
#
#   my $t = Jimeng::Test->new(with_file(...));
#       as with_ledger(), the zone in a file; its name is file_of($t)
#   stop_nginx($t, 'TERM')            nginx and its workers are gone: by TERM,
#                                     by KILL of each, or by QUIT and then TERM,
#                                     as Debian's unit does it
#   start_nginx($t, %opt)             it is there again, with %opt in place of
#                                     what Jimeng::Test->new() was told
#   said($t)                          what it has logged since that
#   another($t, %opt)                 another nginx that is not its child, with
#                                     the same zone's file and upstream
#   refusals($t)                      submits that the upstream has refused as
#                                     too many run

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test ();
use Jimeng::Test::Ledger;
use Jimeng::Test::Process qw(process_title processes_in slurp);

our @EXPORT = qw(another file_of refusals said start_nginx stop_nginx
                 with_file);


sub with_file {
    my (%opt) = @_;
    my $zone = delete $opt{zone} // '1m';

    return with_ledger(%opt, zone => "$zone file=state.zone");
}


sub file_of { $_[0]->dir . '/state.zone' }


sub stop_nginx {
    my ($t, $how) = @_;
    my $master = $t->nginx->pid;

    if ($how eq 'KILL') {
        kill 'KILL', $master, _processes($t);

    } elsif ($how eq 'QUIT') {
        kill 'QUIT', $master;
        Jimeng::Test::Process::poll(sub { !_processes($t) }, 1);
        kill 'TERM', $master;

    } else {
        kill $how, $master;
    }

    $t->wait_exit;
    Jimeng::Test::wait_for { !_processes($t) } "nginx is gone by $how";

    $t->{kept_connections} = {};

    return;
}


sub start_nginx {
    my ($t, %opt) = @_;

    $t->{$_} = $opt{$_} for keys %opt;
    $t->{said_before} = length slurp($t->dir . '/error.log');
    my $failed = $t->nginx->start($t->conf, $t->{workers});

    die "nginx: $failed" if defined $failed;
    return;
}


sub said {
    my ($t) = @_;
    return substr slurp($t->dir . '/error.log'), $t->{said_before} // 0;
}


sub another {
    my ($t, %opt) = @_;
    my $zone = delete $opt{zone} // '1m';

    return Jimeng::Test->new(with_ledger(
        emulator => 0, upstream => '127.0.0.1:' . $t->emulator->port,
        map({ $_ => $t->{$_} } grep { defined $t->{$_} } qw(account workers)),
        zone => "$zone file=" . file_of($t), %opt,
    ));
}


sub _processes {
    my ($t) = @_;
    my @pids = grep { process_title($_) =~ /^nginx: / } processes_in($t->dir);
    return @pids;
}


sub refusals {
    my ($t) = @_;
    return grep { ($_->{code} // 0) == 50430 } $t->submits;
}

1;
