"""What the system knows of a server's processes."""

from __future__ import annotations

from pathlib import Path


def children(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        if _parent(int(each.name)) == pid:
            found += [int(each.name), *children(int(each.name))]
    return found


def alive(pid: int) -> bool:
    """Whether it runs: one that has ended and is not waited for yet does not."""
    return _state(pid) not in ("", "Z", "X")


def command_line(pid: int) -> str:
    """Its command, as everyone on the machine can see it."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def resident_mb(pid: int) -> float:
    """The memory that it holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def peak_mb(pid: int) -> float:
    """The most memory that it has held."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(each for each in status.splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _state(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
