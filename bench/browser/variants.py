"""What is measured, and what is compared with what: data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Variant:
    """One library in one setting; `options` go to its adapter, `adapters/<library>.html`."""

    name: str
    library: Literal["edgelet", "transformers"]
    options: Mapping[str, Any] = field(default_factory=dict)
    thorough: bool = True
    """Measured in every round; else once, because it only shows what the other setting costs."""


VARIANTS = (
    Variant("edgelet", "edgelet"),
    Variant("transformers.js", "transformers"),
    Variant("edgelet, snapshot", "edgelet", {"snapshot": True}),
    Variant("transformers.js, small engine", "transformers", {"engine": ""}),
    Variant("edgelet fp32", "edgelet", {"precision": "fp32"}, thorough=False),
    Variant("transformers.js fp32", "transformers", {"dtype": "fp32"}, thorough=False),
)
"""Without options a library is as it comes: edgelet in int8, in a worker; transformers.js in q8
(8 bits, dynamic), on the page, with the engine that can do WebGPU as well. The *small engine* is
the one that edgelet uses, too; transformers.js takes it when its paths are set by hand."""

COMPARISONS = (
    ("edgelet", "transformers.js"),
    ("edgelet, snapshot", "transformers.js"),
    ("edgelet", "transformers.js, small engine"),
    ("edgelet fp32", "transformers.js fp32"),
)
