package Jimeng::Test::Ledger;

# For tests of what becomes of a request that comes again.
#
#   my $t = Jimeng::Test->new(with_ledger(workers => 2, ...));
#       jimeng_zone, and workers that ask() can tell apart; "zone" is its size
#   my $x = ask($t, $pid, $t->generation(...));
#                                     a request to that worker
#   connect_workers($t, $n, @pids)    so many of them to each can be sent
#                                     without asking who is there
#   my @rows = submits_of($t, $prompt)
#   my @rows = queries_of($t, $prompt)        for tasks of that prompt
#   wait_submits($t, $prompt, $n)     waits until so many are, or 1
#   links($response)                  its pictures, or its error, as a string
#   is_picture($t, $response, $prompt, $name)
#                                     it is that of the prompt's only task
#   refuse($t, skip => 1)             a submit is refused, which costs nothing

use strict;
use warnings;

use Exporter qw(import);
use Test::More;
use Jimeng::Test ();

our @EXPORT = qw(ask connect_workers is_picture links queries_of refuse
                 submits_of wait_submits with_ledger);


sub with_ledger {
    my (%opt) = @_;
    my $zone = delete $opt{zone} // '1m';

    return (
        listen => 'reuseport', %opt,
        http => "jimeng_zone ledger:$zone;" . ($opt{http} // ''),
        server => 'location = /pid { return 200 $pid; }'
                  . ($opt{server} // ''),
    );
}


# The kernel chooses the worker; a connection stays with it.
sub connect_workers {
    my ($t, $n, @pids) = @_;
    my $kept = $t->{kept_connections} //= {};

    Jimeng::Test::wait_for {
        my $x = $t->start_request('GET', '/pid', {}, undef, keepalive => 1);
        push @{ $kept->{ $x->response->body } }, $x;

        @pids == grep { @{ $kept->{$_} || [] } >= $n } @pids;
    } "$n connections to each worker";

    return;
}


sub ask {
    my ($t, $pid, @request) = @_;
    my $kept = $t->{kept_connections} //= {};

    connect_workers($t, 1, $pid) unless @{ $kept->{$pid} || [] };
    return $t->start_request(@request, on => shift @{ $kept->{$pid} });
}


sub submits_of {
    my ($t, $prompt) = @_;
    return grep { ($_->{json}{prompt} // '') eq $prompt } $t->submits;
}


sub wait_submits {
    my ($t, $prompt, $n) = @_;

    return Jimeng::Test::wait_for(sub {
        submits_of($t, $prompt) == ($n // 1);
    }, 'it is submitted');
}


sub queries_of {
    my ($t, $prompt) = @_;
    my %id = map { $_->{task_id} => 1 }
             grep { defined $_->{task_id} } submits_of($t, $prompt);
    return grep { $id{ $_->{json}{task_id} // '' } } $t->queries;
}


sub links {
    my ($response) = @_;
    my $json = $response->json // {};
    my $error = $json->{error};

    return join ' ', map { $_->{url} } @{ $json->{data} } if $json->{data};
    return $response->status . ' ' . ($error ? $error->{code} : 'no JSON');
}


# Whether a reply has the picture of the only task of this prompt.
sub is_picture {
    my ($t, $response, $prompt, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my @ids = map { $_->{task_id} // 'none' } submits_of($t, $prompt);
    my $id = $ids[-1] // 'none';

    like(links($response), qr{/pictures/\Q$id\E-0\.png$}, "$name: the picture")
        or diag($response->error // $response->body);
    return is(scalar @ids, 1, "$name: one task");
}


# The next submits are refused for what is in them, which costs nothing.
sub refuse {
    my ($t, %opt) = @_;

    return $t->emulator->fault({
        on => 'submit', do => 'answer', status => 400,
        body => '{"code":50413,"data":null,"message":"Risk"}', %opt,
    });
}

1;
