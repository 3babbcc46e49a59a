"""extras.py: a missing package names the extra that has it, and nothing else is hidden."""

import sys

import pytest

from tumbler.errors import ToolError
from tumbler.extras import install_line, require, require_program


def test_what_is_installed_is_imported():
    with require("flash"):
        import json
    assert json.loads("1") == 1


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "littlefs", None)
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    with pytest.raises(ToolError) as caught, require("flash"):
        import littlefs  # noqa: F401
    assert caught.value.what == "This needs the package littlefs, which is not installed."
    assert caught.value.remedy.endswith('/venv/bin/python -m pip install "tumbler[flash]"')


def test_a_missing_part_of_a_package_names_the_package():
    with pytest.raises(ToolError, match="the package no_such_package,"), require("simulator"):
        import no_such_package.part  # type: ignore[import-not-found] # noqa: F401


def test_a_missing_module_of_python_is_no_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(ToolError, match="Linux and macOS only: Python has no fcntl here") as caught, require("flash"):
        import fcntl  # noqa: F401
    assert "pip" not in str(caught.value)


def test_a_missing_module_of_ours_is_a_fault_of_ours():
    with pytest.raises(ModuleNotFoundError, match="tumbler"), require("flash"):
        import tumbler.no_such_module  # type: ignore[import-not-found] # noqa: F401


def test_other_errors_pass():
    with pytest.raises(ImportError, match="cannot import name"), require("flash"):
        from json import nothing  # noqa: F401
    with pytest.raises(ZeroDivisionError), require("flash"):
        raise ZeroDivisionError


def test_the_line_is_that_of_the_tool_that_installed_tumbler(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "tumbler"))
    monkeypatch.setattr(sys, "executable", "/venv/bin/python")
    assert install_line("flash") == '/venv/bin/python -m pip install "tumbler[flash]"'
    monkeypatch.setitem(sys.modules, "pip", None)
    assert install_line("flash") == 'uv pip install --python /venv/bin/python "tumbler[flash]"'
    (tmp_path / "tumbler").mkdir()
    (tmp_path / "tumbler" / "pipx_metadata.json").touch()
    assert install_line("flash") == 'pipx runpip tumbler install "tumbler[flash]"'


def test_a_python_in_a_folder_with_a_space_is_quoted(monkeypatch):
    monkeypatch.setattr(sys, "executable", "C:\\Program Files\\python.exe")
    assert install_line("all") == '"C:\\Program Files\\python.exe" -m pip install "tumbler[all]"'


def test_a_program_that_is_not_installed_names_the_extra():
    require_program("pytest", "dev")
    with pytest.raises(ToolError, match=r"the package no_such_package, .* \"tumbler\[flash\]\""):
        require_program("no_such_package", "flash")
