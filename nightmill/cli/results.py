"""`nightmill results`."""

from contextlib import closing, nullcontext

from nightmill.cli import options
from nightmill.cli.output import print_json, say, standard_output


def results(
    batch: options.BatchId,
    *,
    output: options.Output = None,
    form: options.Format = None,
    only: options.Only = None,
    force: options.Force = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Write the answers that a batch has, also while it runs.

    Example: nightmill results b-0193 -o so-far.jsonl

    Example: nightmill results b-0193 --only failed -o failed.csv
    """
    from jobs.errors import UsageError
    from nightmill.delivery import deliver, refuse_foreign
    from nightmill.looking import look
    from nightmill.setup import open_store, read_settings
    from producer.output_file import check_place
    from producer.writers import note_on_ending

    if json and output is None:
        raise UsageError(options.NO_ROOM_FOR_JSON)
    check_place(output, form)
    with closing(open_store(read_settings(config))) as store:
        found = look(store, batch)
        if not force:
            refuse_foreign(output, found)
        with standard_output() if output is None else nullcontext():
            written = deliver(store, found.id, output, form, only)
    if json:
        print_json(id=found.id, rows=written, output=str(output))
    elif output is not None:
        say(*filter(None, [note_on_ending(output)]))
        say(f"{written:,} of {found.total:,} rows → {output}")
