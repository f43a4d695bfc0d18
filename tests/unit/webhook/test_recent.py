from aftersend_webhook.recent import RecentWebhooks

DAY = 1_795_000_000.0


def test_what_was_stored_and_refused_is_counted_for_an_hour() -> None:
    now = [DAY]
    recent = RecentWebhooks(lambda: now[0])
    assert recent.fact() == {"stored": 0, "refused": 0}
    for outcome in ("wrong_signature", "stored", "wrong_signature", "malformed", "too_old"):
        recent.record(outcome)
    assert recent.fact() == {
        "stored": 1,
        "refused": 2,
        "lastStored": "2026-11-18T11:06:40.000Z",
        "lastRefused": "2026-11-18T11:06:40.000Z",
    }
    now[0] += 3500
    recent.record("wrong_signature")
    assert recent.fact()["refused"] == 3
    now[0] += 160
    assert recent.fact() == {
        "stored": 0,
        "refused": 1,
        "lastStored": "2026-11-18T11:06:40.000Z",
        "lastRefused": "2026-11-18T12:05:00.000Z",
    }


def test_refused_since_the_first_one_without_an_hour_of_silence() -> None:
    now = [DAY]
    recent = RecentWebhooks(lambda: now[0])
    assert recent.refused_since() == ""
    for _ in range(3):
        recent.record("wrong_signature")
        recent.record("stored")
        now[0] += 3000
    assert recent.refused_since() == "2026-11-18T11:06:40.000Z"
    now[0] += 3700
    assert recent.refused_since() == ""
    recent.record("wrong_signature")
    assert recent.refused_since() == "2026-11-18T14:38:20.000Z"


def test_a_flood_costs_no_memory() -> None:
    now = [DAY]
    recent = RecentWebhooks(lambda: now[0])
    for _ in range(5000):
        now[0] += 7
        recent.record("wrong_signature")
    assert len(recent._counts["wrong_signature"]) <= 60
    assert recent.fact()["refused"] in range(505, 516)
