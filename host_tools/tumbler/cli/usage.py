"""Wrong usage of the command line, in our own words: an unknown command or option, a missing or an impossible value.

Typer's own errors are read by their attributes, never by their text, which may be that of any library below it.
"""

import difflib
from collections.abc import Sequence
from typing import Any

import typer

from ..errors import ToolError

CLOSE = 0.6  # how alike a word must be to be suggested


class WrongValue(typer.BadParameter):
    """A value that an option or argument cannot have; the text is ours and follows its name, as in "takes 6 to 9"."""


def explain(error: typer.TyperException, root: Any, arguments: Sequence[str]) -> ToolError:
    """Return what was wrong and what to do. root: the command `tumbler`; arguments: as they were given."""
    command, path, rest = _find(root, arguments)
    see = f"See: {path} --help"
    parameter = getattr(error, "param", None)
    if hasattr(error, "param_type"):
        return ToolError(f"{_name(parameter)} is missing.", see)
    if isinstance(error, WrongValue):
        return ToolError(f"{_name(parameter)} {error.message}.", see)
    if parameter is not None:
        return ToolError(f"{_name(parameter)} has a value that it cannot have.", see)
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return ToolError(f"There is no option {option}.", _suggest(option, _options(command)) + see)
    if option is not None:
        takes = "takes no value" if _is_flag(command, option) else "needs a value"
        return ToolError(f"{option} {takes}.", see)
    commands = getattr(command, "commands", None)
    if commands is not None:
        word = next((word for word in rest if not word.startswith("-")), None)
        if word is None:
            return ToolError("A command is missing.", see)
        return ToolError(f"There is no command '{path} {word}'.", _suggest(word, list(commands)) + see)
    return ToolError("There are more arguments than the command takes.", f"Put a name with a space in quotes. {see}")


def _find(root: Any, arguments: Sequence[str]) -> tuple[Any, str, list[str]]:
    """Return the command that the arguments name, its path, and the arguments behind it."""
    command, path, rest = root, "tumbler", list(arguments)
    while rest and rest[0] in getattr(command, "commands", {}):
        word = rest.pop(0)
        command, path = command.commands[word], f"{path} {word}"
    return command, path, rest


def _name(parameter: Any) -> str:
    """Return a parameter as it is written: `--end`, or NAME."""
    if parameter is None:
        return "A value"
    longest = max(getattr(parameter, "opts", None) or [""], key=len)
    if longest.startswith("-"):
        return str(longest)
    return str(getattr(parameter, "metavar", None) or longest.upper())


def _options(command: Any) -> list[str]:
    return [name for parameter in command.params for name in parameter.opts if name.startswith("--")]


def _is_flag(command: Any, option: str) -> bool:
    for parameter in command.params:
        if option in (*parameter.opts, *parameter.secondary_opts):
            return bool(getattr(parameter, "is_flag", False))
    return False


def _suggest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=2, cutoff=CLOSE)
    return f"Did you mean {' or '.join(close)}? " if close else ""
