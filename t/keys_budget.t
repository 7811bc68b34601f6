#!/usr/bin/perl

# budget=: what the pictures of a day, or a month, may cost.  What a request may
# cost at most is reserved before it is submitted, so that nothing that could be
# beyond the budget ever is.
#
# Seen failing: without the look at the budget in jm_quota_over(), with nothing
# reserved in jm_quota_hold(), with what was delivered reserved still, without
# the counters of money in jm_quota_sums_add(), without a hold for a client that
# has a budget alone, and with "a day" for all in ngx_http_jimeng_period().

use strict;
use warnings;

use lib 't/lib';
use JSON::PP ();
use POSIX qw(strftime);
use Jimeng::Test;
use Jimeng::Test::Keys;
use Jimeng::Test::Ledger qw(ask refuse submits_of wait_submits);
use Time::Local qw(timegm);

my $prompts = 0;

my $t = with_keys(
    [ 'alice budget=1/d', 'bob budget=0.5/M', 'carol budget=9/d images=1/d',
      'dave budget=4/d', 'erin', 'frank budget=0.3/d', 'grace budget=0.25/d',
      'heidi budget=0.75/d' ],
    workers => 2, emulator => { seconds => 0.6 },
    http => 'jimeng_model dear jimeng_t2i_v40 price=0.25;',
    server => <<'EOT',
        location /dry/ {
            jimeng_keys %%DIR%%/keys dry_run;
            jimeng_pass /_volcengine;
        }
        location /named/ {
            jimeng_client $http_name;
            jimeng_keys %%DIR%%/others;
            jimeng_pass /_volcengine;
        }
EOT
);

my ($one, $other) = $t->workers;

sub prompt { "a dune in the wind, $_[0], " . ++$prompts }

sub dear { return { model => 'dear', %{ $_[0] || {} } } }

sub at { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

# Midnight of the next day, and of the first of the next month, in UTC.
sub tomorrow { return time + seconds_left(86400) }

sub next_month {
    my (undef, undef, undef, undef, $month, $year) = gmtime;
    return timegm(0, 0, 0, 1, ($month + 1) % 12, $year + ($month == 11) + 1900);
}

# A request that is refused, on either worker, before anything is submitted.
sub is_over {
    my ($client, $name, $fields, $message) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $pid ($one, $other) {
        my $prompt = prompt("$name, over");
        my $r = ask($t, $pid, request_as($t, $client, $prompt, dear($fields)))
            ->response;

        is_refused($t, $r, "$name: over", code => 'insufficient_quota',
                   message => $message, after => [ 1, 31 * 86400 + 2 ]);
        is(scalar submits_of($t, $prompt), 0, "$name: no submit");
    }

    return;
}


# ---- reserved, then spent

my $prompt = prompt('two');
my $two = ask($t, $one, request_as($t, 'alice', $prompt, dear({ n => 2 })));
wait_submits($t, $prompt, 2);
used($t, 'alice', budget => [ 0, 0.5 ]);

my $reset = at(tomorrow());
is_over('alice', 'half is left, three cost more', { n => 3 },
        qr/^You\ may\ spend\ 1\ a\ day:\ 0\ is\ spent,\ requests\ that\ run\ may
           \ cost\ 0\.5,\ and\ this\ one\ 0\.75;\ it\ begins\ anew\ at\ /x);
my ($told) = ask($t, $one, request_as($t, 'alice', prompt('when'),
                                      dear({ n => 3 })))
             ->response->body =~ /begins anew at (\S+Z)\./;
ok($told eq $reset || $told eq at(tomorrow()), 'until midnight') or diag($told);

my $more = ask($t, $other,
               request_as($t, 'alice', prompt('more'), dear({ n => 2 })));
used($t, 'alice', budget => [ 0, 1 ]);
is_over('alice', 'all is reserved', {}, qr/may cost 1, and this one 0\.25;/);
is($two->response->status, 200, 'two are delivered');
is($more->response->status, 200, 'and two');
used($t, 'alice', budget => [ 1, 0 ]);
is_over('alice', 'all is spent', {}, qr/: 1 is spent, .* may cost 0, /);
is(usage($t, 'alice')->{budget}{remaining}, 0, 'nothing remains');
is(generate_as($t, 'alice', { n => 4 })->status, 200,
   'a model without a price');
used($t, 'alice', budget => [ 1, 0 ]);
is(generate_as($t, 'erin', dear())->status, 200, 'without a budget');
is(usage($t, 'erin')->{budget}, undef, 'without a budget: usage');


# ---- one is delivered while another one of the same worker runs

$prompt = prompt('the first of two');
my $first = ask($t, $one, request_as($t, 'dave', $prompt, dear({ n => 2 })));
wait_submits($t, $prompt, 2);
$t->emulator->fault({ on => 'submit', do => 'delay', seconds => 2 });
my $second = ask($t, $one, request_as($t, 'dave', prompt('the second'),
                                      dear()));
is($first->response->status, 200, 'the first of two');
used($t, 'dave', budget => [ 0.5, 0.25 ]);
is($second->response->status, 200, 'the second');
used($t, 'dave', budget => [ 0.75, 0 ]);


# ---- what fails costs nothing

is(generate_as($t, 'frank', dear({ prompt => 'a dune [[50511]]' }))->status,
   400, 'refused when it was made');
used($t, 'frank', budget => [ 0, 0 ]);
is_over('frank', 'two cost more', { n => 2 }, qr/^You may spend 0\.3 a day/);
refuse($t);
is(generate_as($t, 'frank', dear({ prompt => prompt('refused') }))->status,
   400, 'refused at the submit');
is(generate_as($t, 'frank', dear())->status, 200, 'one does not');
used($t, 'frank', budget => [ 0.25, 0 ]);
is_over('frank', 'what is left is too little', {}, qr/0\.25 is spent/);


# ---- a month's, and pictures as well

is(generate_as($t, 'bob', dear({ n => 2 }))->status, 200, "a month's");
my $month = at(next_month());
is_over('bob', "a month's", {}, qr/^You may spend 0\.5 a month: .* $month\./);

is(generate_as($t, 'carol', dear())->status, 200, 'pictures');
is_over('carol', 'pictures', {}, qr/^You may have 1 pictures a day/);


# ---- a group may bring 15 pictures

is_over('dave', 'a group', { sequential_image_generation => 'auto' },
        qr/and this one 3\.75;/);


# ---- once, however often it is asked for, and also over a reload

$prompt = prompt('repeated');
my @again = request_as($t, 'heidi', $prompt, dear(),
                       { 'Idempotency-Key' => 'again' });
$_->response for map { ask($t, $_, @again) } $one, $other;
my $r = ask($t, $one, @again)->response;
is($r->status, 200, 'repeated: it is served');
used($t, 'heidi', budget => [ 0.25, 0 ]);
is($t->request('GET', '/v1/images/' . $r->json->{task_id}, bearer('heidi'))
   ->status, 200, 'asked for by its id');
used($t, 'heidi', budget => [ 0.25, 0 ]);

is($t->reload, 1, 'a reload');
used($t, 'heidi', budget => [ 0.25, 0 ]);
($one, $other) = $t->workers('staying');
is_over('heidi', 'a reload', { n => 3 }, qr/0\.25 is spent/);


# ---- a dry run counts, and serves

for my $n (1, 2) {
    my @request = request_as($t, 'grace', prompt('dry'), dear());
    $request[1] =~ s{^/v1/}{/dry/};
    is($t->request(@request)->status, 200, "dry run: request $n");
}

used($t, 'grace', budget => [ 0.5, 0 ]);
is(usage($t, 'grace')->{budget}{remaining}, 0, 'dry run: nothing remains');
like($t->error_log, qr/\[warn\].*\ dry\ run:\ client\ "grace"\ would\ get
                       \ insufficient_quota:\ You\ may\ spend\ 0\.25\ a\ day/x,
     'dry run: the log');


# ---- names, with a line and without

$t->write_file('others', "- nora budget=0.25/d\n* budget=0.5/d\n");
is($t->reload, 1, 'names: a reload');

for my $case ([ 'nora', 1 ], [ 'olga', 2 ], [ 'pia', 2 ]) {
    my ($name, $n) = @$case;
    my @request = $t->generation(dear({ n => $n, prompt => prompt($name) }),
                                 { Name => $name });
    $request[1] =~ s{^/v1/}{/named/};

    is($t->request(@request)->status, 200, "$name: within the budget");
    is_refused($t, $t->request(@request[0 .. 2], $request[3] =~ s/dune/hill/r),
               "$name: over", code => 'insufficient_quota',
               message => qr/^You may spend 0\.[25]5? a day/,
               after => [ 1, 86402 ]);
}

$t->done;
