"""Locks in range of the commands, in memory instead of on a radio."""

import pytest

import tumbler.cli.pair as pair_module
from tests.dual.support.linked_lock import PSK, Linked
from tests.support.memory_radio import MemoryRadio
from tests.support.owner_tool import NOW, add
from tumbler.link import radios
from tumbler.registry.registry import Registry
from tumbler_lock.core.keys import OWNER


@pytest.fixture
def air(monkeypatch):
    """A radio with nothing in range."""
    radio = MemoryRadio()
    monkeypatch.setattr(radios, "radios", lambda: [radio])
    monkeypatch.setattr(pair_module, "RESTART_PAUSE", 0)
    return radio


@pytest.fixture
def lock(air, tmp_path):
    """A lock in range, in the registry as `door` with an owner's key."""
    (tmp_path / "lock").mkdir()
    made = Linked(str(tmp_path / "lock"), now=NOW)
    air.locks.append(made)
    add()
    with Registry.open() as registry:
        registry.cache(registry.lock("door")).hold(0, OWNER, "Ann", PSK, NOW)
    return made


@pytest.fixture
def new(air, tmp_path):
    """A new lock in range."""
    (tmp_path / "new").mkdir()
    made = Linked(str(tmp_path / "new"), now=NOW, blank=True)
    air.locks.append(made)
    return made
