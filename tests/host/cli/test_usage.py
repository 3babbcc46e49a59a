"""Wrong usage of the command line: what it says, in whose words, and the help pages."""

import re

import pytest

from tests.support.owner_tool import finish, process, tumbler


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
