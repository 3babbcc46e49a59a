"""Wrong usage of the command line: what it says, in whose words, and the help pages."""

import re

import pytest
from typer.main import get_command

from tests.support.owner_tool import finish, process, tumbler
from tumbler.cli.main import app

# What typer, click and pydantic say of wrong usage.
FOREIGN = re.compile(
    "Value error|Input should|unable to parse|Invalid value|Missing (argument|option)|No such|Got unexpected"
    "|requires an|does not take|Possible options|Usage:|Traceback|pydantic|click"
)


def commands(command=None, path=()):
    """Every command with its path, groups too."""
    command = command or get_command(app)
    yield path, command
    for name, one in getattr(command, "commands", {}).items():
        yield from commands(one, (*path, name))


@pytest.mark.parametrize(
    "arguments",
    [
        "code timed door",
        "code one-time door --digits 5",
        "code one-time door --digits many",
        "code recurring door --cycle monthly --until-hour 5",
        "code recurring door --cycle daily --until-hour 25",
        "lock add door",
        "lock add door --timezone UTC --policy lax",
        "lock burn door",
        "code one-time door --nonsense",
    ],
)
def test_wrong_usage_has_status_2_and_no_traceback(arguments):
    status, out, err = tumbler(*arguments.split())
    assert (status, out) == (2, "")
    assert "--help" in err
    assert "Traceback" not in err


def test_help_and_usage_errors_in_a_pipe_are_plain_and_have_examples():
    for command in ("--help", "code timed --help", "lock add --help", "run --help"):
        status, out, _ = finish(process(*command.split()))
        assert status == 0
        assert not re.search("[\x1b\u2500-\u257f]", out)
    assert "tumbler run --script" in out
    status, _, err = finish(process("lock", "burn"))
    assert status == 2
    assert not re.search("[\x1b\u2500-\u257f]", err)


@pytest.mark.parametrize(
    ("arguments", "what", "remedy"),
    [
        ("code timed", "NAME is missing.", "See: tumbler code timed --help"),
        ("lock add x", "--timezone is missing.", "See: tumbler lock add --help"),
        (
            "code one-time x --digits 5",
            "--digits takes a whole number from 6 to 9.",
            "See: tumbler code one-time --help",
        ),
        ("code one-time x --digits 7.5", "--digits takes a whole number from 6 to 9.", "tumbler code one-time --help"),
        ("lock log x --since 99999999999", "--since takes a whole number from 0 to 4294967295.", "tumbler lock log"),
        ("scan --seconds nan", "--seconds takes a number of seconds from 1 to 7200.", "See: tumbler scan --help"),
        ("lock status x --wait 0", "--wait takes a number of seconds from 1 to 7200.", "tumbler lock status --help"),
        (
            "lock add x --timezone UTC --policy lax",
            "--policy takes standard or strict.",
            "See: tumbler lock add --help",
        ),
        (
            "code recurring x --cycle monthly",
            "--cycle takes daily, weekend, workday or weekly.",
            "code recurring --help",
        ),
        ("code one-time x --start", "--start needs a value.", "See: tumbler code one-time --help"),
        ("lock list --json=1", "--json takes no value.", "See: tumbler lock list --help"),
        ("selftest --no-keypad=1", "--no-keypad takes no value.", "See: tumbler selftest --help"),
        ("lock show --secrt x", "There is no option --secrt.", "Did you mean --secret? See: tumbler lock show --help"),
        ("lock lst", "There is no command 'tumbler lock lst'.", "Did you mean list? See: tumbler lock --help"),
        ("update key nw", "There is no command 'tumbler update key nw'.", "Did you mean new?"),
        ("burn", "There is no command 'tumbler burn'.", "See: tumbler --help"),
        ("lock show Flat 2", "There are more arguments than the command takes.", "Put a name with a space in quotes."),
        ("lock \x1b[1m\u202e", "There is no command 'tumbler lock \\x1b[1m\\u202e'.", "See: tumbler lock --help"),
        ("lock list --\x1b[1m", "There is no option --\\x1b[1m.", "See: tumbler lock list --help"),
    ],
)
def test_it_is_said_what_is_wrong_and_where_to_look(arguments, what, remedy):
    status, out, err = tumbler(*arguments.split())
    first, second = err.splitlines()
    assert (status, out, first) == (2, "", f"Error: {what}")
    assert remedy in second


def test_what_an_option_takes_is_read_by_ours():
    """A type that the library reads would be refused in the library's words."""
    read = 0
    for path, command in commands():
        for parameter in command.params:
            info = parameter.type_descriptor.parameter_info
            kind = str(parameter.type_descriptor.annotation)
            simple = any(word in kind for word in ("str", "Path", "bool"))
            assert simple or info.parser is not None, (path, parameter.name)
            read += info.parser is not None
    assert read > 20


def test_no_option_refuses_a_value_in_the_words_of_a_library():
    tried = 0
    for path, command in commands():
        for parameter in command.params:
            if parameter.type_descriptor.parameter_info.parser is None:
                continue
            option = max(parameter.opts, key=len)
            for value in ("-1", "1e999", "\x1b[1m\u0663"):
                status, out, err = tumbler(*path, option, value)
                assert (status, out) == (2, ""), (path, option, value)
                assert err.startswith(f"Error: {option} takes "), (path, option, value)
                assert not FOREIGN.search(err), err
                tried += 1
    assert tried > 60


def test_every_help_page_is_whole_and_every_command_has_an_example(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for path, command in commands():
        status, out, _ = tumbler(*path, "--help")
        assert status == 0
        if hasattr(command, "commands"):
            listed = out.partition("Commands:")[2]
            assert len(listed.split()) > len(command.commands), path
            assert "..." not in listed, f"{path}: a first sentence is too long for a terminal of 80 columns"
        else:
            examples = re.findall(r"(?m)^    (tumbler .*)$", out.partition("Examples:")[2])
            assert examples, path
            assert all(line.startswith(" ".join(("tumbler", *path))) for line in examples), path
        assert not re.search(r"<=|(int|float) range|\bNone\b", out.partition("Examples:")[0]), path


BYTES = (
    b"",
    b"\x00\xff\xfe",
    b"a text\n",
    b"[" * 5000,
    b'{"a": 1,}',
    b'{"name": "\x1b"}',
    b"SQLite format 3\x00",
    b"name\n\xe9,\n",
)


@pytest.mark.parametrize("data", BYTES)
def test_no_library_speaks_of_a_file(tmp_path, data):
    """Not json, sqlite, csv, a codec or the operating system."""
    foreign = re.compile(
        "Expecting|Extra data|control character at|delimiter|decode|codec|database|Errno|char [0-9]|Is a directory"
        "|No such file or directory|NoneType|bytes-like|recursion"
    )
    file = tmp_path / "file"
    file.write_bytes(data)
    for path in (file, tmp_path, tmp_path / "missing", tmp_path / "file" / "below"):
        for words in (
            ["key", "import", path], ["update", "show", path], ["update", "sign", path], ["board", "check", path],
            ["update", "key", "show", "--key", path], ["flash", "--board", path], ["run", "--script", path],
            ["workshop", path, "--board", "esp32-devkitc", "--port", path],
            ["image", "--board", "esp32-devkitc", "--micropython", path, "-o", tmp_path / "image"],
        ):  # fmt: skip
            status, _, err = tumbler(*words)
            if words[0] == "run" and path == file and data == b"":
                continue  # an empty scenario
            assert status in (1, 2), words
            assert not FOREIGN.search(err), err
            assert not foreign.search(err.replace(str(tmp_path), "")), err


def test_help_has_a_short_name():
    assert tumbler("lock", "-h") == tumbler("lock", "--help")
