"""Text for a terminal: foreign text made harmless, commands that can be pasted, system errors in words."""

import errno
import os
import shlex

_REASONS = {
    errno.ENOENT: "no such file or folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EEXIST: "a file of that name is in the way",
    errno.EISDIR: "it is a folder",
    errno.ENOTDIR: "a part of its path is not a folder",
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.ENAMETOOLONG: "its name is too long",
    errno.EIO: "the disk is failing",
}


def printable(text: str) -> str:
    r"""Return the text with each character that is not printable as an escape, such as `\x1b` or `\u202e`.

    Line breaks and tabs are escaped too: foreign text cannot begin a line or a column of its own.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def command_line(words: str, *values: object, **options: object) -> str:
    """Return a `tumbler` command as it can be pasted into a shell.

    words: what is fixed, such as "code list --fetch"; values: arguments, quoted where a shell needs it; options: port=X
    becomes `--port X`.
    """
    named = [part for name, value in options.items() for part in ("--" + name.replace("_", "-"), str(value))]
    arguments = [str(value) for value in values]
    if any(argument.startswith("-") for argument in arguments):
        arguments.insert(0, "--")  # what follows is no option
    return " ".join(_quoted(word) for word in ("tumbler", *words.split(), *named, *arguments))


def _quoted(word: str) -> str:
    """Quote a word for a shell; one that is not printable byte by byte, so that it can be shown."""
    if word.isprintable():
        return shlex.quote(word)
    shown = (chr(b) if 32 <= b < 127 and chr(b) not in "\\'" else f"\\x{b:02x}" for b in os.fsencode(word))
    return f"$'{''.join(shown)}'"


def reason(error: OSError) -> str:
    """Say in a few words why the system refused something."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    return printable(error.strerror or "the system refused it").rstrip(".").lower()
