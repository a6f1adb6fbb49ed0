"""Headers that every answer gets, Flower's own included."""

from tornado.httputil import HTTPHeaders
from tornado.web import OutputTransform

#: For pages of ours: what they need is in files of ours, and nothing is written into the page.
OURS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
#: For Flower's, which have styles within them.
FLOWERS = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
POLICY = "Content-Security-Policy"

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SafeHeaders(OutputTransform):
    """Lets no other site in, whatever a handler or a variable of Flower's says."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Called by Tornado as an answer begins."""
        _ = finishing
        for name in [name for name in headers if name.lower().startswith("access-control-")]:
            del headers[name]
        headers.pop("Server", None)
        for name, value in _ALWAYS.items():
            headers[name] = value
        headers.setdefault(POLICY, FLOWERS)
        headers.setdefault("Cache-Control", "no-store")
        return status_code, headers, chunk
