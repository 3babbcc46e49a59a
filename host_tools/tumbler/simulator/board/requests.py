"""The host's requests to the board, served whenever the firmware has nothing to run (docs/design/simulator.md)."""

import gc
import sys

from tumbler_lock.core.event_names import event_name
from tumbler_lock.core.events import REASONS
from tumbler_lock.core.passcode import code_id
from tumbler_lock.core.tickets import kind_name

from .host_pipe import EXIT_QUIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from tumbler_lock.app.lock import Lock

    from .host_pipe import Message
    from .simulated_board import SimulatedBoard

DOWN_MS = 60
UP_MS = 60
SETTLE_MS = 60_000  # a press that leads to nothing for so long is over
OWNER_COMMANDS = ("add_custom", "change", "delete", "set_time")


class Requests:
    """Serves the requests to one board. The first one, `boot`, is answered once the lock has started."""

    def __init__(self, board: "SimulatedBoard") -> None:
        self._board = board
        self._pipe = board.pipe
        self._name = ""
        self._answer: "Callable[[], Message] | None" = None  # makes the answer to the open request; None: none is open
        self._deadline = 0
        self.begin("boot", lambda: {"provisioned": self._lock.verifier is not None})

    @property
    def _lock(self) -> "Lock":
        """The firmware's Lock. ValueError if it has not started."""
        lock = self._board.world.app
        if lock is None:
            raise ValueError("the lock has not started")
        return lock

    def begin(self, name: str, fields: "Callable[[], Message]", until: int = 0) -> None:
        """Open a request; it is answered when the firmware is idle and time has come to `until`."""
        self._name = name
        self._answer = fields
        self._board.world.until = until

    def _done(self, name: "str | None", fields: "Message") -> None:
        fields["done"] = name
        fields["now_ms"] = self._board.world.now_ms()
        self._pipe.send(fields)

    def idle(self, ms: int) -> None:
        """The firmware has nothing to run for `ms`: return once time, or a request, has changed that."""
        world = self._board.world
        self._board.outputs.settled()
        while True:
            if self._answer is not None and self._complete():
                answer = self._answer
                self._answer = None
                self._done(self._name, answer())
            if self._answer is None and (world.fast or self._pipe.wait(0)):
                self._serve()
                if (self._answer is not None or not world.fast) and world.wake():
                    return  # the firmware has something to run now
                continue
            if world.fast or world.until > world.elapsed:
                world.forward(ms)
            else:
                # Real mode: whatever comes first, a request, something due, or the firmware's next turn.
                self._pipe.wait(world.real_wait(ms))
                world.catch_up()
            return

    def _complete(self) -> bool:
        """Return whether the open request is done."""
        world = self._board.world
        if self._name == "boot":
            return world.app is not None
        if self._name == "press":
            over = world.elapsed >= self._deadline
            return over or (not world.fingers and world.app is not None and world.app.board.keypad.idle)
        return world.elapsed >= world.until

    def _serve(self) -> None:
        """Take one request."""
        try:
            request = self._pipe.receive()
        except ValueError as error:
            self._done("", {"error": str(error)})
            return
        if request is None:
            self._board.stop(EXIT_QUIT)
        name = request.get("do")
        try:
            handler = self.HANDLERS.get(name)
            if handler is None:
                raise ValueError("no such request")
            handler(self, request)
        except (KeyError, TypeError, ValueError) as error:
            self._done(name, {"error": "%s: %s" % (type(error).__name__, error)})

    def _press(self, request: "Message") -> None:
        board = self._board
        world = board.world
        keys: str = request["keys"]
        for key in keys:
            if key not in board.keys:
                raise ValueError("the keypad has no key " + key)
        at = world.elapsed
        for key in keys:
            world.fingers.append((at, board.key_down, key))
            world.fingers.append((at + DOWN_MS, board.key_up, key))
            at += DOWN_MS + UP_MS
        self._deadline = at + SETTLE_MS
        self.begin("press", dict, self._deadline if world.fast else 0)

    def _key_down(self, request: "Message") -> None:
        self._board.key_down(request["key"])
        self._done("down", {})

    def _key_up(self, request: "Message") -> None:
        self._board.key_up(request["key"])
        self._done("up", {})

    def _hold_button(self, request: "Message") -> None:
        self._board.machine.button.held = bool(request["held"])
        self._done("button", {})

    def _contact(self, request: "Message") -> None:
        self._board.machine.contacts[request["which"]].held = bool(request["on"])
        self._board.world.stir()
        self._done("contact", {})

    def _jam(self, request: "Message") -> None:
        motor = self._board.machine.motor
        if motor is None:
            raise ValueError("this board has no motor")
        motor.move()
        motor.jam = request["at"]
        self._done("jam", {})

    def _charge(self, request: "Message") -> None:
        if not 0 <= request["mv"] <= 60_000:
            raise ValueError("a battery has 0 to 60000 mV")
        self._board.machine.battery.millivolts = request["mv"]
        self._done("battery", {})

    def _radio(self, request: "Message") -> None:
        """A client of the radio does something."""
        radio = self._board.radio
        op = request["op"]
        conn: int = request["conn"]
        fields: "Message" = {}
        try:
            if op == "connect":
                radio.connected(conn, bytes.fromhex(request["address"]))
            elif op == "disconnect":
                radio.disconnected(conn)
            elif op == "mtu":
                radio.exchanged(conn, request["mtu"])
            elif op == "subscribe":
                radio.subscribed(conn, request["handle"], request["on"])
            elif op == "write":
                radio.written(conn, request["handle"], bytes.fromhex(request["value"]))
            elif op == "read":
                value = radio.read(conn, request["handle"])
                fields = {"att_error": value} if isinstance(value, int) else {"value": value.hex()}
            elif op == "sent":
                radio.sent(conn, request["count"])
            else:
                raise ValueError("no such thing happens to a radio")
        except OSError as error:
            raise ValueError("there is no such value (error %d)" % error.errno)
        if request.get("at_once"):
            self._done("radio", fields)
        else:
            self.begin("radio", lambda: fields)

    def _advance(self, request: "Message") -> None:
        world = self._board.world
        until: int = request["to_ms"] - world.now_ms() + world.elapsed
        if until < world.elapsed:
            raise ValueError("time only goes forwards")
        self.begin("advance", dict, until)

    def _plan_cut(self, request: "Message") -> None:
        if request["n"] < 1:
            raise ValueError("operations are counted from 1")
        self._board.flash.plan_cut(request["n"])
        self._done("cut", {})

    def _clock(self, request: "Message") -> None:
        board = self._board
        if request.get("stopped"):
            board.chip.lose_power()
        elif "set" in request:
            board.chip.preset(request["set"])
        elif "fault" in request:
            board.bus.fault = (lambda transfer: 0) if request["fault"] else None
        else:
            raise ValueError("say stopped, set or fault")
        board.report_rtc()
        self._done("clock", {})

    def _owner(self, request: "Message") -> None:
        command = request["command"]
        if command not in OWNER_COMMANDS:
            raise ValueError("no such owner's command")
        owner = self._lock.owner
        if owner is None:
            text = "this lock has no secret, or lost its memory"
            self._done("owner", {"ok": False, "reason": "no-secret", "error": text})
            return
        try:
            result = getattr(owner, command)(**request.get("args", {}))
        except sys.modules["tumbler_lock.core.errors"].Refused as error:  # of the firmware that runs
            self._done("owner", {"ok": False, "reason": error.reason, "error": str(error)})
            return
        if command == "set_time":
            self._board.report_rtc()
        self._done("owner", {"ok": True, "id": code_id(result) if result else None})

    def _state(self, request: "Message") -> None:
        lock = self._lock
        flash = self._board.flash
        state = {
            "bolt": self._board.outputs.bolt_open,
            "led": self._board.outputs.led_on,
            "provisioned": lock.verifier is not None,
            "trouble": lock.trouble,
            "stuck": lock.board.keypad.stuck,
            "quiet": lock.quiet(),
            "locked": not lock.board.bolt.unlocked,
            "flash": {"writes": flash.writes, "erases": flash.erases},
            "heap_free": gc.mem_free(),
        }
        if lock.verifier is not None:
            now, trusted = lock.verifier.clock.read()
            store = lock.verifier.store
            state["tokens"] = store.tokens
            state["codes"] = len(store.book)
            state["commits"] = store.commits
            state["trusted"] = trusted
            state["lock_time"] = now
            state["epoch"] = store.epoch
            state["seq"] = store.seq
        self._done("state", state)

    def _log(self, request: "Message") -> None:
        store = self._lock.store
        events = []
        if store is not None:
            for event in store.events(request.get("since", 0), request.get("limit", 100)):
                code = event.code
                kind = None if code is None else kind_name(code.kind)
                events.append(
                    {
                        "seq": event.seq,
                        "time": event.time,
                        "event": event_name(event.event),
                        "reason": REASONS[event.reason] if event.event < 6 else None,
                        "flags": event.flags,
                        "kind": kind,
                        "id": None if code is None or kind is None else code_id(code.tag),
                        "arg": event.arg,
                    }
                )
        self._done("log", {"events": events})

    def _reset_button(self, request: "Message") -> None:
        self._board.reset("button")

    def _quit(self, request: "Message") -> None:
        self._board.release()
        self._board.report_rtc()
        self._done("quit", {})
        self._board.stop(EXIT_QUIT)

    HANDLERS: "dict[str | None, Callable[[Requests, Message], None]]" = {
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
