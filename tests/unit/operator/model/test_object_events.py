"""Which of Kubernetes' events says why an object waits; texts as KCM 1.37 and CSI's provisioner write them."""

from typing import Any

import pytest

from aftersend_operator.model.object_events import PROVISION_SECONDS, reason_to_wait

NO_CLASS = ("ProvisioningFailed", "Warning", 'storageclass.storage.k8s.io "nowhere" not found')
NONE_SET = ("FailedBinding", "Normal", "no persistent volumes available for this claim and no storage class is set")
CONSUMER = ("WaitForFirstConsumer", "Normal", "waiting for first consumer to be created before binding")
FOR_POD = ("WaitForPodScheduled", "Normal", "waiting for pod aftersend-mueller-redis-0 to be scheduled")
EXTERNAL = ("ExternalProvisioning", "Normal", "Waiting for a volume to be created … verify that the provisioner runs")
MAKING = ("Provisioning", "Normal", "External provisioner is provisioning volume for claim")
FAILED = ("ProvisioningFailed", "Warning", "failed to provision volume: no space\nsecond line")
REFUSED = (
    "FailedCreate",
    "Warning",
    (
        "create Pod aftersend-mueller-redis-0 in StatefulSet aftersend-mueller-redis failed error: "
        'pods "aftersend-mueller-redis-0" is forbidden: '
        "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"
    ),
)
MADE = ("SuccessfulCreate", "Normal", "create Pod aftersend-mueller-redis-0 in StatefulSet aftersend-mueller-redis …")


def event(second: int, kind: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    reason, level, message = kind
    time = f"2026-11-26T10:00:{second:02}Z"
    event = {"reason": reason, "type": level, "message": message, "lastTimestamp": time, **more}
    return {**event, "metadata": {"creationTimestamp": "2026-11-26T10:00:00Z"}}


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ([], ""),
        ([NO_CLASS], 'storageclass.storage.k8s.io "nowhere" not found'),
        ([NONE_SET], "no storage class is set"),
        ([CONSUMER], ""),
        ([FOR_POD], ""),
        ([NO_CLASS, CONSUMER], ""),
        ([CONSUMER, FAILED], "failed to provision volume: no space"),
        ([EXTERNAL], ""),
        ([MAKING, FAILED, MAKING, EXTERNAL], "failed to provision volume: no space"),
        ([REFUSED], "exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3"),
        ([REFUSED, MADE], ""),
        ([MADE, REFUSED], "exceeded quota"),
    ],
)
def test_the_newest_event_that_says_something_counts(kinds: list[tuple[str, str, str]], words: str) -> None:
    events = [event(second, kind) for second, kind in enumerate(kinds)]
    for shown in (events, events[::-1]):
        found = reason_to_wait(shown, age=20)
        assert words in found
        assert bool(found) is bool(words)
        assert "\n" not in found


def test_a_driver_that_makes_no_volume_is_named_after_a_while() -> None:
    events = [event(1, EXTERNAL)]
    assert reason_to_wait(events, age=PROVISION_SECONDS - 1) == ""
    assert "verify that the provisioner runs" in reason_to_wait(events, age=PROVISION_SECONDS)


@pytest.mark.parametrize(
    "time",
    [
        {"series": {"count": 2, "lastObservedTime": "2026-11-26T10:00:30.000001Z"}, "lastTimestamp": None},
        {"lastTimestamp": None, "eventTime": "2026-11-26T10:00:30.000001Z"},
    ],
)
def test_events_of_the_newer_api_are_read_alike(time: dict[str, Any]) -> None:
    assert reason_to_wait([event(1, NO_CLASS), {**event(2, CONSUMER), **time}], age=20) == ""
    assert reason_to_wait([event(40, NO_CLASS), {**event(2, CONSUMER), **time}], age=20) != ""
