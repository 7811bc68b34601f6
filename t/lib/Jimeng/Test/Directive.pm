package Jimeng::Test::Directive;

# What nginx -t says of a directive.
#
#   my $d = Jimeng::Test::Directive->new('jimeng_size');
#   $d->common('fit');                    contexts, duplicate, arguments
#   $d->good('fit', 'strict');            values that are taken
#   $d->bad([ 'x', 'invalid value "x"' ]);    values that are not, and why
#   $d->accepts($name, location => '...');    any configuration
#   $d->refuses($name, $text, location => '...');
#
# Options are those of Jimeng::Test->new.  A text is what nginx says after
# [emerg], to the letter, less the place in the file; the test's directory is
# DIR in it.

use strict;
use warnings;

use Test::More;
use Jimeng::Test;

# Where a directive can be written: the option of Jimeng::Test->new, what
# stands before and after it there.
my @contexts = (
    [ 'http', 'http', '', '' ],
    [ 'server', 'server', '', '' ],
    [ 'location', 'location', '', '' ],
    [ 'main', 'main', '', '' ],
    [ 'events', 'events', '', '' ],
    [ 'upstream', 'http', 'upstream other { server 127.0.0.1:9;', '}' ],
    [ 'if in server', 'server', 'if ($arg_x) {', '}' ],
    [ 'if in location', 'location', 'if ($arg_x) {', '}' ],
    [ 'limit_except', 'location', 'limit_except POST {', '}' ],
);


# "only" names the contexts that take the directive, if not all three do.
sub new {
    my ($class, $directive, %opt) = @_;
    my $only = delete $opt{only} // [ 'http', 'server', 'location' ];

    my $self = bless {
        directive => $directive,
        only => { map { $_ => 1 } @$only },
        test => Jimeng::Test->new(emulator => 0, start => 0, %opt),
    }, $class;

    return $self;
}


sub test { $_[0]{test} }


# Returns the text of [emerg], or undef when the configuration is good, and
# all that was printed.
sub check {
    my ($self, %opt) = @_;
    my ($code, $printed) = $self->{test}->test_config(%opt);
    my $dir = $self->{test}->dir;

    return (undef, $printed) if $code == 0;

    my ($text) = $printed =~ /\[emerg\] (.*)/;
    $text //= "exit code $code, and no [emerg]: $printed";

    $text =~ s{ in \Q$dir\E/check-\d+\.conf:\d+\z}{};
    $text =~ s{\Q$dir\E}{DIR}g;

    return ($text, $printed);
}


sub accepts {
    my ($self, $name, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($text) = $self->check(%opt);
    return is($text, undef, $name);
}


# Returns all that was printed.
sub refuses {
    my ($self, $name, $expected, %opt) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    my ($text, $printed) = $self->check(%opt);
    is($text, $expected, $name);
    return $printed;
}


sub good {
    my ($self, @values) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $self->accepts("good: $_", $self->_place => "$self->{directive} $_;")
        for @values;
    return;
}


# The text follows '"NAME" directive ' unless it begins with a backslash.
sub bad {
    my ($self, @cases) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $case (@cases) {
        my ($value, $text) = @$case;

        $text = qq("$self->{directive}" directive $text)
            unless $text =~ s/^\\//;

        $self->refuses("bad: $value", $text,
                       $self->_place => "$self->{directive} $value;");
    }

    return;
}


# What is the same for all directives of one argument.
sub common {
    my ($self, $value, %opt) = @_;
    my $directive = $self->{directive};
    my $many = join ' ', ($value) x (($opt{most} // 1) + 1);
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    $self->contexts("$directive $value;");

    my $place = $self->_place;
    my $arguments = qq(invalid number of arguments in "$directive" directive);

    $self->refuses('duplicate', qq("$directive" directive is duplicate),
                   $place => "$directive $value; $directive $value;");
    $self->refuses('no argument', $arguments, $place => "$directive;");
    $self->refuses('too many arguments', $arguments,
                   $place => "$directive $many;");
    return;
}


sub _place { (grep { $_[0]{only}{$_} } qw(location http))[0] }


sub contexts {
    my ($self, $line) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    for my $context (@contexts) {
        my ($name, $option, $before, $after) = @$context;
        my %opt = ($option => "$before $line $after");

        if ($self->{only}{$name}) {
            $self->accepts("allowed: $name", %opt);
        } else {
            $self->refuses("not allowed: $name",
                           qq("$self->{directive}" directive is not allowed )
                           . 'here', %opt);
        }
    }

    return;
}

1;
