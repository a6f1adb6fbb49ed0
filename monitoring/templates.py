"""Flower's templates and ours; in Flower's, our pages are in the bar and no script is inline."""

import re
from collections.abc import Sequence
from pathlib import Path

from tornado.escape import xhtml_escape
from tornado.template import Loader, Template

from monitoring.pages.page import Page

OURS = Path(__file__).parent / "templates"

#: Where the entries of Flower's bar begin.
_BEGINS = re.compile(rb'<ul class="app-nav navbar-nav">')
#: The one script within a page of Flower's, which our policy would not let run.
_INLINE = re.compile(rb"<script[^>]*>\s*var autorefresh = [^<]*</script>")
_INLINE_INSTEAD = b'<script src="/nightmill/flower.js"></script>'


class Templates(Loader):
    """Finds a template of ours before one of Flower's."""

    def __init__(self, flowers: str, pages: Sequence[Page]) -> None:
        super().__init__(flowers)
        self._entries = "".join(map(_entry, pages)).encode()

    def _create_template(self, name: str) -> Template:
        ours = OURS / name
        path = ours if ours.is_file() else Path(self.root) / name
        return Template(self._changed(name, path.read_bytes()), name=name, loader=self)

    def _changed(self, name: str, text: bytes) -> bytes:
        match name:
            case "navbar.html":
                return replaced(text, _BEGINS, rb"\g<0>" + self._entries)
            case "workers.html":
                return replaced(text, _INLINE, _INLINE_INSTEAD)
            case _:
                return text


def replaced(text: bytes, old: re.Pattern[bytes], new: bytes) -> bytes:
    """The text with one thing replaced; raises `LookupError` where Flower has it no more."""
    changed, times = old.subn(new, text)
    if times != 1:
        raise LookupError(f"expected Flower's template to have {old.pattern!r} once, got {times}")
    return changed


def _entry(page: Page) -> str:
    active = f"{{% if active_tab == '{page.slug}' %}}"
    return (
        f'<li class="nav-item"><a href="/{page.slug}" '
        f'class="nav-link{active} active{{% end %}}"'
        f'{active} aria-current="page"{{% end %}}>{xhtml_escape(page.title)}</a></li>'
    )
