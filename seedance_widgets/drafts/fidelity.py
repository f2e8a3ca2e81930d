"""How far drafts show what their finals will be: pair by pair, and in what people preferred.

The first frames are compared as grey pictures of the draft's size, the final's brought to it with Pillow's
Lanczos filter. ``ssim`` is the structural similarity of Wang et al. (2004) with a Gaussian window of 1.5 px,
its mean over the picture: 1 for the same picture, about 0 for unrelated ones. ``apart`` is the mean absolute
difference in levels, as a share of 255.

Comparisons that share a draft are not independent: ten drafts make 45 pairs, and those tell about as much as
five pairs of drafts that are in no other. So an interval counts the comparisons as fewer trials: their number
over how many of them the draft is in that is in most (the bound of Janson 2004 for sums that are dependent in
part, the groups without a draft in common taken to be that many).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedance_widgets.drafts.economics.rows import check_table
from seedance_widgets.drafts.intervals import normal_quantile, wilson
from seedance_widgets.errors import MediaError
from seedance_widgets.media.similarity import ssim
from seedance_widgets.media.video_file import first_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DraftFidelity", "draft_fidelity"]

_SAME = ("seed", "ratio", "duration", "generate_audio")
_GOOD = {"reject": 0, "accept": 1, "star": 2}


@dataclass(frozen=True, repr=False, eq=False)
class DraftFidelity:
    """What drafts say of their finals.

    Attributes
    ----------
    pairs
        One row a final, indexed by its key: ``draft``, whether ``seed``, ``ratio``, ``duration`` and
        ``generate_audio`` are the same (absent where one is not known), ``ssim`` and ``apart`` of the first
        frames, and both verdicts.
    preference
        One row for verdicts and one for votes: of the pairs of drafts between which people had a preference,
        and between whose finals too, how many were ``compared`` and ``agreed``, the ``share``, and its Wilson
        interval, for which they count as so many ``trials`` as are independent. A tie on either side is
        counted as ``ties`` and not in the share. Of several finals of a draft the last counts.
    notes
        What is missing, in words.
    """

    pairs: pd.DataFrame
    preference: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The answer in a few lines."""
        said = [
            "1 final with its draft"
            if len(self.pairs) == 1
            else f"{len(self.pairs)} finals with their drafts"
        ]
        for name in _SAME:
            known = self.pairs[name].dropna()
            if len(known):
                said.append(f"same {name}: {int(known.sum())} of {len(known)}")
        seen = self.pairs["ssim"].dropna()
        if len(seen):
            middle, least = seen.median(), seen.min()
            said.append(f"first frames: similarity {middle:.3f} in the median, {least:.3f} at least")
        for kind, row in self.preference.iterrows():
            if row["compared"]:
                said.append(
                    f"{kind}: {row['agreed']:.0f} of {row['compared']:.0f} preferences among drafts held "
                    f"among finals ({row['low']:.0%} to {row['high']:.0%})"
                )
        return "\n".join(said)

    def __repr__(self) -> str:
        notes = [f"note: {note}" for note in self.notes]
        tables = [f"\n{table.to_string()}" for table in self._tables()]
        return "\n".join([self.summary, *notes, *tables])

    def _repr_html_(self) -> str:
        from seedance_widgets.task.card import as_text

        notes = "".join(f"<br><small>note: {as_text(note)}</small>" for note in self.notes)
        summary = "<br>".join(as_text(line) for line in self.summary.splitlines())
        return f"<div>{summary}{notes}{''.join(table.to_html() for table in self._tables())}</div>"

    def _tables(self) -> list[pd.DataFrame]:
        """The tables worth showing: preferences only where drafts and finals both have some."""
        compared = self.preference[self.preference["compared"] > 0]
        return [table for table in (self.pairs, compared) if len(table)]


def draft_fidelity(
    df: pd.DataFrame, *, votes: pd.DataFrame | None = None, confidence: float = 0.95
) -> DraftFidelity:
    """Compare finals with their drafts, and what people thought of the ones and of the others.

    Parameters
    ----------
    df
        A table in the log's shape: ``studio.log.to_pandas()``, or one read from CSV. Clips are read from
        ``video_path``.
    votes
        Preferences between two clips, with the columns ``left_key``, ``right_key`` and ``choice`` (``left``,
        ``right``, ``tie`` or ``skip``). Votes on two drafts are set against votes on their finals.
    confidence
        Of the intervals, 0 to 1.

    Raises
    ------
    TypeError
        ``df`` is no DataFrame.
    ValueError
        The table lacks columns, or a key occurs twice.
    """
    check_table(df, ("kind", "status", "parent_key", "video_path", "verdict", *_SAME))
    if "key" in df.columns:  # as a CSV file has it
        df = df.set_index("key")
    if len(twice := df.index[df.index.duplicated()]):
        raise ValueError(f"{len(twice)} keys occur more than once, {twice[0]} among them")
    if "starred" in df.columns:
        stars = df["starred"].isin([True])  # of a CSV file too, where it may be an object
        df = df.assign(verdict=df["verdict"].mask(stars, "star"))
    made = df[(df["status"] == "succeeded").fillna(value=False).astype(bool)]
    finals = made[(made["kind"] == "final").fillna(value=False).astype(bool)]
    known = finals["parent_key"].isin(made.index)
    notes = []
    if alone := int((~known).sum()):
        notes.append(f"{alone} {'final has' if alone == 1 else 'finals have'} no draft in this table")
    rows = [_pair(str(key), made, notes) for key in finals.index[known.to_numpy(dtype=bool)]]
    types = {
        **dict.fromkeys(("final", "draft"), "string"),
        **dict.fromkeys(_SAME, "boolean"),
        **dict.fromkeys(("ssim", "apart"), "Float64"),
        **dict.fromkeys(("draft_verdict", "final_verdict"), "string"),
    }
    pairs = pd.DataFrame(rows, columns=list(types)).astype(types).set_index("final")
    liked = {"verdicts": _agreement(_by_verdict(pairs))}
    if votes is not None:
        check_table(votes, ("left_key", "right_key", "choice"), like="study.votes()")
        liked["votes"] = _agreement(_by_vote(pairs, votes))
    counted = pd.DataFrame(liked).T
    counted["share"] = counted["agreed"] / counted["compared"].where(counted["compared"] > 0)
    bounds = wilson(
        counted["share"], counted["trials"].where(counted["trials"] > 0), normal_quantile(confidence)
    )
    counted["low"], counted["high"] = bounds
    return DraftFidelity(pairs, counted, tuple(notes))


def _pair(key: str, made: pd.DataFrame, notes: list[str]) -> dict[str, Any]:
    final = made.loc[key]
    draft = made.loc[final["parent_key"]]
    figures: dict[str, Any] = {
        "final": key,
        "draft": str(draft.name),
        "draft_verdict": draft["verdict"],
        "final_verdict": final["verdict"],
    }
    for name in _SAME:
        unknown = bool(pd.isna(draft[name]) or pd.isna(final[name]))
        figures[name] = pd.NA if unknown else bool(draft[name] == final[name])
    try:
        figures["ssim"], figures["apart"] = _likeness(draft["video_path"], final["video_path"])
    except MediaError as error:
        figures["ssim"] = figures["apart"] = pd.NA
        notes.append(f"the first frames of final {key} and its draft cannot be compared: {error}")
    return figures


def _likeness(draft: Any, final: Any) -> tuple[float, float]:
    of_draft = _first_frame(draft, None)
    down, across = of_draft.shape
    of_final = _first_frame(final, (across, down))
    apart = np.abs(of_draft.astype(np.float64) - of_final.astype(np.float64)).mean() / 255
    return ssim(of_draft, of_final), float(apart)


def _first_frame(path: Any, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """A clip's first frame in grey, scaled to a size (px across, px down) where one is given."""
    from PIL import Image

    if pd.isna(path):
        raise MediaError("a clip is not saved")
    picture = first_picture(Path(str(path))).convert("L")
    if size is not None:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture, dtype=np.uint8)


# --- preferences: which two drafts, and for them and for their finals each 1 (the first was liked better), -1
# (the second) or 0 (a tie) --------------------------------------------------------------------------------


def _by_verdict(pairs: pd.DataFrame) -> NDArray[np.float64]:
    rated = pairs[["draft_verdict", "final_verdict"]].apply(lambda column: column.map(_GOOD))
    rated = rated.dropna().astype("float64")
    first, second = np.triu_indices(len(rated), k=1)
    liked = [np.sign(rated[name].to_numpy()[first] - rated[name].to_numpy()[second]) for name in rated]
    return np.column_stack([first, second, *liked])


def _by_vote(pairs: pd.DataFrame, votes: pd.DataFrame) -> NDArray[np.float64]:
    liked: dict[tuple[str, str], float] = {}
    points = {"left": 1.0, "right": -1.0, "tie": 0.0}
    for left, right, choice in votes[["left_key", "right_key", "choice"]].itertuples(index=False):
        if choice in points:
            for pair, sign in (((left, right), 1.0), ((right, left), -1.0)):
                liked[pair] = liked.get(pair, 0.0) + sign * points[choice]
    final_of = dict(zip(pairs["draft"], pairs.index, strict=True))
    number = {draft: place for place, draft in enumerate(final_of)}
    both = [
        (number[a], number[b], np.sign(of_drafts), np.sign(liked[final_of[a], final_of[b]]))
        for (a, b), of_drafts in liked.items()
        if a < b and a in final_of and b in final_of and (final_of[a], final_of[b]) in liked
    ]
    return np.array(both, dtype="float64").reshape(-1, 4)


def _agreement(preferences: NDArray[np.float64]) -> dict[str, float]:
    of_drafts, of_finals = preferences[:, 2], preferences[:, 3]
    clear = (of_drafts != 0) & (of_finals != 0)
    compared = int(clear.sum())
    most = int(np.bincount(preferences[clear, :2].astype(int).ravel(), minlength=1).max())
    return {
        "compared": compared,
        "agreed": int((clear & (of_drafts == of_finals)).sum()),
        "ties": len(preferences) - compared,
        "trials": compared / most if most else 0.0,
    }
