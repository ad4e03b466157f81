import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgelet.host import Host
from edgelet_host.cli import main
from tests.cli.processes import Ended

Call = Callable[..., Ended]


@pytest.fixture
def edgelet(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Call:
    """The command line in this process: `edgelet("run", "mistral", "Hi", host=FakeHost(…))`.

    It works in the test's own folder, and stores models there.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGELET_MODELS", str(tmp_path / "models"))
    for variable in ("AI_INFERENCE_API_HOST", "AI_INFERENCE_API_KEY", "EDGELET_DEBUG"):
        monkeypatch.delenv(variable, raising=False)

    def call(*arguments: str | Path, host: Host | None = None, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments], host=host)
        captured = capsys.readouterr()
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call
