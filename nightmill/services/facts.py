"""What has to be known of a machine and an account before a service can be written down."""

import os
import pwd
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from jobs.errors import UsageError
from nightmill.services.runner import Runner

if TYPE_CHECKING:
    from jobs.settings import Settings

Manager = Literal["launchd", "systemd"]

#: Where programs are looked for, after those beside our own Python; the environment of a terminal
#: is not that of a service.
_FOLDERS = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

#: Is there where systemd has started the machine.
_RUNNING = Path("/run/systemd/system")

#: The oldest that is reckoned with, where systemd does not say its version.
_OLDEST_SYSTEMD = 239


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where services are on this machine."""

    manager: Manager
    #: Whether they belong to the machine, and not to one user of it.
    is_root: bool
    #: Where their definitions lie.
    folder: Path

    def path(self, service_id: str) -> Path:
        """Where the definition of a service lies."""
        ending = "plist" if self.manager == "launchd" else "service"
        return self.folder / f"{service_id}.{ending}"

    def installed(self) -> list[str]:
        """The services of ours that there are."""
        found = self.folder.glob(self.path("nightmill-*").name)
        return sorted(each.stem for each in found)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A machine, and the account as which its services run."""

    site: Site
    #: Systemd's version; with launchd it does not matter.
    version: int
    #: Whether the manager runs here, or can only be written for.
    is_running: bool
    user: str
    home: Path
    python: Path
    data_dir: Path
    #: The configuration file that is passed on; None for the usual places.
    config: Path | None

    @property
    def path(self) -> str:
        """Where programs are looked for."""
        return f"{self.python.parent}:{_FOLDERS}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a service has."""
        return {
            "HOME": str(self.home),
            "PATH": self.path,
            "NIGHTMILL_DATA_DIR": str(self.data_dir),
        }

    def command(self, arguments: tuple[str, ...], *, log: Path | None = None) -> tuple[str, ...]:
        """The whole command of a service; with `log` it writes to that file, and turns it over."""
        logged = () if log is None else ("--log-file", str(log))
        config = () if self.config is None else ("--config", str(self.config))
        return (str(self.python), "-P", "-m", "nightmill", *logged, *arguments, *config)


def here() -> Site:
    """Where services are on this machine, for whoever asks: with launchd always the machine's."""
    is_root = os.getuid() == 0
    if sys.platform == "darwin":
        return Site(manager="launchd", is_root=is_root, folder=Path("/Library/LaunchDaemons"))
    own = Path.home() / ".config" / "systemd" / "user"
    folder = Path("/etc/systemd/system") if is_root else own
    return Site(manager="systemd", is_root=is_root, folder=folder)


def gather(
    settings: "Settings",
    site: Site,
    runner: Runner,
    account: str | None = None,
    *,
    is_named: bool = False,
) -> Facts:
    """The facts of this machine for services that run as `account`, by default whoever asks.

    `is_named` says that the configuration was named for it, with `--config`. Raises `UsageError`
    where root does not say as whom, and where somebody else than root does; and where that user
    has no use for the configuration.
    """
    user = _account(account, is_root=site.is_root)
    is_own = user.pw_uid == os.getuid()
    data_dir = _data_dir(settings, Path(user.pw_dir), is_own=is_own)
    _require_printable("data_dir", data_dir)
    config = _config(settings)
    if config is not None:
        _require_printable("--config", config)
        if not is_own:
            _require_theirs(config, user.pw_name, site, runner, is_named=is_named)
    said = runner(("systemctl", "--version")).said if site.manager == "systemd" else ""
    return Facts(
        site=site,
        version=systemd_version(said) or _OLDEST_SYSTEMD,
        is_running=site.manager == "launchd" or _RUNNING.is_dir(),
        user=user.pw_name,
        home=Path(user.pw_dir),
        python=Path(sys.executable),
        data_dir=data_dir,
        config=config,
    )


def systemd_version(said: str) -> int:
    """The version out of what `systemctl --version` says; 0 where it is not in it."""
    found = re.match(r"systemd (\d+)", said)
    return int(found[1]) if found else 0


def _account(name: str | None, *, is_root: bool) -> pwd.struct_passwd:
    own = pwd.getpwuid(os.getuid())
    if name in (None, own.pw_name):
        if is_root and name is None:
            raise UsageError(
                "As whom shall it run? Say `--as USER`, or give the command as that user."
            )
        return own
    if not is_root:
        raise UsageError(f"Only root can have a service run as {name}: leave `--as` out.")
    try:
        return pwd.getpwnam(str(name))
    except KeyError:
        raise UsageError(f"There is no user {name} on this machine.") from None


def _data_dir(settings: "Settings", home: Path, *, is_own: bool) -> Path:
    if is_own or "data_dir" in settings.model_fields_set:
        return settings.data_dir
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "nightmill"
    return home / ".local" / "share" / "nightmill"


def _require_printable(name: str, path: Path) -> None:
    if not str(path).isprintable():
        raise UsageError(f"expected `{name}` to be printable, got {str(path)!r}; rename it")


def _require_theirs(config: Path, user: str, site: Site, runner: Runner, *, is_named: bool) -> None:
    """Refuse what another user was not given, or cannot read: a service would not even begin."""
    if not is_named:
        raise UsageError(
            f"The configuration here is your own, {config}. Name the one that {user} is to go by"
            " with --config."
        )
    become = ("sudo", "-u") if site.manager == "launchd" else ("runuser", "-u")
    if runner((*become, user, "--", "test", "-r", str(config))).status:
        raise UsageError(
            f"{user} cannot read {config}: put it where they can, such as into a folder of theirs."
        )


def _config(settings: "Settings") -> Path | None:
    if settings.source and not settings.owners_source:
        raise UsageError(
            f"The configuration here is {settings.source}, which a service would not find: name it"
            " with --config, or put it into your configuration folder."
        )
    return Path(settings.owners_source) if settings.owners_source else None
