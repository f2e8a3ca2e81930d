"""Reading the service's list: what may be missing in it, and what each of its habits makes of a lost task."""

from __future__ import annotations

import json

import httpx
import pytest

import seedance_widgets as sw
from seedance_widgets.modelark.client import Client, Spacing
from seedance_widgets.recovery.listing import listing, listing_of_tier
from seedance_widgets.simulator import EMBEDDED_BASE_URL

SMALL = {"model": "seedance-1-0-pro-fast", "resolution": "480p", "ratio": "1:1", "frames": 29}
ALL = range(1001)


async def read(answer, read_list=listing, model=None):
    """What a list gives that answers each query by a function."""

    def handle(request):
        told = answer(dict(request.url.params))
        return told if isinstance(told, httpx.Response) else httpx.Response(200, json=told)

    transport = httpx.MockTransport(handle)
    async with Client("key", EMBEDDED_BASE_URL, transport=transport) as client:
        return await read_list(client, model, "default", lists=Spacing(1e6))


def page(ids, query, **more):
    number, size = int(query["page_num"]), int(query["page_size"])
    items = [{"id": f"cgt-{each}"} for each in list(ids)[(number - 1) * size : number * size]]
    return {"items": items, **more}


def short(query, size):
    return query | {"page_size": str(size)}


@pytest.mark.parametrize(
    ("answer", "is_whole"),
    [
        (lambda query: page(ALL, query, total=1001), True),
        (lambda query: page(range(3), query), True),
        # without a total nobody knows whether pages have shifted
        (lambda query: page(ALL, query), False),
        (lambda query: page(ALL, query, total="1001"), False),
        # one is deleted while the pages are read, and pulls another from the second to the first
        (lambda query: page(ALL[int(query["page_num"]) > 1 :], query, total=1002 - int(query["page_num"])), False),
        # one is made meanwhile, and pushes another from the first to the second
        (lambda query: page(range(1 - int(query["page_num"]), 1001), query, total=1000 + int(query["page_num"])), False),
        # a service whose pages are shorter than it is asked for, and which does not say how many there are
        (lambda query: page(range(11), short(query, 10), total=10), False),
        (lambda query: page(range(20), short(query, 10), total=20), True),
        (lambda query: page(range(4), short(query, 3)), False),
        (lambda query: page((), query), True),
        (lambda query: {"items": [{"id": "cgt-1"}, {"status": "queued"}], "total": 2}, False),
        (lambda query: {"items": [{"id": "cgt-1"}], "total": 2}, False),
        (lambda query: {"total": 0}, False),
    ],
)  # fmt: skip
async def test_a_list_in_which_something_may_be_missing_says_so(answer, is_whole):
    told = await read(answer)
    assert (told.missing is None) is is_whole


async def test_a_page_without_a_total_that_has_shifted_is_not_the_whole():
    asked = []

    def answer(query):
        # one of the first page is deleted before the second is asked for, and pulls up what stood there
        asked.append(query)
        return page(range(len(asked) > 1, 4), short(query, 3))

    assert (await read(answer)).missing is not None


async def test_a_key_that_has_to_name_a_model_is_shown_less():
    def answer(query):
        if "filter.model" not in query:
            return httpx.Response(403, json={"error": {"code": "AccessDenied", "message": "name a model"}})
        return page(range(3), query, total=3)

    told = await read(answer, listing_of_tier, {"m"})
    assert [item["id"] for item in told.items] == ["cgt-0", "cgt-1", "cgt-2"]
    assert "one model at a time" in told.missing


async def test_a_key_that_is_refused_altogether_is_refused():
    refusal = httpx.Response(401, json={"error": {"code": "AuthenticationError", "message": "no"}})
    with pytest.raises(sw.ServiceError, match="AuthenticationError"):
        await read(lambda query: refusal, listing_of_tier, {"m"})


class Habits(sw.Simulator):
    """A service that tells in lists otherwise, in answers about one task as usual."""

    def __init__(self, tell, **options):
        super().__init__(**options)
        self.tell = tell

    def transport(self):
        inner, tell = super().transport(), self.tell

        class Telling(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                response = await inner.handle_async_request(request)
                if request.method != "GET" or not request.url.path.endswith("/tasks"):
                    return response
                told = json.loads(await response.aread())
                told["items"] = [tell(item) for item in told["items"]]
                headers = {"Date": response.headers["Date"]}
                return httpx.Response(200, json=told, headers=headers)

            async def aclose(self):
                await inner.aclose()

        return Telling()


def expiry(change):
    return lambda item: item | {"execution_expires_after": change(item["execution_expires_after"])}


def created(change):
    return lambda item: item | {"created_at": change(item["created_at"])}


def without(*names):
    return lambda item: {name: value for name, value in item.items() if name not in names}


HABITS = {
    "as is": (lambda item: item, True),
    "behind": (created(lambda at: at - 600), True),
    "in milliseconds": (created(lambda at: at * 1000), True),
    "in local time": (created(lambda at: at + 8 * 3600), True),
    "no date": (created(lambda at: "yesterday"), True),
    "another name": (lambda item: item | {"model": "doubao-" + item["model"]}, True),
    "another tier": (lambda item: item | {"service_tier": "flex"}, True),
    "as text": (expiry(str), True),
    "the default": (expiry(lambda told: 172_800), False),
    "rounded": (expiry(lambda told: told // 60 * 60), False),
    "one more": (expiry(lambda told: told + 1), False),
    "not told": (without("execution_expires_after"), False),
    "neither": (without("execution_expires_after", "seed", "model", "created_at"), False),
}


@pytest.mark.parametrize("habit", HABITS)
async def test_a_task_that_stands_in_the_list_is_never_held_to_be_unmade(tmp_path, clock, habit):
    tell, is_adopted = HABITS[habit]
    # it stays queued, so that its seed is not told yet
    service = Habits(tell, speed=1000, clock=clock, limits={"concurrency": 0})
    with sw.Studio(tmp_path / "runs", simulate=service, clock=clock) as studio:
        service.faults.drop_reply()
        with pytest.raises(sw.OutcomeUnknown) as lost:
            await studio.submit("a fox", **SMALL)
        task = lost.value.task
        for seconds in (3, 130, 300):
            clock.pass_(seconds)
            await studio.resume()
            assert task.status == ("queued" if is_adopted else "unknown")
        (made,) = service.tasks()
        if not is_adopted:
            assert studio.reserved > 0
            assert studio.log.unknown()["candidates"].tolist() == [[made["id"]]]
            await task.adopt(made["id"])
        assert task.id == made["id"]
    service.close()
