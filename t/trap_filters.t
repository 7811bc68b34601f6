#!/usr/bin/perl

# Filters of other modules, nginx's own and all that Debian packages: each of
# these would spoil the upstream's answer if it saw it.  A module that is loaded
# later has its filters before those of one loaded earlier, so all are loaded
# before this module, and after it.  What a client is sent goes through them.
#
# Seen failing: with the filters put first by a postconfiguration, as nginx's
# own are, every one that is loaded later; each ended in 502 after it was paid.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

# By the module; "" is nginx's own.  The first stand in a server, and are
# inherited; all of them in the internal location.
my @server = (
    [ '', gzip => 'gzip on; gzip_types *; gzip_min_length 1;' ],
    [ '', gunzip => 'gunzip on;' ],
    [ '', sub => 'sub_filter_types *; sub_filter_once off;
                  sub_filter 10000 50500;' ],
    [ 'lua', lua => 'header_filter_by_lua_block {
                         if ngx.var.uri:find("^/_") then
                             ngx.status = 500
                         end
                     }
                     body_filter_by_lua_block {
                         if ngx.var.uri:find("^/_") then
                             ngx.arg[1] = "{}"
                         end
                     }' ],
    [ 'subs_filter', subs => 'subs_filter_types *;
                              subs_filter 10000 50500;' ],
    [ 'brotli_filter', brotli => 'brotli on; brotli_types *;
                                  brotli_min_length 1;' ],
    [ 'headers_more_filter', headers => 'more_set_headers "X-A: b";
                                         more_clear_headers Server;' ],
    [ 'modsecurity', modsecurity => 'modsecurity on;
                                     modsecurity_rules "SecRuleEngine On";' ],
    [ 'set_misc', set_misc => 'set_md5 $x $uri;' ],
);

my @location = (
    @server,
    [ '', charset => 'charset b; source_charset a; charset_types *;' ],
    [ 'js', js => 'js_header_filter filters.header;
                   js_body_filter filters.body;' ],
    [ '', addition => 'addition_types *; add_before_body /x;
                       add_after_body /x;' ],
    [ '', ssi => 'ssi on; ssi_types *;' ],
    [ '', slice => 'slice 100; proxy_set_header Range $slice_range;' ],
    [ 'echo', echo => 'echo_before_body x; echo_after_body x;' ],
    [ 'image_filter', image => 'image_filter resize 10 10;' ],
    [ 'xslt_filter', xslt => 'xml_entities %%DIR%%/x.dtd; xslt_types *;' ],
    [ 'fancyindex', fancyindex => 'fancyindex on;' ],
    [ 'dav_ext', dav_ext => 'dav_ext_methods PROPFIND OPTIONS;' ],
    [ 'upstream_fair', fair => '' ],
    [ 'auth_pam', auth_pam => 'auth_pam "x"; auth_pam_service_name "no";' ],
    [ 'uploadprogress', progress => 'track_uploads up 1s;' ],
    [ 'nchan', nchan => '' ],
    [ 'cache_purge', purge => '' ],
    [ 'perl', perl => 'set $x $from_perl;' ],
);

# Some have nothing to be set here, and have to be beside.
my @beside = qw(brotli_static geoip geoip2 memc srcache_filter);

my %loaded;
$loaded{$_} = 1 for grep { length && has_module($_) }
                    @beside, map { $_->[0] } @location;
@$_ = grep { $_->[0] eq '' || $loaded{ $_->[0] } } @$_
    for \@server, \@location;

plan skip_all => 'there are no modules for this nginx' if !%loaded;

my $pass = 'internal; proxy_pass http://volcengine/; proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host visual.volcengineapi.com;
    client_max_body_size 0;';

my $filters = <<'EOT';
function header(r) { if (r.uri.startsWith('/_')) r.status = 500; }
function body(r, data, flags) {
    r.sendBuffer(r.uri.startsWith('/_') ? 'x' : data, flags);
}
export default {header, body};
EOT

my %orders = load_orders(sort keys %loaded);

for my $order (sort keys %orders) {
    my $t = Jimeng::Test->new(
        start => 0, strict => 1, poll_interval => '20ms',
        env  => { MALLOC_PERTURB_ => 165 }, %{ $orders{$order} },
        http => join("\n", 'lingering_close off; client_max_body_size 1m;
            jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;
            charset_map a b { 7B 5B; }',
            $loaded{js} ? 'js_import filters from %%DIR%%/filters.js;' : (),
            $loaded{uploadprogress} ? 'upload_progress up 1m;' : (),
            $loaded{perl}
                ? q(perl_set $from_perl 'sub { return $_[0]->uri; }';) : (),
            map { "
                server {
                    listen 127.0.0.1:%%PORT:$_->[1]%%;
                    $_->[2]
                    location /v1/ { jimeng_pass /_volcengine; }
                    location = /_volcengine { $pass }
                }
            " } @server),
        server => join("\n", 'location = /x { return 200 "xxx"; }', map { "
            location /$_->[1]/ { jimeng_pass /_$_->[1]; }
            location = /_$_->[1] {
                $pass $_->[2]
            }
        " } @location),
    );

    $t->write_file('filters.js', $filters);
    $t->write_file('x.dtd', '<!ENTITY a "b">');
    $t->start;

    all_served(
        (map { start_all($t, "$order, of the server, $_->[1]",
                         port => $_->[1]) } @server),
        (map { start_all($t, "$order, in the location, $_->[1]",
                         path => "/$_->[1]") } @location),
    );

    $t->finish;
}

done_testing;
