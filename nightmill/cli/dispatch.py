"""`nightmill dispatch`."""

from nightmill.cli import options
from nightmill.cli.output import print_json, say
from nightmill.cli.signals import Signals


def dispatch(*, json: options.Json = False, config: options.Config = None) -> None:
    """Lead: hand out the jobs of the store to workers, until it is stopped.

    While another one leads the same store, it stands by and takes over when that one is gone. It
    needs a broker that the workers reach too, as `broker.url`. `run` leads by itself.

    Example: nightmill dispatch --config server.toml
    """
    from nightmill.configured import started_by
    from nightmill.leading import lead
    from nightmill.setup import read_settings

    manager = started_by()

    def tell_role(is_leading: bool, where: str) -> None:
        manager.is_ready("leads" if is_leading else f"stands by: {where}")
        if json and is_leading:
            print_json(state="leading", store=where)
        elif json:
            print_json(state="standing by", reason=where)
        else:
            say(f"Leading the store {where}." if is_leading else f"Standing by: {where}.")

    with Signals() as signals:
        lead(read_settings(config), tell_role, signals.check)
