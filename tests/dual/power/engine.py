"""Cut the power at every flash operation of a workload and see whether the lock comes back (MicroPython).

A workload is a class:

    blocks, size            the chip's geometry
    Workload(seed)          everything random comes from the seed
    steps(path)             a generator: the file system is mounted at `path`; each `yield name, act, check` is a step.
                            `act()` does it to the live lock. `check(path, done)` looks at a copy of the flash mounted
                            at `path`, after a cut in the middle of the step (done False) or right after it (True), and
                            raises ValueError unless it holds the state before or after (only after, when done).
    recover(path)           start the lock from a copy and do whatever its start writes; the state may not change.
    resume(path)            start the lock from a copy and use it; raises when it does not work.

The engine calls `check` for every cut of every step, torn in every way of TORN; for a sample it also records what
`recover` writes, cuts that at every operation in every way, and checks again; for another sample it calls `resume`.
"""

import os

import vfs

from .device import TORN, Flash, do, tear

LIVE = "/live"
COPY = "/copy"


class Failure(Exception):
    """The lock did not come back as it must; the text begins with the id that replays it."""


class Campaign:
    """Runs workloads and counts. every: cut at each `every`-th operation; again, resume: the same for those samples
    (0: never)."""

    def __init__(self, every=1, again=0, resume=0):
        self.every = every
        self.again = again
        self.resume = resume
        self.steps = 0
        self.operations = 0
        self.cuts = 0
        self.cuts_again = 0
        self.resumed = 0
        self._turn = 0

    def run(self, name, make, seed, only=None):
        """Run the workload class `make` with this seed. only: a parsed id, to replay that cut and nothing else."""
        workload = make(seed)
        flash = Flash(workload.blocks, workload.size)
        vfs.VfsLfs2.mkfs(flash)
        vfs.mount(vfs.VfsLfs2(flash), LIVE)
        self._make, self._workload, self._flash = name, workload, flash
        self._picture = bytearray(len(flash.data))
        self._scratch = bytearray(len(flash.data))
        self._second = bytearray(len(flash.data))
        try:
            for number, (step, act, check) in enumerate(workload.steps(LIVE)):
                self._prefix = "%s:seed=%d:step=%d" % (name, seed, number)
                self._picture[:] = flash.data
                flash.record()
                try:
                    act()
                except Exception as error:  # noqa: BLE001 -- whatever it is, it is reported with the id
                    raise Failure("%s (%s): the step itself fails: %r" % (self._prefix, step, error))
                operations = flash.recorded()
                wanted = only is None or only["step"] == number
                if wanted:
                    self._cut_step(step, operations, check, only)
                    if only:
                        return
        finally:
            vfs.umount(LIVE)
        if only:
            raise Failure("no such step in this workload")

    def _cut_step(self, step, operations, check, only):
        """Cut one step everywhere. `_picture` is the flash before it."""
        self.steps += 1
        self.operations += len(operations)
        picture, scratch, size = self._picture, self._scratch, self._flash.size
        for cut in range(len(operations) + 1):
            done = cut == len(operations)
            if done and bytes(picture) != bytes(self._flash.data):
                raise Failure("%s (%s): the recorded operations do not make the flash" % (self._prefix, step))
            self._turn += 1
            if done or only or self._turn % self.every == 0:
                for how in ("none",) if done else TORN:
                    if only and (only["cut"] != cut or only["torn"] != how):
                        continue
                    name = "%s:cut=%d:torn=%s" % (self._prefix, cut, how)
                    scratch[:] = picture
                    if not done:
                        tear(scratch, operations[cut], how, size, cut)
                    self._examine(name, step, check, done, only)
            if not done:
                do(picture, operations[cut], size)

    def _examine(self, name, step, check, done, only):
        """Look at the flash that one cut left, in `_scratch`."""
        self.cuts += 1
        if only is None or (only["again"] is None and not only["resume"]):
            self._look(self._scratch, name, step, lambda: check(COPY, done))
        if only["resume"] if only else (self.resume and self.cuts % self.resume == 0):
            self.resumed += 1
            self._second[:] = self._scratch
            self._look(self._second, name + ":resume", step, lambda: self._workload.resume(COPY))
        if (only["again"] is not None) if only else (self.again and self.cuts % self.again == 0):
            self._cut_recovery(name, step, check, done, only)

    def _cut_recovery(self, name, step, check, done, only):
        """Cut what the start after the cut writes, everywhere."""
        size = self._flash.size
        second = self._second
        second[:] = self._scratch
        flash = self._look(second, name + ":again", step, lambda: self._workload.recover(COPY), record=True)
        picture = self._scratch
        operations = flash.recorded()
        for cut in range(len(operations) + 1):
            for how in TORN if cut < len(operations) else ("none",):
                if only and (only["again"] != cut or only["torn2"] != how):
                    continue
                self.cuts_again += 1
                second[:] = picture
                if cut < len(operations):
                    tear(second, operations[cut], how, size, cut)
                again = "%s:again=%d:torn2=%s" % (name, cut, how)
                self._look(second, again, step, lambda: check(COPY, done))
            if cut < len(operations):
                do(picture, operations[cut], size)

    def _look(self, data, name, step, what, record=False):
        """Mount the picture, do something with it, and turn whatever it raises into a Failure with the id."""
        flash = Flash(self._flash.blocks, self._flash.size, data)
        if record:
            flash.record()
        try:
            vfs.mount(vfs.VfsLfs2(flash), COPY)
            try:
                what()
            finally:
                vfs.umount(COPY)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is reported with the id
            raise Failure("%s (%s): %s" % (name, step, describe(error)))
        return flash


def describe(error):
    """One line for an exception."""
    return "%s: %s" % (type(error).__name__, error)


def parse(name):
    """The parts of an id: (workload, seed, {"step", "cut", "torn", "again", "torn2", "resume"})."""
    parts = name.split(":")
    fields = dict([part.split("=") for part in parts[1:] if part != "resume"])
    only = {
        "step": int(fields["step"]),
        "cut": int(fields["cut"]),
        "torn": fields["torn"],
        "again": int(fields["again"]) if "again" in fields else None,
        "torn2": fields.get("torn2"),
        "resume": parts[-1] == "resume",
    }
    return parts[0], int(fields["seed"]), only


def files(path):
    """Name and size of every file in a directory, for a failure's text."""
    return [(entry[0], entry[3]) for entry in os.ilistdir(path)]
