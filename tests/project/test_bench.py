"""The benchmark for boards reaches one through mpremote: here MicroPython's Unix port behind a pseudo-terminal."""

import os
import pty
import select
import subprocess
import threading
import tty

import pytest

from tests.support import micropython
from tests.support.bench import figures_in, on_board


@pytest.fixture
def port():
    """Yield the name of a terminal that behaves like the serial port of a board at its prompt."""
    board, console = pty.openpty()
    host, serial = pty.openpty()
    tty.setraw(board)
    tty.setraw(serial)
    line = [micropython.find(), "-X", "heapsize=8m"]
    process = subprocess.Popen(line, stdin=console, stdout=console, stderr=console, start_new_session=True)
    stop, stopped = os.pipe()

    def wire():
        while True:
            ready, _, _ = select.select([board, host, stop], [], [])
            if stop in ready:
                return
            for end in ready:
                os.write(host if end == board else board, os.read(end, 4096))

    thread = threading.Thread(target=wire)
    thread.start()
    try:
        yield os.ttyname(serial)
    finally:
        os.write(stopped, b".")
        thread.join()
        process.kill()
        process.wait()
        for descriptor in (board, console, host, serial, stop, stopped):
            os.close(descriptor)


def test_a_board_is_measured_over_its_serial_port(port):
    figures = figures_in(on_board(port, "resume"))
    assert "MicroPython" in figures["interpreter"]
    assert figures["heap of the code book, bytes"] > 24_000
    assert all(value > 0 for value in figures["milliseconds"].values())


def test_a_port_without_a_board_is_an_error_in_words(tmp_path):
    with pytest.raises(SystemExit, match="did not answer"):
        on_board(str(tmp_path / "no-such-port"))
