"""Write `docs/compatibility.md` from the conformance cases.

Run it with `python -m tests.docs.write_compatibility`.
"""

from __future__ import annotations

from pathlib import Path

from tests.conformance.cases import load_cases

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

_BEGINNING = """\
# What differs from Supabase's `Session`

Each row is a case of [the conformance suite](../tests/conformance/compatibility.json), which runs
on every host. *Same* means that code written for Supabase sees no difference.

| case | edgelet |
|---|---|
"""


def page() -> str:
    """The page's text."""
    rows = [f"| {case.case} | {case.label} |" for case in load_cases("compatibility")]
    return _BEGINNING + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), "utf-8")
