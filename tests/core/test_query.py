"""`Query`: what is behind the question mark, read as `urllib` reads it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from hypothesis import example, given
from hypothesis import strategies as st

from edgelet import Query, Request


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
    )
)
def test_a_query_has_what_urllib_wrote(pairs: list[tuple[str, str]]) -> None:
    query = Query(urlencode(pairs))

    assert query.items_all() == pairs
    for name, value in query.items():
        assert value == query.get_all(name)[0]
    assert list(query) == list(dict(pairs))
    assert len(query) == len(dict(pairs))


@given(st.text())
@example("a=%ff&a&&=x&b=%zz;c=d")
def test_any_query_is_read_as_urllib_reads_it(text: str) -> None:
    query = Query(text)

    read = parse_qs(text, keep_blank_values=True, errors="replace")
    assert {name: query.get_all(name) for name in query} == read


def test_a_query_is_a_mapping_of_first_values() -> None:
    query = Request("http://localhost/?tag=a&tag=b&q=caf%C3%A9+noir&flag#tag=c").query

    assert dict(query) == {"tag": "a", "q": "café noir", "flag": ""}
    assert query.get("page", "1") == "1"
    assert query.get_all("page") == []
    assert repr(query) == "<Query tag, q, flag>"
    assert len(Query()) == 0
