"""What commands print with `--json`, held to the schema that is written down for programs."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

PAGE = Path(__file__).parents[2] / "docs" / "output.schema.json"
SCHEMA = json.loads(PAGE.read_text("utf-8"))


def check_printed(command: str, printed: Any) -> None:
    """Fail where the object that a command has printed is not as the schema says."""
    schema = {"$ref": f"#/$defs/{command}", "$defs": SCHEMA["$defs"]}
    faults = [f"{fault.json_path}: {fault.message}" for fault in _validator(schema, printed)]
    assert faults == [], f"{command} --json is not as {PAGE.name} has it: {faults}"


def _validator(schema: dict[str, Any], printed: Any) -> Any:
    return Draft202012Validator(schema).iter_errors(printed)
