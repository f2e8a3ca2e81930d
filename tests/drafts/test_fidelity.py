"""How far finals are what their drafts showed, on clips that were made and on preferences that were made up."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

import seedance_widgets as sw
from seedance_widgets.media.similarity import ssim

SMALL = {
    "model": "seedance-1-5-pro",
    "resolution": "480p",
    "ratio": "1:1",
    "duration": 4,
    "generate_audio": False,
}


async def test_pairs_of_a_log(studio):
    drafts = [await studio.submit("a fox by the sea", seed=seed, draft=True, **SMALL) for seed in (11, 12)]
    for draft in drafts:
        await draft
    finals = await studio.promote(drafts, resolution="720p")
    for final in finals:
        await final
    frame = studio.log.to_pandas()
    found = sw.draft_fidelity(frame)
    assert list(found.pairs.index) == [final.key for final in finals]
    assert found.pairs["draft"].tolist() == [draft.key for draft in drafts]
    for name in ("seed", "ratio", "duration", "generate_audio"):
        assert found.pairs[name].all()
    assert found.pairs["ssim"].between(0.3, 1.0).all()
    # against another draft's final it is less alike
    swapped = frame.copy()
    swapped.loc[[final.key for final in finals], "parent_key"] = [drafts[1].key, drafts[0].key]
    other = sw.draft_fidelity(swapped).pairs
    assert not other["seed"].any()
    assert (other["apart"].to_numpy() > found.pairs["apart"].to_numpy()).all()
    assert "2 finals with their drafts" in repr(found)
    from_csv = sw.draft_fidelity(pd.read_csv(io.StringIO(frame.to_csv())))
    pd.testing.assert_frame_equal(from_csv.pairs, found.pairs)
    assert found.pairs.index[0] in found._repr_html_()


def made_up(verdicts, **changes):
    """A log of drafts and finals without clips, with these verdicts: a (draft's, final's) each."""
    in_log = {"star": "accept"}
    rows = {}
    for number, (of_draft, of_final) in enumerate(verdicts):
        same = {"status": "succeeded", "seed": number, "ratio": "1:1", "duration": 5, "generate_audio": True}
        rows[f"d{number}"] = {
            **same,
            "kind": "draft",
            "parent_key": None,
            "verdict": in_log.get(of_draft, of_draft),
            "starred": of_draft == "star",
        }
        rows[f"f{number}"] = {
            **same,
            "kind": "final",
            "parent_key": f"d{number}",
            "verdict": in_log.get(of_final, of_final),
            "starred": of_final == "star",
            **changes,
        }
    frame = pd.DataFrame.from_dict(rows, orient="index").convert_dtypes()
    frame["video_path"] = pd.Series(pd.NA, index=frame.index, dtype="string")
    return frame


def test_preferences_by_verdict():
    found = sw.draft_fidelity(
        made_up([("star", "accept"), ("accept", "reject"), ("accept", "star"), ("reject", None)])
    )
    # star over both accepts: held against the rejected one, not against the starred one; two accepts tie
    row = found.preference.loc["verdicts"]
    assert (row["compared"], row["agreed"], row["ties"]) == (2, 1, 1)
    assert row["share"] == 0.5
    assert row["low"] < 0.5 < row["high"]
    assert sum("cannot be compared" in note for note in found.notes) == 4


def test_pairs_that_share_a_draft_are_not_so_many_trials():
    apart = sw.draft_fidelity(made_up([("accept", "accept")] * 5 + [("reject", "reject")] * 5))
    row = apart.preference.loc["verdicts"]
    assert (row["compared"], row["agreed"], row["trials"]) == (25, 25, 5)
    assert row["low"] == pytest.approx(5 / (5 + 1.959964**2), rel=1e-5)  # Wilson's, of 5 of 5
    assert row["high"] == 1
    pairs = [(f"{kind}{2 * n}", f"{kind}{2 * n + 1}", "left") for n in range(5) for kind in "df"]
    votes = pd.DataFrame(pairs, columns=["left_key", "right_key", "choice"])
    row = sw.draft_fidelity(made_up([(None, None)] * 10), votes=votes).preference.loc["votes"]
    assert (row["compared"], row["trials"]) == (5, 5)


def test_preferences_by_vote():
    votes = pd.DataFrame(
        [
            ("d0", "d1", "left"), ("d1", "d0", "right"), ("f1", "f0", "right"),  # held
            ("d2", "d1", "left"), ("f1", "f2", "left"),  # did not
            ("d0", "d2", "tie"), ("f0", "f2", "left"),  # a tie
            ("d0", "d3", "left"), ("f0", "f3", "skip"),  # of finals nobody said
        ],
        columns=["left_key", "right_key", "choice"],
    )  # fmt: skip
    found = sw.draft_fidelity(made_up([(None, None)] * 4), votes=votes)
    row = found.preference.loc["votes"]
    assert (row["compared"], row["agreed"], row["ties"]) == (2, 1, 1)
    assert found.preference.loc["verdicts", "compared"] == 0
    for shown in (repr(found), found._repr_html_()):
        assert ("votes" in shown, "verdicts" in shown) == (True, False)


def test_what_is_not_the_same_or_not_there():
    frame = made_up([(None, None)] * 2, seed=99)
    frame.loc["f1", "parent_key"] = "gone"
    frame.loc["f0", "duration"] = pd.NA
    found = sw.draft_fidelity(frame)
    assert list(found.pairs.index) == ["f0"]
    assert not found.pairs.loc["f0", "seed"]
    assert pd.isna(found.pairs.loc["f0", "duration"])
    assert any("1 final has no draft" in note for note in found.notes)
    assert len(sw.draft_fidelity(frame.iloc[:0]).pairs) == 0
    with pytest.raises(ValueError, match="1 keys occur more than once, f0 among them"):
        sw.draft_fidelity(pd.concat([frame, frame.loc[["f0"]]]))
    with pytest.raises(ValueError, match="lacks the columns choice"):
        sw.draft_fidelity(frame, votes=pd.DataFrame(columns=["left_key", "right_key"]))
    with pytest.raises(ValueError, match="video_path"):
        sw.draft_fidelity(frame.drop(columns="video_path"))


def test_similarity_of_pictures():
    rng = np.random.default_rng(2026)
    picture = rng.integers(0, 256, (90, 160)).astype(np.uint8)
    assert ssim(picture, picture) == pytest.approx(1.0)
    assert abs(ssim(picture, rng.integers(0, 256, (90, 160)).astype(np.uint8))) < 0.1
    flat, lighter = np.full((90, 160), 100.0), np.full((90, 160), 150.0)
    # of two flat pictures only the first factor of the formula is left
    assert ssim(flat, lighter) == pytest.approx(
        (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025), rel=1e-6
    )
