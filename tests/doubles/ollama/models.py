"""The models of a daemon, and which of their names mean a machine of somebody else."""

import re
from dataclasses import dataclass

#: From here on a name that ends in `:local` is answered by this machine or not at all, and one with
#: the cloud's suffix needs no pull. Before it, both are parts of the name.
SUFFIXES_SINCE = (0, 18, 0)
STATUS_SINCE = (0, 16, 2)
ALIASES_SINCE = (0, 12, 0)
TRUNCATE_SINCE = (0, 12, 4)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model as it lies on the daemon's disk."""

    name: str
    digest: str = "d1"
    size: int = 2_000_000_000
    family: str = "llama"
    quantization: str = "Q4_K_M"
    context: int = 32768
    capabilities: tuple[str, ...] = ("completion",)
    #: What is built in to read its answers.
    parser: str = ""
    #: A stub of a model that runs elsewhere.
    remote_model: str = ""
    remote_host: str = ""
    #: Whether only `show` says that it is a stub.
    is_hidden_in_tags: bool = False
    #: The stop texts of its Modelfile.
    stops: tuple[str, ...] = ()

    @property
    def remote_fields(self) -> dict[str, str]:
        """As answers, tags and show carry them: left out where empty."""
        fields = {"remote_model": self.remote_model, "remote_host": self.remote_host}
        return {name: value for name, value in fields.items() if value}

    @property
    def details(self) -> dict[str, object]:
        """The `details` of tags and show."""
        return {
            "parent_model": "",
            "format": "gguf",
            "family": self.family,
            "families": [self.family],
            "parameter_size": "3.2B",
            "quantization_level": self.quantization,
        }


_PART = r"[A-Za-z0-9_][\w.-]*"
_NAME = re.compile(rf"({_PART}(:\d+)?/)?({_PART}/)?{_PART}(:{_PART})?", re.ASCII)


def is_valid(name: str) -> bool:
    """Whether it is a name at all: host, owner, model and tag, all but the model left out."""
    return _NAME.fullmatch(name) is not None


def without_suffix(name: str) -> str:
    """The name without what says where it is to run."""
    if is_cloud_name(name):
        return base_name(name)
    return name[: -len(":local")] if name.lower().endswith(":local") else name


def with_tag(name: str) -> str:
    """The full name; a name without a tag means `latest`."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def is_cloud_name(name: str) -> bool:
    """Whether what follows the last colon sends the prompt to the cloud."""
    tag = name.rpartition(":")[2].lower() if ":" in name else ""
    return tag == "cloud" or tag.endswith("-cloud")


def base_name(name: str) -> str:
    """A cloud name without its suffix, as the cloud knows it and answers with."""
    name, _, tag = name.rpartition(":")
    return name if tag.lower() == "cloud" else f"{name}:{tag[: -len('-cloud')]}"
