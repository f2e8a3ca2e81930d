"""A small study on disk, for raters to be tried on: pairs of real clips, and votes in a file of lines.

Everything that a rater must not learn is full of ``secret-``: arms, items and prompts are in the files' names,
folders and tags, and between the frames of the clips. The rest of the names is `SECRETS`.
"""

from __future__ import annotations

import functools
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import av

from seedance_widgets.simulator.render import Scene, render_mp4

SECRETS = ("secret-", "video.mp4", "dolly", "4242424", "SIMULATED", "x264")
# A note between frames, as services leave them: a type of message, and a UUID with text.
_NOTE = b"\x06\x05" + bytes([16 + 18]) + bytes(range(1, 17)) + b"secret-note-in-sei" + b"\x80"


@functools.cache
def clip(arm: str, frames: int = 25, width: int = 160, height: int = 96, *, audio: bool = True) -> bytes:
    """A real clip that says in its tags, and between its frames, where it comes from."""
    scene = Scene(width, height, frames, seed=4242424, prompt="", audio=audio)
    out = io.BytesIO()
    with (
        av.open(io.BytesIO(render_mp4(scene))) as made,
        av.open(out, "w", format="mp4", container_options={"movflags": "use_metadata_tags"}) as tagged,
    ):
        tagged.metadata.update(
            {"title": f"secret-{arm}", "comment": "SIMULATED, seed 4242424", "prompt": "secret-dolly in"}
        )
        copies = {stream: tagged.add_stream_from_template(stream) for stream in made.streams}
        for copy in copies.values():
            copy.metadata["title"] = copy.metadata["handler_name"] = f"secret-{arm}"
        video = made.streams.video[0]
        for packet in made.demux():
            if packet.dts is None:
                continue
            copy = copies[packet.stream]
            signed = _signed(packet) if packet.stream is video and packet.is_keyframe else packet
            signed.stream = copy
            tagged.mux(signed)
    return out.getvalue()


def _signed(packet: av.Packet) -> av.Packet:
    signed = av.Packet(len(_NOTE).to_bytes(4, "big") + _NOTE + bytes(packet))
    signed.pts, signed.dts, signed.duration = packet.pts, packet.dts, packet.duration
    signed.time_base, signed.is_keyframe = packet.time_base, True
    return signed


def pictures(data: bytes) -> list[bytes]:
    """A clip's frames, decoded."""
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]


@dataclass(frozen=True)
class Trial:
    id: str
    left: Path
    right: Path


class Study:
    """Pairs of two arms in a folder; votes are on disk when `vote` returns."""

    def __init__(self, folder: Path, criteria: tuple[str, ...] = ()) -> None:
        self.folder = Path(folder)
        self.criteria = criteria
        self.is_revealed = False

    @classmethod
    def made(cls, folder, pairs=3, criteria=(), **clips):
        """A new one with its clips."""
        study = cls(folder, criteria)
        for item in range(pairs):
            for arm in ("plain", "camera"):
                path = study.folder / f"secret-item-{item}" / f"secret-{arm}" / "video.mp4"
                path.parent.mkdir(parents=True)
                path.write_bytes(clip(arm, **clips))
        return study

    @property
    def file(self) -> Path:
        return self.folder / "votes.jsonl"

    def trials(self) -> list[Trial]:
        items = sorted(self.folder.glob("secret-item-*"), key=lambda path: int(path.name.rsplit("-", 1)[1]))
        made = []
        for index, item in enumerate(items):
            sides = [item / f"secret-{arm}" / "video.mp4" for arm in ("plain", "camera")]
            made.append(Trial(f"secret-trial-{index}", *sides[:: -1 if index % 2 else 1]))
        return made

    def votes(self, rater: str = "me") -> list[dict]:
        """Votes that stand, in their order."""
        standing: list[dict] = []
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                row = json.loads(line)
                if row["rater"] == rater:
                    standing = standing[:-1] if row.get("undo") else [*standing, row]
        return standing

    def next_trial(self, rater: str) -> Trial | None:
        done = self._done(rater)
        return next((trial for trial in self.trials() if trial.id not in done), None)

    def vote(self, trial_id, rater, choice, *, criterion=None, seconds=None, sound=None) -> None:
        self._write(
            rater=rater, trial=trial_id, choice=choice, criterion=criterion, seconds=seconds, sound=sound
        )

    def undo(self, rater: str) -> Trial | None:
        standing = self.votes(rater)
        if not standing:
            return None
        self._write(rater=rater, undo=True)
        return next(trial for trial in self.trials() if trial.id == standing[-1]["trial"])

    def progress(self, rater: str) -> tuple[int, int]:
        return len(self._done(rater)), len(self.trials())

    def _done(self, rater: str) -> set[str]:
        answered: dict[str, set] = {}
        for vote in self.votes(rater):
            answered.setdefault(vote["trial"], set()).add(vote["criterion"])
        return {trial for trial, criteria in answered.items() if criteria >= set(self.criteria or (None,))}

    def _write(self, **row) -> None:
        with self.file.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())
