"""How model servers are talked to."""

from backends.http.client import Reply
from backends.http.failures import LostError, StatusError
from backends.http.server import ModelServer

__all__ = ["LostError", "ModelServer", "Reply", "StatusError"]
