"""The settings of this process; apart from the store, whose opening takes longer to import."""

import os
from pathlib import Path
from typing import Any

from jobs.settings import Settings, load_settings
from nightmill.readiness import Manager


def ssh_agent() -> Path | None:
    """The socket of the user's SSH agent; None where there is none."""
    agent = os.environ.get("SSH_AUTH_SOCK")
    return Path(agent) if agent else None


def read_configuration(
    config: Path | None = None, data_dir: Path | None = None, *, allow_sleep: bool = False
) -> Settings:
    """The settings of this process as they are configured; looks for no server."""
    overrides: dict[str, Any] = {} if data_dir is None else {"data_dir": data_dir}
    if allow_sleep:
        overrides["worker"] = {"allow_sleep": True}
    return load_settings(config, os.environ, Path.cwd(), overrides)


def started_by() -> Manager:
    """What has started this process and waits to hear that it is ready, such as systemd."""
    return Manager(os.environ.get("NOTIFY_SOCKET"))
