package Jimeng::Test::Example;

# A configuration of conf-examples or of README, made fit for a test: nothing
# but places is changed, that of the module, of logs and keys, of the
# listeners and of the upstream.  What listens on 9145 is port('private').
#
#   my $text = rewrite($text);    for Jimeng::Test's "conf"
#   internal($t, plain => 1);     volcengine.conf, likewise, and log.conf, which
#                                 the examples include

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test::Nginx;
use Jimeng::Test::Process qw(slurp);

our @EXPORT_OK = qw(internal rewrite);

my $main = <<'EOT';
daemon off;
pid %%DIR%%/nginx.pid;
EOT

my $http = <<'EOT';
    client_body_temp_path %%DIR%%/temp_client_body;
    proxy_temp_path %%DIR%%/temp_proxy;
    fastcgi_temp_path %%DIR%%/temp_fastcgi;
    uwsgi_temp_path %%DIR%%/temp_uwsgi;
    scgi_temp_path %%DIR%%/temp_scgi;
EOT


# Dies when there is no such line: what the example says has changed then.
sub change {
    my ($text, $pattern, $to) = @_;
    die "the example has no $pattern\n" unless $$text =~ s/$pattern/$to/g;
    return;
}


sub rewrite {
    my ($text) = @_;
    my $first = $main;
    my $more = $http;

    change(\$text, qr{^load_module modules/ngx_http_jimeng_module\.so;}m,
           '%%MODULE%%');
    change(\$text, qr{server visual\.volcengineapi\.com:443;},
           'server 127.0.0.1:%%EMULATOR_PORT%%;');
    change(\$text, qr{listen (?:127\.0\.0\.1:)?(?:8080|443)\b},
           'listen 127.0.0.1:%%PORT%%');

    $text =~ s{listen 127\.0\.0\.1:9145;}{listen 127.0.0.1:%%PORT:private%%;};
    $text =~ s{(listen \S+ ssl) http2;}{$1; http2 on;} if http2_directive();

    $text =~ s{/var/log/nginx/error\.log}{%%DIR%%/error.log};
    $text =~ s{/var/log/nginx/\w+\.log}{%%DIR%%/access.log};
    $text =~ s{/etc/nginx/jimeng/}{%%DIR%%/}g;
    $text =~ s{/var/lib/nginx/}{%%DIR%%/}g;
    $text =~ s{/var/cache/nginx/}{%%DIR%%/}g;
    $text =~ s{^( +jimeng_picture_hosts) .*;}{$1 127.0.0.1:%%EMULATOR_PORT%%;}m;
    $text =~ s{https://gateway\.example\.com/}{http://127.0.0.1:%%PORT%%/}g;

    $first .= "user root;\n" if $> == 0;
    $first .= "error_log %%DIR%%/error.log info;\n"
        unless $text =~ /^error_log/m;
    $more .= "    access_log %%DIR%%/access.log;\n"
        unless $text =~ /access_log/;

    change(\$text, qr{^http \{\n}m, "http {\n$more");

    return $first . $text;
}


# From 1.25.1 on nginx warns of the listener's parameter.
sub http2_directive {
    return Jimeng::Test::Nginx::at_least('1.25.1');
}


# The internal location, and the format of the log, into the directory of a
# test, where the examples include them.  Plain: without TLS.
sub internal {
    my ($t, %opt) = @_;
    my $text = slurp(Jimeng::Test::Nginx::root()
                     . '/conf-examples/volcengine.conf');

    change(\$text, qr{proxy_pass https:}, 'proxy_pass http:') if $opt{plain};

    $t->write_file('volcengine.conf', $text);
    $t->write_file('log.conf', slurp(Jimeng::Test::Nginx::root()
                                     . '/conf-examples/log.conf'));
    return;
}

1;
