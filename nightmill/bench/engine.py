"""What is left of mlx-lm's speed when a batch goes through the whole of Nightmill.

Ours from pending rows to results on the disk; the peer is one call of `batch_generate` with the
same token ids and batch size. Neither side counts the reading of the model. The two take turns in
memory, because a large model is not wanted there twice.
"""

import subprocess
from pathlib import Path

import msgspec

from backends.mlx.models import DEMO_FOLDER, DEMO_NAME
from jobs.errors import StoppedEarlyError, UsageError
from jobs.model import GenerationRequest, Message
from jobs.settings import PoolSettings
from jobs.store import batches
from nightmill.bench.batch import submit_requests
from nightmill.bench.mill import Mill
from nightmill.bench.mlx_process import Spec, Took
from nightmill.bench.options import BenchOptions, OnProgress
from nightmill.bench.places import fsyncs_per_s, workplace
from nightmill.bench.result import BenchResult, Run, combined, judge
from nightmill.bench.stores import NewStore, chosen, kind_of, store_maker
from nightmill.embedded.child import python

ROWS = 256
SLOTS = 32
MAX_TOKENS = 128
HOLD = 0.8
PEER = "mlx_lm.batch_generate in a process of its own, the same token ids, the same batch size"
PEER_HAS = "no text read or made, no rows, no records, no way to go on after a crash"
#: Below this the arithmetic takes less time than everything around it.
TINY_BYTES = 500_000_000
OVERHEAD = "on a model this small the ratio measures the work around the model, not the engine"
