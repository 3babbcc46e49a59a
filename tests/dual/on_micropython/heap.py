"""One power-on of a lock with nothing beside it, to see what it needs of the heap (tests/support/heap.py,
docs/design/memory.md).

Arguments: a flash image, its KiB, and the radio: "none", "aioble" that is on the flash, or a "stand-in" for it. The
parts of the board are the least that lets the firmware run, so that nearly all of the heap is the firmware's. Prints
"beside BYTES", what was live before the lock; "mark NAME LIVE PEAK MODULES" for each moment: bytes that are live, after
a collection, and the most that were live since the one before; and "seen", what the lock has reported. Then it does
what stdin says: "say HEX" is a client's message and gives "answer HEX" for each of the lock's and "done" at the end,
"mark NAME" marks a moment; an empty line ends it.
"""

import builtins
import gc
import sys

import vfs

BLOCK = 4096
ROUND_MS = 2  # so that a trial takes no minute
KEYS = ("111111#", "0000000#", "222222#", "0000010#")  # no code, a code, and again, as the first one is revoked


class Flash:
    """The image as a block device."""

    def __init__(self, path, kib):
        self._file = open(path, "r+b")  # noqa: SIM115 -- as long as the process
        self._blocks = kib * 1024 // BLOCK

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.write(buffer)

    def ioctl(self, op, argument):
        return self._blocks if op == 4 else BLOCK if op == 5 else 0


class Part:
    """Whatever of the port is not looked at: it takes every call."""

    ATTN_11DB = IN = OUT = OPEN_DRAIN = PULL_UP = PULL_DOWN = WAKEUP_ALL_LOW = 0

    def __init__(self, *_, **__):
        pass

    def _nothing(self, *_, **__):
        return 1

    value = init = freq = duty_u16 = active = write_pulses = deinit = feed = hold = _nothing
    write = notify = writeto = writeto_mem = irq = config = gap_advertise = gatts_write = gatts_set_buffer = _nothing

    def read_uv(self):
        return 1_700_000

    def readfrom_into(self, address, data):
        data[0] = 0xFF

    def readfrom_mem_into(self, address, register, data):
        """A DS3231 that shows 2026-11-23 15:00:00, an expander whose pins are all high."""
        shown = b"\x00\x00\x15\x02\x23\x11\x26" if address == 0x68 else b"\xff\xff"
        for at in range(len(data)):
            data[at] = shown[at] if at < len(shown) else 0

    def gatts_register_services(self, services):
        return [tuple(range(len(service[1]))) for service in services]


class Aioble(Part):
    """A radio that no client is in reach of."""

    Service = Characteristic = BufferedCharacteristic = Part

    def register_services(self, *services):
        pass

    async def advertise(self, *_, **__):
        from asyncio import sleep_ms

        while True:
            await sleep_ms(1000)


class Port:
    """The modules machine, esp32 and bluetooth."""

    Pin = Signal = PWM = I2C = ADC = WDT = RTC = RMT = BLE = UUID = Part
    WDT_RESET = FLAG_READ = 1
    WAKEUP_ALL_LOW = 0

    def __init__(self):
        self.said = []  # what the firmware has reported

    def reset_cause(self):
        return 0

    def wake_on_gpio(self, pins, level):
        pass

    def reset(self):
        print("reset after", "|".join(self.said), file=sys.stderr)
        raise SystemExit(3)


class Probe:
    """Measures what is live beyond what was before the lock."""

    def __init__(self):
        self._peak = 0
        gc.collect()
        self.beside = gc.mem_alloc()

    def look(self):
        """Bytes that are live now."""
        gc.collect()
        live = gc.mem_alloc() - self.beside
        self._peak = max(self._peak, live)
        return live

    def mark(self, name):
        """Tell of a moment."""
        live = self.look()
        modules = [module for module in sys.modules if module.split(".")[0] in ("tumbler_lock", "loader")]
        print("mark", name, live, self._peak, ",".join(sorted(modules)))
        self._peak = 0


def typed(keypad, keys):
    """Let a keypad give these keys, then what it did before."""
    left = list(keys)
    poll = keypad.poll
    keypad.poll = lambda now: left.pop(0) if left else poll(now)
    return left


def talk(lock, probe):
    """Do what stdin says."""
    session = None
    while True:
        word, _, value = sys.stdin.readline().strip().partition(" ")
        if not word:
            return
        if word == "mark":
            probe.mark(value)
            continue
        if session is None:
            session = lock.sessions.connect()
        for answer in session.receive(bytes.fromhex(value)):
            probe.look()
            if answer is not None:
                print("answer", answer.hex())
        print("done")


def hurry(supervisor):
    """Let a trial take less than its minute."""
    supervisor.ROUND_MS = ROUND_MS
    supervisor.GRACE = 10_000


async def scenario(lock, probe, said):
    """What a lock goes through."""
    from asyncio import sleep_ms

    board = lock.board
    board.touch = lambda ms: sleep_ms(1)
    await sleep_ms(100)
    probe.mark("rest")
    if lock.verifier is not None:
        for keys in KEYS:
            left = typed(board.keypad, keys)
            while left:
                await sleep_ms(10)
        probe.mark("entries")
        lock.store.compact()
        probe.mark("compaction")
    while lock.trial is not None:
        await sleep_ms(10)
    print("seen", "|".join(said))
    talk(lock, probe)
    raise SystemExit(0)


async def whole(lock, probe, said):
    """The same, and the end: a task that dies must not leave the others behind."""
    try:
        await scenario(lock, probe, said)
    except Exception as error:  # noqa: BLE001 -- whatever it is
        sys.print_exception(error, sys.stderr)
    raise SystemExit(1)


def main(image, kib, radio):
    """Power on."""
    port = Port()
    sys.modules["machine"] = sys.modules["esp32"] = port
    if radio != "none":
        sys.modules["bluetooth"] = port
    if radio == "stand-in":
        sys.modules["aioble"] = Aioble()
    flash = Flash(image, int(kib))
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    sys.path[:] = ["", ".frozen", "/lib"]
    load = builtins.__import__
    said = port.said

    def watched(name, *more):
        module = load(name, *more)
        if "tumbler_lock.app.runner" in sys.modules and hasattr(sys.modules["tumbler_lock.app.runner"], "run"):
            builtins.__import__ = load
            hurry(load("tumbler_lock.app.supervisor", None, None, ["GRACE"]))
            load("tumbler_lock.app.board", None, None, ["Board"]).Board.observe = observe
        return module

    def observe(board, kind, payload):
        said.append(payload.verdict if kind == "verdict" else payload if kind == "fault" else kind)
        if kind == "started":
            from asyncio import create_task

            probe.task = create_task(whole(payload, probe, said))

    with open("/main.py") as file:
        code = file.read()
    probe = Probe()
    print("beside", probe.beside)
    builtins.__import__ = watched
    exec(compile(code, "main.py", "exec"), {"__name__": "__main__"})


main(*sys.argv[1:])
