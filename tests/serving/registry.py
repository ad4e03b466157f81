"""Whether npm's registry can be reached, which tests of packages need."""

from __future__ import annotations

import httpx2
import pytest


def needs_registry() -> None:
    """Skip the test, with the reason, where the registry cannot be reached."""
    try:
        httpx2.get("https://registry.npmjs.org/ms", timeout=10).raise_for_status()
    except httpx2.HTTPError as error:
        pytest.skip(f"npm's registry cannot be reached: {error}")
