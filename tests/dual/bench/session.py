"""In MicroPython: what a session costs a lock with 1,000 codes, in work and in heap; prints JSON.

The lock gives other tasks their turn between two steps of a session: a step is how long the keypad may have to wait.
Costs are ratios to one HMAC-SHA256 of the same run, each step the least of some runs; of the steps of a stage the
longest but for one in a hundred, which stand for what the interpreter's allocator does now and then.
"""

import gc
import json
import time

from tests.dual.bench.entry import hmac, microseconds
from tests.dual.support.linked_lock import PSK, Client, Linked
from tests.dual.support.scratch import Scratch
from tumbler_lock.core import protocol

CODES = 1000
ROUNDS = 5


class Timed(Client):
    """A client that measures each step of the lock, in microseconds."""

    def say(self, message):
        """Send a message; return the messages that come back."""
        answers = []
        steps = self.session.receive(message)
        while True:
            begin = time.ticks_us()
            try:
                answer = next(steps)
            except StopIteration:
                break
            finally:
                self.steps.append(time.ticks_diff(time.ticks_us(), begin))
            if answer is not None:
                answers.append(bytes(answer))
        return answers

    def during(self, work):
        """The microseconds of each step of what `work` makes the lock do."""
        self.steps = []
        gc.collect()
        work()
        return self.steps


def measured(lock):
    """The microseconds of each step, by stage of a conversation."""
    client = Timed(lock)
    stages = (
        ("hello", client.hello),
        ("handshake", lambda: client.shake(PSK)),
        ("identify", lambda: client.done(protocol.IDENTIFY)),
        ("list of %d codes" % CODES, lambda: client.ask(protocol.LIST_CODES, b"\xff\xff")),
        ("log of 1,000 events", lambda: client.ask(protocol.READ_LOG, bytes(4) + b"\x03\xe8")),
    )
    steps = {name: client.during(work) for name, work in stages}
    client.session.close()
    return steps


def main():
    """Measure and print one JSON object."""
    unit = min([microseconds(hmac) for _ in range(200)])
    with Scratch() as path:
        gc.collect()
        before = gc.mem_alloc()
        lock = Linked(path)
        for number in range(CODES):
            lock.owner.add_custom("%07d" % (number * 9973 + 10), insist=True)
        lock.restart()
        gc.collect()
        without = gc.mem_alloc()
        client = Client(lock).connect()
        client.done(protocol.IDENTIFY)
        client.said = client.heard = []
        gc.collect()
        heap = {"lock with %d codes, bytes" % CODES: without - before, "and a session, bytes": gc.mem_alloc() - before}
        client.session.close()
        # The same steps in every round: the least of each is neither the collector's nor another process's.
        least = measured(lock)
        for _ in range(ROUNDS - 1):
            for name, steps in measured(lock).items():
                least[name] = [min(pair) for pair in zip(least[name], steps)]
    costs = {}
    for name, steps in least.items():
        costs[name + ", in all"] = sum(steps) / unit
        costs[name + ", longest step"] = sorted(steps)[-1 - len(steps) // 100] / unit
    print(json.dumps({"session, in HMAC": costs, "heap": heap}))


if __name__ == "__main__":
    main()
