#!/usr/bin/perl

# t/tools/floors on a small house: it passes as it is, and fails with an
# include or a call that runs up, a circle on one floor, a header that needs
# another before it, and a folder that is no floor; each is named.

use strict;
use warnings;

use lib 't/lib';
use Jimeng::Test::Tree;
use Test::More;

my %house = (
    'src/core/text/jm_a.h' => "int jm_a(void);\n",
    'src/core/text/jm_a.c' => <<'END',
#include "jm_a.h"
int jm_a(void) { return 1; }
END
    'src/core/state/jm_b.h' => "#include \"jm_a.h\"\nint jm_b(void);\n",
    'src/core/state/jm_b.c' => <<'END',
#include "jm_b.h"
int jm_b(void) { return jm_a(); }
END
    'src/base/house.h' => "extern int ngx_http_jimeng_module;\nint base(void);\n",
    'src/base/base.c' => <<'END',
#include "house.h"
#include "jm_b.h"
int base(void) { return jm_b() + ngx_http_jimeng_module; }
END
    'src/job/job.h' => "#include \"house.h\"\nint job(void);\n",
    'src/job/job.c' => <<'END',
#include "job.h"
int job(void) { return base(); }
END
    'src/job/step.c' => <<'END',
#include "job.h"
int step(void);
int step(void) { return job(); }
END
    'src/module.c' => <<'END',
#include "job.h"
int ngx_http_jimeng_module = 1;
int step(void);
int module(void);
int module(void) { return step(); }
END
);

my ($rc, $said) = floors();
is($rc, 0, 'a house where everything flows one way passes');
is($said, '', 'and nothing is said of it');

fails('a source of the core that includes a higher floor',
      qr{^src/core/text/jm_a\.c -> src/core/state/jm_b\.h: an include},
      'src/core/text/jm_a.c' => <<'END');
#include "jm_a.h"
#include "jm_b.h"
int jm_a(void) { return 1; }
END

fails('a header that does',
      qr{^src/base/house\.h -> src/job/job\.h: an include of a higher floor$},
      'src/base/house.h' => <<'END');
#pragma once
#include "job.h"
extern int ngx_http_jimeng_module;
int base(void);
END

fails('a call to a higher floor of the core',
      qr{^src/core/text/jm_a\.c -> src/core/state/jm_b\.c \(jm_b\): a call},
      'src/core/text/jm_a.c' => <<'END');
#include "jm_a.h"
int jm_b(void);
int jm_a(void) { return jm_b(); }
END

fails('a call from the core to the glue',
      qr{^src/core/state/jm_b\.c -> src/base/base\.c \(base\): a call},
      'src/core/state/jm_b.c' => <<'END');
#include "jm_b.h"
int base(void);
int jm_b(void) { return base(); }
END

fails('the address of a function of the top floor',
      qr{^src/base/base\.c -> src/module\.c \(module\): a call},
      'src/base/base.c' => <<'END');
#include "house.h"
int module(void);
int (*base_handler)(void) = module;
int base(void) { return 1; }
END

fails('a circle on one floor',
      qr{^a\ circle:\n
         \ +src/job/job\.c\ ->\ src/job/step\.c\ \(step\)\n
         \ +src/job/step\.c\ ->\ src/job/job\.c\ \(job\)$}mx,
      'src/job/job.c' => <<'END');
#include "job.h"
int step(void);
int job(void) { return step(); }
END

fails('a header that needs another before it',
      qr{^src/core/text/jm_a\.h does not compile by itself:\n.*size_t},
      'src/core/text/jm_a.h' => "size_t jm_a_len(void);\nint jm_a(void);\n",
      'src/core/text/jm_a.c' => <<'END');
#include <stddef.h>
#include "jm_a.h"
int jm_a(void) { return 1; }
END

fails('a folder that is no floor',
      qr{^src/attic/old\.c: "attic" is no floor},
      'src/attic/old.c' => "int old(void);\nint old(void) { return 1; }\n");

done_testing();


# The house with some of its files changed is refused, for one reason.

sub fails {
    my ($name, $expected, %changed) = @_;

    my ($rc, $said) = floors(%changed);

    isnt($rc, 0, $name);
    like($said, $expected, 'it is named');

    my @findings = $said =~ /^\S+ (?:->|does)|^a circle|is no floor/mg;
    is(@findings, 1, 'and nothing else is') or diag($said);
}


# Returns the exit code and what was said, on a house of its own.

sub floors {
    return run_on_tree('floors', %house, @_);
}
