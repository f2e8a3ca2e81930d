"""A create whose answer is lost: one bill here, and as the contrast what the official SDK makes of the same.

The SDK repeats a create twice by default, and with no id of its own each one that arrived is a task.
"""

from __future__ import annotations

import importlib.util

import pytest
from processes import Recording, eventually

import seedance_widgets as sw

LOST = {
    "no reply": lambda faults: faults.drop_reply(times=3),
    "half a body": lambda faults: faults.half_body(times=3),
    "500 after the work": lambda faults: faults.break_after(500, times=3),
    "502 after the work": lambda faults: faults.break_after(502, times=3),
}
lost = pytest.mark.parametrize("fault", LOST)
BODY = {
    "model": "seedance-1-0-pro-fast-251015",
    "content": [{"type": "text", "text": "a fox"}],
    "resolution": "480p",
}


@pytest.fixture
def service():
    simulator = Recording(speed=1000)
    with simulator.serve() as simulator.url:
        yield simulator
    simulator.close()


@pytest.fixture
def studio(tmp_path, service):
    with sw.Studio(tmp_path / "runs", api_key="a-test", base_url=service.url) as studio:
        yield studio


def bills(service) -> int:
    """How many tasks are billed once all have ended."""
    eventually(lambda: all(task["status"] == "succeeded" for task in service.tasks()))
    return sum(task["billed_tokens"] > 0 for task in service.tasks())


@lost
async def test_a_lost_answer_is_one_bill_and_is_found(studio, service, fault):
    LOST[fault](service.faults)
    with pytest.raises(sw.OutcomeUnknown) as caught:
        await studio.submit("a fox", model=BODY["model"], resolution="480p")
    assert bills(service) == len(service.creates()) == 1
    service.faults.clear()
    await studio.resume()
    await caught.value.task
    assert studio.spent == pytest.approx(sw.estimate(caught.value.task.request).usd)


@lost
@pytest.mark.skipif(
    importlib.util.find_spec("byteplussdkarkruntime") is None, reason="the official SDK is not installed"
)
@pytest.mark.filterwarnings("ignore")
def test_the_same_lost_answer_is_three_bills_with_the_official_sdk(service, fault):
    import byteplussdkarkruntime as sdk

    LOST[fault](service.faults)
    tasks = sdk.Ark(base_url=service.url, api_key="a-test").content_generation.tasks
    with pytest.raises(sdk._exceptions.ArkAPIError):
        tasks.create(**BODY)
    assert bills(service) == len(service.creates()) == 3


async def test_no_retry_comes_before_the_time_that_the_service_named(studio, service):
    service.faults.refuse(429, "RateLimitExceeded.EndpointRPMExceeded", retry_after=3)
    await studio.submit("a fox", model=BODY["model"], resolution="480p")
    refused, accepted = service.creates()
    assert accepted - refused >= 3
    assert len(service.tasks()) == 1
