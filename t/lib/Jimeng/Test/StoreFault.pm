package Jimeng::Test::StoreFault;

# A gateway of two workers whose store has a fault: requests that are at each
# stage when it begins, those that come in it, and what is true after it.
#
#   my $f = Jimeng::Test::StoreFault->new('stopped', $redis->url);
#   $f->before;             one waits, three have a slot, one is done
#   ...                     the fault begins
#   $f->during;             new ones are refused, and what runs comes to its end
#   ...                     it is over
#   $f->after;              all have a picture, each paid once
#   $f->finish;
#
# Options of new(): url (that of $redis), timeout ('1s'; of the store), hangs
# (a call has no answer: nobody is refused before that).  Of after(): forgets
# (what the store was told before is lost with the fault).

use strict;
use warnings;

use IO::Select;
use Jimeng::Test ();
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger;
use Jimeng::Test::Queue qw(account_of free queued);
use Test::More;

# A prompt for each request, and how long its task runs.
my %seconds = (done => 0.1, runs => 1.5, 'runs long' => 5, sent => 0.3,
               waits => 0.1);


sub new {
    my ($class, $name, $url, %opt) = @_;
    my $timeout = $opt{timeout} // '1s';

    my $t = with_keys(
        [ 'alice images=100/d', 'bob' ],
        workers => 2, account => 'concurrency 3;',
        http => "jimeng_store $url timeout=$timeout;"
                . 'jimeng_poll_attempts 100000;',
        server => 'location = /status { jimeng_status; access_log off; }'
                  . 'location = /alive { return 200 alive; }',
    );

    return bless {
        %opt, name => $name, t => $t, pids => [ $t->workers ], started => {},
    }, $class;
}


sub t { $_[0]{t} }
sub pid { $_[0]{pids}[$_[1]] }
sub finish { $_[0]{t}->finish }
sub _name { "$_[0]{name}: $_[1]" }


# What a request asks for; the same again for a repeat.
sub request {
    my ($self, $what, %fields) = @_;
    my $seconds = $seconds{$what} // 0.1;

    return request_as($self->{t}, 'alice',
                      "a storm over the coast, $what [[seconds=$seconds]]",
                      \%fields, { 'Idempotency-Key' => "key of $what" });
}


sub prompt {
    my ($self, $what) = @_;
    my $seconds = $seconds{$what} // 0.1;

    return "a storm over the coast, $what [[seconds=$seconds]]";
}


sub _start {
    my ($self, $worker, $what) = @_;

    return $self->{started}{$what}
        = ask($self->{t}, $self->{pids}[$worker], $self->request($what));
}


sub before {
    my ($self) = @_;
    my ($t, @pids) = ($self->{t}, @{ $self->{pids} });

    connect_workers($t, 12, @pids);

    my $done = ask($t, $pids[0], $self->request('done'))->response;
    $self->{id} = $done->json->{task_id};
    free($t);

    $self->_start(0, 'runs');
    $self->_start(1, 'runs long');
    Jimeng::Test::wait_for { queries_of($t, $self->prompt($_)) }
        $self->_name("$_: it is asked for") for 'runs', 'runs long';

    $t->emulator->fault({ on => 'submit', do => 'delay', seconds => 1.2,
                          prompt => 'sent' });
    $self->_start(0, 'sent');
    wait_submits($t, $self->prompt('sent'));

    $self->_start(1, 'waits');
    queued($t, 1);

    $self->{submits} = $t->submits;
    return;
}


sub get {
    my ($self, $pid, $path) = @_;
    return ask($self->{t}, $pid, 'GET', $path, {}, undef)->response;
}


# An answer has begun to come.
sub answered {
    my ($x) = @_;
    return length $x->{buffer} || IO::Select->new($x->socket)->can_read(0);
}


sub during {
    my ($self) = @_;
    my ($t, $n) = ($self->{t}, 0);
    my @new = map { $self->_start($_, 'new to ' . ++$n) } 0, 1;
    my $again = ask($t, $self->{pids}[1], $self->request('runs'));

    # The same worker serves others, with these still before the store.
    for my $pid (@{ $self->{pids} }) {
        is($self->get($pid, '/alive')->body, 'alive',
           $self->_name('the worker serves another'));
    }

    ok(!answered($_), $self->_name('with this one still unanswered'))
        for grep { $self->{hangs} } @new;

    push @new, $again, ask($t, $self->{pids}[0],
                           request_as($t, 'bob', 'a calm day'));
    is_refused($t, $_->response, $self->_name('it is refused'),
               code => 'service_unavailable', after => [ 1, 60 ]) for @new;

    my $r = $t->request('GET', "/v1/images/$self->{id}", bearer('alice'));

    like(links($r), qr{/pictures/}, $self->_name('a sealed id'));

    $self->comes($_) for 'runs', 'sent';

    ok(!answered($self->{started}{waits}),
       $self->_name('who waits still does'));
    is(scalar $t->submits, $self->{submits},
       $self->_name('nothing is submitted'));

    for my $pid ($self->{flaps} ? () : @{ $self->{pids} }) {
        ok(!$self->get($pid, '/status')->json->{store}{reachable},
           $self->_name('the status says so'));
    }

    return;
}


# What was submitted, or waits for it, has its picture in the end.
sub comes {
    my ($self, $what) = @_;

    return is_picture($self->{t}, $self->response($what),
                      $self->prompt($what), $self->_name($what));
}


sub response {
    my ($self, $what) = @_;
    return $self->{response}{$what} //= $self->{started}{$what}->response;
}


sub reachable {
    my ($self) = @_;

    for my $pid (@{ $self->{pids} }) {
        Jimeng::Test::wait_for {
            $self->get($pid, '/status')->json->{store}{reachable};
        } $self->_name('it is back');
    }

    return;
}


sub after {
    my ($self) = @_;
    my $t = $self->{t};
    my @all = ('done', sort keys %{ $self->{started} });

    $self->reachable;
    $self->comes($_) for 'runs', 'sent', 'waits', 'runs long';

    # Of those that were refused it is the first submit.
    for my $what (sort @all) {
        for my $pid (@{ $self->{pids} }) {
            is_picture($t, ask($t, $pid, $self->request($what))->response,
                       $self->prompt($what), $self->_name("$what, again"));
        }
    }

    free($t);
    used($t, 'alice', images => [ scalar @all, 0 ]);
    is(scalar $t->submits, @all, $self->_name('each was paid once'));

    return;
}

1;
