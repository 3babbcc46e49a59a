"""The power may be cut at any flash operation: real MicroPython, real littlefs, torn operations (tests/power)."""

import os
import re

import pytest

from tests.support import power_cuts as power
from tests.support.campaign import campaign

JOBS = power.ALL if campaign() else power.SAMPLE
IDS = [f"{str(job['workload']).rpartition(':')[2]}-{number}" for number, job in enumerate(JOBS)]


@pytest.mark.parametrize("job", JOBS, ids=IDS)
def test_every_kind_of_change_and_random_histories_survive_cuts(capsys, job):
    counts = power.run([job], os.cpu_count() or 1 if campaign() else 1)
    with capsys.disabled():
        print("\npower cuts:", ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())))
    assert counts["cuts"] > 150
    assert counts["cuts_again"] > 50 or not job["again"]
    assert counts["resumed"] > 5 or not job["resume"]


@pytest.mark.parametrize("mistake", ["Flush", "RemoveFirst", "InPlace", "PayLater", "Forgetful", "TwoCommits"])
def test_a_broken_store_is_noticed_and_its_id_replays(mistake):
    noticed(f"tests.dual.power.broken:{mistake}")


@pytest.mark.parametrize("mistake", ["TrialFirst", "SameSlot"])
def test_a_broken_update_is_noticed_and_its_id_replays(mistake):
    noticed(f"tests.dual.power.updates:{mistake}")


def noticed(workload):
    job = {"workload": workload, "seeds": [0, 1]}
    with pytest.raises(AssertionError) as failure:
        power.run([job])
    found = re.search(r"^FAILED (\S+) \(", str(failure.value), re.MULTILINE)
    assert found, failure.value
    status, said = power.execute({"replay": found[1]}, 60)
    assert status == 1
    assert f"FAILED {found[1]} (" in said


def test_an_id_of_a_good_store_passes():
    for name in (
        "history:seed=3:step=5:cut=2:torn=half",
        "kinds:seed=1:step=15:cut=4:torn=noise:again=3:torn2=last",
    ):
        assert power.execute({"replay": name}, 60) == (0, f"passed {name}\n")
