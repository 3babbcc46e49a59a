"""One power-on of the virtual board: MicroPython runs this, and it runs the real firmware (docs/design/simulator.md).

Builds the world, the flash chip and the clock chip that the first request describes, puts stand-ins for `machine` and
`time` in place, mounts the flash, then executes firmware/boot.py and firmware/main.py as a board would. With `slots`
the flash is the whole file system, and boot.py, main.py and the firmware are those that are on it. From there on the
host's requests are served whenever the firmware has nothing to run.
"""

import builtins
import gc
import json
import os
import sys

import vfs

from tumbler_lock.core.boot_slots import Slots
from tumbler_lock.core.config import Config
from tumbler_lock.core.errors import LockError
from tumbler_lock.core.events import REASONS, event_name
from tumbler_lock.core.keys import Key
from tumbler_lock.core.passcode import code_id
from tumbler_lock.core.policy import STANDARD, STRICT
from tumbler_lock.core.store import Store
from tumbler_lock.core.tickets import KIND_NAMES

from .fake_aioble import Aioble
from .fake_bluetooth import Bluetooth
from .fake_machine import Machine, Time
from .flash import Broken, Flash
from .models.ds3231 import DS3231Model, I2CModel
from .models.matrix import MatrixModel, bounce
from .protocol import Link
from .world import World

EXIT_QUIT = 0
EXIT_FAILED = 1
EXIT_CUT = 86
EXIT_RESET = 87

DOWN_MS = 60
UP_MS = 60
BOUNCE_US = 3000
SETTLE_MS = 60_000  # a press that leads to nothing for so long is over
POLICIES = {"standard": STANDARD, "strict": STRICT}
OWNER_COMMANDS = ("add_custom", "change", "delete", "set_time")


class PowerOff(SystemExit):
    """The end of this power-on. No handler of the firmware catches it, and nothing reaches flash or host after it."""


class Random:
    """Small generator for the fingers' bounce: the same in every run."""

    def __init__(self, seed):
        self._state = seed

    def randrange(self, below):
        """A number below `below`."""
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % below


class Virtual:
    """The board and the host's requests."""

    def __init__(self, link, board, start):
        self.link = link
        self._board = board
        self._start = start
        self._dead = False
        self._answer = None  # makes the answer to the request under way, None between requests
        self._deadline = 0
        self._levels = {"bolt": False, "led": False}
        self._falls = False  # the coil lets go, unless it is drawn back at the same moment
        self._rtc_told = None

    # The start

    def boot(self, request):
        """Build everything the request describes and run the firmware. Ends by PowerOff."""
        folder = request.get("board") or self._board
        with open(folder + "/board.json") as file:
            description = json.load(file)
        bolt = description["bolt"]
        self._off = 1 - bolt.get("active", 1)
        self._opens = self._off if bolt.get("fail") == "safe" else 1 - self._off  # the level at which a coil opens
        if bolt.get("fail") == "safe":
            self._levels["bolt"] = True  # no power yet
        self._keys = description["keypad"]["keys"]
        world = World(request["now_ms"], request.get("mode", "fast") == "fast", self._bitten, self._idle)
        self.world = world
        world.settled = self._settled
        self.flash = Flash(request["flash"], request.get("flash_kib", 512), self._cut)
        self.flash.plan_cut(request.get("cut") or 0)
        self.chip = DS3231Model(world.now_ms, request.get("rtc"))
        self.bus = I2CModel({description["clock"]["address"]: self.chip})
        keypad = description["keypad"]
        self.matrix = MatrixModel(len(keypad["rows"]), len(keypad["cols"]), world.now_us)
        for key in request.get("held", ""):
            self._down(key)
        self._slots = slots = bool(request.get("slots"))
        self._make_radio(world, not slots)
        self.machine = Machine(
            world, description, self.matrix, self.bus, self, self._reset, request, self.radio.asleep
        )  # fmt: skip
        sys.modules["machine"] = self.machine
        sys.modules["esp32"] = self.machine.esp32
        self.machine.button.held = bool(request.get("button"))
        for name in request.get("contacts", ()):
            self.machine.contacts[name].held = True
        if request.get("battery") is not None:
            self.machine.battery.millivolts = request["battery"]
        self.time = Time(world, request.get("own_clock", 0))
        sys.modules["time"] = self.time
        world.install()
        if slots:
            vfs.umount("/")
        self._mount("/" if slots else description["storage"], bool(request.get("provision")))
        if request.get("provision"):
            self._provision(description["storage"], request["provision"])
        if slots:
            record = Slots().read()
            if record is not None:
                self.event("slot", slot=record.slot, trial=bool(record.state), left=record.left)
        self._begin("boot", lambda: {"provisioned": world.app.verifier is not None})
        self._watch_imports()
        os.chdir("/" if slots else folder)
        if slots:
            _forget_firmware(request.get("inside"))
        for name in ("boot.py", "main.py"):
            path = "/" + name if slots else self._start + "/" + name
            with open(path) as file:
                code = compile(file.read(), path, "exec")
            exec(code, {"__name__": "__main__"})  # noqa: S102 -- as a board runs them
        raise ValueError("main.py came to its end, which a lock never does")

    def _watch_imports(self):
        """Put the virtual Board into the firmware's place of it as soon as that is there: where, the loader says."""
        load = builtins.__import__

        def watched(name, *more):
            module = load(name, *more)
            place = sys.modules.get("tumbler_lock.app.board")
            made = getattr(place, "Board", None)  # the module may be under way
            if made is not None and not getattr(made, "virtual", False):
                place.Board = _board_class(self, made)
            return module

        builtins.__import__ = watched

    def _make_radio(self, world, may_be_real):
        """Put the modules of the radio in place. The real aioble, where there is one, is imported by the firmware."""
        bluetooth = Bluetooth(lambda op, **fields: self.event("radio", op=op, **fields))
        self.radio = bluetooth.radio
        world.awake = lambda: bool(self.radio.links)
        sys.modules["bluetooth"] = bluetooth
        real = os.getenv("TUMBLER_AIOBLE") if may_be_real else None
        if real:
            sys.path.insert(0, real)
        else:
            sys.modules["aioble"] = Aioble(bluetooth)

    def _mount(self, path, setting_up):
        """Mount the flash as the start code of an ESP32 does: a blank chip is formatted, a damaged one is not, unless
        the board is being set up: then this is what was left when the power failed in the middle of that.
        """
        if self.flash.blank():
            vfs.VfsLfs2.mkfs(self.flash)
        try:
            vfs.mount(vfs.VfsLfs2(self.flash), path)
        except OSError as error:
            if setting_up:
                vfs.VfsLfs2.mkfs(self.flash)
                vfs.mount(vfs.VfsLfs2(self.flash), path)
                return
            self.event("fault", text="the flash cannot be mounted (error %d)" % error.errno)
            vfs.mount(Broken(), path)

    def _provision(self, path, given):
        """Do once what the owner's tool does to a new board. A lock that has a secret keeps it."""
        config = given["config"]
        packed = Config(
            config["rule"],
            weekend=config.get("weekend", 0b1100000),
            policy=POLICIES[config.get("policy", "standard")],
            autolock=config.get("autolock", 5),
            sound=bool(config.get("sound", True)),
        ).pack()
        if "journal" not in os.listdir(path):
            secret = bytes.fromhex(given["secret"])
            keys = [
                Key(key["slot"], key["role"], bytes.fromhex(key["psk"]), key.get("label", ""))
                for key in given.get("keys", ())
            ]
            Store.create(path, secret, packed, self.world.now_ms() // 1000, given.get("epoch", 0), keys)
        gc.collect()

    # The end

    def stop(self, status, event=None, **fields):
        """End this power-on: nothing is written to flash or host after the last words."""
        if not self._dead:
            self._fall()
            self._tell_rtc()
            if event:
                self.event(event, **fields)
            self._dead = True
            self.link.close()
            self.flash.freeze()
        raise PowerOff(status)

    def _cut(self):
        self.stop(EXIT_CUT, "cut", writes=self.flash.writes, erases=self.flash.erases)

    def _fall(self):
        """Without power, or with floating pins, a coil lets go: that locks, or opens. A motor stays where it is."""
        if self.machine.motor is None:
            self.bolt(self._off)
            self._settled()

    def _reset(self, cause, fields=None):
        fields = fields or {}
        fields["own_clock"] = self.time.time()
        if self.machine.motor is not None:
            fields["position"] = self.machine.motor.position
        self.stop(EXIT_RESET, "reset", cause=cause, **fields)

    def _bitten(self):
        self._reset("watchdog")

    # Events

    def event(self, word, **fields):
        """Tell the host that something happened."""
        fields["event"] = word
        fields["now_ms"] = self.world.now_ms()
        self.link.send(fields)

    def bolt(self, level):
        """The bolt's pin changed. A gap that takes no time, as between two pulses, moves no coil."""
        self._falls = level != self._opens
        if not self._falls and not self._levels["bolt"]:
            self._levels["bolt"] = True
            self.event("bolt", unlocked=True)

    def _settled(self):
        """All has happened that does at this moment."""
        if self._falls and self._levels["bolt"]:
            self._levels["bolt"] = False
            self.event("bolt", unlocked=False)

    def led(self, level):
        """The LED's pin changed."""
        self._levels["led"] = bool(level)
        self.event("led", on=bool(level))

    def tone(self, hz):
        """The buzzer's tone changed."""
        self.event("tone", hz=hz)

    def observed(self, kind, payload):
        """The firmware tells what it does (Board.observe)."""
        if kind == "verdict":
            name = None if payload.kind is None else KIND_NAMES[payload.kind]
            self.event(
                "verdict", verdict=payload.verdict, reason=payload.reason, kind=name, id=payload.id, at=payload.at
            )
        elif kind == "key":
            self.event("key", key=payload)
        elif kind == "signal":
            self.event("signal", name=payload)
        elif kind == "fault":
            self.event("fault", text=payload)
        elif kind == "paired":
            self.event("paired", right=payload)
        elif kind == "confirmed":
            self.event("confirmed", rounds=payload)
        elif kind == "started":
            self.world.app = payload
            self.event(
                "started",
                provisioned=payload.verifier is not None,
                trouble=payload.trouble,
                version=sys.modules["tumbler_lock"].VERSION,
                slot=sys.path[0][1:] if self._slots else "",
                updates=self._slots and "update.pub" in os.listdir("/"),
            )

    def _tell_rtc(self):
        """Tell the clock chip's state if it is not simply what the last one told has become."""
        state = self.chip.state()
        if state != self._rtc_told:
            self._rtc_told = state
            self.event("rtc", state=state)

    # Requests

    def _begin(self, name, fields, until=0):
        """A request is under way; it is answered when the firmware is idle and time has come to `until`."""
        self._name = name
        self._answer = fields
        self.world.until = until

    def _done(self, name, fields):
        fields["done"] = name
        fields["now_ms"] = self.world.now_ms()
        self.link.send(fields)

    def _idle(self, ms):
        """The firmware has nothing to run for `ms`. Comes back when time, or a request, has changed that."""
        world = self.world
        self._settled()
        while True:
            if self._answer is not None and self._complete():
                answer = self._answer
                self._answer = None
                self._done(self._name, answer())
            if self._answer is None and (world.fast or self.link.wait(0)):
                self._serve()
                if (self._answer is not None or not world.fast) and world.wake():
                    return  # the firmware has something to run now
                continue
            if world.fast or world.until > world.elapsed:
                world.forward(ms)
            else:
                # Real mode: whatever comes first, a request, something due, or the firmware's next turn.
                self.link.wait(world.real_wait(ms))
                world.catch_up()
            return

    def _complete(self):
        """Whether the request under way is done."""
        world = self.world
        if self._name == "boot":
            return world.app is not None
        if self._name == "press":
            over = world.elapsed >= self._deadline
            return over or (not world.fingers and world.app is not None and world.app.board.keypad.idle)
        return world.elapsed >= world.until

    def _serve(self):
        """Take one request."""
        try:
            request = self.link.receive()
        except ValueError as error:
            self._done("", {"error": str(error)})
            return
        if request is None:
            self.stop(EXIT_QUIT)
        name = request.get("do")
        try:
            handler = self.HANDLERS.get(name)
            if handler is None:
                raise ValueError("no such request")
            handler(self, request)
        except (KeyError, TypeError, ValueError) as error:
            self._done(name, {"error": "%s: %s" % (type(error).__name__, error)})

    def _press(self, request):
        world = self.world
        keys = request["keys"]
        for key in keys:
            if key not in self._keys:
                raise ValueError("the keypad has no key " + key)
        at = world.elapsed
        for key in keys:
            world.fingers.append([at, self._down, key])
            world.fingers.append([at + DOWN_MS, self._up, key])
            at += DOWN_MS + UP_MS
        self._deadline = at + SETTLE_MS
        self._begin("press", dict, self._deadline if world.fast else 0)

    def _down(self, key):
        """A finger touches a key."""
        crossing = self._keys.index(key)
        if not self.matrix.closed(crossing):
            self._move(crossing)

    def _up(self, key):
        """The finger leaves it."""
        crossing = self._keys.index(key)
        if self.matrix.closed(crossing):
            self._move(crossing)

    def _move(self, crossing):
        now = self.world.now_us()
        chatter = bounce(Random(now + crossing), BOUNCE_US) if self.world.elapsed else (0,)
        self.matrix.press(crossing, now, chatter)
        self.world.touched()

    def _key_down(self, request):
        self._down(request["key"])
        self._done("down", {})

    def _key_up(self, request):
        self._up(request["key"])
        self._done("up", {})

    def _hold_button(self, request):
        self.machine.button.held = bool(request["held"])
        self._done("button", {})

    def _contact(self, request):
        self.machine.contacts[request["which"]].held = bool(request["on"])
        self.world.stir()
        self._done("contact", {})

    def _jam(self, request):
        motor = self.machine.motor
        if motor is None:
            raise ValueError("this board has no motor")
        motor.move()
        motor.jam = request["at"]
        self._done("jam", {})

    def _charge(self, request):
        if not 0 <= request["mv"] <= 60_000:
            raise ValueError("a battery has 0 to 60000 mV")
        self.machine.battery.millivolts = request["mv"]
        self._done("battery", {})

    def _radio(self, request):
        """What happens at the other end of the air."""
        op = request["op"]
        conn = request["conn"]
        fields = {}
        try:
            if op == "connect":
                self.radio.connected(conn, bytes.fromhex(request["address"]))
            elif op == "disconnect":
                self.radio.disconnected(conn)
            elif op == "mtu":
                self.radio.exchanged(conn, request["mtu"])
            elif op == "subscribe":
                self.radio.subscribed(conn, request["handle"], request["on"])
            elif op == "write":
                self.radio.written(conn, request["handle"], bytes.fromhex(request["value"]))
            elif op == "read":
                value = self.radio.read(conn, request["handle"])
                fields = {"att_error": value} if isinstance(value, int) else {"value": value.hex()}
            elif op == "sent":
                self.radio.sent(conn, request["count"])
            else:
                raise ValueError("no such thing happens to a radio")
        except OSError as error:
            raise ValueError("there is no such value (error %d)" % error.errno)
        if request.get("at_once"):
            self._done("radio", fields)
        else:
            self._begin("radio", lambda: fields)

    def _advance(self, request):
        until = request["to_ms"] - self.world.now_ms() + self.world.elapsed
        if until < self.world.elapsed:
            raise ValueError("time only goes forwards")
        self._begin("advance", dict, until)

    def _plan_cut(self, request):
        if request["n"] < 1:
            raise ValueError("operations are counted from 1")
        self.flash.plan_cut(request["n"])
        self._done("cut", {})

    def _clock(self, request):
        if request.get("stopped"):
            self.chip.lose_power()
        elif "set" in request:
            self.chip.preset(request["set"])
        elif "fault" in request:
            self.bus.fault = (lambda transfer: 0) if request["fault"] else None
        else:
            raise ValueError("say stopped, set or fault")
        self._tell_rtc()
        self._done("clock", {})

    def _owner(self, request):
        command = request["command"]
        if command not in OWNER_COMMANDS:
            raise ValueError("no such owner's command")
        owner = self.world.app.owner
        if owner is None:
            text = "this lock has no secret, or lost its memory"
            self._done("owner", {"ok": False, "reason": "no-secret", "error": text})
            return
        try:
            result = getattr(owner, command)(**request.get("args", {}))
        except sys.modules["tumbler_lock.core.errors"].Refused as error:
            self._done("owner", {"ok": False, "reason": error.reason, "error": str(error)})
            return
        if command == "set_time":
            self._tell_rtc()
        self._done("owner", {"ok": True, "id": code_id(result) if result else None})

    def _state(self, request):
        app = self.world.app
        state = {
            "bolt": self._levels["bolt"],
            "led": self._levels["led"],
            "provisioned": app.verifier is not None,
            "trouble": app.trouble,
            "stuck": app.board.keypad.stuck,
            "quiet": app.quiet(),
            "locked": not app.board.bolt.unlocked,
            "flash": {"writes": self.flash.writes, "erases": self.flash.erases},
            "heap_free": gc.mem_free(),
        }
        if app.verifier is not None:
            now, trusted = app.verifier.clock.read()
            state["tokens"] = app.store.tokens
            state["codes"] = len(app.store.book)
            state["commits"] = app.store.commits
            state["trusted"] = trusted
            state["lock_time"] = now
            state["epoch"] = app.store.epoch
            state["seq"] = app.store.seq
        self._done("state", state)

    def _log(self, request):
        store = self.world.app.store
        events = []
        if store is not None:
            for event in store.events(request.get("since", 0), request.get("limit", 100)):
                code = event.code
                known = code is not None and code.kind < len(KIND_NAMES)
                events.append(
                    {
                        "seq": event.seq,
                        "time": event.time,
                        "event": event_name(event.event),
                        "reason": REASONS[event.reason] if event.event < 6 else None,
                        "flags": event.flags,
                        "kind": KIND_NAMES[code.kind] if known else None,
                        "id": code_id(code.tag) if known else None,
                        "arg": event.arg,
                    }
                )
        self._done("log", {"events": events})

    def _reset_button(self, request):
        self._reset("button")

    def _quit(self, request):
        self._fall()
        self._tell_rtc()
        self._done("quit", {})
        self.stop(EXIT_QUIT)

    HANDLERS = {
        "press": _press,
        "down": _key_down,
        "up": _key_up,
        "button": _hold_button,
        "contact": _contact,
        "jam": _jam,
        "battery": _charge,
        "radio": _radio,
        "advance": _advance,
        "cut": _plan_cut,
        "clock": _clock,
        "owner": _owner,
        "state": _state,
        "log": _log,
        "reset_button": _reset_button,
        "quit": _quit,
    }


def _forget_firmware(inside):
    """Let the firmware be found anew: in the slot that the loader chooses, or in a folder of the host that takes the
    place of what is inside MicroPython; and not beside this file."""
    for name in list(sys.modules):
        if name == "tumbler_lock" or name.startswith("tumbler_lock."):
            del sys.modules[name]
    sys.path[:] = ["", ".frozen", "/lib"]
    if inside:
        vfs.mount(vfs.VfsPosix(inside), "/.frozen")
        sys.path.insert(1, "/.frozen")
    gc.collect()


def _board_class(board, real_board):
    """The firmware's Board, with the two things that a virtual one knows better."""

    class VirtualBoard(real_board):
        virtual = True

        def observe(self, kind, payload):
            board.observed(kind, payload)

        async def touch(self, ms):
            # A finger ends the pause: nobody has to look at the keypad meanwhile.
            if not self.matrix.touched():
                await board.world.touch(ms)

        def report(self, error):
            sys.print_exception(error, sys.stderr)

    return VirtualBoard


def main():
    """Wait for `boot`, then run. The last two arguments: the folders of the virtual board and of boot.py."""
    link = Link()
    virtual = Virtual(link, *sys.argv[-2:])
    try:
        request = link.receive()
        if request is None:
            return EXIT_QUIT
        if request.get("do") != "boot":
            raise ValueError("the first request is boot")
        virtual.boot(request)
    except (KeyError, LockError, OSError, TypeError, ValueError) as error:
        link.send({"done": "boot", "error": "%s: %s" % (type(error).__name__, error)})
        sys.print_exception(error, sys.stderr)
    return EXIT_FAILED
