"""Limits, grants and functions as values: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgelet.effects import TransportFailed
from edgelet.errors import FunctionError, OptionError
from edgelet_host.sandbox import Function, Grants, Limits, Sandbox, read_function
from edgelet_host.sandbox.folder import NotGranted, read_granted


@pytest.mark.parametrize("name", Limits.__dataclass_fields__)
@pytest.mark.parametrize("value", [0, -1, 1.5, "1", True, None])
def test_a_limit_is_a_whole_number_above_0(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"{name} is .*; expected a whole number above 0"):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("memory", "words"), [(39, "at least 40"), (4096, "above 4095")])
def test_memory_must_be_possible(memory: int, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Limits(memory_limit_mb=memory)


@pytest.mark.parametrize(
    "options",
    [{"workers": 0}, {"concurrent_instances": 0}, {"queue_length": -1}, {"reuse": "always"}],
)
def test_a_sandbox_needs_sane_options(options: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        Sandbox(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "**",
        "*.",
        "*:443",
        "a*.example.com",
        "http://example.com",
        "a/b",
        "u@h",
        "h:port",
        "h:0x1",
    ],
)
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(OptionError, match="expected a host such as"):
        Grants(env={}, allow_hosts=(entry,))


async def test_every_public_host_can_be_granted_and_no_private_one_with_it() -> None:
    network = Grants(env={}, allow_hosts=("*",)).network

    assert await network.address("http://1.1.1.1/") == "1.1.1.1"
    with pytest.raises(TransportFailed, match=r"10\.0\.0\.5, which is no public address"):
        await network.address("http://10.0.0.5/")
    with pytest.raises(TransportFailed, match="no public address"):
        await network.address("http://localhost/")


def test_only_where_the_inference_host_is_is_granted_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AI_INFERENCE_API_HOST", "http://127.0.0.1:11434")
    monkeypatch.delenv("AI_INFERENCE_API_KEY", raising=False)
    monkeypatch.setenv("SECRET", "s3cret")

    assert Grants().env == {"AI_INFERENCE_API_HOST": "http://127.0.0.1:11434"}
    assert "11434" not in repr(Grants())


def test_a_folder_is_a_function_with_its_modules_and_packages(tmp_path: Path) -> None:
    folder = tmp_path / "hello"
    for name in ("main.py", "words.py", "greetings/__init__.py", "greetings/formal.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n")
    (folder / "not-a-module.py").touch()
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "secret.py").touch()
    (folder / "linked.py").symlink_to("/etc/hostname")

    function = read_function(folder)

    assert function.name == "hello"
    assert [(each.name, each.is_package) for each in function.modules] == [
        ("main", False),
        ("words", False),
        ("greetings", True),
        ("greetings.formal", False),
    ]


def test_a_changed_source_is_another_function(tmp_path: Path) -> None:
    one, other = Function.of_source("a = 1"), Function.of_source("a = 2")

    assert one.key != other.key
    assert one.key == Function.of_source("a = 1").key


def test_a_folder_without_main_is_no_function(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match=r"it has no main\.py"):
        read_function(tmp_path)


def test_a_source_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_bytes(b"\xff")
    with pytest.raises(FunctionError, match=r"main\.py cannot be read"):
        read_function(tmp_path)


@pytest.fixture
def granted(tmp_path: Path) -> Path:
    folder = tmp_path / "granted"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "words.txt").write_text("inside")
    (tmp_path / "secret.txt").write_text("outside")
    (folder / "link").symlink_to("../secret.txt")
    (folder / "up").symlink_to("..")
    (folder / "circle").symlink_to("circle")
    (folder / "fine").symlink_to("below/words.txt")
    return folder


@pytest.mark.parametrize("path", ["below/words.txt", "/below/words.txt", "fine", "./below/../fine"])
def test_files_below_the_granted_folder_are_there(granted: Path, path: str) -> None:
    assert read_granted(str(granted), path) == b"inside"


@pytest.mark.parametrize(
    "path",
    [
        "link",
        "up/secret.txt",
        "../secret.txt",
        "below/../../secret.txt",
        "circle",
        "nothing",
        "below",
        "",
        "/",
        "a\x00b",
        "/etc/passwd",
        "//etc/passwd",
    ],
)
def test_nothing_else_is_there(granted: Path, path: str) -> None:
    with pytest.raises(NotGranted, match="absent"):
        read_granted(str(granted), path)


def test_without_a_folder_no_file_is_there() -> None:
    with pytest.raises(NotGranted):
        read_granted(None, "/etc/passwd")
