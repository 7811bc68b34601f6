package Jimeng::Test::Keys;

# For tests of what clients with keys may do.
#
#   my $t = with_keys([ 'alice rate=60r/m', 'bob' ], workers => 2, ...);
#       a running test with a zone (see Jimeng::Test::Ledger, whose ask() is
#       for it), whose /v1/ has these clients; "keys" is what stands after the
#       file's name: 'dry_run'; "others" are clients of the file "others"
#   set_clients($t, 'alice', ...)     writes another file, and returns its path;
#                                     a reload reads it
#   client_line('alice rate=60r/m')   a line of such a file
#   key_of('alice')  bearer('alice')  a client's key, and the header with it;
#                                     'alice/2' is another key of alice's
#   generate_as($t, 'alice', \%fields, %opt)      a reply
#   request_as($t, 'alice', $prompt, \%fields, \%headers)
#                                     for ask(); the last two may be left out
#   my $u = usage($t, 'alice')        what GET usage says, decoded
#   used($t, 'alice', images => [ 3, 1 ], concurrency => 1)
#                                     waits until so much is used, and, of
#                                     pictures and the budget, reserved
#   my $h = limits($response, 'cost') its x-ratelimit headers: limit,
#                                     remaining, reset (as it was sent), of
#                                     "requests", "images" or "cost"
#   duration('6m0s')                  360; undef for what is none
#   is_refused($t, $response, $name, code => ..., after => [ 1, 60 ],
#              param => undef, message => qr//)
#                                     the envelope, and the time to wait within
#                                     these bounds (none: there is no header):
#                                     Retry-After, or of more than 60 s what the
#                                     message says
#   seconds_left(86400)               of the window in UTC
#
# The keys of all clients are among what may not be in any log.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Exporter qw(import);
use Test::More;
use Jimeng::Test ();
use Jimeng::Test::Errors ();
use Jimeng::Test::Ledger qw(with_ledger);
use Jimeng::Test::Process qw(poll);

our @EXPORT = qw(bearer client_line duration generate_as is_refused key_of
                 limits request_as seconds_left set_clients usage used
                 with_keys);


sub with_keys {
    my ($clients, %opt) = @_;
    my $more = delete $opt{keys} // '';
    my $others = delete $opt{others} // [];

    my $t = Jimeng::Test->new(with_ledger(
        strict => 1, emulator => { seconds => 0.2 }, poll_interval => '50ms',
        %opt, start => 0,
        location => "jimeng_keys %%DIR%%/keys $more;" . ($opt{location} // ''),
    ));

    set_clients($t, @$clients);
    _write($t, 'others', @$others);
    return $t->start;
}


sub set_clients {
    my ($t, @clients) = @_;
    return _write($t, 'keys', @clients);
}


sub _write {
    my ($t, $file, @clients) = @_;

    $t->secret(map { key_of($_) } @clients);
    return $t->write_file($file, join '',
                          map { client_line($_) . "\n" } @clients);
}


# "alice/2 rate=1r/s": the name ends before the slash.
sub client_line {
    my ($client) = @_;
    my ($name, $options) = $client =~ m{^([^\s/]+)\S*(.*)};

    return sha256_hex(key_of($client)) . " $name$options";
}


sub key_of {
    my ($name) = $_[0] =~ /^(\S+)/;
    return "sk-that-$name-alone-has-" . substr sha256_hex($name), 0, 24;
}


sub bearer { return { Authorization => 'Bearer ' . key_of($_[0]) } }


sub generate_as {
    my ($t, $name, $fields, %opt) = @_;
    return $t->generate($fields, bearer($name), %opt);
}


sub request_as {
    my ($t, $name, $prompt, $fields, $headers) = @_;
    return $t->generation({ prompt => $prompt, %{ $fields || {} } },
                          { %{ bearer($name) }, %{ $headers || {} } });
}


sub usage {
    my ($t, $name) = @_;
    my $r = $t->request('GET', '/v1/usage', bearer($name));

    return ref $r->json eq 'HASH' ? $r->json : {};
}


sub used {
    my ($t, $name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $got;

    my $good = poll(sub {
        my $u = usage($t, $name);
        $got = {};
        $got->{concurrency} = $u->{concurrency}{used}
            if defined $want{concurrency};
        $got->{images} = [ @{ $u->{images} || {} }{qw(used reserved)} ]
            if $want{images};
        $got->{budget} = [ @{ $u->{budget} || {} }{qw(spent reserved)} ]
            if $want{budget};

        return eq_hash($got, \%want);
    }, 20);

    return is_deeply($got, \%want, "$name has used and reserved so much");
}


sub limits {
    my ($r, $of) = @_;
    my %limits;
    $of //= 'requests';

    for my $name (qw(limit remaining reset)) {
        my $value = $r->header("x-ratelimit-$name-$of");
        $limits{$name} = $value if defined $value;
    }

    return \%limits;
}


sub duration {
    my ($text) = @_;

    return undef unless defined $text;
    return $1 / 1000 if $text =~ /^(\d+)ms\z/;
    return undef
        unless $text =~ /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?\z/
               && length $text;

    return ($1 // 0) * 3600 + ($2 // 0) * 60 + ($3 // 0);
}


# Between what times it is, as a time's smaller unit is rounded up.
sub _wait {
    my ($after, $message) = @_;
    my %seconds = (d => 86400, h => 3600, min => 60, s => 1);
    my %smaller = (d => 'h', h => 'min', min => 's');

    $message =~ / Send it again in (\d+) (d|h|min)(?: (\d+) (h|min|s))?\.\z/
        or return ($after, $after);

    my $small = $seconds{ $smaller{$2} };
    my $to = $1 * $seconds{$2} + ($3 // 0) * $small;

    return ('nan', 'nan') if $after != 60 || (defined $4 && $4 ne $smaller{$2});
    return ($to - $small + 1, $to);
}


sub is_refused {
    my ($t, $r, $name, %want) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my %status = (
        invalid_api_key => 401, permission_denied => 403,
        address_not_allowed => 403, service_unavailable => 503,
        not_found => 404, task_not_found => 404, method_not_allowed => 405,
        rate_limit_exceeded => 429, insufficient_quota => 429,
    );

    return subtest $name => sub {
        my $json = ref $r->json eq 'HASH' ? $r->json : {};
        my $error = ref $json->{error} eq 'HASH' ? $json->{error} : {};
        my $after = $r->header('Retry-After');

        is($r->status, $status{ $want{code} }, 'status') or diag($r->body);
        is($error->{code}, $want{code}, 'code');
        is($error->{type}, Jimeng::Test::Errors::type_of($want{code}), 'type');
        is($error->{param}, $want{param}, 'param');
        is($json->{code}, $want{code}, 'code beside the error');
        is($json->{message}, $error->{message}, 'message beside the error');
        like($error->{message} // '', $want{message} // qr/\A[A-Z].{20,}\.\z/,
             'message');
        is($r->header('x-should-retry'),
           $want{code} eq 'insufficient_quota' ? 'false' : undef,
           'x-should-retry');
        like($r->header('WWW-Authenticate') // '',
             $want{code} eq 'invalid_api_key' ? qr/^Bearer\b/ : qr/^\z/,
             'WWW-Authenticate');

        if ($want{after}) {
            like($after, qr/^[1-9]\d*\z/, 'Retry-After');
            cmp_ok($after // 0, '<=', 60, 'which clients wait for');
            my ($from, $to) = _wait($after // 0, $error->{message} // '');
            cmp_ok($to, '>=', $want{after}[0], 'at least');
            cmp_ok($from, '<=', $want{after}[1], 'at most');
        } else {
            is($after, undef, 'no Retry-After');
        }

        like($r->header('X-Request-Id'), qr/^[0-9a-f]{32}\z/, 'X-Request-Id');
        is(Jimeng::Test::Errors::internals($t, $r), '',
           'nothing of the inside');
    };
}


sub seconds_left { return $_[0] - time % $_[0] }

1;
