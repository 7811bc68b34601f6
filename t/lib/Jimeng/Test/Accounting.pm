package Jimeng::Test::Accounting;

# For tests of what a line of the access log says of a request: the log is
# written in the format of conf-examples, beside the harness's own.
#
#   my $t = Jimeng::Test->new(with_ledger(accounted(http => ..., ...)));
#   my @rows = account_lines($t)      the log, read by a JSON parser line by
#                                     line; it dies of one that is no JSON
#   my $row = account_line($t, $what) waits for the line of a response, or of an
#                                     X-Request-Id
#   is_line($t, $what, $name, billed => 1, join => 'new', ...)
#                                     returns it; these fields are as given
#   made($t)                          pictures that the emulator has made

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use List::Util qw(sum0);
use Test::More;
use Jimeng::Test ();
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(slurp);

our @EXPORT = qw(account_line account_lines accounted is_line made);

my @numbers = qw(billed images n polls queue_position queue_time request_time
                 task_time tries upstream_time);


sub accounted {
    my (%opt) = @_;
    my $example = slurp(Jimeng::Test::Nginx::root()
                        . '/conf-examples/log.conf');
    my ($format) = $example =~ /^log_format jimeng (.*?;)$/ms
        or die "log.conf has no log_format\n";

    return (
        %opt,
        http => "log_format accounts $format" . ($opt{http} // ''),
        server => 'access_log %%DIR%%/access.log jimeng;
                   access_log %%DIR%%/accounts.log accounts;'
                  . ($opt{server} // ''),
    );
}


sub account_lines {
    my ($t) = @_;
    my $log = slurp($t->dir . '/accounts.log');

    # The last one may not be whole.
    return map { _read($_) } $log =~ /^(.*)\n/mg;
}


sub _read {
    my ($line) = @_;

    for my $name (@numbers) {
        die "$name is no number: $line\n"
            unless $line =~ /"$name":\d+(?:\.\d{3})?[,}]/;
    }

    die "cost is no amount: $line\n"
        unless $line =~ /"cost":\d+(?:\.\d{1,6})?,/;

    return JSON::PP->new->utf8->decode($line);
}


sub account_line {
    my ($t, $what) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $id = ref $what ? $what->header('X-Request-Id') : $what;

    return {} unless defined $id;
    return Jimeng::Test::wait_for(sub {
        (grep { $_->{request_id} eq $id } account_lines($t))[0];
    }, 'the line in the log') || {};
}


sub is_line {
    my ($t, $what, $name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $row = account_line($t, $what);

    is_deeply({ map { $_ => $row->{$_} } keys %want }, \%want, $name)
        or diag(explain($row));
    return $row;
}


sub made {
    my ($t) = @_;
    return sum0(map { $_->{made} } values %{ $t->emulator->state->{tasks} });
}

1;
