package Jimeng::Test::Conf;

# nginx.conf, from the strings a test puts into it.
#
#   my $text = Jimeng::Test::Conf::render(%options);
#
# Options are those of Jimeng::Test->new, and: dir, env (hash), module_file,
# error_log, emulator_port, upstream ("host:port"), and port, a function from
# a listener's name to its port; accounts is an array of hashes with name, conf
# and keys.  A default line is left out when the string
# for its block has the same directive.

use strict;
use warnings;

my $template = <<'EOT';
%%BEFORE%%
%%MODULE%%
%%GLOBALS%%
%%MAIN%%

events {
%%EVENTS%%
}

http {
%%GLOBALS_HTTP%%
%%ACCOUNT%%
%%HTTP%%

    upstream volcengine {
        server %%UPSTREAM%%;
        keepalive 32;
    }

    server {
        listen 127.0.0.1:%%PORT%% %%LISTEN%%;
%%LISTEN_HTTP2%%
%%SERVER%%

        location /v1/ {
%%LOCATION%%
        }

%%VOLCENGINE%%

        location = /stub_status {
            stub_status;
        }
    }
}
EOT

my @variables = qw(
    jimeng_request_id jimeng_account jimeng_model jimeng_task_id
    jimeng_status jimeng_code jimeng_polls jimeng_images jimeng_task_time
    jimeng_upstream_time
);

# The stock directives of conf-examples/volcengine.conf, without TLS and with
# short time-outs.
my @proxy = (
    'internal;',
    'proxy_pass http://volcengine/;',
    'proxy_http_version 1.1;',
    'proxy_set_header Connection "";',
    'proxy_set_header Host visual.volcengineapi.com;',
    'proxy_ignore_headers X-Accel-Redirect X-Accel-Expires'
        . ' X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;',
    'client_max_body_size 0;',
    'proxy_connect_timeout 2s;',
    'proxy_send_timeout 5s;',
    'proxy_read_timeout 5s;',
);


sub render {
    my (%opt) = @_;

    my %part = (
        BEFORE       => $opt{before} // '',
        MODULE       => length $opt{module_file}
                            ? "load_module $opt{module_file};" : '',
        GLOBALS      => _globals(\%opt),
        MAIN         => $opt{main} // '',
        EVENTS       => _block($opt{events}, 'worker_connections 1024;'),
        GLOBALS_HTTP => _globals_http(\%opt),
        ACCOUNT      => _account(\%opt),
        HTTP         => _http(\%opt),
        UPSTREAM     => $opt{upstream},
        LISTEN       => $opt{listen} // '',
        LISTEN_HTTP2 => $opt{http2}
                            ? 'listen 127.0.0.1:%%PORT:http2%% http2;' : '',
        SERVER       => $opt{server} // '',
        LOCATION     => _block($opt{location},
                               $opt{module} ? 'jimeng_pass /_volcengine;' : ()),
        VOLCENGINE   => $opt{volcengine}
                            // "location = /_volcengine {\n"
                               . _block($opt{proxy}, @proxy) . "\n}",
    );

    my $text = $opt{conf} // $template;

    # Parts may have placeholders of their own.
    for (1 .. 2) {
        $text =~ s{%%(\w+)%%}{$part{$1} // "%%$1%%"}ge;
    }

    $text =~ s/%%DIR%%/$opt{dir}/g;
    $text =~ s/%%EMULATOR_PORT%%/$opt{emulator_port} \/\/ 0/ge;
    $text =~ s/%%PORT%%/$opt{port}->('http')/ge;
    $text =~ s/%%PORT:(\w+)%%/$opt{port}->($1)/ge;

    die "nginx.conf: unknown placeholder $1\n" if $text =~ /(%%[^%\s]+%%)/;

    return $text;
}


# The given lines, less those whose directive the string has itself, and the
# string.
sub _block {
    my ($string, @defaults) = @_;
    $string //= '';

    my $own = $string =~ s/#.*//gr;
    1 while $own =~ s/\{[^{}]*\}/;/g;

    my @kept = grep {
        my ($name) = /^(proxy_set_header \w+|\S+)/;
        $own !~ /(?:^|;)\s*\Q$name\E[\s;]/;
    } @defaults;

    return join "\n", @kept, $string;
}


sub _globals {
    my ($opt) = @_;
    my $level = $opt->{log_level} // 'info';
    my $error_log = $opt->{error_log} // "$opt->{dir}/error.log";

    return join "\n",
        'daemon ' . ($opt->{daemon} ? 'on' : 'off') . ';',
        'master_process on;',
        'worker_processes ' . ($opt->{workers} // 1) . ';',
        $> == 0 ? 'user root;' : (),
        "pid $opt->{dir}/nginx.pid;",
        "error_log $error_log $level;",
        map { "env $_;" } sort grep { defined $opt->{env}{$_} }
                               keys %{ $opt->{env} };
}


sub _globals_http {
    my ($opt) = @_;

    my @names = ('status', 'request', 'request_time', 'body_bytes_sent',
                 $opt->{module} ? @variables : (), @{ $opt->{log} || [] });
    my $format = join ',', map { qq("$_":"\$$_") } @names;

    return join "\n",
        (map { "${_}_temp_path $opt->{dir}/temp_$_;" }
            qw(client_body proxy fastcgi uwsgi scgi)),
        "log_format jimeng escape=json '{$format}';",
        "access_log $opt->{dir}/access.log jimeng;";
}


sub _account {
    my ($opt) = @_;

    return '' unless $opt->{module};

    my @lines = (
        'access_key env:VOLC_ACCESSKEY;',
        'secret_key env:VOLC_SECRETKEY;',
    );

    push @lines, 'security_token env:VOLC_SECURITYTOKEN;'
        if defined $opt->{env}{VOLC_SECURITYTOKEN};

    my @blocks = "jimeng_account main {\n"
                 . _block($opt->{account}, @lines) . "\n}";

    for my $account (@{ $opt->{accounts} || [] }) {
        push @blocks, "jimeng_account $account->{name} {\n"
            . _block($account->{conf}, "access_key $account->{access_key};",
                     "secret_key $account->{secret_key};") . "\n}";
    }

    return join "\n", @blocks;
}


sub _http {
    my ($opt) = @_;
    my $interval = $opt->{poll_interval};

    my @lines;

    push @lines, "jimeng_poll_interval $interval;" if defined $interval;
    push @lines, "jimeng_task_secret $opt->{dir}/task_secret;"
        if defined $opt->{task_secret};

    push @lines, join(' ', 'jimeng_accounts main',
                      map { $_->{name} } @{ $opt->{accounts} }) . ';'
        if @{ $opt->{accounts} || [] };

    return _block($opt->{http}, $opt->{module} ? @lines : ());
}

1;
