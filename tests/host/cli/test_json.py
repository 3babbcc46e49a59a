"""The names in JSON: one name for one thing, and those that docs/guide/owner-tool.md has."""

import re

import pytest

from tests.support.micropython import ROOT
from tests.support.owner_tool import add, done

pytestmark = pytest.mark.usefixtures("hurry")


def documented():
    """Return command -> the names that the page has in its row."""
    text = (ROOT / "docs" / "guide" / "owner-tool.md").read_text(encoding="utf-8")
    block = text.partition("Times are ISO 8601.")[2].partition("## The registry")[0]
    rows, command = {}, ""
    for line in filter(str.strip, block.splitlines()):
        command = line[:19].strip() or command
        rows[command] = rows.get(command, set()) | set(re.findall("[a-z_]+(?:-[a-z]+)*", line[19:]))
    return rows


def names(answer):
    """Return the names of an answer, of a list those of all its objects."""
    return set().union(*answer) if isinstance(answer, list) else set(answer)


def test_the_page_has_the_names(lock, tmp_path):
    lock.enter(done("code", "permanent", "door")["digits"])
    issued = [
        done("code", "timed", "door", "--end", "2026-11-25T11"), done("code", "one-time", "door"),
        done("code", "recurring", "door", "--cycle", "daily", "--until-hour", "20"), done("code", "erase-code", "door"),
    ]  # fmt: skip
    shown = {
        "code …": issued,
        "scan": done("scan"),
        "code custom": done("code", "custom", "door", "740193"),
        "key list": done("key", "add", "door", "--role", "manager", "--label", "x", "--export", tmp_path / "x"),
        "lock status": done("lock", "status", "door"),
        "lock unlock": [done("lock", "unlock", "door"), done("lock", "sync-time", "door")],
        "lock log": done("lock", "log", "door"),
        "lock settings": done("lock", "settings", "door"),
        "key import": done("key", "import", tmp_path / "x"),
        "code delete": done("code", "delete", "door", "740193", "--yes"),
        "key remove": done("key", "remove", "door", "x", "--yes"),
    }
    listed = done("code", "list", "door", "--fetch")
    rows = documented()
    for command, answer in shown.items():
        assert names(answer) <= rows[command], command
    assert names(listed) - names(issued) <= rows["code list"]
    assert names(shown["lock status"]) == rows["lock status"]
    assert names(shown["lock settings"]) == rows["lock settings"]
    assert names(done("lock", "show", "door", "--secret")) <= rows["lock show"] | rows["key list"]
    assert names(done("lock", "confirm-erase", "door")) <= rows["lock show"]
    assert names(done("lock", "erase-codes", "door", "--yes")) <= rows["lock unlock"]


def test_one_thing_has_one_name():
    """A lock, a key slot, a role and the running firmware are called the same in every answer."""
    rows = documented()
    for command, found in rows.items():
        assert "name" not in found, command
        assert not found & {"role", "advertised", "codes", "capacity"}, command
        assert "slot" not in found or command.startswith("update"), command
    add()
    assert done("lock", "list")[0]["lock"] == done("lock", "show", "door")["lock"] == "door"
    assert done("lock", "risk", "door")["lock"] == done("code", "one-time", "door")["lock"] == "door"
    assert done("lock", "remove", "door", "--yes") == {"lock": "door"}
