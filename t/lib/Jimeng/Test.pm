package Jimeng::Test;

# The harness of t/*.t: nginx with the module, and the emulator, in a
# directory and on ports of their own.
#
#   use lib 't/lib';
#   use Jimeng::Test;
#
#   my $t = Jimeng::Test->new(location => 'jimeng_timeout 5s;');
#   is($t->generate({ prompt => 'a cat' })->status, 200, 'a picture');
#   $t->done;
#
# done() ends every test: nginx must leave by itself, its log must be clean
# and free of secrets, and no process may be left.
#
# Options of new():
#   emulator       hash: seconds, concurrency, qps, security_token, region,
#                  version, and accounts, name => {concurrency, ...}; ark, an
#                  array of Ark's, each with name, key, ...; 0: none
#   before         what stands before this module's load_module
#   main, events, http, server, location, account, proxy
#                  strings for these blocks of nginx.conf; a default line with
#                  the same directive is left out
#   accounts       array of name => what stands in its jimeng_account: more
#                  accounts than "main", all in jimeng_accounts; their keys are
#                  of their own, and the emulator knows them
#   log            array: more variables for the access log
#   conf           a whole nginx.conf instead.  Placeholders, here and in the
#                  strings: %%PORT%% %%PORT:name%% %%EMULATOR_PORT%% %%DIR%%
#                  %%MODULE%% %%GLOBALS%% %%GLOBALS_HTTP%% %%ACCOUNT%%
#                  %%UPSTREAM%% %%VOLCENGINE%%
#   workers        1
#   daemon         true: nginx leaves the harness, start() dies; to be ended
#                  by the test
#   listen         parameters for the listener
#   http2          true: one more listener, port('http2')
#   poll_interval  '100ms'; undef: no such line
#   task_secret    the text of jimeng_task_secret's file; undef: no such line
#   upstream       'host:port' in place of the emulator
#   volcengine     the whole location = /_volcengine
#   module         0: a plain nginx, no directive or variable of the module
#   log_level      'info'
#   env            hash, added to nginx's environment; undef removes
#   strict         true: no task of the emulator may be running at the end
#   start          0: nothing is started before start()
#
# TEST_KEEP in the environment keeps the directory of a test that failed.

use strict;
use warnings;

my %directories;

# This stands first to run last: after what works in them was stopped.
END {
    my $failed = $?;
    local $?;
    remove_directory($_, $failed)
        for grep { $directories{$_} == $$ } keys %directories;
}

use Cwd ();
use Exporter qw(import);
use File::Path ();
use File::Temp ();
use JSON::PP ();
use Test::More;
use Jimeng::Test::Conf;
use Jimeng::Test::Emulator;
use Jimeng::Test::Http qw(decode_json_or_undef read_request);
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(free_port poll process_title processes_in slurp);
use Jimeng::Test::RawServer;
use Jimeng::Test::Stored;

our @EXPORT = (@Test::More::EXPORT, qw(raw_server read_request wait_for));

our $default_prompt = 'a lighthouse above the sea at dusk, 灯塔';
utf8::decode($default_prompt);

my $access_key = 'AKLTtestaccesskeytestaccesskey';
my $secret_key = 'dGVzdC1zZWNyZXQta2V5LXRoYXQtb3BlbnMtbm90aGluZw==';
my $task_secret = 'a secret that seals the ids of all tests';

$SIG{INT} = $SIG{TERM} = $SIG{HUP} = sub { exit 1 };

binmode Test::More->builder->$_, ':encoding(UTF-8)'
    for qw(output failure_output todo_output);


plan(skip_all => 'there is no redis-server')
    if Jimeng::Test::Stored::wanted() && !Jimeng::Test::Stored::there();


sub new {
    my ($class, %opt) = @_;

    my $emulator = $opt{emulator} // {};
    my $env = {
        VOLC_ACCESSKEY => $access_key,
        VOLC_SECRETKEY => $secret_key,
        VOLC_SECURITYTOKEN => $emulator ? $emulator->{security_token} : undef,
        %{ $opt{env} || {} },
    };

    my $self = bless {
        module => 1, poll_interval => '100ms', workers => 1,
        task_secret => $task_secret, %opt,
        dir => Cwd::abs_path(
            File::Temp::tempdir('jimeng-test-XXXXXX', TMPDIR => 1)),
        env => $env, ports => {}, allowed => [],
        secrets => [ $secret_key, $task_secret ],
    }, $class;

    $self->{accounts} = _accounts($opt{accounts});
    $self->secret(map { $_->{secret_key} } @{ $self->{accounts} });

    $directories{ $self->{dir} } = $$;
    chmod 0755, $self->{dir};

    $self->{nginx} = Jimeng::Test::Nginx->new(
        dir => $self->{dir}, env => $env,
    );

    $self->start unless defined $opt{start} && !$opt{start};
    return $self;
}


# The accounts besides "main", each with its keys.
sub _accounts {
    my ($pairs) = @_;
    my @pairs = @{ $pairs || [] };
    my @accounts;

    while (my ($name, $conf) = splice @pairs, 0, 2) {
        push @accounts, {
            name => $name, conf => $conf, access_key => "AKLTtestkeyof$name",
            secret_key => "c2VjcmV0LWtleS1vZi1hbm90aGVy-$name==",
        };
    }

    return \@accounts;
}


sub start {
    my ($self) = @_;
    my $opt = $self->{emulator} // {};

    if ($opt && !$self->{running}) {
        my %limits = %{ $opt->{accounts} || {} };
        my @accounts = map {
            my %keys = %$_;
            delete $keys{conf};
            +{ %keys, %{ $limits{ $_->{name} } || {} } };
        } @{ $self->{accounts} };

        $self->{running} = Jimeng::Test::Emulator->start(
            seconds => 0.2, %$opt, accounts => \@accounts,
            dir => $self->{dir},
            access_key => $access_key, secret_key => $secret_key,
        );
    }

    for (1 .. 5) {
        my $failed = $self->{nginx}->start($self->conf, $self->{workers});
        if (!defined $failed) {
            Jimeng::Test::Stored::joined($self);
            return $self;
        }

        die "nginx: $failed" unless $failed =~ /Address already in use/;

        # Somebody was faster.
        $self->{ports} = {};
        unlink "$self->{dir}/error.log";
    }

    die "nginx: no free port";
}


# nginx.conf with this test's options, and others in their place.
sub conf {
    my ($self, %opt) = @_;

    my %env = (%{ $self->{env} }, %{ $opt{env} || {} });
    my %all = (%$self, %opt, env => \%env);
    $all{accounts} = _accounts($opt{accounts}) if $opt{accounts};
    my $emulator_port = $self->{running} ? $self->{running}->port
                                         : $self->port('nobody');

    $self->write_file('task_secret', "$all{task_secret}\n")
        if defined $all{task_secret};

    return Jimeng::Test::Stored::beside($self, Jimeng::Test::Conf::render(
        %all,
        module_file => $all{module} ? Jimeng::Test::Nginx::module_file() : '',
        emulator_port => $emulator_port,
        upstream => $all{upstream} // "127.0.0.1:$emulator_port",
        port => sub { $self->port($_[0]) },
    ));
}


sub port {
    my ($self, $name) = @_;
    return $self->{ports}{ $name // 'http' } //= free_port();
}

sub url { 'http://127.0.0.1:' . $_[0]->port . ($_[1] // '/') }
sub dir { $_[0]{dir} }
sub nginx { $_[0]{nginx} }
sub emulator { $_[0]{running} }
sub access_key { $access_key }
sub secret_key { $secret_key }
sub submits { $_[0]{running}->submits($_[1]) }
sub queries { $_[0]{running}->queries($_[1]) }
sub results { $_[0]{running}->queries($_[1], form => 'base64') }


# What is in a task's id, as jm_ticket_t has it; undef when it was not sealed
# with this test's secret.
sub unseal {
    my ($self, $id) = @_;
    my $text = $self->_unseal($id);

    return defined $text ? JSON::PP->new->utf8->decode($text) : undef;
}


# The same id with other values: account, owner, created, entry, ids ("1,,2").
sub reseal {
    my ($self, $id, %changes) = @_;
    my $text = $self->_unseal($id, map { "$_=$changes{$_}" } keys %changes);

    die "it cannot be opened: $id\n" unless defined $text;
    return $text =~ s/\n//r;
}


sub _unseal {
    my ($self, @args) = @_;
    my $program = Jimeng::Test::Nginx::root() . '/build/unseal';

    die "$program is missing: \"make unit\" builds it\n" unless -x $program;

    open my $pipe, '-|', $program, "$self->{dir}/task_secret", @args
        or die "$program: $!";
    my $text = do { local $/; <$pipe> };
    close $pipe;

    die "$program: exit status $?\n" if $? && $? != 256;
    return $? ? undef : $text;
}


# The upstream's ids in a task's id, as a list with '' for what was never
# accepted; nothing when it is none of this test's.
sub task_ids {
    my ($self, $id) = @_;
    my $ticket = defined $id && $self->unseal($id) or return;
    return @{ $ticket->{ids} };
}


# The same as $jimeng_task_id has it; undef for no id at all.
sub upstream_ids {
    my ($self, $id) = @_;
    return undef unless defined $id;

    my @ids = $self->task_ids($id) or return 'not sealed';
    return join ', ', map { length ? $_ : '-' } @ids;
}


# Writes a file into the test's directory; returns its path.
sub write_file {
    my ($self, $name, $content) = @_;
    my $path = "$self->{dir}/$name";

    open my $fh, '>:raw', $path or die "$path: $!";
    utf8::encode($content) if utf8::is_utf8($content);
    print $fh $content;
    close $fh or die "$path: $!";
    return $path;
}


# ---- requests

# Options: timeout (30 s), port (a listener's name), partial, on, keepalive,
# version, buffer.
sub start_request {
    my ($self, $method, $path, $headers, $body, %opt) = @_;

    return Jimeng::Test::Http->start(
        $self->port(delete $opt{port}), $method, $path, $headers, $body, %opt,
    );
}


sub request {
    my $self = shift;
    return $self->start_request(@_)->response;
}


# Arguments of request() for an images/generations of these fields.
sub generation {
    my ($self, $fields, $headers) = @_;

    return (
        'POST', '/v1/images/generations',
        { 'Content-Type' => 'application/json', %{ $headers || {} } },
        JSON::PP->new->utf8->canonical->encode(
            { prompt => $default_prompt, %{ $fields || {} } }),
    );
}


sub generate {
    my ($self, $fields, $headers, %opt) = @_;
    return $self->request($self->generation($fields, $headers), %opt);
}


sub start_generate {
    my ($self, $fields, $headers, %opt) = @_;
    return $self->start_request($self->generation($fields, $headers), %opt);
}


sub post_raw {
    my ($self, $body, $headers, %opt) = @_;

    return $self->request(
        'POST', '/v1/images/generations',
        { 'Content-Type' => 'application/json', %{ $headers || {} } },
        $body, %opt,
    );
}


sub curl_start {
    my ($self, @args) = @_;

    return Jimeng::Test::Curl->start(
        name => 'curl', dir => $self->{dir},
        command => [ 'curl', '-sS', '--max-time', 30,
                     '--noproxy', '*', @args ],
    );
}


sub curl {
    my ($self, @args) = @_;
    return $self->curl_start(@args)->wait;
}


# What stub_status counts: active, accepts, handled, requests, reading,
# writing, waiting.
sub stub_status {
    my ($self) = @_;
    my $body = $self->request('GET', '/stub_status')->body;
    my %count;

    @count{qw(accepts handled requests)} = $body =~ /^ (\d+) (\d+) (\d+)/m;
    $count{ lc $1 } = $2 while $body =~ /(\w+)(?: connections)?: (\d+)/g;
    return \%count;
}


# ---- nginx

# nginx -t on the same configuration with other options; also without a test:
# Jimeng::Test->test_config(...).
sub test_config {
    my ($self, %opt) = @_;

    if (!ref $self) {
        my $t = $self->new(%opt, emulator => 0, start => 0);
        my @result = $t->test_config;
        remove_directory($t->{dir});
        return @result;
    }

    my $nginx = Jimeng::Test::Nginx->new(
        dir => $self->{dir}, env => { %{ $self->{env} }, %{ $opt{env} || {} } },
    );

    return $nginx->check(
        $self->conf(%opt, error_log => "$self->{dir}/check.log"));
}


# HUP, with changed options if any; waits until every worker was replaced.
sub reload {
    my ($self, %opt) = @_;

    if (%opt) {
        $opt{accounts} = _accounts($opt{accounts}) if $opt{accounts};
        @$self{ keys %opt } = values %opt;
        $self->{nginx}->write_conf($self->conf);
    }

    my $done = $self->{nginx}->reload($self->{workers});
    fail('nginx replaces its workers on reload') unless $done;
    return $done;
}


sub signal { $_[0]{nginx}->signal($_[1]) }
sub workers { $_[0]{nginx}->workers($_[1]) }


# KILL to a worker; waits until it is gone and another is there.
sub kill_worker {
    my ($self, $pid) = @_;
    my $count = () = $self->workers('staying');

    $pid //= ($self->workers('staying'))[0];
    kill 'KILL', $pid;

    return wait_for(sub {
        my @now = $self->workers('staying');
        return @now >= $count && !grep { $_ == $pid } @now;
    }, 'nginx replaces the worker that was killed');
}


# Waits for the end of nginx; returns its wait status, undef when it goes on.
sub wait_exit {
    my ($self, $seconds) = @_;
    return $self->{nginx}->process->wait($seconds // 20)
           ? $self->{nginx}->process->status : undef;
}


# ---- logs

sub error_log { $_[0]{nginx}->said }


sub log_like {
    my ($self, $pattern, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $found = poll(sub { $self->error_log =~ $pattern }, 5);
    return ok($found, $name // "the error log has $pattern");
}


sub log_unlike {
    my ($self, $pattern, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    return ok($self->error_log !~ $pattern,
              $name // "the error log does not have $pattern");
}


sub access_log {
    my ($self) = @_;
    my @rows = map { decode_json_or_undef($_) // { broken => $_ } }
               split /\n/, slurp("$self->{dir}/access.log");
    return @rows;
}


# Waits until the access log has this many lines; returns them.
sub access_lines {
    my ($self, $n) = @_;
    wait_for(sub { $self->access_log >= $n }, "$n lines in the access log");
    return $self->access_log;
}


# The line of a response, a stream or an X-Request-Id in the access log; {} if
# there is none.
sub logged {
    my ($self, $what) = @_;
    my $id = (ref $what ? $what->header('X-Request-Id') : $what) // return {};

    return wait_for(sub {
        (grep { $_->{jimeng_request_id} eq $id } $self->access_log)[0];
    }, 'the line in the log') || {};
}


# A line of the error log that matches is no failure.
sub allow_log {
    my ($self, @patterns) = @_;
    push @{ $self->{allowed} }, @patterns;
    return;
}


# One more text that may not be in any log.
sub secret {
    my ($self, @texts) = @_;
    push @{ $self->{secrets} }, @texts;
    return;
}


# ---- the end

sub done {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $self->finish;
    return done_testing();
}


# done() for one of several nginx in a test.
sub finish {
    my ($self) = @_;
    my $nginx = $self->{nginx};

    if ($nginx->alive) {
        ok($nginx->quit(20), 'nginx leaves by itself')
            or diag(_titles($self->{dir}));
    }

    my $emulator = $self->{running};

    if ($emulator && $emulator->alive) {
        is($emulator->state->{running}, 0, 'no task is running upstream')
            if $self->{strict};

        $emulator->stop;
        is($emulator->process->status, 0, 'the emulator ends well')
            or diag($emulator->process->stderr);
    }

    my $titles = poll(sub { !processes_in($self->{dir}) }, 5)
               ? '' : _titles($self->{dir});
    is($titles, '', 'no process is left');

    $self->_check_log;
    $self->_check_secrets;

    kill 'KILL', processes_in($self->{dir});
    remove_directory($self->{dir});
    return;
}


sub _titles {
    my ($dir) = @_;
    return join "\n", map { "$_ " . process_title($_) } processes_in($dir);
}


sub _check_log {
    my ($self) = @_;

    my @bad = grep {
        /\[(?:alert|crit|emerg)\]|Sanitizer|runtime error:|UndefinedBehavior/
    } split /\n/, $self->error_log;

    for my $allowed (@{ $self->{allowed} }) {
        @bad = grep { $_ !~ $allowed } @bad;
    }

    ok(!@bad, 'no alert and no sanitizer line in the error log');

    for my $line (@bad) {
        $line =~ s/\Q$_\E/***/g for @{ $self->{secrets} };
        diag($line);
    }

    return;
}


# nginx itself writes headers and bodies into its log at the debug level;
# only the secret key is never among them.
sub _check_secrets {
    my ($self) = @_;
    my %secret;

    $secret{$_} = 'a secret' for @{ $self->{secrets} };

    if (($self->{log_level} // '') !~ /debug/) {
        my $token = $self->{env}{VOLC_SECURITYTOKEN};
        $secret{$token} = 'the security token' if defined $token;

        $secret{$_} = 'a key of Ark' for map {
            $_->{key} // (), map { $_->{key} } @{ $_->{keys} || [] }
        } @{ ($self->{emulator} || {})->{ark} || [] };

        for my $row ($self->{running} ? $self->{running}->journal : ()) {
            my $header = $row->{headers}{authorization} // '';
            $secret{$1} = 'a signature' if $header =~ /Signature=(\w{16,})/;

            my $prompt = ref $row->{json} eq 'HASH' ? $row->{json}{prompt}
                                                     : undef;
            next if !defined $prompt || ref $prompt;

            # nginx cuts long lines; a short word may be there by chance.
            $prompt = substr $prompt, 0, 64;
            utf8::encode($prompt);
            $secret{$prompt} = 'a prompt' if length $prompt >= 8;
        }
    }

    my %log = (
        'error log' => $self->error_log,
        'access log' => slurp("$self->{dir}/access.log"),
    );
    my %found;

    for my $name (keys %log) {
        for my $text (grep { length } keys %secret) {
            $found{"$secret{$text} in the $name"} = 1
                if index($log{$name}, $text) >= 0;
        }
    }

    is(join(', ', sort keys %found), '', 'no secret and no prompt in the logs');
    return;
}


# ---- functions

sub remove_directory {
    my ($dir, $failed) = @_;

    delete $directories{$dir};
    $failed ||= !Test::More->builder->is_passing;

    if ($failed && $ENV{TEST_KEEP}) {
        diag("kept: $dir");
    } else {
        File::Path::remove_tree($dir);
    }

    return;
}


# Waits for a condition; when it does not come true in time, the test fails.
sub wait_for(&$;$) {
    my ($code, $what, $seconds) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my $value = poll($code, $seconds // 20);
    fail("$what, within " . ($seconds // 20) . ' s') unless $value;
    return $value;
}


sub raw_server {
    my ($code) = @_;
    return Jimeng::Test::RawServer->new($code);
}


package Jimeng::Test::Curl;

use parent -norequire, 'Jimeng::Test::Process';

# Returns (exit code, stdout, stderr); a signal counts as 128 + its number.
sub wait {
    my ($self, $seconds) = @_;

    $self->stop unless $self->SUPER::wait($seconds // 40);

    my $status = $self->status;
    return ($status & 127 ? 128 + ($status & 127) : $status >> 8,
            $self->stdout, $self->stderr);
}


sub kill {
    my ($self, $signal) = @_;
    $self->signal($signal // 'KILL');
    $self->SUPER::wait(10);
    return;
}

1;
