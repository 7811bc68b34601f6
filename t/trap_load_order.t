#!/usr/bin/perl

# The filters of an exchange are the first of all after whatever nginx did to
# their order: a reload, with modules in another order, a reload that was
# refused, and workers that were started after it.
#
# Seen failing: "refused, and a worker dies", with the filters put first when a
# configuration was taken (init_module); all of them, by a postconfiguration.

use strict;
use warnings;

use lib 't/lib';

use Jimeng::Test;
use Jimeng::Test::Modules;

needs_modules('lua');

my %orders = load_orders('lua');
my $later = $orders{'loaded later'}{main};
my $lua = 'body_filter_by_lua_block {
    if ngx.var.uri == "/_volcengine" then ngx.arg[1] = "{}" end
}';
my $common = 'lingering_close off; client_max_body_size 1m;
    jimeng_upload %%DIR%%/up http://127.0.0.1:%%PORT%%/up;';

my $t = Jimeng::Test->new(
    strict => 1, poll_interval => '20ms', main => $later,
    env => { MALLOC_PERTURB_ => 165 }, http => "$common $lua",
);

# Refused when everything was read, and the filters have been put into order.
sub refused {
    my ($name) = @_;
    my @workers = $t->workers('staying');

    $t->nginx->write_conf($t->conf(
        server => 'listen 192.0.2.1:%%PORT:nobody%%;'));
    $t->signal('HUP');
    $t->log_like(qr/bind\(\) to 192\.0\.2\.1.*failed/, "$name: it is refused");
    is(join(' ', $t->workers('staying')), join(' ', @workers),
       "$name: the same workers");
    return;
}

all_served(start_all($t, 'started'));

$t->reload;
all_served(start_all($t, 'reloaded'));

refused('refused');
all_served(start_all($t, 'refused'));

$t->kill_worker;
all_served(start_all($t, 'refused, and a worker dies'));

if (exists $orders{'loaded before'}) {
    $t->reload(before => $later, main => '');
    all_served(start_all($t, 'in another order'));
}

$t->allow_log(qr/exited on signal 9|bind\(\) to 192|still could not bind/);
$t->done;
