package Jimeng::Emulator::Answers;

# Answers as Jimeng::Emulator::Http takes them, whichever service gives them,
# and the text of what came.

use strict;
use warnings;

use Encode     qw(decode);
use Exporter   qw(import);
use Mojo::JSON qw(decode_json encode_json);

our @EXPORT_OK = qw(canned code_of json text);


# Bytes -> something that can stand in JSON, whatever they are.
sub text {
    my ($bytes) = @_;

    return eval { decode('UTF-8', my $copy = $bytes, Encode::FB_CROAK) }
        // $bytes;
}


sub json {
    my ($status, $body, %more) = @_;

    return {
        status  => $status,
        headers => { 'Content-Type' => 'application/json; charset=utf-8' },
        body    => encode_json($body),
        %more,
    };
}


# The answer that a fault prescribes.
sub canned {
    my ($fault) = @_;

    my $body = $fault->{body} // '';

    if (ref $body) {
        $body = encode_json($body);
    } else {
        utf8::encode($body);
    }

    return {
        status  => $fault->{status},
        headers => {
            'Content-Type' => 'application/json; charset=utf-8',
            %{ $fault->{headers} // {} },
        },
        body => $body,
        code => code_of($body),
    };
}


# The code in a body, wherever the upstream may put one.
sub code_of {
    my ($body) = @_;

    my $json = eval { decode_json($body) };
    return undef if ref $json ne 'HASH';

    for my $path (['code'], [qw(Result code)],
        [qw(ResponseMetadata Error Code)], [qw(error code)])
    {
        my $value = $json;

        $value = ref $value eq 'HASH' ? $value->{$_} : undef for @$path;
        return $value if defined $value && !ref $value;
    }

    return undef;
}

1;
