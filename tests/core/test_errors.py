import copy
import pickle

import pytest

import edgelet
from edgelet import errors


def test_every_error_of_the_tree_is_an_edgelet_error_and_public() -> None:
    names = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    ]

    assert all(issubclass(getattr(errors, name), edgelet.EdgeletError) for name in names)
    assert set(names) <= set(edgelet.__all__)


def test_the_drawn_tree_names_every_error() -> None:
    assert all(name in (errors.__doc__ or "") for name in edgelet.__all__ if name in vars(errors))


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.OptionError, ValueError),
        (errors.TextTooLong, ValueError),
        (errors.ConnectionFailed, ConnectionError),
        (errors.ConnectTimeout, TimeoutError),
        (errors.FirstChunkTimeout, TimeoutError),
        (errors.BetweenChunksTimeout, TimeoutError),
        (errors.TotalTimeout, TimeoutError),
    ],
)
def test_an_error_is_also_the_builtin_that_people_catch(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)


def test_a_deadline_error_says_which_limit_fired() -> None:
    error = errors.BetweenChunksTimeout(1.5)

    assert error.option == "between_chunks_timeout"
    assert str(error) == (
        "waited 1.5 s for the next chunk of the answer; allow more with between_chunks_timeout="
    )


def test_an_abort_names_its_reason_if_it_has_one() -> None:
    assert str(errors.Aborted("tab closed")) == "the call was aborted: tab closed"
    assert str(errors.Aborted()) == "the call was aborted"


@pytest.mark.parametrize(
    "error",
    [
        errors.OptionError("wrong"),
        errors.TextTooLong(3, 256, "gte-small"),
        errors.InferenceHostError(404, "no such model", "body"),
        errors.Aborted("enough"),
        errors.TotalTimeout(1.5),
    ],
)
def test_an_error_survives_copying_and_pickling(error: edgelet.EdgeletError) -> None:
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)
