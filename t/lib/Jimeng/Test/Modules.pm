package Jimeng::Test::Modules;

# Modules of others, as Debian packages them, beside this one.
#
#   needs_modules('lua')        skips the whole test when one is not there
#   has_module('lua')
#   load_modules('lua', 'js')   the lines of nginx.conf, with what they need
#   load_orders('lua')          options of Jimeng::Test->new, by a name: this
#                               module loaded first, last, and in between
#   start_all($t, $name, %at)   requests of every kind, by the location or the
#                               listener of this name: a link, base64, three
#                               streams, a picture sent along, and a client
#                               that leaves
#   all_served(@started)        each had its picture, for one submit
#
# They are Debian's, for Debian's nginx; JIMENG_MODULES names another folder.

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test;
use Jimeng::Test::Picture qw(base64 png);
use Jimeng::Test::Pictures;
use Test::More ();

our @EXPORT = qw(all_served has_module load_modules load_orders needs_modules
                 start_all);

my %file = (ndk => 'ndk_http_module', nchan => 'ngx_nchan_module');
my %needs = map { $_ => ['ndk'] } qw(lua set_misc);


sub _file {
    my ($name) = @_;

    # Debian's modules load into Debian's nginx only.
    my $dir = $ENV{JIMENG_MODULES}
              // (($ENV{JIMENG_MODULE} // 'none') eq ''
                  ? '' : '/usr/lib/nginx/modules');

    return "$dir/" . ($file{$name} // "ngx_http_${name}_module") . '.so';
}


sub has_module {
    my ($name) = @_;
    return -e _file($name);
}


sub load_modules {
    my (@names) = @_;
    my %seen;

    return join ' ', map { 'load_module ' . _file($_) . ';' }
                     grep { !$seen{$_}++ }
                     map { (@{ $needs{$_} || [] }, $_) } @names;
}


sub load_orders {
    my $lines = load_modules(@_);

    # A module that is compiled in comes before those that are loaded.
    return ('loaded later' => { main => $lines })
        if ($ENV{JIMENG_MODULE} // 'none') eq '';

    my @half = splice @_, 0, @_ / 2;

    return ('loaded later' => { main => $lines },
            'loaded before' => { before => $lines },
            @half ? ('loaded around' => { before => load_modules(@half),
                                          main => load_modules(@_) }) : ());
}


my $started = 0;

# Options: path, a location's ("/v1" without), and port, a listener's name.
sub start_all {
    my ($t, $name, %at) = @_;
    my $prompt = 'a ferry ' . ++$started . '. ';
    my @port = $at{port} ? (port => $at{port}) : ();

    my $start = sub {
        my ($kind, $fields, $call) = @_;
        my (undef, undef, $headers, $body) = $t->generation({
            prompt => "$prompt$kind [[bytes=20000]]", %$fields,
        });

        return $t->start_request('POST', ($at{path} // '/v1') . "/images/$call",
                                 $headers, $body, @port);
    };

    my %base64 = (response_format => 'b64_json', n => 3);

    return {
        t => $t, name => $name, prompt => $prompt,
        workers => [ $t->workers('staying') ],
        client => {
            link   => $start->('link', {}, 'generations'),
            base64 => $start->('base64', \%base64, 'generations'),
            stream => $start->('stream',
                               { %base64, stream => JSON::PP::true() },
                               'generations'),
            upload => $start->('upload', {
                image => 'data:image/png;base64,' . base64(png(700, 500)),
            }, 'edits'),
            gone   => $start->('gone', {}, 'generations'),
        },
    };
}


sub all_served {
    my (@all) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $one (@all) {
        my ($t, $gone) = ($one->{t}, delete $one->{client}{gone});

        wait_for { $t->submits("$one->{prompt}gone") }
            "$one->{name}: a submit, and the client leaves";
        $gone->abort;
    }

    _is_served($_) for @all;

    for my $one (@all) {
        my ($t, $prompt) = ($one->{t}, "$one->{prompt}gone");
        my @ids = map { $_->{task_id} } $t->submits($prompt);

        is(scalar @ids, 1, "$one->{name}, gone: one submit");
        wait_for { grep { $_->{jimeng_task_id} eq ($ids[0] // '-') }
                   $t->access_log } "$one->{name}, gone: followed to its end";
        is(join(' ', $t->workers('staying')), join(' ', @{ $one->{workers} }),
           "$one->{name}: the same workers");
    }

    return;
}


sub _is_served {
    my ($one) = @_;
    my $client = $one->{client};
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $kind (sort keys %$client) {
        my $name = "$one->{name}, $kind";
        my $r = $client->{$kind}->response;
        my @ids = map { $_->{task_id} }
                  $one->{t}->submits("$one->{prompt}$kind");

        is($r->status, 200, "$name: status") or diag($r->body // '');

        if ($kind =~ /base64|stream/) {
            my (undef, @pictures) = pictures($r->body // '');
            is(scalar @ids, 3, "$name: submits");
            is(join(' ', sort @pictures),
               join(' ', sort map { noise_of($_, 20_000, 0) } @ids),
               "$name: pictures");
            next;
        }

        is(scalar @ids, 1, "$name: submits");
        like(eval { $r->json->{data}[0]{url} } // '', qr/^http/,
             "$name: a link");
    }

    return;
}


sub needs_modules {
    for my $name (@_) {
        plan(skip_all => "there is no module $name for this nginx")
            if !has_module($name);
    }

    return;
}

1;
