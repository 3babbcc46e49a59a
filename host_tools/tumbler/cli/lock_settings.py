"""`tumbler lock settings`: what a lock is set to. Options and output follow from the table in core/config.py."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tumbler_lock.core.config import DAYS, NO_PASSAGE, SETTINGS, Config, Setting, checked
from tumbler_lock.core.policy import Policy

from ..errors import ToolError
from ..link.connected import ConnectedLock
from ..link.radios import SCAN_SECONDS
from ..registry.registry import RegistryLock
from ..registry.schema import POLICIES
from . import output
from .options import (
    POLICY,
    Json,
    Name,
    Wait,
    at_lock,
    complete_zone,
    days_of,
    examples,
    hours_of,
    number,
    rule_of,
    weekend_of,
)
from .output import Data
from .output_lock import day_names, passage

if TYPE_CHECKING:
    from tumbler_lock.core.config import Value

# What the help says of an option. Its name is the title of the setting, unless it is in NAMES.
HELP = {
    "rule": "IANA zone or POSIX TZ rule.",
    "weekend": "The weekend days, such as fri,sat.",
    "autolock": "Seconds that the bolt stays open.",
    "sound": "The buzzer.",
    "policy": "What it accepts offline.",
    "passage": 'Hours in which # alone opens, "mon-fri 9-17", or off.',
    "name": "The name it advertises, 17 characters at most.",
}
NAMES = {"rule": "timezone", "passage": "passage", "name": "bluetooth-name"}


@dataclass(frozen=True)
class SettingOption:
    """How a setting is typed and shown. name: without hyphens before it; type: of what typer passes on; info: what
    typer knows of the option; read: makes a value of what was typed; show: makes what JSON has of a value.
    """

    setting: Setting
    name: str
    type: Any
    info: Any
    read: "Callable[[Any], Value]"
    show: Callable[[Any], object]

    @property
    def key(self) -> str:
        """The name in Python and in JSON."""
        return self.name.replace("-", "_")

    @property
    def annotation(self) -> object:
        """The parameter as typer reads it."""
        return Annotated[self.type | None, self.info]

    def value(self, typed: Any) -> "Value":
        """Return the setting's value; ToolError if what was typed makes none."""
        try:
            return checked(self.setting, self.read(typed))
        except ValueError as error:
            wrong = str(error).removeprefix(f"{self.setting.title}: ")
            raise ToolError(f"--{self.name} takes {wrong}.", "Choose another.") from None


def option_of(setting: Setting) -> SettingOption:
    """Return the option of a setting. It follows from the kind of its values, but for the zone, which has names."""
    name = NAMES.get(setting.name, setting.title.replace(" ", "-"))
    flag = f"--{name}"
    text = HELP[setting.name]
    default = setting.default
    if setting.name == "rule":
        info = typer.Option(flag, metavar="ZONE", help=text, autocompletion=complete_zone)
        return SettingOption(setting, name, str, info, rule_of, str)
    if isinstance(default, bool):
        info = typer.Option(f"{flag}/--no-{name}", help=text, show_default=False)
        return SettingOption(setting, name, bool, info, bool, bool)
    if isinstance(default, int) and setting.unit == DAYS:
        read = weekend_of if setting.name == "weekend" else lambda typed: days_of(typed, flag)
        return SettingOption(setting, name, str, typer.Option(flag, metavar="DAYS", help=text), read, day_names)
    if isinstance(default, int):
        least, most = setting.least, setting.most
        info = typer.Option(flag, parser=number(least, most), metavar=f"{least}-{most}", help=text)
        return SettingOption(setting, name, int, info, int, int)
    if isinstance(default, tuple):
        info = typer.Option(flag, metavar="HOURS", help=text)
        return SettingOption(setting, name, str, info, lambda typed: _passage_of(typed, flag), passage)
    if isinstance(default, Policy):
        info = typer.Option(flag, help=text, **POLICY)
        return SettingOption(setting, name, str, info, lambda typed: POLICIES[typed], lambda value: value.name)
    info = typer.Option(flag, metavar="TEXT", help=text)
    show = (lambda value: value or "Tumbler") if setting.name == "name" else str
    return SettingOption(setting, name, str, info, str, show)


OPTIONS = tuple(option_of(setting) for setting in SETTINGS)


def add_to(app: typer.Typer) -> None:
    """Add the command to those of `tumbler lock`."""
    lines = (
        "tumbler lock settings cabin",
        "tumbler lock settings cabin --auto-lock 8 --no-sound",
        'tumbler lock settings shop --passage "mon-fri 9-17"',
    )
    app.command(epilog=examples(*lines))(_with_options(settings))


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command, as typer sees it, a parameter for each setting in place of the keywords that it takes."""
    parameters = [one for one in inspect.signature(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
    parameters[1:1] = [
        inspect.Parameter(option.key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option.annotation)
        for option in OPTIONS
    ]
    parameters = [one.replace(kind=one.KEYWORD_ONLY) for one in parameters]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def settings(name: Name, wait: Wait = SCAN_SECONDS, json: Json = False, **typed: object) -> None:
    """Show the settings of a lock in range, or change some."""
    changes: dict[str, Value] = {}
    for option in OPTIONS:
        if typed[option.key] is not None:
            changes[option.setting.name] = option.value(typed[option.key])
    timezone = typed["timezone"]

    async def work(door: ConnectedLock, progress: output.Progress) -> Data:
        if changes:
            progress(f"Setting {door.lock.name} …")
            await door.client.configure(**changes)
        found = await door.client.settings()
        door.follow_settings(found, None if timezone is None else str(timezone))
        return settings_data(door.lock, found)

    lock, data = at_lock(name, work, wait)
    if json:
        output.emit(data)
    else:
        output.fields(data.items(), title=f"Set {lock.name}" if changes else lock.name)


def settings_data(lock: RegistryLock, config: Config) -> Data:
    """Return the settings of a lock, for JSON."""
    data: Data = {"lock": lock.name, "timezone": lock.timezone}
    for option in OPTIONS:
        key = "rule" if option.setting.name == "rule" else option.key
        data[key] = option.show(getattr(config, option.setting.name))
    return data


def _passage_of(text: str, option: str) -> tuple[int, int, int]:
    """Return `mon-fri 9-17`, or `off`, as the lock takes it."""
    words = text.split()
    if [word.casefold() for word in words] == ["off"]:
        return NO_PASSAGE
    days, _, hours = " ".join(words).rpartition(" ")
    begin, until = hours_of(hours, option)
    return days_of(days, option), begin, until
