"""A trace is left out exactly when the SDK's own sampler would leave it out."""

from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.sdk.trace.sampling import Decision, ParentBasedTraceIdRatio

from aftersend.observe.context import valid_traceparent
from aftersend.observe.otel_settings import sampling_ratio
from aftersend.observe.sampling import HeadSampler

HALF = 1 << 63
PARENT = "00-" + "a" * 32 + "-" + "b" * 16 + "-"


def recording(share: float | None) -> HeadSampler:
    sampler = HeadSampler()
    sampler.set_ratio(share)
    return sampler


@given(trace_id=st.integers(1, (1 << 128) - 1), share=st.floats(0, 1))
@example(trace_id=HALF, share=0.5)
@example(trace_id=HALF - 1, share=0.5)
@example(trace_id=(1 << 128) - 1, share=1.0)
@example(trace_id=1 << 64, share=0.0)
def test_the_decision_is_that_of_the_sampler(trace_id: int, share: float) -> None:
    sampler = recording(share)
    with mock.patch("random.getrandbits", lambda bits: trace_id if bits == 128 else 7):
        unsampled = sampler.unsampled("")
    decision = ParentBasedTraceIdRatio(share).should_sample(None, trace_id, "x").decision
    assert (unsampled == "") is (decision is Decision.RECORD_AND_SAMPLE)
    if unsampled:
        assert unsampled == f"00-{trace_id:032x}-{7:016x}-00"
    else:
        assert sampler.generate_trace_id() == trace_id
        assert sampler.generate_trace_id() != trace_id


def test_an_id_is_never_all_zeros() -> None:
    with mock.patch("random.getrandbits", return_value=0):
        assert valid_traceparent(recording(0.0).unsampled(""))


@pytest.mark.parametrize("flags", [f"{number:02x}" for number in range(16)])
def test_the_rest_of_a_trace_follows_its_beginning(flags: str) -> None:
    recorded = int(flags, 16) & 1
    assert recording(0.5).unsampled(PARENT + flags) == ("" if recorded else PARENT + flags)


@pytest.mark.parametrize(
    ("sampler", "argument", "share"),
    [
        ("", "", 1.0),
        ("", "0.1", 1.0),
        ("parentbased_always_on", "0.1", 1.0),
        ("parentbased_always_off", "", 0.0),
        ("ParentBased_TraceIdRatio", " 0.25 ", 0.25),
        ("parentbased_traceidratio", "", 1.0),
        ("always_on", "", None),
        ("always_off", "", None),
        ("traceidratio", "0.1", None),
    ],
)
def test_the_share_is_what_the_settings_say(sampler: str, argument: str, share: float | None) -> None:
    assert sampling_ratio({"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}) == share


def test_without_a_share_everything_is_left_to_the_sdk() -> None:
    sampler = recording(None)
    assert (sampler.unsampled(""), sampler.unsampled(PARENT + "00")) == ("", "")
