package Jimeng::Test::Queue;

# For tests of slots and of those who wait for one.
#
#   my $t = Jimeng::Test->new(with_queue(account => 'concurrency 1;', ...));
#       a zone, jimeng_status, and workers that ask() can tell apart (see
#       Jimeng::Test::Ledger, whose functions are here, too)
#   account_of($t, $name)     what jimeng_status says of an account, "main"
#                             unless named
#   queued($t, $n)            waits until so many wait for a slot
#   free($t)                  waits until nobody waits and no slot is taken
#   of($prompt, $client, %fields)
#                             arguments of request(): a client's generation
#   in_turn($t, [request], ...)   starts one after another, each when the one
#                             before it waits; returns the exchanges.  A pid in
#                             front of the request chooses the worker
#   hold($t, $seconds)        a task that has a slot for so long; returns its
#                             exchange when it was submitted
#   order_of($t, $n)          the prompts that were accepted, in order; from
#                             the $n-th on
#   busy_rows($t)             submits refused for load
#   accepted($t)              submits that were not
#   statuses(@exchanges)      "200 200 429"

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test ();
use Jimeng::Test::Ledger;
use Test::More;

our @EXPORT = (@Jimeng::Test::Ledger::EXPORT, qw(accepted account_of busy_rows
               free hold in_turn of order_of queued statuses with_queue));


sub with_queue {
    my (%opt) = @_;

    return with_ledger(
        account => 'concurrency 1;', poll_interval => '50ms', %opt,
        http => 'jimeng_poll_attempts 100000;' . ($opt{http} // ''),
        server => 'location = /status { jimeng_status; access_log off; }'
                  . ($opt{server} // ''),
    );
}


sub account_of {
    my ($t, $name) = @_;
    $name //= 'main';

    my $json = $t->request('GET', '/status')->json // {};
    my ($account) = grep { $_->{name} eq $name } @{ $json->{accounts} || [] };
    return $account // {};
}


sub queued {
    my ($t, $n, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return Jimeng::Test::wait_for {
        (account_of($t, $name)->{waiting} // -1) == $n;
    } "$n wait for a slot";
}


sub free {
    my ($t, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return Jimeng::Test::wait_for {
        my $account = account_of($t, $name);
        defined $account->{running}
            && !$account->{running} && !$account->{waiting};
    } 'every slot comes back';
}


sub of {
    my ($prompt, $client, %fields) = @_;
    my ($path, $headers) = (delete $fields{path}, delete $fields{headers});

    my @request = Jimeng::Test->generation(
        { prompt => $prompt, %fields },
        { defined $client ? (Authorization => "Bearer $client") : (),
          %{ $headers || {} } });

    $request[1] = "$path/images/generations" if defined $path;
    return @request;
}


sub in_turn {
    my ($t, @requests) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $waiting = account_of($t)->{waiting};
    my @exchanges;

    for my $request (@requests) {
        my ($first) = @$request;
        push @exchanges, $first =~ /^\d+\z/ ? ask($t, @$request)
                                            : $t->start_request(@$request);
        queued($t, ++$waiting) or last;
    }

    return @exchanges;
}


my $holders = 0;

sub hold {
    my ($t, $seconds, @pid) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $prompt = 'holder ' . ++$holders . " [[seconds=$seconds]]";
    my @request = of($prompt, 'holder');
    my $x = @pid ? ask($t, @pid, @request) : $t->start_request(@request);

    Jimeng::Test::wait_for {
        grep { defined $_->{task_id} } submits_of($t, $prompt);
    } 'a slot is taken';
    return $x;
}


sub accepted {
    my ($t) = @_;
    return grep { ($_->{code} // '') eq '10000' } $t->submits;
}


sub busy_rows {
    my ($t) = @_;
    return grep { ($_->{code} // '') =~ /^504(?:29|30)\z/ } $t->submits;
}


sub order_of {
    my ($t, $n) = @_;
    my @prompts = map { $_->{json}{prompt} } accepted($t);
    return @prompts[ ($n // 0) .. $#prompts ];
}


sub statuses { join ' ', map { $_->response->status } @_ }

1;
