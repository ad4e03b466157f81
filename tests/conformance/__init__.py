"""The cases that every host runs, and the judge of what came of them."""

import pytest

# The judge is no test module, but its assertions are to explain themselves as those of one do.
pytest.register_assert_rewrite("tests.conformance.judge")
