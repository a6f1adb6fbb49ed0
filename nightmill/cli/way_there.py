"""What to add where the store or the broker does not answer: it may come through a tunnel."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.errors import BrokerError, NightmillError, NoStoreError, OtherVersionError, StoreError

if TYPE_CHECKING:
    from nightmill.dialling import Dialled

#: Whoever says this has answered.
_ANSWERS = (NoStoreError, OtherVersionError)


def way_there(error: Exception, arguments: Sequence[str]) -> list[str]:
    """How the tunnel is through which what has failed is had; nothing where there is none, or
    where that is up. `arguments` are those of the command that ended with `error`.
    """
    if not isinstance(error, StoreError | BrokerError) or isinstance(error, _ANSWERS):
        return []
    try:
        said = _of_tunnel(error, config_of(arguments))
    except NightmillError:
        # What the command has failed with is told; this would only have explained it.
        return []
    return [f"nightmill: {said}"] if said else []


def config_of(arguments: Sequence[str]) -> Path | None:
    """The file that `--config` names."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        option, equals, value = argument.partition("=")
        if option == "--config":
            return Path(value if equals else following)
    return None


def _of_tunnel(error: StoreError | BrokerError, config: Path | None) -> str:
    from nightmill.configured import read_configuration
    from nightmill.dialling import dialled
    from tunnel.brought import is_brought_by

    settings = read_configuration(config)
    url = settings.store_url if isinstance(error, StoreError) else settings.broker_url
    name = next((n for n, each in settings.tunnel.items() if is_brought_by(each, (url,))), None)
    return "" if name is None else _how(dialled(settings, name), config)


def _how(tunnel: "Dialled", config: Path | None) -> str:
    from jobs.tunnels import TunnelState
    from tunnel.control import Request

    answer = tunnel.ask(Request(do="status"))
    comes = f"It comes through tunnel {tunnel.name}, which"
    if answer is None or answer.report is None:
        more = "" if config is None else f" --config {shlex.quote(str(config))}"
        return f"{comes} does not run here: `nightmill tunnel up {tunnel.name}{more}`."
    report = answer.report
    if report.state is TunnelState.UP:
        return ""
    return f"{comes} is {report.state}{report.reason and f': {report.reason}'}"
