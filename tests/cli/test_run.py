import json

import pytest

from edgelet.models import PRECISIONS
from edgelet.testing import FakeHost, FakeResponse
from edgelet_host.cli.parameters import PrecisionName
from edgelet_host.cli.vectors import json_vector
from tests.cli.conftest import Call

OLLAMA_HEAD = {"content-type": "application/x-ndjson"}


def streamed(*objects: object) -> FakeResponse:
    chunks = [json.dumps(each).encode() + b"\n" for each in objects]
    return FakeResponse(chunks, headers=OLLAMA_HEAD)


def test_an_embedding_goes_to_a_pipe_as_one_json_array(edgelet: Call) -> None:
    ended = edgelet("run", "gte-small", "Hello world", host=FakeHost(dimensions=4))
    vector = json.loads(ended.out)
    assert ended.code == 0
    assert len(vector) == 4
    assert sum(value * value for value in vector) == pytest.approx(1.0)


def test_every_float32_survives_as_json() -> None:
    from array import array

    values = array("f", [1 / 3, -1e-30, 3.4e38, 0.1, 16777217.0])
    assert array("f", json.loads(json_vector(values))) == values


def test_the_text_may_come_from_stdin_without_its_last_line_end(edgelet: Call) -> None:
    host = FakeHost(reply="Hi")
    for arguments in (["mistral"], ["mistral", "-"]):
        edgelet("run", *arguments, host=host, stdin="zwei\nZeilen ü\n".encode())
    assert [json.loads(request.body)["prompt"] for request in host.requests] == [
        "zwei\nZeilen ü"
    ] * 2


def test_stdin_that_is_not_utf_8_is_refused(edgelet: Call) -> None:
    ended = edgelet("run", "mistral", host=FakeHost(), stdin=b"\xff")
    assert ended.code == 1
    assert "UTF-8" in ended.err


def test_token_rows_are_an_array_of_arrays(edgelet: Call) -> None:
    ended = edgelet(
        "run", "gte-small", "one two", "--no-mean-pool", "--no-normalize", host=FakeHost()
    )
    rows = json.loads(ended.out)
    assert [len(row) for row in rows] == [8] * 4
    assert sum(value * value for value in rows[0]) != pytest.approx(1.0)


def test_the_precision_is_passed_on_and_a_wrong_one_is_a_usage_error(edgelet: Call) -> None:
    assert PrecisionName.__args__ == PRECISIONS  # type: ignore[attr-defined]
    assert edgelet("run", "gte-small", "x", "--precision", "q8", host=FakeHost()).code == 0
    assert edgelet("run", "gte-small", "x", "--precision", "fp8", host=FakeHost()).code == 2


def test_a_language_models_text_is_printed_with_one_line_end(edgelet: Call) -> None:
    for reply in ("Hello there", "Hello there\n"):
        ended = edgelet("run", "mistral", "Hi", host=FakeHost(reply=reply))
        assert ended == type(ended)(0, "Hello there\n")


def test_streaming_prints_the_same_text(edgelet: Call) -> None:
    host = FakeHost(reply="one two three")
    assert edgelet("run", "mistral", "Hi", "--stream", host=host).out == "one two three\n"
    assert json.loads(host.requests[0].body)["stream"] is True


def test_off_a_terminal_nothing_is_streamed_unless_asked_for(edgelet: Call) -> None:
    host = FakeHost(reply="one two")
    edgelet("run", "mistral", "Hi", host=host)
    assert json.loads(host.requests[0].body)["stream"] is False


def test_json_prints_the_servers_own_objects(edgelet: Call) -> None:
    whole = edgelet("run", "mistral", "Hi", "--json", host=FakeHost(reply="one two"))
    assert json.loads(whole.out) == {"response": "one two", "done": True}
    lines = edgelet("run", "mistral", "Hi", "--json", "--stream", host=FakeHost(reply="one two"))
    assert [json.loads(line)["response"] for line in lines.out.splitlines()] == ["one ", "two"]


def test_json_escapes_what_utf_8_cannot_carry(edgelet: Call) -> None:
    host = FakeHost(responses=[streamed({"response": "\ud800é", "done": True})])
    ended = edgelet("run", "mistral", "Hi", "--json", "--stream", host=host)
    assert json.loads(ended.out)["response"] == "\ud800é"


def test_the_openai_dialect_is_spoken_on_demand(edgelet: Call) -> None:
    host = FakeHost(reply="Hello there")
    ended = edgelet("run", "gpt", "Hi", "--mode", "openaicompatible", "--stream", host=host)
    assert ended.out == "Hello there\n"
    assert host.requests[0].url.endswith("/v1/chat/completions")


def test_an_end_other_than_stop_is_said_on_stderr(edgelet: Call) -> None:
    cut_off = {"response": "and then", "done": True, "done_reason": "length"}
    ended = edgelet(
        "run", "mistral", "Hi", "--stream", host=FakeHost(responses=[streamed(cut_off)])
    )
    assert ended.out == "and then\n"
    assert ended.err == "finish reason: length\n"


def test_an_answer_that_breaks_off_is_shown_before_the_error(edgelet: Call) -> None:
    host = FakeHost(responses=[streamed({"response": "Once upon", "done": False})])
    ended = edgelet("run", "mistral", "Hi", "--stream", host=host)
    assert (ended.code, ended.out) == (1, "Once upon\n")
    assert ended.err.startswith("error: ")


def test_fields_of_the_request_are_json_or_text(edgelet: Call) -> None:
    host = FakeHost(reply="Hi")
    edgelet(
        "run", "mistral", "Hi", "--set", 'options={"seed":1}', "--set", "system=be brief",
        "--set", "raw=true", "--set", "suffix=a=b", host=host,
    )  # fmt: skip
    body = json.loads(host.requests[0].body)
    assert body["options"] == {"seed": 1}
    assert body["system"] == "be brief"
    assert body["raw"] is True
    assert body["suffix"] == "a=b"


@pytest.mark.parametrize("assignment", ["temperature", "=1", "stream=true", "signal=1"])
def test_what_is_not_a_field_is_a_usage_error(edgelet: Call, assignment: str) -> None:
    host = FakeHost(reply="Hi")
    assert edgelet("run", "mistral", "Hi", "--set", assignment, host=host).code == 2
    assert host.requests == []


def test_an_unknown_field_is_refused_with_those_that_exist(edgelet: Call) -> None:
    ended = edgelet("run", "mistral", "Hi", "--set", "temprature=1", host=FakeHost())
    assert ended.code == 1
    assert "temprature" in ended.err
    assert "options" in ended.err


def test_host_and_timeout_are_passed_on(edgelet: Call) -> None:
    host = FakeHost(reply="Hi", env={})
    ended = edgelet(
        "run", "mistral", "Hi", "--host", "http://other.invalid", "--timeout", "7", host=host
    )
    assert ended.out == "Hi\n"
    assert host.requests[0].url == "http://other.invalid/api/generate"
    assert edgelet("run", "mistral", "Hi", "--timeout", "0", host=host).code == 1


def test_a_hub_name_embeds_without_a_host_and_generates_with_one(edgelet: Call) -> None:
    assert edgelet("run", "org/name", "Hi", host=FakeHost(env={})).out.startswith("[")
    assert edgelet("run", "org/name", "Hi", host=FakeHost(reply="Yes")).out == "Yes\n"


def test_a_language_model_without_a_host_says_what_to_set(edgelet: Call) -> None:
    ended = edgelet("run", "mistral", "Hi", host=FakeHost(env={}))
    assert ended.code == 1
    assert "AI_INFERENCE_API_HOST" in ended.err
