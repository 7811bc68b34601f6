package Bench::Accounts;

# Does the access log add up?  What the lines of all requests say was made for
# them is held against the tasks of which the emulator knows that it made
# something: each in one line, with as many pictures.
#
#   my $d = difference($nginx, $emulator, @but);
#       "wrong" are sentences about tasks that are in no line, in several, or
#       with another number, but for those of these ids; "log" and "made" are
#       how many pictures are in the log, and were made
#
# The format is "log_format accounts '$jimeng_billed $jimeng_task_id';", and the
# log "accounts.log" in nginx's directory, or in that of each node.  A request
# has one task.

use strict;
use warnings;

use Exporter 'import';
use List::Util 'sum0';

our @EXPORT_OK = qw(difference);


sub difference {
    my ($nginx, $emulator, @but) = @_;

    my %tasks = %{ $emulator->state->{tasks} };
    my %billed = accounted($nginx);
    my %but = map { $_ => 1 } @but;
    my $log = sum0(map { @$_ } values %billed);
    my @wrong;

    for my $id (sort keys %tasks) {
        my $made = $tasks{$id}{made};
        my @lines = @{ delete $billed{$id} // [] };
        my $told = join ' and ', @lines;

        next if $told eq ($made || '') || ($but{$id} && !@lines);

        push @wrong, "task $id has made $made pictures, the log says "
                     . ($told || 'none');
    }

    push @wrong, map { "the log has a task $_, which was never made" }
                 sort keys %billed;

    return {
        wrong => \@wrong,
        log   => $log,
        made  => sum0(map { $_->{made} } values %tasks),
    };
}


# What each line says, whose request has pictures of its own.

sub accounted {
    my ($nginx) = @_;
    my %billed;

    for my $dir ($nginx->dirs) {
        open my $fh, '<', "$dir/accounts.log"
            or die "$dir/accounts.log: $!\n";

        while (my $line = <$fh>) {

            # the last one may not be whole
            my ($n, $id) = $line =~ /^(\d+) (\S+)\n/ or next;

            push @{ $billed{$id} }, $n if $n;
        }

        close $fh;
    }

    return %billed;
}


1;
