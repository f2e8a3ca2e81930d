"""The official Python SDK, unchanged, against ``seedance-widgets simulate``: every call of the tutorial.

The SDK is an extra of its own (``pip install -e ".[sdk]"``): 290 MB, and it declares two of its own
dependencies not at all. Its loops stop on succeeded and failed alone, so these do too.
"""

from __future__ import annotations

import subprocess
import sys
import time

import httpx
import pytest

import seedance_widgets as sw

sdk = pytest.importorskip(
    "byteplussdkarkruntime", reason='the official SDK is not installed: pip install -e ".[sdk]"'
)
pytestmark = pytest.mark.filterwarnings("ignore")

FOX = "https://ark-doc.tos-ap-southeast-1.bytepluses.com/doc_image/i2v_foxrgirl.png"
FIRST = "https://ark-doc.tos-ap-southeast-1.bytepluses.com/doc_image/seepro_first_frame.jpeg"
LAST = "https://ark-doc.tos-ap-southeast-1.bytepluses.com/doc_image/seepro_last_frame.jpeg"
REFERENCES = [
    f"https://ark-doc.tos-ap-southeast-1.bytepluses.com/doc_image/seelite_ref_{n}.png" for n in (1, 2, 3)
]
GIRL = (
    "A girl holding a fox, the girl opens her eyes, looks gently at the camera, the fox hugs affectionately, "
    "the camera slowly pulls out, the girl’s hair is blown by the wind"
)
DAISIES = (
    "Photorealistic style: Under a clear blue sky, a vast expanse of white daisy fields stretches out. The camera "
    "gradually zooms in and finally fixates on a close - up of a single daisy, with several glistening dewdrops "
    "resting on its petals."
)


@pytest.fixture(scope="module")
def base_url():
    command = [sys.executable, "-m", "seedance_widgets.cli", "simulate", "--speed", "400"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
def tasks(base_url):
    return sdk.Ark(base_url=base_url, api_key="any", max_retries=0).content_generation.tasks


def text(prompt):
    return {"type": "text", "text": prompt}


def image(url, role=None):
    item = {"type": "image_url", "image_url": {"url": url}}
    return item if role is None else {**item, "role": role}


def finished(tasks, task_id):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = tasks.get(task_id=task_id)
        if found.status in ("succeeded", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{task_id} did not end")


def size_of(url):
    import io

    import av

    data = httpx.get(url, timeout=60).raise_for_status().content
    with av.open(io.BytesIO(data)) as clip:
        video = clip.streams.video[0]
        return video.codec_context.width, video.codec_context.height, video.frames, len(clip.streams.audio)


def test_quick_start_create(tasks):
    # the sample asks a silent model for sound: passed over
    made = tasks.create(
        model="seedance-1-0-pro-250528",
        content=[text(GIRL), image(FOX)],
        generate_audio=True,
        ratio="adaptive",
        duration=5,
        watermark=False,
    )
    assert made.id.startswith("cgt-")
    assert finished(tasks, made.id).status == "succeeded"


def test_quick_start_get(tasks):
    made = tasks.create(
        model="seedance-1-0-pro-250528",
        content=[text(GIRL)],
        resolution="1080p",
        ratio="16:9",
        duration=5,
        seed=58944,
    )
    found = finished(tasks, made.id)
    assert found.model == "seedance-1-0-pro-250528"
    assert found.usage.completion_tokens == 246840
    assert (found.resolution, found.ratio, found.duration, found.seed) == ("1080p", "16:9", 5, 58944)
    assert (found.framespersecond, found.service_tier) == (24, "default")
    assert found.execution_expires_after == 172800
    assert found.updated_at >= found.created_at
    assert found.error is None
    assert set(found.to_dict()) >= {"id", "model", "status", "content", "usage", "created_at"}


def test_text_to_video(tasks):
    made = tasks.create(
        model="seedance-1-0-pro-250528", content=[text(DAISIES)], ratio="16:9", duration=5, watermark=False
    )
    found = finished(tasks, made.id)
    assert size_of(found.content.video_url) == (1920, 1088, 121, 0)


def test_first_frame_with_sound(tasks):
    made = tasks.create(
        model="seedance-1-5-pro-251215",
        content=[text(GIRL + ", and the sound of the wind can be heard"), image(FOX)],
        generate_audio=True,
        ratio="adaptive",
        duration=5,
        watermark=False,
    )
    found = finished(tasks, made.id)
    assert found.generate_audio is True
    assert size_of(found.content.video_url)[2:] == (121, 1)


def test_first_and_last_frame(tasks):
    made = tasks.create(
        model="seedance-1-5-pro-251215",
        content=[
            text("The girl in the frame says “Cheese” to the camera, with a 360-degree orbiting camera shot"),
            image(FIRST, "first_frame"),
            image(LAST, "last_frame"),
        ],
        generate_audio=True,
        ratio="adaptive",
        duration=5,
        watermark=False,
    )
    assert finished(tasks, made.id).status == "succeeded"


def test_reference_images(tasks):
    made = tasks.create(
        model="seedance-1-0-lite-i2v-250428",
        content=[
            text(
                "A boy wearing glasses and a blue T-shirt from [Image 1] and a corgi dog from [Image 2], "
                "sitting on the lawn from [Image 3], in 3D cartoon style"
            ),
            *(image(url, "reference_image") for url in REFERENCES),
        ],
        ratio="16:9",
        duration=5,
        watermark=False,
    )
    found = finished(tasks, made.id)
    assert (found.resolution, found.ratio) == ("720p", "16:9")


def test_list(tasks):
    made = [tasks.create(model="seedance-1-0-lite-t2v", content=[text("a fox")]) for _ in range(3)]
    for each in made:
        finished(tasks, each.id)
    page = tasks.list(page_size=3, status="succeeded")
    assert len(page.items) == 3
    assert page.total >= 3
    assert all(item.status == "succeeded" for item in page.items)
    some = tasks.list(task_ids=[made[0].id, made[1].id])
    assert {item.id for item in some.items} == {made[0].id, made[1].id}


def test_delete(tasks):
    made = tasks.create(model="seedance-1-0-pro-fast-251015", content=[text("a fox")])
    finished(tasks, made.id)
    tasks.delete(task_id=made.id)
    with pytest.raises(sdk._exceptions.ArkNotFoundError):
        tasks.get(task_id=made.id)


def test_flex(tasks):
    made = tasks.create(
        model="seedance-1-0-pro-250528",
        content=[text(GIRL), image(FOX)],
        ratio="adaptive",
        duration=5,
        watermark=False,
        service_tier="flex",
        execution_expires_after=172800,
    )
    found = finished(tasks, made.id)
    assert (found.status, found.service_tier) == ("succeeded", "flex")


def test_draft_and_final(tasks):
    draft = tasks.create(
        model="seedance-1-5-pro-251215", content=[text(GIRL), image(FOX)], seed=20, duration=6, draft=True
    )
    drafted = finished(tasks, draft.id)
    assert (drafted.draft, drafted.resolution, drafted.seed, drafted.duration) == (True, "480p", 20, 6)
    final = tasks.create(
        model="seedance-1-5-pro-251215",
        content=[{"type": "draft_task", "draft_task": {"id": draft.id}}],
        watermark=False,
        resolution="720p",
        return_last_frame=True,
        service_tier="default",
    )
    found = finished(tasks, final.id)
    assert (found.draft_task_id, found.seed, found.duration) == (draft.id, 20, 6)
    assert (found.ratio, found.generate_audio) == (drafted.ratio, drafted.generate_audio)
    assert found.resolution == "720p"
    assert drafted.usage.completion_tokens < found.usage.completion_tokens
    assert found.content.last_frame_url


def test_consecutive_videos(tasks):
    prompts = [
        GIRL,
        "A girl and a fox running on the grass, sunny weather, the girl's smile is brilliant, the fox jumps happily",
        "A girl and a fox resting under a tree, the girl gently strokes the fox's fur, the fox lies meekly on the girl's lap",
    ]
    frame = FOX
    urls = []
    for prompt in prompts:
        made = tasks.create(
            model="seedance-1-0-pro-250528",
            content=[text(prompt), image(frame)],
            return_last_frame=True,
            ratio="adaptive",
            duration=5,
            watermark=False,
            resolution="480p",
        )
        found = finished(tasks, made.id)
        urls.append(found.content.video_url)
        frame = found.content.last_frame_url
    assert size_of(urls[0]) == size_of(urls[2])


def test_a_bad_key_and_a_bad_value_are_the_sdks_own_errors(base_url):
    wrong = sdk.Ark(base_url=base_url, api_key="bad-key", max_retries=0).content_generation.tasks
    with pytest.raises(sdk._exceptions.ArkAuthenticationError):
        wrong.list()
    right = sdk.Ark(base_url=base_url, api_key="any", max_retries=0).content_generation.tasks
    with pytest.raises(sdk._exceptions.ArkBadRequestError) as caught:
        right.create(model="seedance-1-5-pro-251215", content=[text("a fox")], duration=13)
    assert caught.value.code == "InvalidParameter.duration"
    assert caught.value.param == "duration"


# --- the models of 2.x ---------------------------------------------------------------------------------------

LIVE = [model for model in sw.catalog.models() if model.videos]
SMALL = {"resolution": "480p", "ratio": "16:9", "duration": 4}
CLIP = "https://example.com/fox.mp4"
SOUND = "https://example.com/drums.mp3"


def clip(url):
    return {"type": "video_url", "video_url": {"url": url}, "role": "reference_video"}


def sound(url):
    return {"type": "audio_url", "audio_url": {"url": url}, "role": "reference_audio"}


@pytest.mark.parametrize("model", LIVE, ids=lambda model: model.name)
def test_each_model_of_2_makes_what_it_takes(tasks, model):
    seen = []

    def make(*content, **params):
        made = tasks.create(model=model.id, content=[text("a fox"), *content], **{**SMALL, **params})
        found = finished(tasks, made.id)
        assert found.status == "succeeded", found
        seen.append(made.id)
        return found

    plain = make()
    assert size_of(plain.content.video_url)[:3] == (*model.size("480p", "16:9"), 97)
    with_clip = make(clip(plain.content.video_url))
    # 4 s in and 4 s out are billed, which is more than the least
    width, height = model.size("480p", "16:9")
    assert with_clip.usage.completion_tokens == width * height * 193 // 1024
    make(image(FOX, "reference_image"), sound(SOUND))
    if "edit" in model.modes:
        edited = make(
            clip(plain.content.video_url), omni_reference_task_type="edit", ratio="adaptive", duration=-1
        )
        assert (edited.duration, edited.ratio) == (4, "16:9")
        added = make(clip(CLIP), omni_reference_task_type="extend", ratio="adaptive")
        assert size_of(added.content.video_url)[2] == 97
    if model.output_format:
        assert make(output_format="mov").output_format == "mov"
    searched = tasks.create(
        model=model.id, content=[text("a fox")], extra_body={"tools": [{"type": "web_search"}]}, **SMALL
    )
    assert finished(tasks, searched.id).status == "succeeded"
    if model.draft:
        draft = make(draft=True)
        assert draft.draft is True
        final = tasks.create(
            model=model.id,
            content=[{"type": "draft_task", "draft_task": {"id": draft.id}}],
            resolution="1080p",
        )
        found = finished(tasks, final.id)
        assert (found.resolution, found.duration, found.draft_task_id) == ("1080p", 4, draft.id)
    listed = {item.id for item in tasks.list(model=model.id, page_size=100).items}
    assert set(seen) <= listed


@pytest.mark.parametrize(
    ("model", "content", "params", "code"),
    [
        ("dreamina-seedance-2-0-260128", [sound(SOUND)], {}, "reference_audios"),
        ("dreamina-seedance-2-0-260128", [clip(CLIP)] * 4, {}, "reference_videos"),
        ("dreamina-seedance-2-0-260128", [clip(CLIP), image(FOX, "first_frame")], {}, "reference_videos"),
        ("dreamina-seedance-2-0-260128", [clip("fox.mp4")], {}, "InvalidVideoURL.InvalidFormat"),
        ("dreamina-seedance-2-0-260128", [{**clip(CLIP), "role": "first_frame"}], {}, "content"),
        ("dreamina-seedance-2-0-260128", [], {"output_format": "mov"}, "output_format"),
        ("dreamina-seedance-2-0-260128", [], {"omni_reference_task_type": "edit"}, "omni_reference_task_type"),
        ("dreamina-seedance-2-5-260628", [], {"omni_reference_task_type": "edit"}, "omni_reference_task_type"),
        ("dreamina-seedance-2-5-260628", [clip(CLIP)],
         {"omni_reference_task_type": "edit", "ratio": "adaptive", "duration": 5}, "duration"),
        ("dreamina-seedance-2-5-260628", [clip(CLIP)],
         {"omni_reference_task_type": "extend", "ratio": "16:9", "duration": 5}, "ratio"),
        ("dreamina-seedance-2-5-flash-261115", [], {"output_format": "mov"}, "output_format"),
        ("dreamina-seedance-2-0-mini-260615", [], {"service_tier": "flex"}, "service_tier"),
        ("seedance-1-0-pro-250528", [clip(CLIP)], {}, "reference_videos"),
        ("seedance-1-0-pro-250528", [], {"extra_body": {"tools": [{"type": "web_search"}]}}, "web_search"),
    ],
)  # fmt: skip
def test_what_a_model_does_not_take_is_refused(tasks, model, content, params, code):
    with pytest.raises(sdk._exceptions.ArkBadRequestError) as caught:
        tasks.create(model=model, content=[text("a fox"), *content], **params)
    assert caught.value.code.removeprefix("InvalidParameter.") == code
