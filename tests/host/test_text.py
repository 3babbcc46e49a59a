"""Text for a terminal: what a shell makes of a command that is pasted, and what a terminal makes of foreign text."""

import errno
import os
import shlex
import shutil
import subprocess

import pytest

from tumbler.text import command_line, printable, reason

NASTY = [
    "cabin", "Flat 2", "it's", 'say "hi"', "$HOME", "`id`", "a;b", "*", "~", "#1", "!x", "\\", "a\\'b", "(x)", "&", "|",
    "<in>", "{a,b}", "%PATH%", "Ünïcode 日本", "", "a=b", "-x", "--help", "--", "-- 'x",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_a_command_that_is_pasted_names_what_was_meant(name):
    words = shlex.split(command_line("code list --fetch", name))
    assert words == ["tumbler", "code", "list", "--fetch", *(["--"] if name.startswith("-") else []), name]
    words = shlex.split(command_line("deploy", "x", board=name, update_key=name))
    assert words == ["tumbler", "deploy", "--board", name, "--update-key", name, "x"]


@pytest.mark.skipif(not shutil.which("bash"), reason="asks a real shell")
@pytest.mark.parametrize("name", [*NASTY, "a\nb", "\x1b[31m", "\u202eevil", "tab\t'", "\udcff\udc80", "\x01\x00"[:1]])
def test_a_real_shell_agrees_also_where_a_name_is_not_printable(name):
    line = command_line("key import", name)
    assert line.isprintable()
    program = f'tumbler() {{ printf "%s\\0" "$@"; }}; {line}'
    shown = subprocess.run(["bash", "-c", program], capture_output=True, check=True, timeout=20).stdout
    words = [os.fsdecode(word) for word in shown.split(b"\0")[:-1]]
    assert words == ["key", "import", *(["--"] if name.startswith("-") else []), name]


def test_foreign_text_moves_nothing_on_a_terminal():
    assert printable("Ann's café 日本") == "Ann's café 日本"
    assert printable("\x1b[2J\r\n\t\x07\x9b\x7f") == r"\x1b[2J\r\n\t\x07\x9b\x7f"
    assert printable("\u202eabc\u2066\u200f\u2028\ufeff\u00ad") == r"\u202eabc\u2066\u200f\u2028\ufeff\xad"
    assert printable("\udcff\U000e0041") == r"\udcff\U000e0041"
    assert all(printable(chr(code)).isprintable() for code in (*range(0x3000), *range(0x3000, 0x11_0000, 61)))


def test_system_errors_are_said_in_words():
    assert reason(OSError(errno.ENOSPC, "No space left on device")) == "the disk is full"
    assert reason(PermissionError(errno.EACCES, "Permission denied")) == "permission denied"
    assert reason(OSError(errno.ELOOP, "Too many levels of \x1b[1m")) == r"too many levels of \x1b[1m"
    assert reason(OSError("without a number")) == "the system refused it"
