"""The real child, with an engine that prints in every step and raises on demand."""

import os
from typing import Any

from backends.mlx import child

#: A step raises while a row with this max_tokens is in the batch.
FATAL_MAX_TOKENS = 666


def main() -> None:
    from mlx_lm.generate import BatchGenerator

    real_next = BatchGenerator.next

    def faulty_next(generator: Any) -> Any:
        os.write(1, b"a library's stray print\n")
        if FATAL_MAX_TOKENS in generator._generation_batch.max_tokens:
            raise RuntimeError("a step that fails")
        return real_next(generator)

    BatchGenerator.next = faulty_next
    child.main()


if __name__ == "__main__":
    main()
