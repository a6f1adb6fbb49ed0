"""Score the answers to `tickets.jsonl`: python examples/score.py labels.jsonl --at-least 0.95"""

import argparse
import json
import sys
from pathlib import Path


def main() -> int:
    """Print the share of right answers; exit with 1 if it is below the one asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("answers", type=Path, help="what `nightmill run` wrote")
    parser.add_argument("--at-least", type=float, default=0.0, help="share of right answers, 0..1")
    args = parser.parse_args()

    rows = [json.loads(line) for line in args.answers.read_text("utf-8").splitlines()]
    right = sum(is_right(row) for row in rows)
    share = right / len(rows) if rows else 0.0
    print(f"{right} of {len(rows)} right ({share:.1%})")
    return 0 if share >= args.at_least else 1


def is_right(row: dict[str, object]) -> bool:
    """Whether the answer is JSON and equals what was expected."""
    try:
        return bool(json.loads(str(row["response"])) == row["expected"])
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(main())
