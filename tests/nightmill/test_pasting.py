"""Commands that are named to people."""

from pathlib import Path

from nightmill.cli.pasting import with_config

SAID = "Pin it: `nightmill tunnel trust home`. It is in `key_file`; see `ssh-keygen`."


def test_commands_go_by_the_file_that_was_given() -> None:
    [said] = with_config([SAID], Path("my mill.toml"))
    assert said == (
        "Pin it: `nightmill tunnel trust home --config 'my mill.toml'`. It is in `key_file`; see "
        "`ssh-keygen`."
    )


def test_without_one_they_stand_as_they_are() -> None:
    assert with_config([SAID], None) == [SAID]
