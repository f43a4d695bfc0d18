"""Names of backups, and which of them may go."""

from datetime import UTC, datetime, timedelta

import pytest

from aftersend.backup.names import backup_name, file_of, key_of, new_id, outdated, partial_name, published

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def _file(age_hours: float, *, records: int = 7) -> tuple[str, int]:
    return backup_name(new_id(NOON - timedelta(hours=age_hours)), key="20261101-2", records=records), 1000


def test_a_name_holds_what_a_list_shows() -> None:
    files = [_file(1), ("notes.txt", 5), (partial_name(new_id(NOON)), 9), _file(3, records=12)]
    older, newer = published(files)
    assert (older.time, older.keys, older.bytes, older.verified) == ("2026-11-26T09:00:00.000Z", 12, 1000, True)
    assert file_of(files, newer.id) == files[0][0]
    assert file_of(files, "20261126T120000Z-ffff") is None
    assert key_of(files[0][0]) == "20261101-2"
    assert key_of("notes.txt") == ""


@pytest.mark.parametrize(
    ("ages", "gone"),
    [
        ([], []),
        ([1, 2, 119], []),
        ([1, 121, 300], [121, 300]),
        ([500], []),
        ([500, 400], [500]),
        ([-2, 121], [121]),
    ],
    ids=str,
)
def test_old_ones_go_and_the_last_one_never(ages: list[float], gone: list[float]) -> None:
    files = {age: _file(age) for age in ages}
    assert set(outdated(list(files.values()), now=NOON, keep_hours=120)) == {files[age][0] for age in gone}


def test_what_a_crash_left_behind_goes_after_a_day_and_strangers_stay() -> None:
    fresh = partial_name(new_id(NOON - timedelta(hours=23)))
    stale = partial_name(new_id(NOON - timedelta(hours=25)))
    begun = f"{stale}#1"
    files = [(name, 1) for name in (fresh, stale, begun, "notes.txt", "99999999T999999Z-0000.20261101.1.backup")]
    assert set(outdated(files, now=NOON, keep_hours=120)) == {stale, begun}
