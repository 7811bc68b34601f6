package Jimeng::Test::Clock;

# For tests of what becomes of nginx when the clock is set.
#
#   my $clock = Jimeng::Test::Clock->new;
#                         a clock, by which signatures are good for emulators
#                         that are started from now on; undef where there is
#                         none
#   Jimeng::Test->new(env => $clock->env, ...)
#                         nginx goes by it, too
#   $clock->set($seconds) it is ahead of the real one by so much, at once
#
# It is a library that is loaded before all others; the monotonic clock is left
# as it is.

use strict;
use warnings;

use File::Temp ();
use Jimeng::Test::Preload;

my $source = <<'EOT';
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static char  file[4096];

/* nginx's workers have an environment of their own */

__attribute__((constructor))
static void
begin(void)
{
    const char  *name;

    name = getenv("JIMENG_TEST_CLOCK");

    if (name != NULL && strlen(name) < sizeof(file)) {
        strcpy(file, name);
    }
}

static time_t
ahead(void)
{
    int      fd;
    char     text[32];
    ssize_t  n;

    fd = open(file, O_RDONLY|O_CLOEXEC);
    n = 0;

    if (fd != -1) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }

    text[n > 0 ? n : 0] = '\0';
    return (time_t) atoll(text);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    static int  (*real)(clockid_t id, struct timespec *ts);

    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))
               dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = real(id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += ahead();
    }

    return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t
time(time_t *t)
{
    struct timespec  ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) == -1) {
        return -1;
    }

    if (t != NULL) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
EOT


sub new {
    my ($class) = @_;
    my $env = preload('clock', $source) or return undef;
    my $self = bless { file => File::Temp->new(TEMPLATE => 'jimeng-XXXXXX',
                                               TMPDIR => 1) }, $class;

    $self->{env} = { %$env, JIMENG_TEST_CLOCK => "$self->{file}" };
    $self->set(0);
    chmod 0644, "$self->{file}";
    $ENV{EMULATOR_CLOCK} = "$self->{file}";

    return $self;
}


sub env { $_[0]{env} }


# A number and a line's end, in one piece.
sub set {
    my ($self, $seconds) = @_;

    sysseek $self->{file}, 0, 0;
    syswrite $self->{file}, sprintf "%-20d\n", $seconds;
    return;
}

1;
