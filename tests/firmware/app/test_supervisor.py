"""The supervisor: no task ends, dies or hangs unnoticed."""

from tests.support.micropython import run
from tumbler_lock.app.supervisor import DEAF, DIED, ENDED, GRACE, HUNG, WATCHDOG, Duty, Supervisor


class Watchdog:
    def __init__(self):
        self.fed = 0
        self.well = []

    def feed(self):
        self.fed += 1


def supervised(*names):
    watchdog, failures = Watchdog(), []
    supervisor = Supervisor(watchdog, lambda *what: failures.append(what), watchdog.well.append)
    duties = [Duty(name, number) for number, name in enumerate(names, 1)]
    supervisor._duties += duties
    return supervisor, duties, watchdog, failures


def test_the_watchdog_is_fed_while_all_report():
    supervisor, duties, watchdog, failures = supervised("a", "b")
    for _ in range(50):
        for duty in duties:
            duty.report()
        supervisor.round()
    assert (watchdog.fed, failures) == (50, [])
    assert watchdog.well == list(range(1, 51))


def test_one_silent_task_is_enough():
    supervisor, (a, b), watchdog, failures = supervised("a", "b")
    for _ in range(50):
        a.report()
        supervisor.round()
    assert failures == [(2, "b", HUNG, None)]
    assert b.silent > GRACE
    assert watchdog.fed == GRACE
    assert watchdog.well == list(range(1, GRACE + 1))


def test_a_task_may_announce_its_silence():
    supervisor, (a,), watchdog, failures = supervised("a")
    a.report(60_000)
    for _ in range(60 + GRACE):
        supervisor.round()
    assert (watchdog.fed, failures) == (60 + GRACE, [])
    supervisor.round()
    assert failures == [(1, "a", HUNG, None)]


def test_the_ways_to_fail_have_numbers_of_their_own():
    assert len({DIED, ENDED, HUNG, WATCHDOG, DEAF}) == 5


ON_MICROPYTHON = """
import asyncio
from tumbler_lock.app.supervisor import Duty, Supervisor

class Watchdog:
    def feed(self):
        pass

async def ends(duty):
    await duty.rest(10)

async def dies(duty):
    await duty.rest(10)
    raise OSError(5)

async def rests(duty):
    while True:
        await duty.rest(60_000)

async def cancelled(duty):
    raise asyncio.CancelledError

async def main():
    for work in (ends, dies, cancelled):
        said = []
        supervisor = Supervisor(Watchdog(), lambda *what: said.append(what), lambda rounds: None)
        good, bad = Duty("good", 1), Duty("bad", 2)
        supervisor.start(good, rests(good))
        supervisor.start(bad, work(bad))
        await asyncio.sleep_ms(50)
        print(len(said), said[0][:3], type(said[0][3]).__name__)
    duty = Duty("late")
    duty.wake()
    await asyncio.wait_for(duty.rest(60_000), 1)
    print("woken")

asyncio.run(main())
"""


def test_tasks_that_end_or_die_are_told_once():
    assert run(ON_MICROPYTHON).split("\n")[:4] == [
        "1 (2, 'bad', 2) NoneType",
        "1 (2, 'bad', 1) OSError",
        "1 (2, 'bad', 2) NoneType",
        "woken",
    ]
