"""`nightmill dispatch`."""

from nightmill.cli import options
from nightmill.cli.output import print_json, say
from nightmill.cli.signals import Signals


def dispatch(*, json: options.Json = False, config: options.Config = None) -> None:
    """Lead: hand out the jobs of the store to workers, until it is stopped.

    It needs a broker that the workers reach too, as `broker.url`. `run` leads by itself.

    Example: nightmill dispatch --config server.toml
    """
    from nightmill.leading import lead
    from nightmill.setup import read_settings

    def tell_leading(store: str) -> None:
        if json:
            print_json(state="leading", store=store)
        else:
            say(f"Leading the store {store}.")

    with Signals() as signals:
        lead(read_settings(config), tell_leading, signals.check)
