"""The settings of this process; apart from the store, whose opening takes longer to import."""

import os
from collections.abc import Mapping
from pathlib import Path

from jobs.settings import Settings, load_settings
from nightmill.discovery import find_servers


def read_settings(
    config: Path | None = None,
    data_dir: Path | None = None,
    found: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of this process, from its environment and current folder.

    Where they name no pools, those of the servers on this machine are among them. `found` are
    the servers that were found by whoever started this process; None is to look.
    """
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    settings = load_settings(config, os.environ, Path.cwd(), overrides)
    return settings.with_found(find_servers(settings) if found is None else found)
