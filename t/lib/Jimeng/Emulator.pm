package Jimeng::Emulator;

# A stand-in for Volcengine: the visual service, behind a gateway that checks
# signatures, and Ark; a journal of all that was received, and a second listener
# over which tests make it fail. t/emulator is its command.

use strict;
use warnings;

use IO::Handle;
use Mojo::IOLoop;
use Mojo::JSON  qw(decode_json encode_json from_json);
use Mojo::Parameters;
use Time::HiRes qw(time);

use Jimeng::Emulator::Account;
use Jimeng::Emulator::Answers qw(canned json text);
use Jimeng::Emulator::Ark;
use Jimeng::Emulator::Base64;
use Jimeng::Emulator::Errors qw(gateway);
use Jimeng::Emulator::Faults;
use Jimeng::Emulator::Http;
use Jimeng::Emulator::Signature;

use constant {
    VERSION         => '2022-08-31',
    REGION          => 'cn-north-1',
    SERVICE         => 'cv',
    MAX_CONNECTIONS => 100_000,
    SIGNAL_INTERVAL => 0.05,
};

my %STAGE = (
    CVSync2AsyncSubmitTask => 'submit',
    CVSync2AsyncGetResult  => 'query',
);


# Options as on the command line, with underscores; port and control_port
# may be 0.  They make the account "main"; accounts: an array of hashes, with
# name and keys, of the others, which are as it is where they say nothing else;
# ark: one of Ark's, see Jimeng::Emulator::Ark::Account.
sub new {
    my ($class, %option) = @_;

    my $self = bless {
        option => \%option,
        region => $option{region} // REGION,
        version => $option{version} // VERSION,
        faults => Jimeng::Emulator::Faults->new,
        count  => { submit => 0, query => 0 },
        number => 0,
    }, $class;

    $self->{main} = Jimeng::Emulator::Http->new(
        port    => $option{port},
        handler => sub { $self->received(@_) },
    );
    $self->{control} = Jimeng::Emulator::Http->new(
        port    => $option{control_port},
        handler => sub { $_[1]->($self->controlled($_[0])) },
    );

    my %limits = map { $_ => $option{$_} } qw(seconds concurrency qps);
    my %main = map { $_ => $option{$_} } qw(access_key secret_key
        security_token);

    $self->{accounts} = [map {
        Jimeng::Emulator::Account->new(%limits, %$_,
            url => $self->{main}->url)
    } { name => 'main', %main }, @{ $option{accounts} // [] }];

    $self->{ark} = Jimeng::Emulator::Ark->new(
        accounts => [map { { seconds => $option{seconds}, %$_ } }
            @{ $option{ark} // [] }],
        faults   => $self->{faults},
        url      => $self->{main}->url,
        clock    => sub { time + ahead() },
        answered => sub { $self->answered('ark') },
    );

    if (defined $option{journal}) {
        open $self->{journal}, '>>', $option{journal}
            or die "cannot open $option{journal}: $!\n";
        $self->{journal}->autoflush(1);
    }

    return $self;
}


# Serves until SIGTERM or SIGINT.
sub run {
    my ($self) = @_;

    Mojo::IOLoop->singleton->max_connections(MAX_CONNECTIONS);
    $_->listen for @$self{qw(main control)};

    $SIG{$_} = sub { exit 0 } for qw(TERM INT);

    # Perl sees a signal only when Perl code runs.
    Mojo::IOLoop->recurring(SIGNAL_INTERVAL, sub { });

    STDOUT->autoflush(1);
    printf "emulator: listening on %s control %s\n",
        map { $_->url } @$self{qw(main control)};

    Mojo::IOLoop->start;
    return;
}


# One request on the main port: fault, answer, journal, in this order.
sub received {
    my ($self, $request, $reply) = @_;

    my $entry = {
        n       => ++$self->{number},
        time    => time,
        method  => $request->{method},
        path    => $request->{path},
        query   => $request->{query},
        headers => { map { $_ => text($request->{headers}{$_}) }
            keys %{ $request->{headers} } },
        body    => text($request->{body}),
        map { $_ => undef } qw(action form account signature status code
            task_id request_id running fault),
    };

    if ($request->{path} eq Jimeng::Emulator::Ark::PATH) {
        $self->{ark}->received($request, $reply, $entry,
            sub { $self->write_journal(@_) });
        return;
    }

    if ($request->{path} ne '/') {
        my $answer = $self->picture($request);
        $entry->{status} = $answer->{status};
        $self->write_journal($entry);
        $reply->($answer);
        return;
    }

    my $parameters = Mojo::Parameters->new($request->{query});
    my $action     = $parameters->param('Action');
    my $stage      = $STAGE{ $action // '' };

    $self->{count}{$stage}++ if $stage;

    if (($stage // '') eq 'query') {
        $entry->{form} = form_of($request->{body});
        $stage = 'result' if $entry->{form} eq 'base64';
    }

    my ($account, $pair) = $self->account_of($request);
    my $name    = $account && $account->name;

    my $fault = $self->{faults}->take($stage, account => $name,
        names_of($request->{body}));
    my $kind  = $fault ? $fault->{do} : '';
    my @signature_error = $self->check_signature($request, $pair);

    $entry->{account}   = $name;
    $entry->{action}    = $action;
    $entry->{signature} = $signature_error[0] // 'ok';
    $entry->{fault}     = $fault && $kind;

    my $answer =
          $kind eq 'reset'  ? { reset => 1 }
        : $kind eq 'answer' ? canned($fault)
        : $self->act($request, $parameters, $account, @signature_error);

    Jimeng::Emulator::Base64::fill($answer, $fault);

    $answer = { drop => 1, %$answer{qw(code task_id)} } if $kind eq 'drop';
    @$answer{qw(bytes body_bytes)} = @$fault{qw(bytes body_bytes)}
        if $kind eq 'cut';
    $answer->{stall} = [@$fault{qw(body_bytes seconds)}]
        if $kind eq 'stall';
    $answer->{slow} = [@$fault{qw(bytes seconds)}]
        if $kind eq 'slow';

    @$entry{qw(status code task_id request_id)}
        = @$answer{qw(status code task_id request_id)};
    $entry->{running} = $account->count($stage, $entry->{code}, time)
        if $account;
    $self->write_journal($entry);

    my $send = sub {
        $self->answered($stage);
        $reply->($answer);
    };

    $kind eq 'delay'
        ? Mojo::IOLoop->timer($fault->{seconds}, $send)
        : $send->();
    return;
}


# The answer to such a request is there: connections may be refused from now on.
sub answered {
    my ($self, $stage) = @_;

    $self->{main}->refuse if $self->{faults}->refuses('answered', $stage);
    return;
}


sub write_journal {
    my ($self, $entry) = @_;

    print { $self->{journal} } encode_json($entry), "\n"
        if $self->{journal};
    return;
}


# The account whose access key a request is signed with, and that pair of its
# keys; or nothing.
sub account_of {
    my ($self, $request) = @_;

    my ($key) = ($request->{headers}{authorization} // '')
        =~ m{Credential=([^/,\s]+)/} or return;
    my ($account) = grep { $_->pair($key) } @{ $self->{accounts} };

    return $account ? ($account, $account->pair($key)) : ();
}


sub check_signature {
    my ($self, $request, $pair) = @_;

    return Jimeng::Emulator::Signature::check(
        $request,
        {
            %{ $pair // { access_key => '' } },
            region  => $self->{region},
            service => SERVICE,
            now     => time + ahead(),
        });
}


# Seconds by which the clock that signatures go by is ahead of this one's, from
# a file that a test may write: see Jimeng::Test::Clock.
sub ahead {
    my $file = $ENV{EMULATOR_CLOCK} // return 0;

    open my $fh, '<', $file or die "$file: $!";
    return scalar <$fh>;
}


# What the gateway checks, then what the service says.
sub act {
    my ($self, $request, $parameters, $account, @signature_error) = @_;

    my $action  = $parameters->param('Action');
    my $version = $parameters->param('Version');
    my @error;

    if (!defined $action || !defined $version) {
        @error = ('MissingParameter', 'Action and Version are required');

    } elsif (!$STAGE{$action} || $version ne $self->{version}) {
        @error = ('InvalidActionOrVersion', 'no such Action or Version');

    } elsif ($request->{method} ne 'POST') {
        @error = ('MethodNotAllowed', 'this Action is a POST');

    } else {
        @error = @signature_error;
        @error = ($account->refuse) if !@error && $account->refuse;
    }

    return refused($parameters, @error) if @error;

    my $result = $account->visual->call($action, $request->{body});

    return { %{ refused($parameters, $result->{gateway}) },
        task_id => $result->{task_id} }
        if $result->{gateway};

    my $id   = request_id();
    my $body = { %{ $result->{envelope} }, request_id => $id };

    $body = { ResponseMetadata => metadata($parameters), Result => $body }
        if $result->{wrap};

    my $trigger = $result->{trigger} // {};

    return json($result->{status}, $body, code => 0 + $result->{code},
        request_id => $id, %$result{qw(task_id pictures trigger)},
        %$trigger{qw(pieces chunked)});
}


sub refused {
    my ($parameters, $name, $message) = @_;

    my ($status, $error) = gateway($name, $message);
    my $metadata = metadata($parameters);

    return json($status,
        { ResponseMetadata => { %$metadata, Error => $error } },
        code => $error->{Code}, request_id => $metadata->{RequestId});
}


sub metadata {
    my ($parameters) = @_;

    return {
        RequestId => request_id(),
        Action    => $parameters->param('Action')  // '',
        Version   => $parameters->param('Version') // '',
        Service   => SERVICE,
        Region    => REGION,
    };
}


sub request_id {
    my @now = gmtime;

    return sprintf '%04d%02d%02d%02d%02d%02d%010X', $now[5] + 1900,
        $now[4] + 1, @now[3, 2, 1, 0], int rand 2**40;
}


# The task, the model and the prompt that a body names.
sub names_of {
    my ($bytes) = @_;

    my $json = eval { decode_json($bytes) };
    return () if ref $json ne 'HASH';
    return (task => $json->{task_id}, req_key => $json->{req_key},
        prompt => $json->{prompt});
}


# In what form a query asks for the result.
sub form_of {
    my ($bytes) = @_;

    my $json = eval { decode_json($bytes) };
    my $form = ref $json eq 'HASH' && eval { from_json($json->{req_json}) };
    return ref $form eq 'HASH' && $form->{return_url} ? 'url' : 'base64';
}


sub picture {
    my ($self, $request) = @_;

    return $self->{ark}->picture(@$request{qw(path query)})
        if $request->{path} =~ m{^/pictures/ark/};
    return json(404, {}) if $request->{path}
        !~ m{^/pictures/(\d{1,20})-(\d{1,2})\.png$};

    my ($id, $index) = ($1, $2);
    my $logo = Mojo::Parameters->new($request->{query})->to_hash;

    my ($visual) = grep { $_->tasks->find($id) }
        map { $_->visual } @{ $self->{accounts} };

    # Volcengine's links live for a day.
    return json(403, {}) if $visual
        && time + ahead() - $visual->tasks->find($id)->{born} > 86400;

    my $png = $visual && $visual->picture($id, $index, %$logo ? $logo : undef)
        or return json(404, {});

    return {
        status  => 200,
        headers => { 'Content-Type' => 'image/png' },
        body    => $png,
    };
}


sub controlled {
    my ($self, $request) = @_;

    my $what = "$request->{method} $request->{path}";

    return $self->set_fault($request->{body}) if $what eq 'POST /faults';
    return $self->clear_faults                if $what eq 'DELETE /faults';
    return json(200, $self->state)            if $what eq 'GET /state';
    return json(200, $self->accounts)         if $what eq 'GET /accounts';
    return $self->set_account($request->{body})
        if $what eq 'POST /accounts';
    return json(404, { error => 'POST or DELETE /faults, GET /state, '
        . 'GET or POST /accounts' });
}


# {"account": name, ...}, see Jimeng::Emulator::Account and that of Ark.
sub set_account {
    my ($self, $bytes) = @_;

    my $settings = eval { decode_json($bytes) };
    return json(400, { error => 'settings are a JSON object' })
        if ref $settings ne 'HASH';

    my $name = $settings->{account} // '';
    my ($account) = grep { $_->name eq $name } $self->all_accounts;
    my $error = $account ? $account->set($settings, time)
        : "there is no account $name";

    return json(400, { error => $error }) if defined $error;
    return json(200, $self->accounts);
}


sub all_accounts {
    my ($self) = @_;
    return (@{ $self->{accounts} }, $self->{ark}->accounts);
}


sub accounts {
    my ($self) = @_;

    my $now = time;
    return { map { $_->name => $_->state($now) } $self->all_accounts };
}


sub set_fault {
    my ($self, $bytes) = @_;

    my $error = $self->{faults}->add(scalar eval { decode_json($bytes) });
    return json(400, { error => $error }) if defined $error;

    $self->{main}->refuse if $self->{faults}->refuses;
    return json(200, { faults => $self->{faults}->list });
}


sub clear_faults {
    my ($self) = @_;

    $self->{faults}->clear;
    $self->{main}->listen;
    return json(200, { faults => [] });
}


sub state {
    my ($self) = @_;

    my $now   = time;
    my @tasks = map { $_->visual->tasks } @{ $self->{accounts} };
    my $running = $self->{ark}->running;
    $running += $_->running($now) for @tasks;

    return {
        tasks   => { map { %{ $_->report($now) } } @tasks },
        running => $running,
        submits => $self->{count}{submit},
        queries => $self->{count}{query},
        connections => $self->{main}->accepted_so_far,
        faults  => $self->{faults}->list,
        ark     => $self->{ark}->calls,
    };
}

1;
