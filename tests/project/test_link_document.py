"""The tables of docs/spec/link.md, cell by cell, against the program's, and against what the tests of the link try."""

import re

from tests.dual.core import test_handlers
from tests.support.micropython import ROOT
from tumbler_lock.core import keys, protocol

TEXT = (ROOT / "docs" / "spec" / "link.md").read_text(encoding="utf-8")


def table(first: str) -> list[list[str]]:
    """Return the rows of the first table whose title row begins with a cell, without its backquotes."""
    found = re.search(rf"^\| {re.escape(first)}.*\n\| ---.*\n((?:\|.*\n)+)", TEXT, flags=re.MULTILINE)
    assert found, first
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in found[1].splitlines()]


def test_refusals_are_numbered_as_in_the_document():
    rows = table("status | word")
    assert [(int(number), word) for number, word, *_ in rows] == list(
        enumerate(protocol.REFUSALS, protocol.FIRST_REFUSAL)
    )


def test_every_refusal_is_met_in_a_test():
    dual = ROOT / "tests" / "dual" / "core"
    paths = [*dual.glob("test_handlers*.py"), dual / "test_pairing.py", dual / "test_updates.py"]
    sources = "".join(path.read_text(encoding="utf-8") for path in paths)
    assert [refusal for refusal in protocol.REFUSALS if f'"{refusal}"' not in sources] == []


def test_commands_roles_and_numbers():
    roles = {name: number for number, name in keys.ROLE_NAMES.items()}
    expected = []
    for number, _, may, *_ in table("command | name | may"):
        names = re.sub(r"(,? with|, by) .*", "", may).replace(";", ",").split(", ")
        allowed = set(roles.values()) if names == ["all"] else {roles[name] for name in names}
        expected.append((int(number, 16), allowed))
    tried = [(number, may) for number, _, may in test_handlers.COMMANDS]
    assert expected == tried + [(number, test_handlers.ONE) for number in test_handlers.UPDATES]


def test_reasons_of_a_refused_connection():
    reasons = [int(row[0]) for row in table("reason | refused because")]
    assert reasons == [protocol.UNSAID, protocol.OLD_VERSION, protocol.NOT_NOW, protocol.NO_PAIRING, protocol.UNTYPED]


def test_fields_of_the_settings():
    words = {"rule": "time zone", "autolock": "auto-lock", "passage": "passage hours"}
    named = {int(field): name for field, name, *_ in table("field | name | length")}
    assert named == {at: words.get(name, name) for at, name in enumerate(protocol.SETTINGS) if at}
