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
# Anything else in brackets is part of the prompt and nothing more.

use strict;
use warnings;

use Jimeng::Emulator::Errors qw(is_business is_gateway belongs_to_query);


# Returns a hash: submit and query (what to answer with there, [kind, name]
# with kind "business", "gateway", "done" or "state"), and the other words by
# their name.
sub parse {
    my ($prompt) = @_;

    my %found;

    for my $word ($prompt =~ /\[\[([^\[\]]+)\]\]/g) {
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

        } elsif ($name =~ /^seconds=(\d+(?:\.\d+)?)$/) {
            $found{seconds} = $1;

        } elsif ($name =~ /^(pictures|bytes|wrap|pieces)=(\d+)$/) {
            $found{$1} = $2;

        } elsif ($name =~ /^(?:result|escape|late|chunked)$/) {
            $found{$name} = 1;
        }
    }

    return \%found;
}

1;
