package Jimeng::Test::Metrics;

# What jimeng_metrics shows.  Who is counted there may have a key: see
# Jimeng::Test::Keys.
#
#   my $all = scrape($t);             { 'name{label="value"}' => number, ... }
#   my $all = settled($t, $n);        the same, when $n requests are counted
#   only($all, 'name')                { 'label="value"' => number, ... }
#   counted($all, 'name')             the same, less those that are 0
#   summed($all, 'name', 'label')     { label's value => sum, ... }, less 0
#   is_clean($t, 'name');             promtool has nothing to say

use strict;
use warnings;

use Exporter qw(import);
use Jimeng::Test;
use Jimeng::Test::Process qw(poll);

our @EXPORT = qw(scrape settled only counted summed is_clean);

my ($promtool) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};


sub scrape {
    my ($t, $path) = @_;
    my $r = $t->request('GET', $path // '/metrics');
    my %all;

    for my $line (split /\n/, $r->body) {
        next if $line =~ /^#/;

        my ($name, $value) = $line =~ /^(\S.*) (\S+)\z/
            or return { "what is no sample: $line" => 1 };
        return { "what is there twice: $name" => 1 } if exists $all{$name};
        $all{$name} = $value;
    }

    return \%all;
}


# Those of a name, less it.
sub only {
    my ($all, $name) = @_;

    return { map { /^\Q$name\E(?:\{(.*)\})?\z/ ? ($1 // '' => $all->{$_}) : () }
                 keys %$all };
}


# A series is there at 0 before anything is counted.
sub counted {
    my $of = only(@_);

    return { map { $of->{$_} == 0 ? () : ($_ => $of->{$_}) } keys %$of };
}


# As Prometheus' sum by (label).
sub summed {
    my ($all, $name, $label) = @_;
    my $of = counted($all, $name);
    my %sum;

    $sum{ /\b$label="([^"]*)"/ ? $1 : '' } += $of->{$_} for keys %$of;

    return \%sum;
}


# A client has its reply before its request is over.
sub settled {
    my ($t, $n, $path) = @_;
    my $all = {};

    poll(sub {
        $all = scrape($t, $path);
        my $sum = 0;
        $sum += $_ for values %{ only($all, 'jimeng_requests_total') };
        return $sum >= $n;
    }, 10);

    return $all;
}


sub is_clean {
    my ($t, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    SKIP: {
        skip('promtool is in Debian\'s package prometheus', 1)
            unless $promtool;

        my $file = $t->write_file('metrics',
                                  $t->request('GET', '/metrics')->body);
        my $said = `"$promtool" check metrics < "$file" 2>&1`;

        return is("$?: $said", '0: ', $name);
    }

    return;
}

1;
