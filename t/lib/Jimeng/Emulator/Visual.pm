package Jimeng::Emulator::Visual;

# The service behind the gateway: submit and query, their checks, their
# limits and their envelope. It knows nothing of HTTP but the status.

use strict;
use warnings;

use Mojo::JSON  qw(decode_json from_json);
use Mojo::Util  qw(url_escape);
use Time::HiRes  qw(time);

use Jimeng::Emulator::Base64;
use Jimeng::Emulator::Errors qw(SUCCESS business);
use Jimeng::Emulator::Models qw(is_string is_number is_whole is_bool);
use Jimeng::Emulator::Picture;
use Jimeng::Emulator::Tasks;
use Jimeng::Emulator::Trigger;

use constant MAX_GROUP => 15;

my %ACTION = (
    CVSync2AsyncSubmitTask => \&submit,
    CVSync2AsyncGetResult  => \&query,
);

my @LOGO_TEXT = ("AI\x{751f}\x{6210}", 'AI generated');


# seconds, concurrency and qps as on the command line, which may change;
# denied: array of the req_keys that are refused; url: where the pictures are
# served.
sub new {
    my ($class, %option) = @_;

    return bless {
        %option,
        tasks    => Jimeng::Emulator::Tasks->new,
        arrivals => [],
    }, $class;
}


sub tasks { return $_[0]{tasks} }


# An answer is a hash: status (HTTP), code, envelope, and task_id, wrap or
# gateway (the name of a gateway error, in place of code and envelope), or
# pictures, whose base64 is to come into the envelope, and the task's trigger.
sub call {
    my ($self, $action, $bytes) = @_;

    my $started = time;
    my $answer  = $self->busy($started)
        || $self->dispatch($action, $bytes, $started);

    return $answer if $answer->{gateway};

    my ($status, $message) = $answer->{code} == SUCCESS
        ? (200, 'Success') : business($answer->{code});

    $message .= ": $answer->{detail}" if defined $answer->{detail};

    $answer->{status}   //= $status;
    $answer->{envelope} = {
        code         => 0 + $answer->{code},
        data         => $answer->{data},
        message      => $message,
        status       => 0 + $answer->{code},
        time_elapsed => sprintf('%.6fms', (time - $started) * 1000),
    };

    return $answer;
}


sub dispatch {
    my ($self, $action, $bytes, $now) = @_;

    my $body = eval { decode_json($bytes) };

    return invalid('the body is not a JSON object') if ref $body ne 'HASH';
    return { code => 50400, detail => 'req_key is not known' }
        if !is_string($body->{req_key})
        || !Jimeng::Emulator::Models::known($body->{req_key});
    return { code => 50400, detail => 'the service is not opened' }
        if grep { $_ eq $body->{req_key} } @{ $self->{denied} };

    return $ACTION{$action}->($self, $body, $now);
}


sub invalid { return { code => 50215, detail => $_[0] } }


# The answer to one request too many within a second, or nothing.
sub busy {
    my ($self, $now) = @_;

    return if !$self->{qps};

    my $arrivals = $self->{arrivals};
    shift @$arrivals while @$arrivals && $arrivals->[0] <= $now - 1;

    return { code => 50429 } if @$arrivals >= $self->{qps};

    push @$arrivals, $now;
    return;
}


sub submit {
    my ($self, $body, $now) = @_;

    my $violation = Jimeng::Emulator::Models::violation($body);
    return invalid($violation) if defined $violation;

    my $prompt  = Jimeng::Emulator::Models::prompt_of($body);
    my $trigger = Jimeng::Emulator::Trigger::parse($prompt);
    my %wrap    = (wrap => $trigger->{result});

    if (my $what = $trigger->{submit}) {
        return { $what->[0] eq 'gateway' ? 'gateway' : 'code', $what->[1],
            %wrap };
    }

    return { code => 50430, %wrap }
        if $self->{concurrency}
        && $self->{tasks}->running($now) >= $self->{concurrency};

    my ($width, $height) = Jimeng::Emulator::Models::dimensions($body);

    my $task = $self->{tasks}->add({
        req_key  => $body->{req_key},
        prompt   => $prompt,
        width    => $width,
        height   => $height,
        pictures => pictures($body, $trigger),
        trigger  => $trigger,
        seconds  => $trigger->{seconds} // $self->{seconds},
    }, $now);

    return {
        code    => SUCCESS,
        task_id => $task->{id},
        data    => { task_id => $task->{id} },
        %wrap,
    };
}


sub pictures {
    my ($body, $trigger) = @_;

    return 1 if $body->{force_single} || !$trigger->{pictures};

    my $most = MAX_GROUP - @{ $body->{image_urls} // [] };
    return $trigger->{pictures} < $most ? $trigger->{pictures} : $most;
}


sub query {
    my ($self, $body, $now) = @_;

    my $id = $body->{task_id};

    return invalid('task_id must be a string of digits')
        if !is_string($id) || $id !~ /^\d{1,20}$/;

    my ($form, $violation) = form($body);
    return invalid($violation) if defined $violation;

    my %answer = (code => SUCCESS, task_id => $id);
    my $task   = $self->{tasks}->find($id)
        or return { %answer, data => result('not_found') };

    return invalid('task_id belongs to another req_key')
        if $task->{req_key} ne $body->{req_key};

    my $status = $self->{tasks}->status($task, $now);
    my ($kind, $name) = @{ $task->{trigger}{query} // ['none'] };
    $answer{wrap} = $task->{trigger}{result};

    return { %answer, gateway => $name } if $kind eq 'gateway';
    return { %answer, data => result($name) } if $kind eq 'state';
    return { %answer, data => result($status) } if $status ne 'done';
    return { %answer, code => $name } if $kind eq 'business';
    return { %answer, code => $name, status => 200, data => result('done') }
        if $kind eq 'done';

    return { %answer, data => $self->links($task, $form->{logo}) }
        if $form->{return_url};

    return {
        %answer,
        data => result('done',
            binary_data_base64 => Jimeng::Emulator::Base64::PLACE),
        pictures => [map { $self->picture($id, $_, $form->{logo}) }
            0 .. $task->{pictures} - 1],
        trigger => $task->{trigger},
    };
}


sub result {
    my ($status, %more) = @_;

    return {
        binary_data_base64 => undef,
        image_urls         => undef,
        status             => $status,
        %more,
    };
}


sub links {
    my ($self, $task, $logo) = @_;

    my $query = '';

    if ($logo) {
        my %logo = %$logo;
        utf8::encode($logo{text});
        $query = '?' . join '&',
            map { "$_=" . url_escape($logo{$_}) } sort keys %logo;
    }

    return result('done', image_urls => [
        map { "$self->{url}/pictures/$task->{id}-$_.png$query" }
            0 .. $task->{pictures} - 1
    ]);
}


# The PNG, or nothing where there is no such picture.
sub picture {
    my ($self, $id, $index, $logo) = @_;

    my $task = $self->{tasks}->find($id) or return;
    return if $index >= $task->{pictures};

    return Jimeng::Emulator::Picture::noise(@$task{qw(width height)},
        $task->{trigger}{bytes}, "$id-$index")
        if $task->{trigger}{bytes};

    my $text = $task->{prompt};
    $text .= "\n#" . ($index + 1) if $task->{pictures} > 1;

    return Jimeng::Emulator::Picture::draw(@$task{qw(width height)}, $text,
        $logo);
}


# req_json -> ({return_url, logo}), or (undef, what is wrong with it).
sub form {
    my ($body) = @_;

    return {} if !exists $body->{req_json};

    return (undef, 'req_json must be a string that holds JSON')
        if !is_string($body->{req_json});

    my $json = eval { from_json($body->{req_json}) };

    return (undef, 'req_json does not hold a JSON object')
        if ref $json ne 'HASH';
    return (undef, 'return_url must be a boolean')
        if exists $json->{return_url}
        && !is_bool($json->{return_url});

    if (exists $json->{aigc_meta}) {
        my $meta = $json->{aigc_meta};

        return (undef, 'aigc_meta needs a producer_id')
            if ref $meta ne 'HASH'
            || !is_string($meta->{producer_id});
    }

    my ($logo, $violation) = logo($json->{logo_info});
    return (undef, $violation) if defined $violation;

    return { return_url => $json->{return_url}, logo => $logo };
}


# logo_info -> the logo to draw or undef, or (undef, what is wrong with it).
sub logo {
    my ($info) = @_;

    return undef if !defined $info;
    return (undef, 'logo_info must be an object') if ref $info ne 'HASH';
    return (undef, 'add_logo must be a boolean')
        if exists $info->{add_logo}
        && !is_bool($info->{add_logo});

    my $position = $info->{position} // 0;
    my $language = $info->{language} // 0;
    my $opacity  = $info->{opacity}  // 1;

    return (undef, 'position must be 0 to 3')
        if !is_whole($position)
        || $position < 0 || $position > 3;
    return (undef, 'language must be 0 or 1')
        if !is_whole($language)
        || $language < 0 || $language > 1;
    return (undef, 'opacity must be 0 to 1')
        if !is_number($opacity)
        || $opacity < 0 || $opacity > 1;
    return (undef, 'logo_text_content must be a string')
        if exists $info->{logo_text_content}
        && !is_string($info->{logo_text_content});

    return undef if !$info->{add_logo};

    return {
        position => $position,
        opacity  => $opacity,
        text     => length($info->{logo_text_content} // '')
            ? $info->{logo_text_content} : $LOGO_TEXT[$language],
    };
}

1;
