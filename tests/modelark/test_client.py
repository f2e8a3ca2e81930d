"""The client through its transport, and over real sockets where a mock cannot show the fault."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gc
import json
import logging
import socket
import struct
import traceback
import weakref
from datetime import UTC, datetime

import httpx
import pytest
from canary import KEY

from seedance_widgets import errors
from seedance_widgets.modelark.client import DEFAULT_BASE_URL, Client, is_retryable_refusal
from seedance_widgets.modelark.error_codes import proves_refusal

TASKS = DEFAULT_BASE_URL + "/contents/generations/tasks"
BODY = {"model": "seedance-1-5-pro-251215", "content": [{"type": "text", "text": "小猫 yawns"}]}


class Service:
    """Answers from a script (the last entry again and again) and keeps the requests."""

    def __init__(self, *script):
        self.script = list(script)
        self.requests = []
        self.waits = []

    async def __call__(self, request):
        self.requests.append(request)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        if callable(step):
            return step(request)
        return step

    async def sleep(self, seconds):
        self.waits.append(seconds)

    def client(self, **options):
        return Client(KEY, transport=httpx.MockTransport(self), sleep=self.sleep, **options)


def refusal(status, code, message="no. Request id: 0217-abc", *, headers=None, **fields):
    def answer(_):
        return httpx.Response(
            status, json={"error": {"code": code, "message": message} | fields}, headers=headers
        )

    return answer


def answer(status, **options):
    return lambda _: httpx.Response(status, **options)


async def caught(call):
    with pytest.raises(errors.SeedanceError) as info:
        await call
    assert KEY not in "".join(traceback.format_exception(info.value))
    assert KEY not in repr(info.value)
    assert KEY not in repr(vars(info.value))
    return info.value


# --- create ----------------------------------------------------------------------------------------------


async def test_create_sends_compact_utf8_without_nulls_and_returns_the_whole_answer():
    service = Service(
        answer(
            200,
            json={"id": "cgt-1", "later": {"x": None}},
            headers={"X-Request-Id": "0217-srv", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"},
        )
    )
    async with service.client() as client:
        got = await client.create(BODY | {"seed": None, "options": {"kept": None}, "watermark": False})
    (request,) = service.requests
    assert (request.method, str(request.url)) == ("POST", TASKS)
    assert (
        request.content
        == (
            '{"model":"seedance-1-5-pro-251215","content":[{"type":"text","text":"小猫 yawns"}],'
            '"options":{"kept":null},"watermark":false}'
        ).encode()
    )
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"
    assert request.headers["User-Agent"].startswith("seedance-widgets/")
    assert got.data == {"id": "cgt-1", "later": {"x": None}}
    assert json.loads(got.raw) == got.data
    assert got.request_id == "0217-srv"
    assert got.client_request_id == request.headers["X-Client-Request-Id"]
    assert got.date == datetime(2026, 11, 22, 10, tzinfo=UTC)


async def test_every_request_has_its_own_client_request_id():
    service = Service(answer(200, json={"id": "cgt-1"}))
    async with service.client() as client:
        ids = {(await client.create(BODY)).client_request_id for _ in range(3)}
    assert len(ids) == 3


FAILURES = {
    "name lookup": (httpx.ConnectError("no such name"), errors.NotSent),
    "connect timeout": (httpx.ConnectTimeout("slow"), errors.NotSent),
    "pool timeout": (httpx.PoolTimeout("busy"), errors.NotSent),
    "proxy refused the tunnel": (httpx.ProxyError("407"), errors.NotSent),
    "protocol": (httpx.UnsupportedProtocol("gopher"), errors.NotSent),
    "url": (httpx.InvalidURL("bad"), errors.NotSent),
    "read timeout": (httpx.ReadTimeout(""), errors.AnswerLost),
    "write timeout": (httpx.WriteTimeout("stuck"), errors.AnswerLost),
    "write error": (httpx.WriteError("pipe"), errors.AnswerLost),
    "read error": (httpx.ReadError("reset"), errors.AnswerLost),
    "disconnected": (httpx.RemoteProtocolError("Server disconnected"), errors.AnswerLost),
    "not an httpx error": (RuntimeError("boom"), errors.AnswerLost),
    "html": (answer(200, html="<p>hotel login</p>"), errors.AnswerLost),
    "empty": (answer(200), errors.AnswerLost),
    "no content": (answer(204), errors.AnswerLost),
    "half": (answer(200, content=b'{"id": "cgt-1"'), errors.AnswerLost),
    "list": (answer(200, json=[{"id": "cgt-1"}]), errors.AnswerLost),
    "latin": (answer(200, content=b'{"id": "\xe9"}'), errors.AnswerLost),
    "no id": (answer(200, json={"task_id": "cgt-1"}), errors.AnswerLost),
    "empty id": (answer(200, json={"id": " "}), errors.AnswerLost),
    "id is a number": (answer(200, json={"id": 7}), errors.AnswerLost),
    "broken gzip": (answer(200, content=b"{}", headers={"Content-Encoding": "gzip"}), errors.AnswerLost),
    "not modified": (answer(304), errors.AnswerLost),
    "400": (refusal(400, "InvalidParameter"), errors.BadRequest),
    "429": (refusal(429, "RateLimitExceeded.EndpointRPMExceeded"), errors.RateLimited),
    "500": (refusal(500, "InternalServiceError"), errors.ServerFault),
    "502": (answer(502, html="<h1>Bad Gateway</h1>"), errors.ServerFault),
    "503": (answer(503), errors.ServerFault),
    "504": (answer(504), errors.ServerFault),
} | {
    f"redirect {status}": (answer(status, headers={"Location": TASKS + "2"}), errors.AnswerLost)
    for status in (301, 302, 303, 307, 308)
}


@pytest.mark.parametrize("name", FAILURES)
async def test_create_is_never_repeated(name):
    step, kind = FAILURES[name]
    service = Service(step)
    async with service.client() as client:
        error = await caught(client.create(BODY))
    assert type(error) is kind
    assert len(service.requests) == 1
    assert service.waits == []
    assert error.client_request_id == service.requests[0].headers["X-Client-Request-Id"]


async def test_a_lost_answer_keeps_what_did_arrive():
    async with Service(answer(200, content=b'{"id": "cgt-1"')).client() as client:
        error = await caught(client.create(BODY))
    assert error.raw == b'{"id": "cgt-1"'


@pytest.mark.parametrize("bad", [{"x": object()}, {"x": float("nan")}, {"x": "\udc80"}])
async def test_a_body_that_is_not_json_is_refused_before_sending(bad):
    service = Service(answer(200, json={"id": "cgt-1"}))
    async with service.client() as client:
        error = await caught(client.create(bad))
    assert isinstance(error, errors.InvalidRequest)
    assert error.problems[0].parameter == "body"
    assert service.requests == []


# --- get, list, delete -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task_id", "path"),
    [
        ("cgt-20260101-ab.c", "cgt-20260101-ab.c"),
        ("a/../b?x=1", "a%2F..%2Fb%3Fx%3D1"),
        ("a b#é%2e", "a%20b%23%C3%A9%252e"),
        ("...", "..."),
    ],
)
@pytest.mark.parametrize("verb", ["get", "delete"])
async def test_ids_are_quoted(verb, task_id, path):
    service = Service(answer(200, json={}))
    async with service.client() as client:
        await getattr(client, verb)(task_id)
    (request,) = service.requests
    assert request.url.raw_path.decode() == "/api/v3/contents/generations/tasks/" + path
    assert request.content == b""


@pytest.mark.parametrize("task_id", ["", "  ", ".", "..", None, 7, "\udc80"])
async def test_what_is_no_id_never_leaves(task_id):
    service = Service(answer(200, json={}))
    async with service.client() as client:
        for call in (client.get(task_id), client.delete(task_id), client.list(task_ids=["cgt-1", task_id])):
            error = await caught(call)
            assert isinstance(error, errors.InvalidRequest)
        assert isinstance(await caught(client.list(task_ids="cgt-1")), errors.InvalidRequest)
    assert service.requests == []


@pytest.mark.parametrize(
    ("filters", "query"),
    [
        ({}, ""),
        ({"page_num": 2}, "page_num=2"),
        (
            {
                "task_ids": ["cgt-1", "cgt-2"],
                "service_tier": "flex",
                "model": "ep-1/x y",
                "status": "succeeded",
                "page_size": 3,
                "page_num": 1,
            },
            (
                "page_num=1&page_size=3&filter.status=succeeded&filter.model=ep-1%2Fx+y&filter.service_tier=flex&"
                "filter.task_ids=cgt-1&filter.task_ids=cgt-2"
            ),
        ),
    ],
)
async def test_list_query(filters, query):
    service = Service(answer(200, json={"items": [], "total": 0}))
    async with service.client() as client:
        got = await client.list(**filters)
    (request,) = service.requests
    assert request.url.query.decode() == query
    assert request.url.path == "/api/v3/contents/generations/tasks"
    assert got.data == {"items": [], "total": 0}


@pytest.mark.parametrize(
    "reply", [answer(200, json={}), answer(204), answer(200), answer(200, content=b"\n")]
)
async def test_delete_takes_every_form_of_done(reply):
    async with Service(reply).client() as client:
        assert (await client.delete("cgt-1")).data == {}


async def test_get_needs_a_body():
    async with Service(answer(204)).client(retries=1) as client:
        assert isinstance(await caught(client.get("cgt-1")), errors.AnswerLost)


REPEATED = [
    httpx.ConnectError("no route"),
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut"),
    answer(200, html="<p>"),
    refusal(429, "ModelAccountRpmRateLimitExceeded"),
    refusal(429, "ServerOverloaded"),
    answer(429),
    refusal(500, "InternalServiceError"),
    answer(503),
]
FINAL = [
    refusal(400, "InvalidParameter"),
    refusal(401, "AuthenticationError"),
    refusal(403, "AccountOverdueError"),
    refusal(404, "NotFound.task"),
    refusal(409, "TaskRunningCannotCancel"),
    refusal(429, "SetLimitExceeded"),
    refusal(429, "QuotaExceeded", "Your account has exhausted its free trial quota"),
]


@pytest.mark.parametrize("verb", ["get", "list", "delete"])
@pytest.mark.parametrize("step", REPEATED)
async def test_reading_calls_are_repeated_with_growing_pauses(verb, step):
    args = () if verb == "list" else ("cgt-1",)
    service = Service(step)
    async with service.client(retries=6) as client:
        await caught(getattr(client, verb)(*args))
        assert len(service.requests) == 6
        assert len(service.waits) == 5
        assert all(
            0 <= wait <= longest for wait, longest in zip(service.waits, (0.5, 1, 2, 4, 8), strict=True)
        )
        assert len({request.headers["X-Client-Request-Id"] for request in service.requests}) == 6
        service.script = [step, step, answer(200, json={"items": []})]
        assert (await getattr(client, verb)(*args)).data == {"items": []}


@pytest.mark.parametrize("step", FINAL)
async def test_a_final_refusal_is_not_repeated(step):
    service = Service(step)
    async with service.client() as client:
        await caught(client.get("cgt-1"))
    assert len(service.requests) == 1


def http_date(seconds):
    return email.utils.formatdate(seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "2.5"}, 2.5),
        # By the server's clock, not by ours.
        ({"Retry-After": http_date(1_000_000_030), "Date": http_date(1_000_000_000)}, 30.0),
        ({"Retry-After": http_date(1_000_000_000), "Date": http_date(1_000_000_030)}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_is_honoured(headers, hint, status):
    step = refusal(status, "ServerOverloaded", headers=headers)
    service = Service(step, step, answer(200, json={"id": "cgt-1"}))
    async with service.client() as client:
        await client.get("cgt-1")
        service.script = [step]
        error = await caught(client.create(BODY))
    assert len(service.waits) == 2
    assert all(wait >= (hint or 0) for wait in service.waits)
    assert all(wait <= (hint or 0) + 1 for wait in service.waits)
    assert error.retry_after == hint


async def test_a_hint_of_an_hour_is_left_to_the_caller():
    service = Service(refusal(429, "AccountRateLimitExceeded", headers={"Retry-After": "3600"}))
    async with service.client() as client:
        error = await caught(client.get("cgt-1"))
    assert (error.retry_after, service.waits) == (3600.0, [])


# --- errors ----------------------------------------------------------------------------------------------

# code, HTTP status, class, a word of the advice, may a create be repeated
CODES = [
    ("MissingParameter.content", 400, errors.BadRequest, "parameter", False),
    ("InvalidParameter", 400, errors.BadRequest, "parameter", False),
    ("InvalidParameter.UnsupportedParameter", 400, errors.BadRequest, "Leave this parameter out", False),
    ("InvalidParameter.TaskTypeMismatch", 400, errors.BadRequest, "roles", False),
    ("InvalidEndpoint.ClosedEndpoint", 400, errors.BadRequest, "stopped", False),
    ("InvalidImageURL.EmptyURL", 400, errors.BadRequest, "picture", False),
    ("SensitiveContentDetected.Violence", 400, errors.BadRequest, "Change the prompt", False),
    ("InputTextSensitiveContentDetected", 400, errors.BadRequest, "Change the prompt", False),
    ("InputImageSensitiveContentDetected", 400, errors.BadRequest, "another picture", False),
    ("InputImageSensitiveContentDetected.PrivacyInformation", 400, errors.BadRequest, "real person", False),
    ("OutputVideoSensitiveContentDetected.PolicyViolation", 400, errors.BadRequest, "protected", False),
    ("OutputVideoSensitiveContentDetected", 400, errors.BadRequest, "not billed", False),
    ("OutputAudioSensitiveContentDetected", 400, errors.BadRequest, "generate_audio=False", False),
    ("InputTextRiskDetection", 400, errors.BadRequest, "extra content check", False),
    ("ContentSecurityDetectionError", 400, errors.BadRequest, "later", False),
    ("AuthenticationError", 401, errors.AuthenticationFailed, errors.KEYS_URL, False),
    ("InvalidAccountStatus", 401, errors.AuthenticationFailed, "account", False),
    ("AccountOverdueError", 403, errors.PermissionDenied, "overdue", False),
    ("OperationDenied.ServiceOverdue", 403, errors.PermissionDenied, "overdue", False),
    ("OperationDenied.ServiceNotOpen", 403, errors.PermissionDenied, errors.MODELS_URL, False),
    ("AccessDenied", 403, errors.PermissionDenied, "permission", False),
    ("OperationDenied.PermissionDenied", 403, errors.PermissionDenied, "permission", False),
    ("InvalidEndpointOrModel.NotFound", 404, errors.NotFound, "model's name", False),
    ("InvalidEndpointOrModel.ModelIDAccessDisabled", 404, errors.NotFound, "ep-", False),
    ("ModelNotOpen", 404, errors.ModelNotOpen, errors.MODELS_URL, False),
    ("ModelNotOpen.Region", 404, errors.ModelNotOpen, errors.MODELS_URL, False),
    ("NotFound.task", 404, errors.NotFound, "7 days", False),
    ("TaskRunningCannotCancel", 409, errors.Conflict, "queued", False),
    ("RateLimitExceeded.EndpointRPMExceeded", 429, errors.RateLimited, "slowly", True),
    ("RateLimitExceeded.EndpointTPMExceeded", 429, errors.RateLimited, "slowly", True),
    ("ModelAccountRpmRateLimitExceeded", 429, errors.RateLimited, "slowly", True),
    ("ModelAccountTpmRateLimitExceeded", 429, errors.RateLimited, "slowly", True),
    ("ModelAccountIpmRateLimitExceeded", 429, errors.RateLimited, "slowly", True),
    ("APIAccountRpmRateLimitExceeded", 429, errors.RateLimited, "slowly", True),
    ("AccountRateLimitExceeded", 429, errors.RateLimited, "slowly", True),
    ("ServerOverloaded", 429, errors.RateLimited, "overloaded", True),
    ("RequestBurstTooFast", 429, errors.RateLimited, "overloaded", True),
    ("InflightBatchsizeExceeded", 429, errors.RateLimited, "top up", True),
    ("SetLimitExceeded", 429, errors.RateLimited, "own spending limit", False),
    ("QuotaExceeded.SomePlan", 429, errors.RateLimited, "quota", False),
    ("SomethingNew", 429, errors.RateLimited, "", False),
    ("InternalServiceError", 500, errors.ServerFault, "task list", False),
    # A code of the repeatable kind proves nothing under a 5xx status.
    ("ServerOverloaded", 503, errors.ServerFault, "overloaded", False),
    ("Whatever", 418, errors.APIError, None, False),
]


@pytest.mark.parametrize(("code", "status", "kind", "advice", "repeatable"), CODES)
async def test_codes(code, status, kind, advice, repeatable):
    service = Service(
        refusal(status, code, "it is so", param="seed", type="Sorry", headers={"X-Request-Id": "0217-srv"})
    )
    async with service.client() as client:
        error = await caught(client.create(BODY))
    assert type(error) is kind
    assert (error.status_code, error.code, error.message, error.param) == (status, code, "it is so", "seed")
    assert error.request_id == "0217-srv"
    assert error.client_request_id == service.requests[0].headers["X-Client-Request-Id"]
    assert is_retryable_refusal(error) is repeatable
    if advice is None:
        assert error.advice is None
    else:
        assert advice in error.advice
        assert error.advice in str(error)


@pytest.mark.parametrize(
    ("message", "advice", "repeatable"),
    [
        ("The request has exceeded the quota. Request ID: 1", "queue", True),
        ("Your account 7 has exhausted its free trial quota for the m model.", errors.MODELS_URL, False),
        ("You have exceeded the 5-hour usage quota. It will reset at 10:00.", "back", False),
        ("You have exceeded the weekly usage quota.", "back", False),
        ("You have exceeded the monthly usage quota.", "back", False),
        ("Some other quota.", "console", False),
        ("", "console", False),
    ],
)
async def test_quota_exceeded_is_told_apart_by_its_message(message, advice, repeatable):
    async with Service(refusal(429, "QuotaExceeded", message)).client() as client:
        error = await caught(client.create(BODY))
    assert advice in error.advice
    assert is_retryable_refusal(error) is repeatable


@pytest.mark.parametrize(
    ("reply", "code", "message", "request_id"),
    [
        (
            refusal(400, "X", "Bad seed. Request id: 0217-abc."),
            "X",
            "Bad seed. Request id: 0217-abc.",
            "0217-abc",
        ),
        (answer(400, json={"code": "X", "message": "bare"}), "X", "bare", None),
        (answer(400, json={"error": "only text"}), None, "only text", None),
        (answer(400, json={"error": None}), None, None, None),
        (answer(400, json={"error": {"code": 7, "message": None}}), "7", None, None),
        (answer(400, json=["odd"]), None, '["odd"]', None),
        (answer(400, json={}), None, None, None),
        (answer(400), None, None, None),
        (answer(400, text="  upstream\n says   no "), None, "upstream says no", None),
        (answer(400, html="<html><body>nginx</body></html>"), None, None, None),
        (answer(400, content=b"\xff\xfe\x00"), None, "\ufffd\ufffd\x00", None),
    ],
)
async def test_odd_error_bodies(reply, code, message, request_id):
    async with Service(reply).client() as client:
        error = await caught(client.create(BODY))
    assert type(error) is errors.BadRequest
    assert (error.code, error.message, error.request_id) == (code, message, request_id)


PAGE = b"<html><title>sorry</title></html>"


@pytest.mark.parametrize(
    ("status", "body", "proven"),
    [
        # the service's own words
        (400, {"error": {"code": "InvalidParameter", "message": "no"}}, True),
        (409, {"error": {"code": "InvalidParameter", "message": "no"}}, True),
        (422, {"error": {"code": "InvalidParameter.UnsupportedParameter", "message": "no"}}, True),
        (404, {"error": {"code": "ModelNotOpen", "message": "no"}}, True),
        # given before anything is passed on
        *((status, PAGE, True) for status in (400, 401, 403, 404, 405, 411, 413, 414, 429, 431)),
        # a gateway that gave up, or broke, after it had passed the request on
        *((status, PAGE, False) for status in (408, 409, 410, 418, 419, 422, 424, 425, 440, 444, 449, 460)),
        *((status, PAGE, False) for status in (463, 494, 499, 500, 502, 503, 504, 520, 524, 529, 598, 599)),
        (499, {"code": 499, "message": "client closed request"}, False),
        (499, {"error": {"code": "InvalidParameter", "message": "no"}}, False),
        (460, {"code": "460", "message": "closed"}, False),
        (422, {"code": "429", "message": "numbers are a gateway's"}, False),
    ],
)
async def test_only_what_proves_that_nothing_was_made_is_a_refusal(status, body, proven):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    service = Service(httpx.Response(status, content=content))
    with pytest.raises(errors.APIError) as caught:
        await service.client().create(BODY)
    assert proves_refusal(caught.value) is proven


@pytest.mark.parametrize("verb", ["create", "get", "list"])
async def test_an_error_in_a_200_proves_nothing_and_its_words_are_kept(verb):
    reply = {"error": {"code": "InternalServiceError", "message": "try later"}}
    client = Service(httpx.Response(200, json=reply)).client()
    call = {"create": lambda: client.create(BODY), "get": lambda: client.get("cgt-1"), "list": client.list}
    with pytest.raises(
        errors.AnswerLost, match="HTTP 200 with an error: InternalServiceError: try l"
    ) as caught:
        await call[verb]()
    assert json.loads(caught.value.raw) == reply


async def test_an_error_names_its_request_once():
    async with Service(refusal(404, "X.Y"), refusal(404, "X.Y", "no")).client() as client:
        ended, bare = [await caught(client.get("a")) for _ in range(2)]
    assert str(ended).count("0217-abc") == 1
    assert "no. What to do: " in str(bare)


async def test_a_bare_429_may_be_repeated_and_401_names_where_keys_are_made():
    async with Service(answer(429), answer(401)).client() as client:
        assert is_retryable_refusal(await caught(client.create(BODY)))
        assert errors.KEYS_URL in (await caught(client.create(BODY))).advice


async def test_an_error_status_counts_even_if_its_body_breaks_off():
    class Cut(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b'{"error": {"co'
            raise httpx.ReadError("cut")

    service = Service(lambda _: httpx.Response(400, stream=Cut()))
    async with service.client() as client:
        assert type(await caught(client.create(BODY))) is errors.BadRequest
        service.script = [lambda _: httpx.Response(200, stream=Cut())]
        error = await caught(client.create(BODY))
    assert type(error) is errors.AnswerLost
    assert error.raw == b'{"error": {"co'


# --- the key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_its_query_not_told(status):
    location = f"https://elsewhere.example/x?token=sesame&key={KEY}"
    service = Service(answer(status, headers={"Location": location}))
    async with service.client() as client:
        for call in (client.create(BODY), client.get("cgt-1"), client.list(), client.delete("cgt-1")):
            error = await caught(call)
            assert "elsewhere.example" in str(error)
            assert "sesame" not in str(error)
    assert {request.url.host for request in service.requests} == {"ark.ap-southeast.bytepluses.com"}


async def test_the_key_is_nowhere_but_in_the_header():
    def echo(status):
        def reply(request):
            shown = request.headers["Authorization"]
            return httpx.Response(
                status,
                json={"error": {"code": shown, "message": f"bad {shown}", "param": shown}},
                headers={"X-Request-Id": KEY, "Location": f"https://{KEY}.example/"},
            )

        return reply

    service = Service(echo(200))
    async with service.client() as client:
        assert KEY not in repr(client)
        assert repr(client) == f"Client(base_url={DEFAULT_BASE_URL!r})"
        for step in (*(echo(status) for status in (200, 302, 400, 401, 404, 429, 500)), httpx.ReadError(KEY)):
            service.script = [step]
            error = await caught(client.create(BODY))  # caught() looks for the key
            assert "***" in str(error) + str(vars(error))
        service.script = [httpx.ConnectError(f"proxy says {KEY}")]
        await caught(client.get("cgt-1"))
    assert all(KEY not in str(request.url) for request in service.requests)


async def test_no_cause_with_the_request_headers_is_shown():
    async with Service(httpx.ReadTimeout("slow")).client() as client:
        error = await caught(client.create(BODY))
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("key", ["", "   ", None])
def test_a_key_is_needed(key):
    with pytest.raises(errors.MissingAPIKey):
        Client(key)


@pytest.mark.parametrize(
    "key", [f"{KEY}\r\nX-Evil: 1", f"{KEY} {KEY}", f"{KEY}é"], ids=["lines", "twice", "accent"]
)
def test_a_broken_key_is_refused_unseen(key):
    with pytest.raises(errors.InvalidRequest) as info:
        Client(key)
    assert KEY not in str(info.value)


async def test_a_key_from_a_file_may_end_in_a_newline():
    service = Service(answer(200, json={"id": "cgt-1"}))
    async with Client(KEY + "\n", transport=httpx.MockTransport(service)) as client:
        await client.create(BODY)
    assert service.requests[0].headers["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    "url",
    [
        "https://ark.example/api/v3",
        "https://ark.example/api/v3/",
        "HTTPS://ark.example:8443/api/v3",
        "http://localhost:8000/api/v3",
        "http://127.0.0.1:8000/api/v3",
        "http://127.8.9.1/api/v3",
        "http://[::1]:8000/api/v3",
        "http://simulator/api/v3",
    ],
)
async def test_base_urls_that_are_taken(url):
    service = Service(answer(200, json={"id": "cgt-1"}))
    async with service.client(base_url=url) as client:
        await client.get("cgt-1")
    (request,) = service.requests
    assert request.url == httpx.URL(url.rstrip("/") + "/contents/generations/tasks/cgt-1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://ark.example/api/v3", "in clear"),
        ("http://localhost.example/api/v3", "in clear"),
        ("http://192.168.0.7/api/v3", "in clear"),
        ("http://0.0.0.0/api/v3", "in clear"),
        ("https://user:sesame@ark.example/api/v3", "user name or password"),
        ("http://localhost@evil.example/api/v3", "user name or password"),
        ("https://sesame@ark.example/api/v3", "user name or password"),
        ("ftp://ark.example/api/v3", "https address"),
        ("file:///etc/passwd", "https address"),
        ("ark.example/api/v3", "https address"),
        ("https:///api/v3", "https address"),
        ("https://ark.example/api/v3?sesame", "query"),
        ("https://ark.example/#sesame", "query"),
        ("https://[ark/", "host and port"),
        ("https://ark example/", "host and port"),
        ("https://ark.example:99999/", "host and port"),
        ("https://ark.example/\nsesame", "not a URL"),
        ("", "https address"),
    ],
)
def test_base_urls_that_are_refused(url, reason):
    with pytest.raises(errors.InvalidRequest, match=reason) as info:
        Client(KEY, url)
    assert "sesame" not in str(info.value)
    assert info.value.problems[0].parameter == "base_url"


# --- loops and sockets -----------------------------------------------------------------------------------


def test_one_client_serves_loop_after_loop():
    service = Service(answer(200, json={"id": "cgt-1"}))
    client = service.client()

    async def use():
        async with client:
            await client.get("cgt-1")
        await client.get("cgt-1")
        await client.aclose()

    asyncio.run(use())
    asyncio.run(use())
    assert len(service.requests) == 4


def test_a_client_does_not_keep_dead_loops():
    client = Service(answer(200, json={"id": "cgt-1"})).client()
    loops = []

    async def use():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await client.get("cgt-1")

    for _ in range(3):
        asyncio.run(use())
    gc.collect()
    assert [loop() is None for loop in loops] == [True, True, False]


async def test_connections_are_shared_between_calls():
    served = []

    async def serve(reader, writer):
        served.append(writer)
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ACCEPTED)

    async with listening(serve) as base, Client(KEY, base) as client:
        for _ in range(3):
            await client.get("cgt-1")
    assert len(served) == 1


@contextlib.asynccontextmanager
async def listening(serve):
    """A server on loopback; ``serve`` gets every connection. Yields its base URL."""
    handlers = set()

    async def handle(reader, writer):
        handlers.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/api/v3"
        await asyncio.gather(*handlers)


def reset_on_close(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


ACCEPTED = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"id":"cgt-1"}'
HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"id": "cgt-1"'


@pytest.mark.parametrize("fault", ["reset", "half", "half then reset", "silence", "closed", "garbage"])
async def test_faults_of_a_real_connection(fault):
    posts = []
    released = asyncio.Event()

    async def serve(reader, writer):
        posts.append(await reader.readuntil(b"\r\n\r\n"))
        if "half" in fault:
            writer.write(HALF)
            await writer.drain()
            await asyncio.sleep(0.05)
        if fault == "garbage":
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        if fault == "silence":
            await released.wait()
        if "reset" in fault:
            reset_on_close(writer)

    async with listening(serve) as base:
        async with Client(KEY, base, timeout=httpx.Timeout(0.2)) as client:
            error = await caught(client.create(BODY))
        released.set()
    assert type(error) is errors.AnswerLost
    assert len(posts) == 1
    assert error.raw == (b'{"id": "cgt-1"' if "half" in fault else None)


async def test_nothing_listens():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with Client(KEY, f"http://127.0.0.1:{port}/api/v3") as client:
        assert type(await caught(client.create(BODY))) is errors.NotSent


async def test_a_tls_failure_is_not_sent():
    got = []

    async def serve(reader, writer):
        got.append(await reader.read(100))
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(serve) as base, Client(KEY, base.replace("http:", "https:")) as client:
        assert type(await caught(client.create(BODY))) is errors.NotSent
    assert KEY.encode() not in got[0]


async def test_a_proxy_of_the_environment_never_sees_the_key_of_a_local_call(monkeypatch):
    seen = []

    async def proxy(reader, writer):
        seen.append(await reader.read(100))

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)

    async with listening(proxy) as proxy_url, listening(serve) as base:
        monkeypatch.setenv("HTTP_PROXY", proxy_url)
        monkeypatch.setenv("http_proxy", proxy_url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with Client(KEY, base) as client:
            await client.get("cgt-1")
    assert seen == []


async def test_cancelling_a_create_cancels_it_and_sends_no_second(caplog):
    posts = []
    arrived = asyncio.Event()

    async def serve(reader, writer):
        posts.append(await reader.readuntil(b"\r\n\r\n"))
        arrived.set()
        await reader.read()  # until the client goes away

    caplog.set_level(logging.DEBUG)
    async with listening(serve) as base, Client(KEY, base) as client:
        sending = asyncio.create_task(client.create(BODY))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert len(posts) == 1
    assert KEY not in caplog.text
