package Jimeng::Emulator::Trigger;

# What a prompt asks the emulator to do, in double square brackets:
#
#   [[50413]]            this business code, at the stage where it belongs
#   [[50413@query]]      ... at the stage named, submit or query
#   [[done:50511]]       data.status "done" with this code
#   [[InternalError]]    this gateway error to the submit; @query: to queries
#   [[gateway:50215]]    a business code in the gateway's envelope, ditto
#   [[not_found]] [[expired]]  this data.status
#   [[status=thinking]]  this data.status for the first half of the task
#   [[seconds=0.5]]      how long the task runs
#   [[pictures=3]]       a group of 3 pictures, unless force_single is true
#   [[result]]           answers wrapped as Result
#   [[bytes=3000000]]    pictures of so many bytes, see Picture::noise()
#
# and of an answer that has them as base64:
#
#   [[escape]]           "/" and "+" written as JSON's escapes
#   [[wrap=76]]          a line break, as "\n", after so many characters
#   [[late]]             the code after the data
#   [[pieces=1000]]      sent so many bytes at a time
#   [[chunked]]          in chunks of HTTP/1.1, without a length
#
# Of Ark, see Jimeng::Emulator::Ark, besides seconds, pictures (of a group),
# bytes, and those for base64 but for "late":
#
#   [[ServerOverloaded]] this of Ark's errors: at once, or at the call's end if
#                        it is a refusal of what came out or InternalServiceError
#   [[QuotaExceeded@end]]  the pictures are made and billed, then this error
#   [[OutputImageRiskDetection@2]]  the picture of this index fails, @all: each
#   [[partial=2]]        so many partial_image events before a picture's own
#
# Anything else in brackets is part of the prompt and nothing more.

use strict;
use warnings;

use Jimeng::Emulator::Ark::Errors qw(is_error);
use Jimeng::Emulator::Errors qw(is_business is_gateway belongs_to_query);


sub words { return $_[0] =~ /\[\[([^\[\]]+)\]\]/g }


# Notes a word that means the same to both services.
sub common {
    my ($found, $name) = @_;

    if ($name =~ /^seconds=(\d+(?:\.\d+)?)$/) {
        $found->{seconds} = $1;

    } elsif ($name =~ /^(pictures|bytes|wrap|pieces)=(\d+)$/) {
        $found->{$1} = $2;

    } elsif ($name =~ /^(?:escape|chunked)$/) {
        $found->{$name} = 1;
    }

    return;
}


# Returns a hash: error and end, codes; fail, code by index or "all"; and the
# other words by their name.
sub parse_ark {
    my ($prompt) = @_;

    my %found;

    for my $word (words($prompt)) {
        my ($code, $where) = $word =~ /^([\w.]+)(?:\@(end|all|\d+))?$/;

        if (defined $code && is_error($code)) {
            $where //= 'error';
            $where =~ /^(?:error|end)$/ ? $found{$where} = $code
                : ($found{fail}{$where} = $code);

        } elsif ($word =~ /^partial=(\d+)$/) {
            $found{partial} = $1;

        } else {
            common(\%found, $word);
        }
    }

    return \%found;
}


# Returns a hash: submit and query (what to answer with there, [kind, name]
# with kind "business", "gateway", "done" or "state"), and the other words by
# their name.
sub parse {
    my ($prompt) = @_;

    my %found;

    for my $word (words($prompt)) {
        my ($name, $stage) = $word =~ /^(.*?)(?:\@(submit|query))?$/s;

        if (is_business($name)) {
            $stage //= belongs_to_query($name) ? 'query' : 'submit';
            $found{$stage} = [ business => $name ];

        } elsif (is_gateway($name)) {
            $found{ $stage // 'submit' } = [ gateway => $name ];

        } elsif ($name =~ /^gateway:(\d+)$/ && is_business($1)) {
            $found{ $stage // 'submit' } = [ gateway => $1 ];

        } elsif ($name =~ /^done:(\d+)$/ && is_business($1)) {
            $found{query} = [ done => $1 ];

        } elsif ($name =~ /^(?:not_found|expired)$/) {
            $found{query} = [ state => $name ];

        } elsif ($name =~ /^status=(\S+)$/) {
            $found{status} = $1;

        } elsif ($name =~ /^(?:result|late)$/) {
            $found{$name} = 1;

        } else {
            common(\%found, $name);
        }
    }

    return \%found;
}

1;
