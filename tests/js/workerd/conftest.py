"""Workers that several tests ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.js.workerd.workerd import (
    NEWEST,
    OLDEST,
    Compatibility,
    Worker,
    bundle_worker,
    serve_worker,
)


@pytest.fixture(scope="session")
def complete(project: Path) -> Path:
    """The script of the Worker with all that edgelet offers."""
    return bundle_worker("complete", project)


@pytest.fixture(scope="module", params=[OLDEST, NEWEST], ids=lambda each: each.date)
def worker(request: pytest.FixtureRequest, complete: Path, models: Path) -> Iterator[Worker]:
    """That Worker, running, for the oldest and the newest kind of workerd."""
    compatibility: Compatibility = request.param
    with serve_worker(complete, models, compatibility) as worker:
        yield worker


@pytest.fixture
def fresh_worker(complete: Path, models: Path) -> Iterator[Worker]:
    """That Worker, which has not answered anything yet."""
    with serve_worker(complete, models, NEWEST) as worker:
        yield worker
