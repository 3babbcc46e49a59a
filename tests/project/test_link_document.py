"""The tables of docs/spec/link.md, cell by cell, against the program's, and against what the tests of the link try."""

import re

from tests.dual.core import test_handlers
from tests.support.micropython import ROOT
from tumbler_lock.core import config, keys, protocol, records
from tumbler_lock.core.policy import Policy

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
    assert reasons == [
        protocol.NO_REASON,
        protocol.OLD_VERSION,
        protocol.NOT_NOW,
        protocol.NO_PAIRING,
        protocol.UNTYPED,
    ]


def span(fewest: int, most: int) -> str:
    return str(fewest) if fewest == most else f"{fewest} to {most}"


def test_fields_of_the_settings():
    rows = [(int(number), name, length) for number, name, length, *_ in table("field | name | length")]
    assert rows == [(one.number, one.title, span(*protocol.value_sizes(one))) for one in config.SETTINGS]
    ranges = {name: value for _, name, _, value in table("field | name | length")}
    for one in config.SETTINGS:
        if one.unit == "seconds":
            assert ranges[one.title] == f"{one.unit}, {one.least} to {one.most}"


def test_the_table_of_settings_makes_sense():
    numbers = [one.number for one in config.SETTINGS]
    assert numbers == sorted(set(numbers)), "unpack_settings goes through them once"
    assert config.SETTINGS[0].name == "rule", "it has no length in the journal, but the rest of the bytes"
    assert set(config.Config.__annotations__) == {one.name for one in config.SETTINGS}
    assert len({one.title for one in config.SETTINGS}) == len(numbers)
    longest = sum(protocol.value_sizes(one)[1] for one in config.SETTINGS)
    assert 1 + len(numbers) + longest <= records.CONFIG_MAX
    assert 2 * len(numbers) + longest <= min(records.CONFIG_MAX, protocol.RESULT_MOST), (
        "as the argument of set configuration"
    )


def test_the_settings_in_the_journal():
    """The block of docs/spec/storage.md has a row for each setting, at the place that the table gives it."""
    text = (ROOT / "docs" / "spec" / "storage.md").read_text(encoding="utf-8")
    section = re.split(r"^### Configuration$", text, flags=re.MULTILINE)[1].split("\n#", 1)[0]
    rows = [re.split("  +", line.strip()) for line in re.findall(r"^    .*$", section, flags=re.MULTILINE)][1:]
    sized = [one for one in config.SETTINGS[1:] if isinstance(one.default, str | Policy)]
    fixed = [one for one in config.SETTINGS[1:] if one not in sized]
    expected = ["format"]
    for one in fixed:
        expected += [one.title, *([""] if isinstance(one.default, tuple) else [])]
    expected += [f"length of the {one.title}" for one in sized] + [one.title for one in sized] + ["time-zone rule"]
    found = [re.sub(r"\b[A-Z]\b ?", "", row[2].split(",")[0].split(":")[0]) for row in rows]
    assert len(found) == len(expected)
    assert all(cell.startswith(word) for cell, word in zip(found, expected, strict=True)), (found, expected)
    at = 0
    for row in rows[: -2 * len(sized) - 1]:
        assert int(row[0]) == at
        at += int(row[1])
    assert at == 1 + sum(protocol.value_sizes(one)[1] for one in fixed)
