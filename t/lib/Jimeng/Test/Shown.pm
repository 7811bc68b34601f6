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

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(asked_for fetches path_of pictures_conf shown);

my $kept = 'proxy_cache pictures; proxy_cache_valid 200 30d;'
           . ' proxy_cache_lock on; proxy_cache_use_stale error;';


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

1;
