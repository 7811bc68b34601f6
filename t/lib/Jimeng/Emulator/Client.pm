package Jimeng::Emulator::Client;

# What the emulator's own tests share: an emulator, and a client that signs.
# It signs with the emulator's code; public signatures (emulator.t) and the
# vendor's signer (clients_volcengine.t) hold that code to account.

use strict;
use warnings;

use Digest::SHA ();
use Exporter    qw(import);
use File::Temp  ();
use JSON::PP    ();
use POSIX       qw(strftime);

use Jimeng::Emulator::Signature qw(sign);
use Jimeng::Test::Emulator;
use Jimeng::Test::Http;
use Jimeng::Test::Process qw(poll);

our @EXPORT = qw(SUBMIT QUERY VERSION SECRET_KEY TOKEN SECONDS ARK ARK_KEY
    start prepare begin call submit task_id query finished last_entry begin_ark
    ark get);

use constant {
    SUBMIT     => 'CVSync2AsyncSubmitTask',
    QUERY      => 'CVSync2AsyncGetResult',
    VERSION    => '2022-08-31',
    ACCESS_KEY => 'AKLTexampleexampleexample',
    SECRET_KEY => 'c2VjcmV0LWV4YW1wbGUtbm90LXJlYWw==',
    TOKEN      => 'STSexampletoken',
    SECONDS    => 0.4,
    ARK        => '/api/v3/images/generations',
    ARK_KEY    => 'ark-key-that-opens-nothing',
};

my $json = JSON::PP->new->utf8->canonical;
my $emulator;



# Starts the emulator that all of the functions below talk to.
sub start {
    my (%option) = @_;

    return $emulator = Jimeng::Test::Emulator->start(
        dir        => File::Temp->newdir,
        access_key => ACCESS_KEY,
        secret_key => SECRET_KEY,
        seconds    => SECONDS,
        %option,
    );
}


# A signed request that is not sent yet. Options: method, query, date, secret,
# access_key, region, service, day, signed (names), headers (added after
# signing; undef removes), token.
sub prepare {
    my ($action, $body, %option) = @_;

    $body = $json->encode($body) if ref $body;

    my $date = $option{date} // strftime('%Y%m%dT%H%M%SZ', gmtime);
    my %request = (
        method  => $option{method} // 'POST',
        path    => '/',
        query   => $option{query} // "Action=$action&Version=" . VERSION,
        body    => $body,
        headers => {
            'content-type'     => 'application/json',
            'host'             => 'visual.volcengineapi.com',
            'x-content-sha256' => Digest::SHA::sha256_hex($body),
            'x-date'           => $date,
            defined $option{token}
                ? ('x-security-token' => $option{token}) : (),
        },
    );

    my $signed  = $option{signed} // [sort keys %{ $request{headers} }];
    my $region  = $option{region}  // 'cn-north-1';
    my $service = $option{service} // 'cv';
    my $day     = $option{day}     // substr $date, 0, 8;

    $request{headers}{authorization} = sprintf
        'HMAC-SHA256 Credential=%s/%s/%s/%s/request, SignedHeaders=%s, '
        . 'Signature=%s', $option{access_key} // ACCESS_KEY, $day, $region,
        $service, join(';', @$signed), sign(\%request, $signed, $date,
            $option{secret} // SECRET_KEY, $region, $service);

    $request{headers} = { %{ $request{headers} }, %{ $option{headers} // {} } };
    return \%request;
}


sub begin {
    my ($request, %option) = @_;

    return Jimeng::Test::Http->start($emulator->port, $request->{method},
        "$request->{path}?$request->{query}", $request->{headers},
        $request->{method} eq 'GET' ? undef : $request->{body}, %option);
}


sub call {
    my ($action, $body, %option) = @_;

    return begin(prepare($action, $body, %option))->response;
}


sub submit {
    my ($prompt, %more) = @_;

    return call(SUBMIT,
        { req_key => 'jimeng_t2i_v40', prompt => $prompt, %more });
}


sub task_id { return submit(@_)->{json}{data}{task_id} }


sub query {
    my ($id, $form) = @_;

    return call(QUERY, {
        req_key => 'jimeng_t2i_v40',
        task_id => $id,
        $form ? (req_json => JSON::PP->new->encode($form)) : (),
    });
}


# Asks until the task is no longer running.
sub finished {
    my ($id, $form) = @_;

    return poll(sub {
        my $answer = query($id, $form);
        my $status = ($answer->{json}{data} // {})->{status} // '';
        return $status =~ /^(?:in_queue|generating)$/ ? undef : $answer;
    }, 20);
}


# A call of Ark's, which is not waited for. Options: method, headers (undef
# removes), and those of Jimeng::Test::Http.
sub begin_ark {
    my ($body, %option) = @_;

    my %headers = (
        authorization  => 'Bearer ' . ARK_KEY,
        'content-type' => 'application/json',
        %{ delete $option{headers} // {} },
    );

    return Jimeng::Test::Http->start($emulator->port,
        delete $option{method} // 'POST', ARK, \%headers,
        ref $body ? $json->encode({ model => 'doubao-seedream-4-0-250828',
            prompt => 'x', %$body }) : $body, %option);
}


sub ark { return begin_ark(@_)->response }


# What a link leads to.
sub get {
    my ($url) = @_;

    return Jimeng::Test::Http->start($emulator->port, 'GET',
        $url =~ s{^http://[^/]+}{}r)->response;
}


sub last_entry { return ($emulator->journal)[-1] }

1;
