"""Make the passwords of the server, once: sudo python3 examples/two-machines/make_secrets.py

Into the folder `secrets` beside compose.yaml, readable by the user of the containers alone.
"""

import argparse
import hashlib
import os
import secrets
from pathlib import Path

#: Who every service of compose.yaml runs as.
OWNER = 999
FOLDER = Path(__file__).parents[2] / "secrets"

#: Nothing but our own keys, and nothing that looks after the server or empties it. All channels:
#: a pattern that somebody listens to has to stand in the list letter by letter.
ACL = """\
user default off
user nightmill on #{digest} ~nightmill:* allchannels +@all -@admin -@dangerous
"""


def main() -> None:
    """Make them all; what is there already is never made anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to (secrets)")
    parser.add_argument("--owner", type=int, default=OWNER, help="number of their user (999)")
    args = parser.parse_args()

    try:
        args.folder.mkdir(mode=0o700)
    except FileExistsError:
        parser.error(f"{args.folder} is there already; its passwords are in use")
    for name, secret in made().items():
        write(args.folder / name, secret, args.owner)
    print(f"Made the passwords in {args.folder}.")


def made() -> dict[str, str]:
    """New contents of each file."""
    # Without anything that a URL or a shell would read in its own way.
    passwords = {
        name: secrets.token_hex(24)
        for name in ("postgres_password", "redis_password", "monitor_password")
    }
    digest = hashlib.sha256(passwords["redis_password"].encode()).hexdigest()
    return {**passwords, "redis_acl": ACL.format(digest=digest)}


def write(path: Path, secret: str, owner: int) -> None:
    """Write a file that nobody else can read at any time."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        os.fchown(fd, owner, -1)
        file.write(secret)


if __name__ == "__main__":
    main()
