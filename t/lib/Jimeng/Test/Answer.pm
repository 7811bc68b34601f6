package Jimeng::Test::Answer;

# Answers of the upstream for hand-made servers, and such a server.
#
#   envelope($data, %more)        JSON of an answer that says success
#   submitted($id) pending() done(@urls)      JSON
#   http($body, %header)          a whole HTTP/1.1 answer with its length
#   is_submit($request)           what read_request() gave
#   upstream(submit => sub {...}, query => sub {...})
#       a raw_server; the code gets (request, number of the connection, number
#       of the request in it) and returns the bytes to be sent, or undef to
#       close.  The connection goes on when the request was answered with
#       http().

use strict;
use warnings;

use Exporter qw(import);
use JSON::PP ();
use Jimeng::Test::Http qw(read_request);
use Jimeng::Test::RawServer;

our @EXPORT_OK = qw(done envelope http is_submit pending submitted upstream);


sub envelope {
    my ($data, %more) = @_;

    return JSON::PP->new->canonical->encode({
        code => 10000, status => 10000, message => 'Success',
        request_id => '2026112020000000000000000000000000', data => $data,
        time_elapsed => '1.5ms', %more,
    });
}


sub submitted { envelope({ task_id => $_[0] // '7392616336519610409' }) }


sub pending {
    return envelope({
        binary_data_base64 => [], image_urls => undef,
        status => 'generating',
    });
}


sub done {
    my @urls = @_ ? @_ : 'http://127.0.0.1/picture.png';
    return envelope({
        binary_data_base64 => [], image_urls => \@urls, status => 'done',
    });
}


sub http {
    my ($body, %header) = @_;

    %header = ('Content-Type' => 'application/json',
               'Content-Length' => length $body, %header);

    return join("\r\n", 'HTTP/1.1 200 OK',
                (map { "$_: $header{$_}" } sort keys %header), '', '') . $body;
}


sub is_submit { $_[0] =~ /Action=CVSync2AsyncSubmitTask/ }


sub upstream {
    my (%code) = @_;

    return Jimeng::Test::RawServer->new(sub {
        my ($socket, $n) = @_;
        my $i = 0;

        while (defined(my $request = read_request($socket))) {
            my $kind = is_submit($request) ? 'submit' : 'query';
            my $bytes = $code{$kind}->($request, $n, ++$i);

            return unless defined $bytes;
            syswrite $socket, $bytes;
            return unless $bytes =~ /^Content-Length: /m
                          && $bytes !~ /^Connection: close/m;
        }
    });
}

1;
