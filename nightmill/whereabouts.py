"""Where the prompts of a batch were: on this machine alone, or also on others of the owner's."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from jobs.addresses import is_this_machine, parse_address
from jobs.settings import Settings
from nightmill.report import Report


def elsewhere(settings: Settings, report: Report, here: str) -> tuple[str, ...]:
    """The places off this machine, called `here`, that held or got prompts; each once."""
    return tuple(dict.fromkeys(_places(settings, report, here)))


def _places(settings: Settings, report: Report, here: str) -> Iterator[str]:
    store = parse_address(settings.store_url)
    if not store.is_local:
        yield f"the store on {', '.join(sorted(store.hosts))}"
    for host in report.seen_by:
        pool, _, machine = host.partition("@")
        if machine != here:
            yield machine
        elif (server := _server_of(settings, pool)) and not is_this_machine(server):
            yield f"pool {pool} at {server}"
    if report.has_breach:
        yield "where a server sent prompts on, see the failures"


def _server_of(settings: Settings, pool: str) -> str:
    found = settings.pools.get(pool)
    if found is None or found.url is None or found.url.startswith("http+socket:"):
        return ""
    return urlsplit(found.url).hostname or ""
