"""The settings of this process; apart from the store, whose opening takes longer to import."""

import os
from pathlib import Path

from jobs.settings import Settings, load_settings


def read_configuration(config: Path | None = None, data_dir: Path | None = None) -> Settings:
    """The settings of this process as they are configured; looks for no server."""
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    return load_settings(config, os.environ, Path.cwd(), overrides)
