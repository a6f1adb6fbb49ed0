"""Names of models as Ollama reads them, and which of them mean a machine of somebody else."""

#: What follows the last colon of a model that Ollama runs in its cloud.
_CLOUD = "cloud"
_LOCAL = ":local"
_DEFAULT_TAG = "latest"


def full_name(name: str) -> str:
    """The name with its tag: a name without one means `latest`."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:{_DEFAULT_TAG}"


def is_cloud_name(name: str) -> bool:
    """Whether Ollama passes prompts for this name on to its cloud, pulled or not."""
    _, colon, tag = name.rpartition(":")
    tag = tag.strip().casefold()
    return bool(colon) and (tag == _CLOUD or tag.endswith(f"-{_CLOUD}"))


def is_local_name(name: str) -> bool:
    """Whether its tag is what stands behind the names that only this machine answers to.

    Ollama lists a model that somebody named so, and neither runs nor deletes it (0.20.2).
    """
    return name.casefold().endswith(_LOCAL)


def local_name(name: str) -> str:
    """The name by which Ollama answers on its own machine or not at all."""
    return full_name(name) + _LOCAL


def is_same(echoed: str, asked: str) -> bool:
    """Whether an answer comes from the model that was asked, by what it calls itself."""
    return _plain(echoed) == _plain(asked)


def _plain(name: str) -> str:
    return full_name(name.casefold().removesuffix(_LOCAL))
