#!/usr/bin/perl

# jimeng_max_prompt: counted in code points, and no more than can be sent.
#
# Seen failing: a number twelve times which is more than a size_t holds, without
# the bounds in ngx_http_jimeng_module.c.

use strict;
use warnings;
use utf8;

use lib 't/lib';
use Jimeng::Test;
use Jimeng::Test::Directive;
use Jimeng::Test::Envelope;

my $d = Jimeng::Test::Directive->new('jimeng_max_prompt');

$d->common('100');
$d->good(1, 800, 1000000);
$d->bad(
    [ 0, '\\value must be between 1 and 1000000' ], [ -1, 'invalid number' ],
    [ 'x', 'invalid number' ], [ '""', 'invalid number' ],
    [ '8k', 'invalid number' ], [ 1.5, 'invalid number' ],
    [ '99999999999999999999', 'invalid number' ],
    [ 1000001, '\\value must be between 1 and 1000000' ],
    [ '1537228672809129302', '\\value must be between 1 and 1000000' ],
);


my $t = Jimeng::Test->new(
    emulator => { seconds => 0 }, poll_interval => '5ms', strict => 1,
    server => <<'EOT',
        jimeng_max_prompt 10;

        location /inherits/ { jimeng_pass /_volcengine; }
        location /more/ { jimeng_pass /_volcengine; jimeng_max_prompt 12; }
EOT
    location => 'jimeng_max_prompt 800;',
);

sub ask {
    my ($path, $prompt) = @_;
    my $body = qq({"prompt":"$prompt"});
    utf8::encode($body);
    return $t->request('POST', "/$path/images/generations",
                       { 'Content-Type' => 'application/json' }, $body);
}

my %limit = (inherits => 10, more => 12, v1 => 800);

for my $path (sort keys %limit) {
    my $n = $limit{$path};

    for my $char ('a', 'é', '猫', '😀', '\ud83d\ude00', '\u0301', '\n') {
        is(ask($path, 'a' . $char x ($n - 1))->status, 200,
           "$path, $char: as long as it may be");
        is_error(ask($path, 'a' . $char x $n), "$path, $char: one too many",
                 413, 'prompt_too_long', param => 'prompt',
                 message => qr/has ${\ ($n + 1)} characters.* limit is $n;/);
    }
}

is(scalar $t->submits, 21, 'what was too long was not submitted');
$t->finish;

$t = Jimeng::Test->new(emulator => { seconds => 0 }, poll_interval => '5ms');
is(ask('v1', '猫' x 800)->status, 200, '800 by default');
is(ask('v1', '猫' x 801)->status, 413, 'and no more');
$t->done;
