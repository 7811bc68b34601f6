# The emulator's accounts: each has its own keys, limits, tasks and failures,
# and the journal says which one a request was for.

use strict;
use warnings;
use utf8;

use lib 't/lib';

use JSON::PP ();
use Test::More;
use Time::HiRes qw(time);

use Jimeng::Emulator::Client;
use Jimeng::Emulator::Tasks;
use Jimeng::Test::Http;
use Jimeng::Test::Process qw(poll);

my %keys = (
    main => {},
    b    => { access_key => 'AKb', secret => 'SKb' },
    c    => { access_key => 'AKc', secret => 'SKc', token => 'STSc' },
);

my $emulator = start(seconds => 30, concurrency => 1, accounts => [
    { name => 'b', access_key => 'AKb', secret_key => 'SKb',
      concurrency => 2 },
    { name => 'c', access_key => 'AKc', secret_key => 'SKc',
      security_token => 'STSc', concurrency => 0 },
]);

sub submit_to {
    my ($account, %more) = @_;
    my $answer = call(SUBMIT,
        { req_key => 'jimeng_t2i_v40', prompt => 'x', %more },
        %{ $keys{$account} });
    my $json = $answer->{json};

    return $json->{code} // $json->{ResponseMetadata}{Error}{Code};
}

sub query_at {
    my ($account, $id) = @_;
    my $json = call(QUERY, { req_key => 'jimeng_t2i_v40', task_id => $id },
        %{ $keys{$account} })->{json};

    return $json->{data} ? $json->{data}{status}
        : $json->{ResponseMetadata}{Error}{Code} // $json->{code};
}

sub state_of { return $emulator->accounts->{ $_[0] } }


subtest 'limits of each' => sub {
    is(join(' ', map { submit_to('main') } 1, 2), '10000 50430', 'main: one');
    is(join(' ', map { submit_to('b') } 1 .. 3), '10000 10000 50430',
        'b: two');
    is(join(' ', map { submit_to('c') } 1 .. 4), '10000 ' x 3 . '10000',
        'c: any number');

    my @rows = $emulator->journal;
    is(join(' ', map { $_->{account} } @rows), 'main main b b b c c c c',
        'journal: account');
    is(join(' ', map { $_->{running} } @rows), '1 1 1 2 2 1 2 3 4',
        'journal: how many run after it');
    is(scalar $emulator->journal(account => 'b'), 3, 'journal: a filter');

    my $state = state_of('b');
    is_deeply([@$state{qw(submits accepted queries running most)}],
        [3, 2, 0, 2, 2], 'state: counts');
    is_deeply($state->{codes}, { 10000 => 2, 50430 => 1 }, 'state: codes');
    is($emulator->state->{running}, 7, 'all together');
    is($emulator->state->{submits}, 9, 'all submits');

    $emulator->set_account('b', qps => 1);
    my $began = time;
    my @codes = map { submit_to('b') } 1, 2;
    SKIP: {
        skip 'this machine is too slow', 1 if time - $began > 0.9;
        is("@codes", '50430 50429', 'qps of one');
    }
    isnt(submit_to('c'), 50429, 'and not of another');
    $emulator->set_account('b', qps => 0);
};


subtest 'tasks of each' => sub {
    my ($id) = map { $_->{task_id} } $emulator->journal(account => 'b');

    is(query_at('b', $id), 'in_queue', 'its own');
    is(query_at('main', $id), 'not_found', 'not of another');

    my $c = ($emulator->journal(account => 'c'))[0]{task_id};
    like(Jimeng::Test::Http->start($emulator->port, 'GET',
        "/pictures/$c-0.png")->response->{headers}{'content-type'},
        qr{^image/png$}, 'pictures of any');
};


subtest 'keys of each' => sub {
    my $answer = sub {
        call(QUERY, { req_key => 'jimeng_t2i_v40', task_id => '1' }, @_)
            ->{json}{ResponseMetadata}{Error}{Code};
    };

    is($answer->(%{ $keys{b} }, secret => 'SKc'), 'SignatureDoesNotMatch',
        "another one's secret");
    is($answer->(%{ $keys{c} }, token => undef), 'InvalidSecretToken',
        'without its token');
    is($answer->(%{ $keys{b} }, token => 'STSc'), 'InvalidSecretToken',
        "another one's token");
    is($answer->(access_key => 'AKd'), 'InvalidAccessKey', 'nobody');
    is(last_entry()->{account}, undef, 'nobody: in the journal');
};


subtest 'failures of each' => sub {
    $emulator->set_account('c', refuse => 'InvalidAccessKey');
    is(submit_to('c'), 'InvalidAccessKey', 'refused: a submit');
    is(query_at('c', '1'), 'InvalidAccessKey', 'refused: a query');
    is(submit_to('main'), 50430, 'refused: not of another');
    is(state_of('c')->{refuse}, 'InvalidAccessKey', 'refused: state');
    $emulator->set_account('c', refuse => undef);
    is(submit_to('c'), 10000, 'no longer refused');

    $emulator->set_account('c', denied => ['jimeng_t2i_v31']);
    is(submit_to('c', req_key => 'jimeng_t2i_v31'), 50400, 'denied: a model');
    is(submit_to('c'), 10000, 'denied: no other model');
    $emulator->set_account('c', denied => []);
    is(submit_to('c', req_key => 'jimeng_t2i_v31'), 10000, 'no longer denied');

    $emulator->fault({ on => 'submit', account => 'c', times => 2,
        req_key => 'jimeng_t2i_v40', do => 'answer', status => 500,
        body => { code => 50500 } });
    is(submit_to('main'), 50430, 'a fault: not of another account');
    is(submit_to('c', req_key => 'jimeng_t2i_v31'), 10000,
        'a fault: of no other model');
    is(join(' ', map { submit_to('c') } 1 .. 3), '50500 50500 10000',
        'a fault: of one account and model');
};


subtest 'somebody else uses an account' => sub {
    $emulator->set_account('c', concurrency => 100);
    my $own = state_of('c')->{running};

    $emulator->set_account('c', concurrency => $own + 2,
        foreign => { tasks => 2, seconds => 0.5 });
    is(submit_to('c'), 50430, 'it is full');
    is(state_of('c')->{foreign}, 2, 'of foreign tasks');
    is(state_of('c')->{running}, $own + 2, 'which count');
    is(last_entry()->{running}, $own + 2, 'in the journal too');
    ok(poll(sub { submit_to('c') == 10000 }, 10), 'until they are over');
    is(state_of('c')->{foreign}, 0, 'none is left');
};


subtest 'how long tasks run' => sub {
    $emulator->set_account('c', concurrency => 0, seconds => 0.1);
    is(submit_to('c'), 10000, 'of c');
    my $short = last_entry()->{task_id};
    is(submit_to('c', prompt => '[[seconds=60]]'), 10000, 'of a prompt');
    my $long = last_entry()->{task_id};
    ok(poll(sub { query_at('c', $short) eq 'done' }, 10), 'a short one');
    isnt(query_at('c', $long), 'done', 'a long one');

    my $tasks = Jimeng::Emulator::Tasks->new;
    my %task  = (trigger => {}, prompt => 'x');
    $tasks->add({ %task, seconds => $_ }, 100) for 3, 1, 2;
    $tasks->foreign(1.5, 100);
    is(join(' ', map { $tasks->running(100 + $_) } 0, 1, 1.5, 2, 3),
        '4 3 2 1 0', 'they end in the order of their ends');
    is($tasks->most, 3, 'the most that ran');
};


subtest 'what cannot be set' => sub {
    for my $settings ('[]', '{"account":"d"}', '{"account":"b","what":1}',
        '{"account":"b","refuse":"Nothing"}', '{"account":"b","denied":1}',
        '{"account":"b","foreign":{"tasks":1}}',
        '{"account":"b","qps":"x"}')
    {
        is(Jimeng::Test::Http->start($emulator->{control}, 'POST',
            '/accounts', {}, $settings)->response->{status}, 400, $settings);
    }
};


my $stderr = $emulator->process->stderr;
$emulator->stop;
is($emulator->process->status, 0, 'it ends well');
is($stderr, '', 'it had nothing to complain of');

done_testing();
