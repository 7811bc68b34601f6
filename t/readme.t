#!/usr/bin/perl

# README is true: it has every directive, parameter, variable and error of
# the source, with the defaults and contexts the source has, and no others;
# its configuration is one, its links lead somewhere, and what it quotes from
# the logs is what the source says.

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use Jimeng::Test;
use Jimeng::Test::Example qw(internal rewrite);
use Jimeng::Test::Process qw(slurp);

my $root = Jimeng::Test::Nginx::root();
my $readme = slurp("$root/README.md");

utf8::decode($readme);

# Sources by their names, whichever floor they are on.
sub source {
    return join '', map { slurp($_) }
           map { glob "$root/src/$_ $root/src/*/$_ $root/src/core/*/$_" } @_;
}

# The part of README below a title.
sub section {
    my ($title) = @_;
    my ($level) = $title =~ /^(#+)/;

    my ($text) = $readme =~ /^\Q$title\E\n(.*?)(?=^#{1,@{[ length $level ]}} |\z)/ms;
    return $text // '';
}

# The first cells of the rows of a table.
sub rows {
    my ($text) = @_;
    return map { [ map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, $_ ] }
           $text =~ /^\|(?!---)(.*)\|$/mg;
}

sub names { join ' ', sort @_ }


# ---- directives

my $module = source('ngx_http_jimeng_module.c');
my $conf = source('ngx_http_jimeng_conf.c');

# name => [contexts, field], from the command table
my %directive;

while ($module =~ /\{\s*ngx_string\("(jimeng_\w+)"\),\s*([\w|\s]+),\s*
                    \w+,\s*\w+,\s*
                    (?:offsetof\(\w+_loc_conf_t,\s*(\w+)\)
                       |offsetof\(\w+,\s*\w+\)|0),/gx)
{
    my ($name, $flags, $field) = ($1, $2, $3);
    my @contexts = ($flags =~ /MAIN_CONF/ ? 'http' : (),
                    $flags =~ /SRV_CONF/ ? 'server' : (),
                    $flags =~ /LOC_CONF/ ? 'location' : ());

    $directive{$name} = [ join(', ', @contexts), $field ];
}

my @commands = $module =~ /\{ ngx_string\("(jimeng_\w+)"\)/g;
is(names(keys %directive), names(@commands), 'the command table was read');

# As the source has them, and as one writes them.
my %written = (
    2000 => '2s', 15000 => '15s', 300000 => '300s', 43200000 => '12h',
    NGX_HTTP_JIMENG_SIZE_FIT => 'fit', JM_FORMAT_UNSAID => "\x{2013}",
);

my %default;

while ($conf =~ /ngx_conf_merge_\w+_value\(conf->(\w+),\s*prev->\w+,\s*
                  "?([^")]*)"?\)/gx)
{
    $default{$1} = $written{$2} // $2;
}

# Without a value of their own.
my %special = (
    jimeng_accounts => 'the only one', jimeng_upload => 'off',
    jimeng_keys => 'off', jimeng_error_page => 'off',
    jimeng_client => "\x{2013}", jimeng_cross_site => 'off',
    jimeng_poll_attempts => 'off', jimeng_timezone => '+00:00',
    jimeng_default_model => 'jimeng_t2i_v40',
    jimeng_task_secret => 'a random one, until nginx is started again',
    jimeng_pictures => 'off',
    jimeng_picture_hosts => join(' ', source('ngx_http_jimeng_link_conf.c')
                                      =~ /^    ngx_string\("(.*)"\)/mg),
);

my $directives = section('## Directives');
my @documented = $directives =~ /^#### (.*)$/mg;

is(names(@documented), names(@commands), 'the directives of README');

for my $name (@commands) {
    my $text = section("#### $name");
    my ($contexts, $field) = @{ $directive{$name} };
    my $value = $special{$name};

    $value //= defined $field ? $default{$field} : "\x{2013}";

    my ($syntax, $default, $context)
        = $text =~ /^Syntax: `([^`]+)` \x{b7} Default: (.*?) \x{b7} Context: (.*)$/m;

    ok(defined $syntax, "$name: syntax, default and context") or next;
    like($syntax, qr/^$name(?:;$| [\[a-z])/, "$name: the syntax");
    is($default =~ tr/`//dr, $value, "$name: the default");
    is($context, $contexts, "$name: the context");
}

# A default that is not in the command table.
my ($min, $max) = source('jm_model_table.c')
                  =~ /\b(1048576)\b.*?\b(16777216)\b/s;
like(section('#### jimeng_model'), qr/\barea=$min-$max\b/,
     'jimeng_model: the default area');


# ---- parameters of an account

my $account = source('ngx_http_jimeng_account.c');
my $visual = source('jm_visual.h');
my @parameters = $account =~ /^    \{ ngx_string\("(\w+)"\), \d,$/mg;
my %constant = $visual =~ /^#define (JM_VISUAL_\w+)\s+"([^"]+)"/mg;

my %documented = map { $_->[0] =~ /^`(\w+) / ? ($1 => $_->[1]) : () }
                 rows(section('#### jimeng_account'));

is(names(keys %documented), names(@parameters), "an account's parameters");

my %value = (
    access_key => 'required, unless there is an `api_key`',
    secret_key => 'as `access_key`', api_key => "\x{2013}", rate => "\x{2013}",
    pass => 'that of [jimeng_pass](#jimeng_pass)',
    security_token => "\x{2013}", concurrency => "\x{2013}",
    interval => '`0`', weight => '`1`',
    queue => '`' . (source('ngx_http_jimeng_limits.c')
                    =~ /define NGX_HTTP_JIMENG_QUEUE\s+(\d+)/)[0] . '`',
    map { $_ => "`$constant{ 'JM_VISUAL_' . uc }`" } qw(region service host),
);

is($documented{$_}, $value{$_}, "$_: the default") for sort keys %value;


# ---- variables

my @variables = source('ngx_http_jimeng_variables.c')
                =~ /\{ ngx_string\("(jimeng_\w+)"\)/g;
my @named = map { $_->[0] =~ /^`\$(\w+)`$/ ? $1 : () }
            rows(section('## Variables'));

cmp_ok(scalar(@variables), '>=', 10, 'the variables were read');
is(names(@named), names(@variables), 'the variables of README');


# ---- models and errors

my $table = source('jm_model_table.c');
my @models = $table =~ /^ +jm_row\("([^"]+)"/mg;
my @ark = ($table =~ /^ +jm_ark_row\("((?!dola-)[^"]+)"/mg,
           map { "doubao-$_" } $table =~ /^ +jm_ark_rows\("([^"]+)"/mg);
my ($models) = grep { $_->[0] eq '`model`' }
               rows(section('## What a client may send'));

ok(index($models->[2], "`$_`") >= 0, "the model $_") for @models;
cmp_ok(scalar(@models), '>=', 5, 'the models were read');

my ($services) = grep { $_->[0] eq 'models' }
                 rows(section('## Two services'));

ok(index($services->[2], "`$_`") >= 0, "Ark's model $_") for @ark;
cmp_ok(scalar(@ark), '>=', 9, 'those of Ark were read');

my $errors = source('jm_error.c');
my %status;

while ($errors =~ /(\d{3}), \d+, "\w+", "(\w+)"/g) {
    $status{$2} = $1;
}

my %in_readme;

for my $row (rows(section('## Errors'))) {
    my ($status, $codes, $when) = @$row;
    next unless $status =~ /^\d+$/;

    for my $code ($codes =~ /`(\w+)`/g) {
        is($status{$code}, $status, "the error $code: its status");
        $in_readme{$code} .= " $when";
    }
}

# It has no reader.
my %unlisted = (client_closed_request => 1);

is(names(grep { !$unlisted{$_} } keys %status), names(keys %in_readme),
   'the errors of README');

my %number;

while ($errors =~ /\{ (50\d{3}), JM_CAUSE_(\w+)/g) {
    $number{$1} = $2;
}

my %code = (
    CONTENT_POLICY => 'content_policy_violation',
    INVALID_REQUEST => 'invalid_request', UPSTREAM => 'upstream_error',
    UPSTREAM_RATE_LIMITED => 'upstream_rate_limited',
);

for my $n (sort grep { $code{ $number{$_} } } keys %number) {
    my $when = $in_readme{ $code{ $number{$n} } }
               =~ s/(\d+)\x{2013}(\d+)/join ' ', $1 .. $2/ger;
    like($when, qr/\b$n\b/, "the number $n is with its error");
}


# ---- configurations

my ($minimal) = section('## Install it') =~ /^```nginx\n(.*?)^```/ms;
my $t = Jimeng::Test->new(start => 0, emulator => 0,
                          conf => rewrite($minimal));

internal($t);

my ($rc, $said) = $t->test_config;
is($rc, 0, "README's configuration: nginx -t") or diag($said);

# What is in both is the same.
my $example = slurp("$root/conf-examples/minimal.conf") =~ s/^#.*\n//mgr;
is(squeezed($minimal), squeezed($example), 'it is minimal.conf');

sub squeezed { $_[0] =~ s/#.*//gr =~ s/\s+/ /gr =~ s/^ | $//gr =~ s/\{ \}/{}/gr }

$t->finish;


# ---- a key of a client

my ($makes) = section('### Keys of clients') =~ /^```sh\n(.*?)^```/ms;
my ($file) = section('### Keys of clients') =~ /^```\n([0-9a-f]{64} .*?)^```/ms;

$t = Jimeng::Test->new(start => 0, http => 'jimeng_zone keys:1m;',
                       location => 'jimeng_keys %%DIR%%/keys;');
$t->write_file('keys', $file);

is($makes =~ s{/etc/nginx/jimeng/}{$t->dir . '/'}e, 1, 'where the keys are');
my ($key) = (qx($makes) // '') =~ /^(\S{32,})\n\z/;

ok(defined $key, "README's line of shell makes a key");
is(() = slurp($t->dir . '/keys') =~ /^[0-9a-f]{64} /mg, 3,
   'and a line of the file') or diag(slurp($t->dir . '/keys'));

# The name is there already.
($rc, $said) = $t->test_config;
like($said, qr/keys:3\b/, 'a name that is twice in the file');

$t->write_file('keys', slurp($t->dir . '/keys') =~ s/^\S+ +alice .*\n//mr);
$t->secret($key);
$t->start;

for my $case ([ $key, 200 ], [ "${key}x", 401 ]) {
    is($t->generate({}, { Authorization => "Bearer $case->[0]" })->status,
       $case->[1], "a request with a key: $case->[1]");
}

my ($sample) = section('### Keys of clients') =~ /^```json\n(.*?)^```/ms;
my $usage = $t->request('GET', '/v1/usage',
                        { Authorization => "Bearer $key" })->json;

is(names(keys %$usage), names(keys %{ JSON::PP->new->decode($sample) }),
   'what README says of usage');
is($usage->{client}, 'alice', 'the name that the line has');
$t->finish;


# ---- metrics

$t = Jimeng::Test->new(http => 'jimeng_zone counters:1m;',
    server => 'location = /metrics { jimeng_metrics; }');

is($t->generate->status, 200, 'a request that is counted');

my %shown = map { $_ => 1 }
            $t->request('GET', '/metrics')->body =~ /^# TYPE (\w+) /mg;
my %told = map { $_ => 1 }
           map { $_->[0] =~ /`(jimeng_\w+)/g } rows(section('## Watching it'));


# Those of a store are there with one.
$shown{$_} = 1
    for source('jm_metrics_text_store.c') =~ /"(jimeng_(?:store|node)_\w+)"/g;

is(names(keys %told), names(keys %shown), 'the metrics of README');
$t->finish;


# ---- links, files, commands

for my $link ($readme =~ /\]\(([^)\s]+)\)/g) {
    next if $link =~ /^(?:https?:|#)/;
    ok(-e "$root/$link", "the link to $link");
}

for my $file ($readme =~ m{`((?:t|src|conf-examples)/[\w./-]+)}g,
              $readme =~ m{`(ngx_http_jimeng_\w+\.c)`}g)
{
    my ($found) = grep { -e } "$root/$file", glob("$root/src/*/$file");
    ok($found, "the file $file");
}

my $makefile = slurp("$root/Makefile");

for my $target ($readme =~ /^make ([a-z]+)\b/mg, $readme =~ /`make ([a-z]+)/g) {
    like($makefile, qr/^(?:[\w-]+ )*$target(?: [\w-]+)*:/m, "make $target");
}


# ---- what the logs say

my $said_in = source('ngx_*.c');
$said_in =~ s/"\s*\n\s*"//g;
$said_in =~ s/\\"/"/g;

my $trouble = section('## Troubleshooting');

for my $quoted ($trouble =~ /the log says "([^"\x{2026}]+?),? ?\x{2026}?"/g,
                $trouble =~ /^\*\*502, "([^"]+)"/mg,
                $trouble =~ /^\*\*("jimeng_pass" serves [^*]+)\*\*/mg,
                $trouble =~ /look for `([^`]+)`/g)
{
    ok(index($said_in, $quoted) >= 0, "the log says: $quoted");
}


# ---- what README says happens

$t = Jimeng::Test->new(proxy => 'client_max_body_size 20;');

my $r = $t->generate;
my ($title) = $trouble =~ /^\*\*(\d+[^*]*)\*\*\.[^\n]*`client_max_body_size`/m;

like($title // '', qr/^@{[ $r->status ]}\b/,
     'client_max_body_size of the internal location: the status is README\'s');
$t->log_like(qr/client intended to send too large body/,
             'client_max_body_size of the internal location: the log');

$t->done;
