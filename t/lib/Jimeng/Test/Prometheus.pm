package Jimeng::Test::Prometheus;

# Prometheus itself, as Debian has it, which scrapes a running test's /metrics
# twice a second; where it is not installed the test is skipped.
#
#   my $p = Jimeng::Test::Prometheus->start($t);
#   $p->ask('query', query => 'jimeng_slots')
#                                     its "data", undef: it has said no, or is
#                                     not there yet
#   $p->stop

use strict;
use warnings;

use Test::More;
use Jimeng::Test::Process;


sub needed {
    my ($prometheus) = grep { -x } map { "$_/prometheus" }
                       split /:/, $ENV{PATH};

    plan(skip_all => 'prometheus is in Debian\'s package prometheus')
        unless $prometheus;

    return $prometheus;
}


sub start {
    my ($class, $t) = @_;
    my $prometheus = needed();
    my ($nginx, $port) = map { '127.0.0.1:' . $t->port($_) }
                         'http', 'prometheus';

    my $config = $t->write_file('prometheus.yml', <<"EOT");
scrape_configs:
  - job_name: jimeng
    scrape_interval: 500ms
    scrape_timeout: 500ms
    static_configs:
      - targets: ['$nginx']
EOT

    my $process = Jimeng::Test::Process->start(
        name => 'prometheus', dir => $t->dir,
        command => [ $prometheus, "--config.file=$config",
                     '--storage.tsdb.path=' . $t->dir . '/tsdb',
                     "--web.listen-address=$port" ]);

    return bless { t => $t, process => $process }, $class;
}


sub ask {
    my ($self, $path, %query) = @_;
    my $args = join '&', map {
        my $value = $query{$_} =~ s/([^\w.~-])/sprintf '%%%02X', ord $1/ger;
        "$_=$value";
    } sort keys %query;

    my $r = eval { $self->{t}->request('GET', "/api/v1/$path?$args", {}, undef,
                                       port => 'prometheus') };

    return $r && $r->status == 200 ? $r->json->{data} : undef;
}


sub stop { $_[0]{process}->stop(10) }

1;
