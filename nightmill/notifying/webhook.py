"""Posting a message to an address that the owner has named, and to no other."""

import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from nightmill.notifying.message import Message, NotSentError

#: Seconds for which each step of it may take.
TIMEOUT_S = 10.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would tell somebody whom the owner has not named."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


class Webhook:
    """An address that takes messages as JSON."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._key = key
        # Not through a proxy of the environment, for the same reason.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    def send(self, message: Message) -> None:
        """Post it. Raises `NotSentError` for any answer but a success."""
        headers = {"Content-Type": "application/json", "User-Agent": "nightmill"}
        if self._key is not None:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(  # noqa: S310  (its scheme was checked)
            self._url, data=message.as_json(), headers=headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise NotSentError(f"the webhook answered with {error.code}") from None
        except (OSError, HTTPException) as error:
            raise NotSentError(f"the webhook does not answer ({type(error).__name__})") from None
