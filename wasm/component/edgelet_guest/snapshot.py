"""What a component's snapshot holds: a guest that has imported, read and warmed all it can.

It is made once, when the component is built; a module that is not imported here does not exist
later.
"""

from __future__ import annotations

import gc
import os
import sys

import edgelet.tokenizer  # noqa: F401 (core imports it with the first model)
from edgelet.host import use_host
from edgelet_guest.guest import Guest
from edgelet_guest.modules import forget
from edgelet_guest.standard_library import import_all
from edgelet_guest.warming import FakeImports, warm


def warmed_guest(function: str, tokenizer_json: bytes | None = None) -> Guest:
    """A guest that has run `function`, and knows that tokenizer. Connect it to imports."""
    import_all()
    fake = FakeImports(tokenizer_json or b"")
    guest = Guest(fake, {} if tokenizer_json is None else {fake.digest: tokenizer_json})
    guest.using.enter_context(use_host(guest.host))
    sys.meta_path[:] = [guest.finder]  # there are no files, and all else is imported
    before = set(sys.modules)
    warm(guest, fake, function)
    forget(before)
    del guest.loaded
    return guest


def freeze() -> None:
    """Make what there is the beginning of every instance."""
    os.environ.clear()
    gc.collect()
    gc.freeze()
