"""Safety copies of the configured store, and putting one in its place."""

import time
from pathlib import Path

from pydantic import ValidationError

from jobs.addresses import masked, parse_address
from jobs.errors import UsageError
from jobs.settings import Settings
from jobs.settings_endpoints import StoreSettings
from jobs.store import backing_up, restoring
from jobs.store.backing_up import BackedUp
from jobs.store.duplicate import OnProgress
from jobs.store.engines import parse_url
from jobs.store.restoring import Restored
from jobs.store.store import describe
from jobs.store.usage import in_use
from nightmill.embedded.datadir import DataDir
from nightmill.embedded.lock import holder, services_lock, take


def back_up(
    settings: Settings, file: Path, on_progress: OnProgress, *, is_forced: bool = False
) -> BackedUp:
    """As `backing_up.back_up`, of the configured store."""
    return backing_up.back_up(settings.store_url, file, on_progress, is_forced=is_forced)


def restore(
    settings: Settings, file: Path, on_progress: OnProgress, *, is_replacing: bool
) -> Restored:
    """As `restoring.restore`, in the place of the configured store; not while services run here."""
    data_dir = DataDir(settings.data_dir)
    data_dir.prepare()
    lock = services_lock(data_dir)
    if not take(lock):
        raise UsageError(in_use(describe(parse_url(settings.store_url)), [holder(lock)]))
    try:
        return restoring.restore(
            settings.store_url,
            file,
            on_progress,
            when=time.strftime("%Y-%m-%d-%H%M%S"),
            scratch=data_dir.path,
            is_replacing=is_replacing,
        )
    finally:
        lock.release()


def url_of(word: str, settings: Settings, password_file: Path | None = None) -> str:
    """What opens the store that is named by its URL or the path of its file.

    The configured store has its configured password. Raises `UsageError` for a URL that is none
    or shows a password: whoever uses this machine sees what commands are given.
    """
    url = word if "://" in word else f"sqlite:///{Path(word).absolute()}"
    if url == settings.store.url and password_file is None:
        return settings.store_url
    try:
        found = StoreSettings.model_validate({"url": url, "password_file": password_file})
    except ValidationError as error:
        what = "; ".join(str(each.get("ctx", {}).get("what")) for each in error.errors())
        raise UsageError(f"expected {masked(url)} to be {what}") from None
    address = parse_address(url)
    if address.password is not None or _SECRETS & address.query.keys():
        raise UsageError(
            f"{masked(url)} was given with its password, which everybody on this machine can see."
            " Leave it out, and name a file that holds it with --password-file."
        )
    return str(found.opening_url)


#: Where Postgres also takes a password from: of the user, and of the key of a certificate.
_SECRETS = {"password", "sslpassword"}
