package Jimeng::Test::Store;

# An nginx with a store and the location of t/probe/redis.c, and what is done
# with it.
#
#   my $t = store_test($redis->url . ' timeout=200ms', workers => 2);
#   call($t, 'FCALL', 'echo', 0, 'x')     'string x'
#   tell($t, ...)  messages($t)  store($t)      the member of jimeng_status
#   reachable($t)                         waits until it is

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test;
use Jimeng::Test::Probe;

our @EXPORT = qw(call messages reachable start_call store store_test tell
                 unreachable);


sub store_test {
    my ($store, %opt) = @_;
    my $probe = probe('redis');
    my $asan = $ENV{ASAN_OPTIONS} // 'detect_odr_violation=0:abort_on_error=1';

    # Of what is not in a pool all is to be freed: an nginx that is built with
    # sanitizers says where it is not.
    return Jimeng::Test->new(
        emulator => 0,
        env => { ASAN_OPTIONS => "$asan:detect_leaks=1" },
        main => "load_module $probe;",
        http => "jimeng_zone shared:1m; jimeng_store $store;",
        server => 'location /probe/ { jimeng_probe; }'
                  . ' location = /status { jimeng_status; }'
                  . ' location = /alive { return 200 alive; }',
        %opt,
    );
}


sub start_call {
    my ($t, @args) = @_;
    return $t->start_request('GET', '/probe/call/' . join('/', @args));
}


sub call { start_call(@_)->response->body }


sub tell {
    my ($t, @args) = @_;
    return $t->request('GET', '/probe/tell/' . join('/', @args))->body;
}


sub messages { $_[0]->request('GET', '/probe/messages')->body }
sub store { $_[0]->request('GET', '/status')->json->{store} }


sub reachable {
    my ($t, $seconds) = @_;
    return wait_for(sub { store($t)->{reachable} }, 'the store is reachable',
                    $seconds);
}


sub unreachable {
    my ($t, $seconds) = @_;
    return wait_for(sub { !store($t)->{reachable} },
                    'the store is not reachable', $seconds);
}

1;
