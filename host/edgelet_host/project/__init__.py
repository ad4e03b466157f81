"""A project of functions as it lies on disk: its layout, its configuration, its secrets.

Knows folders and files; knows nothing of how functions run, or of who asks them.
"""

from edgelet_host.project.config import AuthConfig, FunctionConfig, ProjectConfig, read_config
from edgelet_host.project.layout import Layout, find_layout

__all__ = [
    "AuthConfig",
    "FunctionConfig",
    "Layout",
    "ProjectConfig",
    "find_layout",
    "read_config",
]
