"""The server's services are as closed as they can be, and start what there is."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.architecture.source import ROOT

COMPOSE = ROOT / "compose.yaml"
OURS = {"dispatcher", "monitor", "worker"}
#: Whose image knows no other user than root.
AS_ROOT = {"ollama", "pull"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """As they are written, with what they have in common in its places."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_docker_compose_takes_it_without_a_warning() -> None:
    if shutil.which("docker-compose") is None:
        reason = "docker-compose is not on the PATH"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)

    done = subprocess.run(
        ["docker-compose", "--file", str(COMPOSE), "--profile", "pull", "config"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere"},
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert yaml.safe_load(done.stdout)["services"].keys() == services_written().keys()


def services_written() -> dict[str, Any]:
    written: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return written


def test_all_that_the_design_names_is_there(services: dict[str, Any]) -> None:
    assert services.keys() == {"redis", "postgres", "ollama", "pull"} | OURS


def test_every_image_is_pinned_to_a_patch_release(services: dict[str, Any]) -> None:
    loose = {
        name: service["image"]
        for name, service in services.items()
        if not re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])
    }
    assert loose == {}


def test_redis_is_one_whose_known_holes_are_closed(services: dict[str, Any]) -> None:
    version = tuple(map(int, services["redis"]["image"].partition(":")[2].split(".")))
    # CVE-2026-81934, and with it all that were known in November 2026.
    assert version >= (8, 8, 2)


def test_nothing_is_published_beyond_loopback(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {
        "redis": ["127.0.0.1:6379:6379"],
        "postgres": ["127.0.0.1:5432:5432"],
        "monitor": ["127.0.0.1:5555:5555"],
    }
    assert not any("network_mode" in service for service in services.values())


def test_neither_ollama_nor_its_worker_has_a_way_out(services: dict[str, Any]) -> None:
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    closed = {name for name, network in networks.items() if network.get("internal")}
    for name in ("ollama", "worker", "dispatcher"):
        assert set(services[name]["networks"]) <= closed, name
    assert services["ollama"]["environment"]["OLLAMA_NO_CLOUD"] == "1"


def test_no_service_has_more_rights_than_it_needs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service, name
    assert {n for n, s in services.items() if s.get("user") != "999"} == OURS | AS_ROOT


def test_each_service_that_stays_says_whether_it_is_well(services: dict[str, Any]) -> None:
    staying = services.keys() - {"pull"}
    assert {name for name in staying if "healthcheck" in services[name]} == staying


def test_no_password_stands_in_it(services: dict[str, Any]) -> None:
    secrets = yaml.safe_load(COMPOSE.read_text())["secrets"]
    assert all(secret.keys() == {"file"} for secret in secrets.values())
    for service in services.values():
        assert set(service.get("secrets", ())) <= secrets.keys()
        for variable in service.get("environment", {}):
            assert "PASSWORD" not in variable or variable.endswith("_FILE")


def test_what_has_to_outlive_a_container_is_in_a_volume(services: dict[str, Any]) -> None:
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    mounted = {v.partition(":")[0] for s in services.values() for v in s.get("volumes", ())}
    assert volumes.keys() <= mounted
    assert "postgres:/var/lib/postgresql" in services["postgres"]["volumes"]
    assert "--appendonly yes" in " ".join(services["redis"]["command"])


def test_every_file_that_it_mounts_is_kept(services: dict[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in services.values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    }
    assert mounted
    assert all((ROOT / Path(path)).is_file() for path in mounted)
