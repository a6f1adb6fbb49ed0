"""The ways in which a prompt could leave: each a daemon, an environment and a request."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.doubles.ollama import faults
from tests.doubles.ollama.cloud import CLOUD, Cloud
from tests.doubles.ollama.daemon import LLAMA, Daemon
from tests.doubles.ollama.faults import Fault
from tests.doubles.ollama.models import Model

#: An address that nobody has, for everything that would be somebody else's machine.
ELSEWHERE = "203.0.113.9"

STUB = Model(name="private:latest", digest="d2", remote_model="big:120b", remote_host=CLOUD)
EMBED_STUB = Model(name="vectors:latest", remote_model="vectors", remote_host=CLOUD)
#: A stub that the list of models does not tell from the others.
HIDDEN = Model(
    name="private:latest", remote_model="big:120b", remote_host=CLOUD, is_hidden_in_tags=True
)

#: How a request ends: the answer of this machine, or an error's code.
ANSWERED = "answered"
#: The pool does not open, so that nothing is asked.
CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to leak, and how it has to end."""

    ends: str
    model: str = LLAMA.name
    endpoint: str = "chat"
    models: tuple[Model, ...] = (LLAMA, STUB)
    version: str = "0.33.0"
    cloud: Cloud = field(default_factory=Cloud)
    #: What the environment of the process says.
    environ: dict[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    #: What a path of the daemon answers instead.
    broken: dict[str, Fault] = field(default_factory=dict)
    #: What happens to the daemon between opening and asking.
    then: Callable[[Daemon], None] | None = None
    schema: dict[str, object] | None = None
    #: Whether the prompt may get to the daemon: where only its answer betrays it.
    may_reach_daemon: bool = False


def _remake_as_stub(digest: str) -> Callable[[Daemon], None]:
    def remake(daemon: Daemon) -> None:
        stub = Model(name=LLAMA.name, digest=digest, remote_model="big", remote_host=CLOUD)
        daemon.models[LLAMA.name] = stub

    return remake


def _switch_cloud_on_and_remake(daemon: Daemon) -> None:
    daemon.cloud = Cloud()
    _remake_as_stub("d9")(daemon)


def _go_back_to_an_old_version(daemon: Daemon) -> None:
    daemon.version = "0.15.0"
    _remake_as_stub("d1")(daemon)


def _proxies(scheme: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, f"{scheme}://{ELSEWHERE}:3128")


def _redirect(status: int, to: str) -> dict[str, Fault]:
    return {"/api/chat": faults.redirect(status, to)}


_REMOTE_LINE = faults.answered_remotely(LLAMA.name)
_OTHER_NAME = faults.Streams(
    lines=(faults.line("hello", model="big:120b", done=True, done_reason="stop", eval_count=1),)
)
_REMOTE_VECTOR = faults.Answers(
    body=b'{"model":"vectors","remote_host":"https://ollama.com","embeddings":[[1.0]]}'
)
_EMBEDDER = Model(name="vectors:latest", capabilities=("embedding",))
_OFF = Cloud(disabled=True)
_ANYWHERE = f"http://{ELSEWHERE}/api/chat"

CASES: dict[str, Case] = {
    "nothing special": Case(ends=ANSWERED, may_reach_daemon=True),
    # Names that go to the cloud without a pull
    **{
        f"name {name!r}": Case(model=name, ends="privacy")
        for name in (
            "gpt-oss:120b-cloud",
            "glm-4.6:cloud",
            "glm-4.6:CLOUD",
            "gpt-oss:120B-Cloud",
            "library/qwen3-coder:480b-cloud",
            "registry.ollama.ai/library/glm:cloud",
            "a:b:cloud",
            "kimi-k2:cloud ",
            f"http://{ELSEWHERE}/glm:cloud",
        )
    },
    "a cloud name behind a local one": Case(model="glm-4.6:cloud:local", ends="unknown_model"),
    "a cloud name that was pulled": Case(
        model="glm-4.6:cloud", models=(LLAMA, Model(name="glm-4.6:cloud")), ends="privacy"
    ),
    "a cloud name with the cloud off": Case(model="glm-4.6:cloud", cloud=_OFF, ends="privacy"),
    # Names that look like addresses
    "a URL for a name": Case(model=f"http://{ELSEWHERE}/llama", ends="unknown_model"),
    "a registry for a name": Case(model="hf.co/someone/Llama-GGUF:Q4", ends="unknown_model"),
    "a host for a name": Case(model=f"{ELSEWHERE}:11434/me/llama", ends="unknown_model"),
    "a model that is not there": Case(model="llama9:1b", ends="unknown_model"),
    # Names that look local
    "a stub": Case(model="private:latest", ends="privacy"),
    "a stub without its tag": Case(model="private", ends="privacy"),
    "a stub in capitals": Case(model="Private:Latest", ends="unknown_model"),
    "a stub that only show tells of": Case(model="private", models=(LLAMA, HIDDEN), ends="privacy"),
    "a stub with the cloud off": Case(model="private", cloud=_OFF, ends="privacy"),
    "a stub of another host": Case(
        model="private:latest",
        models=(Model(name="private:latest", remote_model="x", remote_host=f"http://{ELSEWHERE}"),),
        cloud=Cloud(remotes=(ELSEWHERE,)),
        ends="privacy",
    ),
    "a stub for vectors": Case(
        model="vectors", models=(EMBED_STUB,), endpoint="embeddings", ends="privacy"
    ),
    "a model that becomes a stub": Case(then=_remake_as_stub("d9"), ends="unknown_model"),
    "a model that becomes a stub of the same digest": Case(
        then=_remake_as_stub("d1"), ends="unknown_model"
    ),
    # Daemons that promise nothing
    "an old daemon without a status": Case(version="0.16.1", ends=CLOSED),
    "an old daemon without a status or aliases": Case(version="0.12.4", ends=CLOSED),
    "a daemon from before the cloud": Case(version="0.11.0", ends=CLOSED),
    "an old daemon with the cloud on": Case(version="0.17.7", ends=CLOSED),
    "a candidate of the version that promises": Case(version="0.18.0-rc0", ends=CLOSED),
    "a build by hand": Case(version="0.0.0", ends=CLOSED),
    "an old daemon with the cloud off": Case(
        version="0.17.7", cloud=_OFF, ends=ANSWERED, may_reach_daemon=True
    ),
    "an old daemon whose status is a page": Case(
        version="0.17.7", cloud=_OFF, broken={"/api/status": faults.html()}, ends=CLOSED
    ),
    "an old daemon whose status is no answer": Case(
        version="0.17.7",
        cloud=_OFF,
        broken={"/api/status": faults.Answers(body=b'{"cloud":{"disabled":"yes"}}')},
        ends=CLOSED,
    ),
    "an old daemon that switches the cloud on": Case(
        version="0.17.7", cloud=_OFF, then=_switch_cloud_on_and_remake, ends="backend_failed"
    ),
    "a daemon that goes back to an old version": Case(
        then=_go_back_to_an_old_version, ends="unknown_model"
    ),
    "a list of models that leads elsewhere": Case(
        broken={"/api/tags": faults.redirect(302, f"http://{ELSEWHERE}/api/tags")}, ends=CLOSED
    ),
    # What the environment says
    "OLLAMA_HOST": Case(environ={"OLLAMA_HOST": ELSEWHERE}, ends=ANSWERED, may_reach_daemon=True),
    "OLLAMA_HOST with a URL": Case(
        environ={"OLLAMA_HOST": "https://ollama.com:443"}, ends=ANSWERED, may_reach_daemon=True
    ),
    "OLLAMA_API_KEY": Case(environ={"OLLAMA_API_KEY": "k"}, ends=ANSWERED, may_reach_daemon=True),
    "HTTP_PROXY": Case(
        environ=_proxies("http", "HTTP_PROXY", "http_proxy"), ends=ANSWERED, may_reach_daemon=True
    ),
    "HTTPS_PROXY": Case(
        environ=_proxies("http", "HTTPS_PROXY", "https_proxy"),
        ends=ANSWERED,
        may_reach_daemon=True,
    ),
    "ALL_PROXY": Case(
        environ=_proxies("socks5", "ALL_PROXY", "all_proxy"), ends=ANSWERED, may_reach_daemon=True
    ),
    "NO_PROXY that names nobody": Case(
        environ={**_proxies("http", "HTTP_PROXY", "ALL_PROXY"), "NO_PROXY": "", "no_proxy": ""},
        ends=ANSWERED,
        may_reach_daemon=True,
    ),
    # Answers that lead elsewhere
    **{
        f"a redirect {status}": Case(broken=_redirect(status, _ANYWHERE), ends="privacy")
        for status in (301, 302, 303, 307, 308)
    },
    "a redirect without a scheme": Case(
        broken=_redirect(307, f"//{ELSEWHERE}/api/chat"), ends="privacy"
    ),
    "a redirect to a name": Case(
        broken=_redirect(308, "https://ollama.com/api/chat"), ends="privacy"
    ),
    # Not at loading, but with the prompt
    "a redirect of the prompt alone": Case(
        faults=(faults.redirect(307, _ANYWHERE),), ends="privacy", may_reach_daemon=True
    ),
    # Answers that betray what happened
    "remote fields in an answer": Case(
        faults=(_REMOTE_LINE,), ends="privacy", may_reach_daemon=True
    ),
    "another model's name in an answer": Case(
        faults=(_OTHER_NAME,), ends="privacy", may_reach_daemon=True
    ),
    "remote fields beside a vector": Case(
        model="vectors",
        models=(_EMBEDDER,),
        endpoint="embeddings",
        faults=(_REMOTE_VECTOR,),
        ends="privacy",
        may_reach_daemon=True,
    ),
    # What a request itself may name
    "a schema that refers elsewhere": Case(
        schema={"type": "string", "$ref": f"http://{ELSEWHERE}/schema.json"},
        ends=ANSWERED,
        may_reach_daemon=True,
    ),
    "a schema that calls itself from elsewhere": Case(
        schema={"$id": "https://ollama.com/schema", "type": "string"},
        ends=ANSWERED,
        may_reach_daemon=True,
    ),
}
