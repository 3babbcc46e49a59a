"""The console of a board: run scripts of on_board/ there over the serial port, with mpremote's own transport.

A script answers in lines that begin with `@` and hold JSON. Other output of the board is not shown, because it may be
anything. No error holds what was sent.
"""

import ast
import base64
import contextlib
import hashlib
import io
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from ..errors import ToolError
from ..extras import require
from .ports import busy, trouble

SCRIPTS = Path(__file__).parent / "on_board"
CHUNK = 768  # bytes of a file in one line, a multiple of 3
ANSWER_SECONDS = 30  # the longest silence of a board that works: flash that erases, a long hash
WATCHDOG_MS = 600_000  # for the work done here; the reset at the end gives the lock its own watchdog again

# A soft reset while a pulse of the bolt plays would restart an ESP32 (docs/design/drivers.md, "Pulse").
PULSES_OVER = """
import sys, time
module = sys.modules.get("tumbler_lock.drivers.rmt_pulse")
for pulse in module.made if module else ():
    while pulse.plays():
        time.sleep_ms(20)
"""
PULSE_SECONDS = 60  # the longest


class BoardLost(ToolError):
    """The board stopped answering."""

    def __init__(self, port: str):
        super().__init__(
            f"The board at {port} stopped answering.",
            "Connect it again and run the same command: it continues where it stopped.",
        )


class ScriptFailed(ToolError):
    """A script raised an error on the board. error: the last line of its traceback, such as `OSError: 28`."""

    def __init__(self, port: str, error: str):
        super().__init__(f"The board at {port} reports: {error}", "Reset the board and run the same command again.")
        self.error = error


class BadAnswer(ToolError):
    """The board answered something that no script of ours answers."""

    def __init__(self, port: str):
        super().__init__(
            f"The board at {port} gave an invalid answer.",
            "Reset it and run the same command again. If that does not help, write MicroPython again: tumbler flash",
        )


class _Transport(Protocol):
    """What is used of mpremote's serial transport."""

    def enter_raw_repl(self, soft_reset: bool) -> None: ...

    def exec_raw(
        self, command: str, timeout: float, data_consumer: Callable[[bytes], object] | None
    ) -> tuple[bytes, bytes]: ...

    def exec_raw_no_follow(self, command: str) -> None: ...

    def close(self) -> None: ...


class Console:
    """The console of the board at a serial port. Use as a context manager: inside, the lock's program does not run; on
    leaving, also by an error, the board restarts. silence: seconds without output after which a board counts as lost.
    """

    _transport: _Transport

    def __init__(self, port: str, silence: float = ANSWER_SECONDS):
        self.port = port
        self._silence = silence
        self._lost = False
        self._loaded: set[str] = set()

    def __enter__(self) -> "Console":
        with require("flash"):
            from mpremote.transport import TransportError
            from mpremote.transport_serial import SerialTransport

        try:
            self._transport = SerialTransport(self.port, timeout=self._silence)
        except (TransportError, OSError) as error:
            raise (trouble(self.port) or busy(self.port)) from error
        try:
            self._stop_lock()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not self._lost:
            self._reset()
        self._close()

    def _close(self) -> None:
        with contextlib.suppress(OSError):  # the cable may be unplugged
            self._transport.close()

    def _stop_lock(self) -> None:
        """Reach the raw prompt. Of the lock's program only the watchdog is left, with more time."""
        self._enter(soft_reset=False)
        self._execute("import sys, os")
        on_linux = self._evaluate("sys.platform") == "linux"  # MicroPython's Unix port: no watchdog, no soft reset
        if not on_linux and "main.py" in self._evaluate("os.listdir('/')"):
            self._execute(f"import machine\nmachine.WDT(timeout={WATCHDOG_MS})")
        self._execute(PULSES_OVER, silence=self._silence + PULSE_SECONDS)
        if not on_linux:
            self._enter(soft_reset=True)

    def _enter(self, soft_reset: bool) -> None:
        from mpremote.transport import TransportError

        try:
            with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it could not understand
                self._transport.enter_raw_repl(soft_reset=soft_reset)
        except (TransportError, OSError):
            raise ToolError(
                f"The board at {self.port} does not reach MicroPython's prompt.",
                "A locked build does so only if its set-up button is held during the reset; an empty board needs"
                " `tumbler flash` first. Otherwise reset the board and try again.",
            ) from None

    # Scripts

    def load(self, name: str) -> None:
        """Define what on_board/NAME.py defines; once in each connection."""
        if name not in self._loaded:
            self._execute(bare((SCRIPTS / f"{name}.py").read_text(encoding="utf-8")))
            self._loaded.add(name)

    def call(self, script: str, function: str, *arguments: object) -> Any:
        """Call a function of a script and return what it returns, as JSON has it."""
        answers: list[Any] = []
        self.follow(script, f"answer({self._written(function, arguments)})", answers.append)
        if not answers:
            raise BoardLost(self.port)
        return answers[-1]

    def do(self, script: str, function: str, *arguments: object) -> None:
        """Call a function that returns nothing."""
        self.load("files")
        self.load(script)
        self._execute(self._written(function, arguments))

    def follow(self, script: str, code: str, answered: Callable[[Any], None], silence: float | None = None) -> None:
        """Load a script, then run code. answered: called with each answer as it comes; silence: the longest pause
        between two of them, in seconds."""
        self.load("files")
        self.load(script)
        line = bytearray()

        def take(part: bytes) -> None:
            line.extend(part)
            if line.endswith(b"\n"):
                text = line.decode("utf-8", "replace").strip()
                line.clear()
                if text.startswith("@"):
                    answered(self._parsed(text[1:]))

        self._execute(code, take, silence)

    def _parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise BadAnswer(self.port) from None

    def put(self, path: str, data: bytes, progress: Callable[[int], None] = lambda _: None) -> None:
        """Write a file under another name, compare its SHA-256 there, and rename it. progress: called with the number
        of bytes of each part that was sent."""
        self.load("files")
        self._execute(f"writing = Writing({path!r})")
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            self._execute(f"writing.add({base64.b64encode(part)!r})")
            progress(len(part))
        self._execute(f"writing.end({hashlib.sha256(data).hexdigest()!r})")

    # The wire

    def _reset(self) -> None:
        """Restart the board. It does not answer to that, and may be unplugged already."""
        from mpremote.transport import TransportError

        with contextlib.suppress(TransportError, OSError, struct.error, TypeError):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def _written(self, function: str, arguments: tuple[object, ...]) -> str:
        return f"{function}({', '.join(map(repr, arguments))})"

    def _evaluate(self, expression: str) -> Any:
        found = bytearray()
        self._execute(f"print(repr({expression}))", found.extend)
        return ast.literal_eval(found.replace(b"\x04", b"").decode().strip())

    def _execute(self, code: str, take: Callable[[bytes], None] | None = None, silence: float | None = None) -> None:
        from mpremote.transport import TransportError

        try:
            _, error = self._transport.exec_raw(code, timeout=silence or self._silence, data_consumer=take)
        except (TransportError, OSError, struct.error, TypeError):  # pyserial: TypeError on a port that vanished
            self._lost = True
            raise BoardLost(self.port) from None
        if error:
            raise ScriptFailed(self.port, _last_line(error))


def bare(source: str) -> str:
    """Return a script without what only people and mypy read: comments, docstrings, types. It is sent to a board."""
    return ast.unparse(_Bare().visit(ast.parse(source))) + "\n"


class _Bare(ast.NodeTransformer):
    """Takes docstrings, annotations and the imports for them out of a tree."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if types else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        types = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "TYPE_CHECKING"
        return None if types else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg):
                argument.annotation = None
        return self._not_empty(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._not_empty(node)

    def _not_empty(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


def _last_line(traceback: bytes) -> str:
    """Return the last line of a traceback: the error's name and text, which hold nothing that was sent."""
    lines = [line for line in traceback.decode("utf-8", "replace").splitlines() if line.strip()]
    return re.sub(r"[^ -~]", "", lines[-1]) if lines else "an error without a text"
