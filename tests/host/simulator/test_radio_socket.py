"""The socket at which clients reach a virtual lock's radio."""

import socket

import pytest

from tumbler.errors import ToolError
from tumbler.simulator.radio_socket import LONGEST, RadioSocket, socket_path


def test_the_socket_of_a_dead_process_is_replaced(tmp_path_factory):
    path = tmp_path_factory.mktemp("r") / "radio"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    made = RadioSocket(path)
    made.close()
    assert not path.exists()
    RadioSocket(path).close()


def test_a_folder_that_is_open_to_others_is_refused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("r")
    folder.chmod(0o750)
    with pytest.raises(ToolError, match="open to others"):
        RadioSocket(folder / "radio")


def test_where_the_socket_is(tmp_path, monkeypatch):
    for runtime in (tmp_path, tmp_path / ("x" * 90)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
        one, other = socket_path(tmp_path / "one"), socket_path(tmp_path / "other")
        assert one != other
        assert one == socket_path(tmp_path / "one")
        assert max(len(str(one)), len(str(other))) <= LONGEST
        assert not one.exists()
