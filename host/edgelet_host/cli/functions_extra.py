"""Whether the packages are there that functions need: those of `edgelet[functions]`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from edgelet.errors import FunctionError

_PACKAGES = (
    "componentize-py",
    "wasmtime",
    "aiohttp",
    "httptools",
    "starlette",
    "uvicorn",
    "watchfiles",
    "pyjwt",
    "python-dotenv",
)


def check_installed() -> None:
    """Raises `FunctionError`, which says how to get what is missing."""
    for package in _PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            raise FunctionError(
                f"running functions needs the package {package}, which is not installed; "
                f'get it with: pip install "edgelet[functions]"'
            ) from None
