# `uv run just` lists these; `check` is what CI runs before the tests.

_default:
    @just --list --unsorted

# Format, lint, types, import directions, generated docs
check:
    ruff format --check .
    ruff check .
    mypy
    lint-imports
    python docs/generate.py --check

# Make the code pass what can be mended by machine
fix:
    ruff format .
    ruff check --fix .
    python docs/generate.py

# The quick suite, as README says
test *ARGS:
    pytest {{ARGS}}

# What takes minutes: all crash and kill tests, larger benches
test-long *ARGS:
    pytest -m long {{ARGS}}

# 200 random faults over 10,000 jobs: kill, cut and freeze everything, and judge by a book outside
chaos *ARGS:
    python -m tests.chaos.run {{ARGS}}

# A tunnel cut 500 times: nothing of it may grow, and it has to be back within seconds
soak *ARGS:
    python -m tests.soak.run {{ARGS}}

# Every benchmark of the design, both sides alternating
bench *ARGS:
    nightmill bench queue {{ARGS}}
    nightmill bench leases {{ARGS}}
    nightmill bench latency {{ARGS}}
    nightmill bench fairness {{ARGS}}
    nightmill bench control {{ARGS}}
    nightmill bench backup {{ARGS}}
    nightmill bench copy {{ARGS}}
    nightmill bench engine {{ARGS}}
    nightmill bench ingest {{ARGS}}
    nightmill bench status {{ARGS}}
    nightmill bench ollama {{ARGS}}
    nightmill bench tunnel {{ARGS}}

# Train the demo model again, from the text that the script makes
demo-model:
    python examples/make_demo_model.py
