"""What a metadata list shows that no watch event has."""

from aftersend_operator.api.metadata_list import MetadataList, parse_metadata_list
from aftersend_operator.informer.resync import differences

A, B = ("shops", "a"), ("shops", "b")


def test_names_and_versions_are_read() -> None:
    item = b'{"metadata":{"name":"a","namespace":"shops","resourceVersion":"7","labels":{"x":"y"}}}'
    assert parse_metadata_list(b'{"metadata":{"resourceVersion":"9"},"items":[' + item + b"]}") == MetadataList(
        {A: 7}, 9
    )
    assert parse_metadata_list(b'{"metadata":{"resourceVersion":"9"},"items":null}') == MetadataList({}, 9)


def test_what_is_cached_as_it_is_does_not_differ() -> None:
    assert differences(MetadataList({A: 7}, 9), {A: 7}) == (set(), set())
    assert differences(MetadataList({A: 7}, 9), {A: 8}) == (set(), set()), "the server's cache may be behind ours"


def test_what_changed_came_or_went_without_an_event_differs() -> None:
    assert differences(MetadataList({A: 7}, 9), {A: 6}) == ({A}, set())
    assert differences(MetadataList({A: 7}, 9), {}) == ({A}, set())
    assert differences(MetadataList({}, 9), {A: 6}) == (set(), {A})


def test_what_is_newer_than_the_list_cannot_be_missing_in_it() -> None:
    assert differences(MetadataList({A: 7}, 9), {A: 7, B: 10}) == (set(), set())
