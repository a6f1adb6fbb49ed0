"""What `submit` does, once its options are read."""

import time
from contextlib import closing
from pathlib import Path

from nightmill.cli.outlook import too_late, unserved
from nightmill.cli.output import print_json, say, tell
from nightmill.cli.running import found_in_words, plan_in_words
from nightmill.cli.signals import STOPS, Signals
from nightmill.cli.terminal import Terminal
from nightmill.intake import take_in
from nightmill.looking import look
from nightmill.request import Request
from nightmill.setup import open_store, read_settings


def submit_request(request: Request, config: Path | None, *, json: bool) -> None:
    """Take the input in and print the batch's id; nothing is started."""
    settings = read_settings(config)
    with Terminal(), Signals(*STOPS) as signals, closing(open_store(settings)) as store:
        accepted = take_in(settings, store, request, lambda _lines, _bytes: signals.check())
        status = look(store, accepted.submitted.batch.id)
    done = accepted.submitted
    warnings = [*unserved(status, settings), *too_late(status, settings, time.time())]
    if json:
        print_json(
            id=done.batch.id,
            name=done.batch.name,
            known=done.is_known,
            counts=status.counts,
            new=done.new,
            kept=done.kept,
            changed=done.changed,
            bad_lines=done.bad_lines,
            model=done.batch.model,
            pool=done.batch.pool,
            altered=done.altered,
            unserved=status.unserved,
            warnings=warnings,
        )
        return
    say(*plan_in_words(accepted, request, "the store"), *found_in_words(done, status), *warnings)
    tell(done.batch.id)
