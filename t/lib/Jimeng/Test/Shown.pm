package Jimeng::Test::Shown;

# Pictures that go through the gateway.
#
#   my $t = Jimeng::Test->new(pictures_conf(%options));
#       a zone, links to pictures of the emulator, and the location of a cache
#       that shows them.  Options are those of Jimeng::Test->new, and: picture,
#       directives for that location; pictures, the arguments of jimeng_pictures;
#       hosts, those of jimeng_picture_hosts; kept, directives that keep them
#   path_of($url)              the link, less the scheme and the host
#   fetches($t, $result)       what jimeng_picture_fetches_total counts
#   asked_for($t, $path)       rows of the emulator's journal on its pictures
#   shown($t, $url, %headers)  the response
#
#   my $vendor = vendor(%code);
#       the API and a server of pictures in one that is hand-made: a task of
#       "picture NAME" has brought http://127.0.0.1:PORT/NAME, for which
#       $code{NAME}->($request) returns the bytes of an answer
#   picture_of($t, $name)      the link that such a task brought
#   answer($body, %headers)    an answer, with "status" if not 200
#   $vendor->requests($name)   what it was asked for so far

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use Jimeng::Test::Answer ();
use Jimeng::Test::Http qw(read_request);
use Jimeng::Test::Process qw(slurp);
use Jimeng::Test::RawServer;

our @EXPORT_OK = qw(answer asked_for fetches path_of picture_of pictures_conf
                    shown vendor);

my $kept = 'proxy_cache pictures; proxy_cache_valid 200 30d;'
           . ' proxy_cache_lock on;'
           . ' proxy_ignore_headers Set-Cookie Cache-Control Expires Vary;';


sub pictures_conf {
    my (%opt) = @_;

    my $picture = delete $opt{picture} // 'jimeng_picture;';
    my $pictures = delete $opt{pictures} // '/pictures/';
    my $hosts = delete $opt{hosts} // '127.0.0.1:%%EMULATOR_PORT%%';
    my $keep = delete $opt{kept} // $kept;

    return (
        %opt,
        http => 'jimeng_zone shared:8m; proxy_cache_path %%DIR%%/cache'
                . ' keys_zone=pictures:1m inactive=30d use_temp_path=off;'
                . "jimeng_picture_hosts $hosts;" . ($opt{http} // ''),
        location => "jimeng_pictures $pictures;" . ($opt{location} // ''),
        server => "location /pictures/ { $picture"
                  . ' proxy_pass $jimeng_picture_url; proxy_http_version 1.1;'
                  . " $keep }"
                  . 'location = /metrics { jimeng_metrics; }'
                  . ($opt{server} // ''),
    );
}


sub path_of { return $_[0] =~ s{^https?://[^/]+}{}r }


sub fetches {
    my ($t, $result) = @_;

    my $text = $t->request('GET', '/metrics')->body;
    my ($value) = $text
        =~ /^jimeng_picture_fetches_total\{result="$result"\} (\d+)$/m;

    return $value;
}


sub asked_for {
    my ($t, $path) = @_;

    return grep { $_->{path} =~ m{^/pictures/}
                  && (!defined $path || $_->{path} =~ $path) }
           $t->emulator->journal;
}


sub shown {
    my ($t, $url, %headers) = @_;
    return $t->request('GET', path_of($url), \%headers);
}


# A task's id has the name in it, as digits.
sub vendor {
    my (%code) = @_;
    my $log = File::Temp->new;
    my $port;

    my $server = Jimeng::Test::RawServer->new(sub {
        my ($socket) = @_;

        $port = $socket->sockport;

        while (defined(my $request = read_request($socket))) {
            my $bytes = _vendor($request, $port, \%code, $log);

            syswrite $socket, $bytes if defined $bytes;
            return unless defined $bytes
                          && $bytes =~ /^Content-Length: /m
                          && $bytes !~ /^Connection: close/m;
        }
    });

    return bless { server => $server, log => $log }, 'Jimeng::Test::Vendor';
}


sub _vendor {
    my ($request, $port, $code, $log) = @_;

    if ($request =~ /Action=CVSync2AsyncSubmitTask/) {
        my ($name) = $request =~ /picture (\w+)/;
        my $id = join '', map { sprintf '%03d', ord } split //, $name;

        return Jimeng::Test::Answer::http(
            Jimeng::Test::Answer::submitted("1$id"));
    }

    if ($request =~ /Action=CVSync2AsyncGetResult/) {
        my ($id) = $request =~ /"task_id":"1(\d+)"/;
        my $name = join '', map { chr } $id =~ /(\d{3})/g;
        my $url = $code->{"url of $name"} // "http://127.0.0.1:$port/$name";

        return Jimeng::Test::Answer::http(Jimeng::Test::Answer::done($url));
    }

    my ($name) = $request =~ m{^\w+ /(\w+)};

    # One piece, which is no other's.
    syswrite $log, ($request =~ s/\r\n/\n/gr) . "\0";

    return $code->{ $name // '' } ? $code->{$name}->($request)
                                  : answer('', status => '404 Not Found');
}


sub answer {
    my ($body, %headers) = @_;

    my $status = delete $headers{status} // '200 OK';
    %headers = ('Content-Length' => length $body, %headers);

    return join("\r\n", "HTTP/1.1 $status",
                (map { "$_: $headers{$_}" }
                 grep { defined $headers{$_} } sort keys %headers), '', '')
           . $body;
}


sub picture_of {
    my ($t, $name, %headers) = @_;
    my $r = $t->generate({ prompt => "picture $name" }, \%headers);

    return $r->json->{data}[0]{url};
}


package Jimeng::Test::Vendor;

sub port { $_[0]{server}->port }

sub requests {
    my ($self, $name) = @_;

    return grep { !defined $name || m{^\w+ /\Q$name\E[ ?]} }
           split /\0/, Jimeng::Test::Process::slurp($self->{log}->filename);
}

1;
