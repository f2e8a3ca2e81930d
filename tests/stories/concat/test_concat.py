"""Stories: every frame there and exact, sound in step, copied where it can be, and nothing touched where not."""

from __future__ import annotations

import asyncio
import os
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest
from folder_server import served
from html_tags import Tags

import seedance_widgets as sw
from seedance_widgets.simulator.render import Scene, last_frame_png, render_mp4

SIZE = (192, 112)
EVERY_FOURTH_P = {"preset": "veryfast", "x264-params": "b-adapt=0:bframes=3:scenecut=0"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Clips are made once each: name -> path."""
    folder, made = tmp_path_factory.mktemp("clips"), {}

    def clip(name, *, size=SIZE, frames=121, **scene):
        if name not in made:
            path = folder / f"{name}.mp4"
            options = {"seed": len(made), "prompt": "a fox by the sea", "audio": True} | scene
            path.write_bytes(render_mp4(Scene(*size, frames=frames, **options)))
            made[name] = path
        return made[name]

    return clip


@pytest.fixture
def five(kept):
    return [kept(f"equal {number}") for number in range(5)]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "story.mp4"


def encode(path, *, frames=24, size=SIZE, codec="libx264", options=None, sound=None, rate=24, first=0):
    """A clip of another encoder: noise that moves, and a tone as ``sound`` (codec, rate, layout, seconds)."""
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate, options={"preset": "veryfast", **(options or {})})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        heard = container.add_stream(sound[0], rate=sound[1], layout=sound[2]) if sound else None
        base = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(base, 4 * number, axis=1), "rgb24")
            frame.pts = first + number
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if heard:
            _, hertz, layout, seconds = sound
            tone = 0.3 * np.sin(np.arange(round(hertz * seconds)) * 2 * np.pi * 440 / hertz)
            samples = np.tile(tone.astype(np.float32), (2 if layout == "stereo" else 1, 1))
            frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
            frame.sample_rate, frame.pts = hertz, 0
            container.mux(heard.encode(frame))
            container.mux(heard.encode())
    return path


def pictures(path):
    with av.open(os.fspath(path)) as container:
        return [(float(frame.time), frame.to_ndarray(format="gray")) for frame in container.decode(video=0)]


def heard(path):
    """All samples of the first channel as a player that counts them has them, and the rate."""
    with av.open(os.fspath(path)) as container:
        stream = container.streams.audio[0]
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(stream)]), stream.rate


def lag(story, clip, at):
    """By how many seconds a clip's sound comes late in a story in which its first frame stands ``at`` seconds."""
    (whole, rate), (part, part_rate) = heard(story), heard(clip)
    assert rate == part_rate
    part = part[rate : 2 * rate]  # away from what a joint may blend
    begin = round((at + 1) * rate)
    reach = rate // 10
    window = whole[begin - reach : begin + rate + reach]
    best = int(np.argmax(np.correlate(window, part, "valid")))
    return (best - reach) / rate


def packets_of(path):
    with av.open(os.fspath(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def chapters(path):
    with av.open(os.fspath(path)) as container:
        return [
            (found["metadata"]["title"], float(found["start"] * found["time_base"]))
            for found in container.chapters()
        ]


# --- copies -------------------------------------------------------------------------------------------------


def test_five_clips_keep_their_605_frames_untouched_and_evenly_spaced(five, out):
    story = sw.concat(five, out)
    assert (story.frames, story.video, story.sound, story.reasons) == (605, "copied", "copied", ())
    assert not story.encoded
    assert packets_of(out) == [packet for clip in five for packet in packets_of(clip)]
    with av.open(str(out)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
        assert times == [Fraction(number, 24) for number in range(605)]
        assert abs(container.duration / 1e6 - 605 / 24) < 0.03
    assert story.seconds == 605 / 24


def test_sound_is_in_step_at_the_end_of_five_clips(five, out):
    sw.concat(five, out)
    for number, clip in enumerate(five):
        assert abs(lag(out, clip, number * 121 / 24)) <= 512 / 48_000 + 1e-4
    with av.open(str(out)) as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.size]
    assert set(np.diff(times)) == {1024}, "a gapless row: players that count samples stay in step too"


def test_the_same_clips_give_the_same_bytes_with_the_index_first(five, out):
    sw.concat(five, out)
    whole = out.read_bytes()
    sw.concat(five, out)
    assert out.read_bytes() == whole
    assert whole.index(b"moov") < whole.index(b"mdat")


def test_one_clip_is_a_story(kept, out):
    clip = kept("equal 0")
    story = sw.concat([clip], out)
    assert (story.frames, story.video, len(story.chapters)) == (121, "copied", 1)
    assert packets_of(out) == packets_of(clip)
    assert lag(out, clip, 0) == 0


def test_a_story_can_be_a_part_of_another(five, out, tmp_path):
    first = sw.concat(five[:2], out)
    whole = sw.concat([first, five[2]], tmp_path / "longer.mp4")
    assert (whole.frames, whole.video) == (363, "copied")
    assert abs(lag(whole, five[2], 242 / 24)) < 0.02


def test_frames_that_are_shown_in_another_order_than_decoded_are_copied(tmp_path, out):
    clips = [encode(tmp_path / f"{n}.mp4", options={"bf": "3"}, frames=49) for n in range(3)]
    story = sw.concat(clips, out)
    assert (story.frames, story.video, story.sound) == (147, "copied", None)
    shown = pictures(out)
    assert [time for time, _ in shown] == pytest.approx([number / 24 for number in range(147)])
    alone = pictures(clips[2])
    assert all(np.array_equal(shown[98 + n][1], alone[n][1]) for n in range(49))


@pytest.mark.parametrize("other_size", [False, True], ids=["copied", "encoded"])
def test_a_clip_whose_frames_begin_late_leaves_no_gap(tmp_path, out, other_size):
    late = encode(tmp_path / "late.mp4", first=12)
    with av.open(late) as container:
        assert container.streams.video[0].start_time * container.streams.video[0].time_base == Fraction(1, 2)
    size = (112, 192) if other_size else SIZE
    sw.concat([encode(tmp_path / "a.mp4", size=size), late, late], out)
    with av.open(out) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [Fraction(number, 24) for number in range(72)]


def test_clips_that_count_time_in_other_steps_are_copied_exactly(kept, tmp_path, out):
    first, other = kept("equal 0"), tmp_path / "other.mp4"
    with (
        av.open(str(first)) as source,
        av.open(str(other), "w", options={"video_track_timescale": "90000"}) as to,
    ):
        stream = to.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                to.mux(packet)
    story = sw.concat([first, other], out)
    assert (story.frames, story.video) == (242, "copied")
    with av.open(str(out)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    assert times == [Fraction(number, 24) for number in range(242)]


@pytest.mark.parametrize("tag", ["hvc1", "hev1"])
def test_h265_keeps_its_tag_and_says_where_it_does_not_play(tmp_path, out, tag):
    clip, tagged = tmp_path / "clip.mp4", tmp_path / "tagged.mp4"
    encode(clip, codec="libx265", options={"x265-params": "log-level=none"})
    with av.open(clip) as source, av.open(tagged, "w") as to:
        stream = to.add_stream_from_template(source.streams.video[0])
        stream.codec_context.codec_tag = tag
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                to.mux(packet)
    story = sw.concat([tagged, tagged], out)
    assert (story.frames, story.video) == (48, "copied")
    assert story.notes == ("most browsers do not play hevc video",)
    with av.open(out) as container:
        assert container.streams.video[0].codec_context.codec_tag == tag


# --- what has to be encoded ---------------------------------------------------------------------------------


def test_another_size_is_fitted_with_bars_and_said(kept, out):
    wide, tall = kept("equal 0"), kept("tall", size=(112, 192), frames=25)
    story = sw.concat([wide, tall], out)
    assert (story.video, story.sound, story.frames, story.encoded) == ("encoded", "copied", 146, True)
    assert (story.width, story.height) == SIZE
    assert any("tall.mp4" in reason and "112x192, not 192x112" in reason for reason in story.reasons)
    shown, alone = pictures(out), pictures(wide)
    assert len(shown) == 146
    assert shown[145][0] == pytest.approx(145 / 24)
    last = shown[-1][1]
    assert last[:, :50].max() < 20, "black beside an upright clip"
    assert last[:, 70:120].max() > 60
    assert np.abs(shown[60][1].astype(int) - alone[60][1].astype(int)).mean() < 2, "it looks as it did"
    assert abs(lag(out, wide, 0)) < 0.02


def test_colours_stay_what_they_were(kept, tmp_path, out):
    """A clip of HD's colour matrix behind one of the other, between which yellow and red would turn."""
    other, colour = tmp_path / "hd.mp4", np.array([200, 60, 40], np.uint8)
    with av.open(other, "w") as container:
        video = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 128, 128, "yuv420p"
        video.codec_context.colorspace, video.codec_context.color_range = 1, 1
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(np.tile(colour, (128, 128, 1)), "rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts = number
            container.mux(video.encode(frame))
        container.mux(video.encode())
    sw.concat([kept("equal 0"), other], out)
    with av.open(out) as container:
        *_, last = container.decode(video=0)
        seen = last.to_ndarray(format="rgb24")[56, 96]
    assert np.abs(seen.astype(int) - colour).max() <= 4


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"codec": "libx265", "options": {"x265-params": "log-level=none"}}, "codec hevc, not h264"),
        ({"options": {"profile": "baseline"}}, "profile Constrained Baseline, not Main"),
        ({"rate": 30}, "frame rate 30, not 24"),
        ({"options": {"x264-params": "ref=4:sar=1/1"}}, "encoder parameters"),
    ],
    ids=["codec", "profile", "rate", "parameters"],
)
def test_what_differs_is_encoded_and_named(tmp_path, out, how, said):
    first = encode(tmp_path / "first.mp4", options={"profile": "main", "x264-params": "ref=1"})
    how = {**how, "options": {"profile": "main", "x264-params": "ref=1"} | how.get("options", {})}
    if how.get("codec") == "libx265":
        del how["options"]["profile"], how["options"]["x264-params"]
    other = encode(tmp_path / "other.mp4", **how)
    story = sw.concat([first, other], out)
    assert (story.video, story.frames) == ("encoded", 48)
    assert said in story.reasons[0]
    assert "clip 2 (other.mp4)" in story.reasons[0]
    assert len(pictures(out)) == 48
    assert story.seconds == pytest.approx(1 + 24 / how.get("rate", 24))
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        assert float(
            container.streams.video[0].duration * container.streams.video[0].time_base
        ) == pytest.approx(story.seconds, abs=0.002)


def test_clips_without_sound_are_silent_among_others(kept, out):
    sounding, silent, last = kept("equal 0"), kept("mute", audio=False, frames=49), kept("equal 1")
    story = sw.concat([sounding, silent, last], out)
    assert (story.video, story.sound, story.reasons) == ("copied", "copied", ())
    assert story.notes == ("clip 2 (mute.mp4) has no sound and is silent",)
    samples, rate = heard(out)
    quiet = samples[round(5.2 * rate) : round(6.9 * rate)]
    assert np.abs(quiet).max() < 1e-4
    assert abs(lag(out, last, 170 / 24)) <= 512 / 48_000 + 1e-4


def test_a_silent_end_is_silence_and_not_the_end_of_sound(kept, out):
    sw.concat([kept("equal 0"), kept("mute", audio=False, frames=49)], out)
    samples, rate = heard(out)
    assert samples.size / rate == pytest.approx(170 / 24, abs=0.022)


def test_a_silent_beginning_does_not_pull_sound_forward(kept, out):
    silent, sounding = kept("mute", audio=False, frames=49), kept("equal 0")
    sw.concat([silent, sounding], out)
    assert abs(lag(out, sounding, 49 / 24)) <= 512 / 48_000 + 1e-4
    with av.open(str(out)) as container:
        assert container.streams.audio[0].start_time == 0


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (("aac", 44_100, "mono", 3.0), "sample rate 44100, not 48000"),
        (("aac", 48_000, "stereo", 3.0), "layout stereo, not mono"),
        (("libmp3lame", 48_000, "mono", 3.0), "codec mp3"),
    ],
    ids=["rate", "layout", "codec"],
)
def test_other_sound_is_encoded_alone_and_keeps_step(tmp_path, out, sound, said):
    first = encode(tmp_path / "a.mp4", frames=73, sound=("aac", 48_000, "mono", 73 / 24))
    other = encode(tmp_path / "b.mp4", frames=73, sound=sound)
    last = encode(tmp_path / "c.mp4", frames=73, sound=("aac", 48_000, "mono", 73 / 24))
    story = sw.concat([first, other, last], out)
    assert (story.video, story.sound) == ("copied", "encoded")
    assert said in story.reasons[0]
    samples, rate = heard(out)
    assert rate == 48_000
    assert samples.size / rate == pytest.approx(219 / 24, abs=0.022)
    for second in (1, 4, 7):
        assert np.abs(samples[second * rate : (second + 1) * rate]).max() > 0.1


@pytest.mark.parametrize("seconds", [1.2, 5.0], ids=["shorter", "longer"])
@pytest.mark.parametrize("layout", ["mono", "stereo"], ids=["copied", "encoded"])
def test_sound_shorter_or_longer_than_its_video_moves_no_other(kept, tmp_path, out, seconds, layout):
    odd = encode(tmp_path / "odd.mp4", frames=73, sound=("aac", 48_000, layout, seconds))
    tone = encode(tmp_path / "tone.mp4", frames=73, sound=("aac", 48_000, "mono", 73 / 24))
    last = kept("equal 1")
    story = sw.concat([odd, tone, odd, last], out)
    assert story.sound == ("copied" if layout == "mono" else "encoded")
    assert len(story.notes) == 2
    assert ("early" if seconds < 2 else "are cut") in story.notes[0]
    assert abs(lag(out, last, 219 / 24)) <= 512 / 48_000 + 1e-4
    if seconds < 2:
        samples, rate = heard(out)
        assert np.abs(samples[round(1.4 * rate) : round(2.9 * rate)]).max() < 0.01
        assert np.abs(samples[round(3.2 * rate) : round(4 * rate)]).max() > 0.1


# --- joints -------------------------------------------------------------------------------------------------


@pytest.fixture
def chain(kept):
    first = kept("equal 0")
    second = kept("second", first_frame=last_frame_png(first.read_bytes()))
    return [first, second, kept("equal 1")]


def test_a_repeated_frame_is_shown_twice_unless_asked(chain, out):
    assert sw.concat(chain, out).frames == 363


def test_a_repeated_frame_is_dropped_where_it_is_one_and_sound_follows(chain, out):
    story = sw.concat(chain, out, drop_joint=True)
    assert (story.frames, story.dropped, story.video) == (362, (2,), "copied")
    assert packets_of(out) == packets_of(chain[0])[:-1] + packets_of(chain[1]) + packets_of(chain[2])
    assert [start for _, start in chapters(out)] == pytest.approx([0, 120 / 24, 241 / 24], abs=1e-3)
    assert abs(lag(out, chain[1], 120 / 24)) <= 512 / 48_000 + 1e-4
    assert abs(lag(out, chain[2], 241 / 24)) <= 512 / 48_000 + 1e-4
    assert "frame dropped: clip 2" in repr(story)


def test_a_last_frame_that_others_are_built_on_is_dropped_by_encoding(tmp_path, out):
    clip = encode(tmp_path / "a.mp4", frames=1 + 5 * 8, options=EVERY_FOURTH_P)
    rolled = pictures(clip)
    same = tmp_path / "b.mp4"
    with av.open(str(same), "w") as container:
        stream = container.add_stream("libx264", rate=24, options=EVERY_FOURTH_P)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(9):
            frame = av.VideoFrame.from_ndarray(rolled[-1][1], "gray")
            frame.pts = number
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())
    story = sw.concat([clip, same], out, drop_joint=True)
    assert (story.dropped, story.frames, story.video) == ((2,), 49, "encoded")
    assert "built on" in story.reasons[0]
    assert len(pictures(out)) == 49


# --- chapters and titles ------------------------------------------------------------------------------------


def test_every_clip_is_a_chapter(five, out):
    story = sw.concat(five, out)
    assert chapters(out) == [(f"equal {n}", pytest.approx(n * 121 / 24, abs=1e-3)) for n in range(5)]
    assert [chapter.title for chapter in story.chapters] == [f"equal {n}" for n in range(5)]


@pytest.mark.parametrize(
    ("title", "kept_as"),
    [
        ("<b>a fox</b>\nby the sea", "<b>a fox</b> by the sea"),
        ("狐" * 200, "狐" * 82 + "…"),
        ("  \x00\t ", "clip 1"),
        ("a\ud800b", "a b"),
        ("שלום 🦊", "שלום 🦊"),
        (7, "7"),
        (None, "short"),
    ],
    ids=["markup", "long", "empty", "surrogate", "emoji", "number", "none"],
)
def test_a_title_is_one_line_of_text(kept, out, title, kept_as):
    story = sw.concat([kept("short", frames=9)], out, titles=[title])
    assert [found for found, _ in chapters(out)] == [kept_as]
    assert story.chapters[0].title == kept_as


async def test_tasks_are_joined_under_their_prompts_where_those_are_known(studio, simulator, out):
    made = await asyncio.gather(*(
        studio.generate(prompt, model="seedance-1-0-pro", resolution="480p", ratio="1:1", duration=2, seed=1)
        for prompt in ("a fox wakes", "a fox runs")
    ))  # fmt: skip
    with sw.Studio(studio.home / "other", simulate=simulator) as other:
        adopted = await (await other.adopt(made[0].id))
        story = sw.concat([*made, adopted], out)
    assert [title for title, _ in chapters(out)] == ["a fox wakes", "a fox runs", adopted.key]
    assert story.frames == 3 * 49
    assert story.video == "copied"


async def test_a_task_without_a_clip_is_named(tmp_path, out):
    simulator = sw.Simulator(speed=1)
    with sw.Studio(tmp_path / "slow", simulate=simulator) as studio:
        task = await studio.submit("a fox", model="seedance-1-0-pro", resolution="480p", duration=2)
        with pytest.raises(sw.MediaError, match=f"clip 1 .task {task.key}.*is (queued|running)"):
            sw.concat([task], out)
    simulator.close()


# --- what goes wrong ----------------------------------------------------------------------------------------


def broken_off(clip, tmp_path):
    path = tmp_path / "broken.mp4"
    whole = clip.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    return path


def test_a_broken_clip_is_named_and_nothing_is_lost(five, tmp_path, out):
    out.write_bytes(b"the story before")
    before = [clip.read_bytes() for clip in five]
    with pytest.raises(sw.MediaError, match=r"clip 3 \(broken.mp4\) breaks off: only \d+ of 121 frames"):
        sw.concat([*five[:2], broken_off(five[0], tmp_path), five[3]], out)
    assert out.read_bytes() == b"the story before"
    assert [clip.read_bytes() for clip in five] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.mp4", "story.mp4"]


@pytest.mark.parametrize("data", [b"", b"no clip at all", None], ids=["empty", "text", "missing"])
def test_what_is_no_clip_is_named(kept, tmp_path, out, data):
    path = tmp_path / "odd.mp4"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(sw.MediaError, match=r"clip 2 \(odd.mp4\) is not a clip"):
        sw.concat([kept("equal 0"), path], out)
    assert not out.exists()


def test_sound_alone_is_no_clip(tmp_path, out):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(sw.MediaError, match="has no video"):
        sw.concat([path], out)


def test_a_story_never_replaces_one_of_its_clips(kept, tmp_path):
    clip, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    clip.write_bytes(kept("short", frames=9).read_bytes())
    os.link(clip, other)
    before = clip.read_bytes()
    for target in (clip, other, tmp_path / "x" / ".." / "a.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(sw.MediaError, match=r"is clip 1 \(a.mp4\)"):
            sw.concat([clip], target)
    assert clip.read_bytes() == before


def test_what_cannot_be_asked_is_refused(kept, tmp_path, out):
    clip = kept("short", frames=9)
    with pytest.raises(ValueError, match="no clips"):
        sw.concat([], out)
    with pytest.raises(ValueError, match="2 titles for 1 clips"):
        sw.concat([clip], out, titles=["a", "b"])
    with pytest.raises(sw.InvalidRequest, match="clip 1 is neither"):
        sw.concat([7], out)
    for alone in (str(clip), clip, None):
        with pytest.raises(sw.InvalidRequest, match="clips=.* is one thing: give a list"):
            sw.concat(alone, out)
    with pytest.raises(sw.InvalidRequest, match='without a column "video_path"'):
        sw.concat(pd.DataFrame({"path": [clip]}), out)
    with pytest.raises(sw.InvalidRequest, match="titles=.* is one text"):
        sw.concat([clip], out, titles="a")
    with pytest.raises(sw.MediaError, match="ends in .mp4"):
        sw.concat([clip], tmp_path / "story.webm")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(sw.MediaError, match="cannot be written"):
        sw.concat([clip], tmp_path / "file" / "story.mp4")


def test_giving_up_half_way_leaves_nothing(five, out):
    class GivenUp(Exception):
        pass

    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done > 200:
            raise GivenUp

    with pytest.raises(GivenUp):
        sw.concat(five, out, progress=progress)
    assert list(out.parent.iterdir()) == []
    assert seen[0] == (24, 605)


def test_progress_reaches_the_end_once(kept, out):
    seen = []
    clips = [kept("equal 0"), kept("tall", size=(112, 192), frames=25)]
    sw.concat(clips, out, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (146, 146)
    assert seen == sorted(set(seen))


# --- showing ------------------------------------------------------------------------------------------------


def test_a_story_shows_itself_in_words_and_as_a_player(kept, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    story = sw.concat([kept("equal 0"), kept("tall", size=(112, 192), frames=25)], "stories/a $tale.mp4")
    for shown in (
        "stories/a $tale.mp4",
        "2 clips",
        "146 frames",
        "6.08 s",
        "192x112",
        "112x192, not 192x112",
    ):
        assert shown in repr(story)
    page = Tags(story._repr_html_())
    assert page.first("video")["src"] == "stories/a%20%24tale.mp4"
    assert "url(data:image/jpeg;base64," in page.first("video")["style"]
    assert "controls" in page.first("video")
    for shown in ("146 frames", "112x192, not 192x112", "stories/a $tale.mp4"):
        assert shown in page.text
    assert len(story._repr_html_()) < 12_000
    story.path.unlink()
    assert "url(" not in Tags(story._repr_html_()).first("video")["style"]


def test_a_copied_story_plays_in_a_browser_across_its_joints(browser, five, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    story = sw.concat(five, "story.mp4")
    (tmp_path / "page.html").write_text(f"<!doctype html>{story._repr_html_()}")
    with served(tmp_path) as url:
        page = browser.new_page()
        page.goto(f"{url}/page.html")
        page.wait_for_function("() => document.querySelector('video').readyState >= 2")
        video = page.locator("video")
        assert video.evaluate("v => [v.videoWidth, v.videoHeight]") == list(SIZE)
        assert video.evaluate("v => v.duration") == pytest.approx(605 / 24, abs=0.03)
        # over all joints, with sound decoded
        video.evaluate("v => { v.playbackRate = 8; return v.play(); }")
        page.wait_for_function("() => document.querySelector('video').currentTime > 4 * 121 / 24 + 0.5")
        assert video.evaluate("v => v.error") is None
        assert video.evaluate("v => v.webkitAudioDecodedByteCount") > 0
