"""The double against the reference's account of how prompts leak (2.8)."""

from collections.abc import Callable

import httpx2
import pytest

from tests.doubles.ollama import says
from tests.doubles.ollama.cloud import Cloud
from tests.doubles.ollama.conftest import MakeDaemon
from tests.doubles.ollama.daemon import LLAMA
from tests.doubles.ollama.models import Model, is_cloud_name

Post = Callable[..., httpx2.Response]

SECRET = [{"role": "user", "content": "the secret"}]
STUB = Model(name="private:latest", remote_model="big:120b", remote_host="https://ollama.com")


@pytest.mark.parametrize(
    "name", ["gpt-oss:120b-cloud", "glm:cloud", "glm:CLOUD", "a:b:cloud", "x/y:1b-Cloud"]
)
def test_a_cloud_suffix_leaks_without_a_pull_and_without_a_word(
    make_daemon: MakeDaemon, post: Post, name: str
) -> None:
    daemon = make_daemon()
    answer = post(daemon, "/api/chat", model=name, messages=SECRET).json()
    assert daemon.record.leaked == ["the secret"]
    assert "remote_host" not in answer
    assert answer["model"] != name


@pytest.mark.parametrize("name", ["cloud", "cloud:1b", "my-cloud:latest", "cloudy:cloudy"])
def test_other_names_with_clouds_in_them_do_not(name: str) -> None:
    assert not is_cloud_name(name)


def test_an_alias_leaks_and_the_answer_says_so(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon([STUB])
    answer = post(daemon, "/api/chat", model="private", messages=SECRET).json()
    assert daemon.record.leaked == ["the secret"]
    assert (answer["remote_model"], answer["remote_host"]) == ("big:120b", "https://ollama.com")


def test_before_the_suffix_rule_a_name_had_to_be_pulled(
    make_daemon: MakeDaemon, post: Post
) -> None:
    daemon = make_daemon(version="0.17.7")
    assert post(daemon, "/api/chat", model="glm:cloud", messages=SECRET).status_code == 404
    assert daemon.record.leaked == []


def test_tags_and_show_tell_of_an_alias(make_daemon: MakeDaemon, client: httpx2.Client) -> None:
    daemon = make_daemon([LLAMA, STUB])
    local, stub = client.get(daemon.url + "/api/tags").json()["models"]
    shown = client.post(daemon.url + "/api/show", json={"model": STUB.name}).json()
    assert "remote_host" not in local
    assert stub["remote_host"] == shown["remote_host"] == "https://ollama.com"


def test_local_is_a_promise_from_its_version_on(make_daemon: MakeDaemon, post: Post) -> None:
    new, old = make_daemon([LLAMA, STUB]), make_daemon([LLAMA, STUB], version="0.17.7")

    def status(daemon: object, name: str) -> int:
        return post(daemon, "/api/chat", model=name, messages=SECRET).status_code

    assert status(new, f"{LLAMA.name}:local") == 200
    assert status(new, f"{STUB.name}:local") == 404
    assert status(old, f"{LLAMA.name}:local") == 400
    assert new.record.leaked == old.record.leaked == []


@pytest.mark.parametrize(
    ("version", "disabled", "status"),
    [("0.16.2", True, 200), ("0.33.0", False, 200), ("0.16.1", True, 404)],
)
def test_status_says_whether_the_cloud_is_off_where_there_is_one(
    make_daemon: MakeDaemon, client: httpx2.Client, version: str, disabled: bool, status: int
) -> None:
    daemon = make_daemon(version=version, cloud=Cloud(disabled=disabled))
    answer = client.get(daemon.url + "/api/status")
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["cloud"]["disabled"] is disabled


def test_show_refuses_a_stub_where_the_cloud_is_off(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon([STUB], cloud=Cloud(disabled=True))
    answer = post(daemon, "/api/show", model=STUB.name)
    assert (answer.status_code, answer.json()) == (403, {"error": says.DETAILS_DISABLED})


@pytest.mark.parametrize("name", ["glm:cloud:local", "glm:local:cloud", "glm:local:local"])
def test_a_name_has_one_suffix_at_most(make_daemon: MakeDaemon, post: Post, name: str) -> None:
    daemon = make_daemon()
    answer = post(daemon, "/api/chat", model=name, messages=SECRET)
    assert answer.status_code == 400
    assert "either :local or :cloud" in answer.json()["error"]
    assert daemon.record.leaked == []


def test_a_tag_named_local_is_taken_for_the_suffix(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon([Model(name="mine:local")])
    assert post(daemon, "/api/chat", model="mine:local", messages=SECRET).status_code == 404


def test_an_alias_makes_no_vectors_and_a_suffix_does(make_daemon: MakeDaemon, post: Post) -> None:
    daemon = make_daemon([STUB])
    assert post(daemon, "/api/embed", model=STUB.name, input="the secret").status_code == 404
    assert daemon.record.leaked == []
    assert post(daemon, "/api/embed", model="bge:cloud", input="the secret").status_code == 200
    assert daemon.record.leaked == ["the secret"]
