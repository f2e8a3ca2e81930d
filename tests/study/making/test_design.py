"""What a study is made of, and what makes it the same study when a cell is run again."""

from __future__ import annotations

import itertools

import pytest
from PIL import Image
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw
from seedance_widgets.study.making.design import design_of


def designed(arms=ARMS, items=ANIMALS, seeds=(11, 12), criteria=(), **params):
    return design_of(arms, items, seeds, criteria, {**SMALL, **params})


def prompts(design):
    return {clip.request.prompt for clip in design.clips}


def test_every_arm_is_made_on_every_item_and_seed():
    design = designed(items=ANIMALS[:3])
    assert [clip.slot for clip in design.clips] == [
        (arm, item, seed) for seed in (11, 12) for item in ANIMALS[:3] for arm in ARMS
    ]
    assert {clip.request.seed for clip in design.clips if clip.seed == 11} == {11}
    clip = design.clips[3]
    assert (clip.request.prompt, clip.request.resolution) == ("an owl, slow dolly in", "480p")


def test_only_the_items_own_keys_are_replaced_and_only_once():
    text = "{subject} says {{'{other}'}} {0} {subject!r} %s {place}"
    items = [{"subject": "{place}", "place": "here"}, {"subject": "a {fox}", "place": "{subject}"}]
    found = prompts(designed({"a": text, "b": "{subject} {place}"}, items))
    assert "{place} says {{'{other}'}} {0} {subject!r} %s here" in found
    assert "a {fox} says {{'{other}'}} {0} {subject!r} %s {subject}" in found


def test_an_item_may_bring_a_picture_and_a_number(tmp_path):
    Image.new("RGB", (400, 400), "red").save(tmp_path / "red.png")
    items = [
        {"name": "one", "subject": "a fox", "photo": tmp_path / "red.png", "length": 3},
        {"name": "two", "subject": "an owl", "photo": Image.new("RGB", (400, 400), "blue"), "length": 4},
    ]
    length = {"frames": None, "duration": "{length}"}
    design = designed(
        {"still": "{subject}", "runs": "{subject} runs"}, items, first_frame="{photo}", **length
    )
    first, second = design.requests["still", "one"], design.requests["still", "two"]
    assert (first.duration, second.duration) == (3, 4)
    assert first.mode == "first_frame"
    assert first.first_frame.sha256 != second.first_frame.sha256
    assert list(design.items) == ["one", "two"]


def test_without_items_the_seeds_stand_alone():
    design = designed({"a": "a fox", "b": "an owl"}, None, seeds=3)
    assert len(set(design.seeds)) == 3
    assert [clip.item for clip in design.clips] == [None] * 6


@pytest.mark.parametrize(
    ("said", "change"),
    [
        ("two arms", {"arms": {"a": "{item}"}}),
        ("used by no template of a, b", {"arms": {"a": "a fox", "b": "an owl"}}),
        ("used by no template of b", {"arms": {"a": "{item}", "b": "{itm}"}}),
        ("no arm uses {place}", {"arms": {"a": "{who}", "b": "{who}!"}, "items": [{"who": "a", "place": "b"}]}),
        ("which others have", {"arms": {"a": "{who}", "b": "{who}!"}, "items": [{"who": "a"}, {"whom": "b"}]}),
        ("all texts or all dicts", {"items": ["a", {"item": "b"}]}),
        ("given twice", {"items": ["a", "a"]}),
        ("given twice", {"seeds": [1, 1]}),
        ("given twice", {"criteria": ["look", "look"]}),
        ("at least 1", {"seeds": 0}),
        ("whole numbers", {"seeds": ["1"]}),
        ("whole numbers", {"seeds": [-1]}),
        ("seeds= gives the seeds", {"seed": 3}),
        ("ask for the same", {"arms": {"a": "{item}", "b": {"prompt": "{item}"}}}),
        ("a template or a dict", {"arms": {"a": "{item}", "b": 3}}),
        ("a list of texts", {"items": "a fox"}),
        ("{item} in a, b waits for items", {"arms": {"a": "{item}", "b": "{item}!"}, "items": None}),
        ("arms is a dict", {"arms": ["a fox", "an owl"]}),
        ("a list of texts", {"items": []}),
        ("cannot be part of a text", {"arms": {"a": "{x}", "b": "see {x}"}, "items": [{"x": ["a"]}]}),
    ],
)  # fmt: skip
def test_a_study_that_makes_no_sense_is_refused(said, change):
    with pytest.raises(sw.InvalidStudy, match=said):
        designed(**change).requests  # noqa: B018


def test_every_fault_of_every_arm_is_told_at_once():
    arms = {"a": {"prompt": "{item}", "ratio": "7:5"}, "b": {"prompt": "{item}", "nonsense": 1}}
    with pytest.raises(sw.InvalidRequest) as caught:
        designed(arms)
    assert sorted(problem.parameter for problem in caught.value.problems) == ["a: ratio", "b: nonsense"]


def test_an_arm_whose_model_may_not_follow_seeds_is_said_and_sent_none_that_was_drawn():
    arms = {"pro": {"model": "seedance-1-0-pro"}, "two": {"model": "dreamina-seedance-2-0"}}
    params = {"prompt": "{item}", "resolution": "480p", "ratio": "1:1", "duration": 5}
    drawn = design_of(arms, ANIMALS, 2, (), params)
    assert drawn.arms_without_seed == ("two",)
    assert {clip.request.seed for clip in drawn.clips if clip.arm == "two"} == {None}
    assert {clip.request.seed for clip in drawn.clips if clip.arm == "pro"} == set(drawn.seeds)
    # those that a person gives are sent: it is disputed whether they count
    given = design_of(arms, ANIMALS, [11, 12], (), params)
    assert given.arms_without_seed == ("two",)
    assert {clip.request.seed for clip in given.clips} == {11, 12}


# --- the same study again --------------------------------------------------------------------------------


def test_the_same_call_is_the_same_study_and_keeps_the_seeds_it_drew(studio):
    first = studio.study("animals", ARMS, ANIMALS, seeds=3, **SMALL)
    again = studio.study("animals", dict(reversed(ARMS.items())), ANIMALS[::-1], seeds=3, **SMALL)
    assert again.seeds == first.seeds
    assert studio.study("animals", ARMS, ANIMALS, seeds=first.seeds, **SMALL).seeds == first.seeds
    # a parameter of all arms may as well stand in each
    arms = {name: {"prompt": text, **SMALL} for name, text in ARMS.items()}
    assert studio.study("animals", arms, ANIMALS, seeds=3).seeds == first.seeds


@pytest.mark.parametrize(
    ("said", "change"),
    [
        (r"arm 'camera', prompt: \"\{item\}, slow dolly in\" -> \"\{item\}, fast\"", {"arms": {**ARMS, "camera": "{item}, fast"}}),
        ("arm 'camera' is missing", {"arms": {"plain": "{item}", "still": "{item}, locked"}}),
        ("arm 'third' is new", {"arms": {**ARMS, "third": "{item}!"}}),
        ("item 'a cat' is new", {"items": [*ANIMALS, "a cat"]}),
        ("arm 'plain', ratio: \"1:1\" -> \"16:9\"", {"ratio": "16:9"}),
        ("arm 'plain', watermark: \\(not set\\) -> true", {"watermark": True}),
        ("arm 'plain', model: ", {"model": "seedance-1-5-pro", "frames": None}),
        (r"seeds: \[11, 12\] -> 2 to be drawn", {"seeds": 2}),
        (r"criteria: \[\] -> \['look'\]", {"criteria": ["look"]}),
    ],
)  # fmt: skip
def test_another_study_of_the_same_name_is_refused_with_what_differs(studio, said, change):
    def make(arms=ARMS, items=ANIMALS, seeds=(11, 12), **others):
        return studio.study("animals", arms, items, seeds, **{**SMALL, **others})

    make()
    with pytest.raises(sw.InvalidStudy, match=said):
        make(**change)
    assert make().seeds == (11, 12)


def test_a_study_that_cannot_be_made_does_not_take_its_name(studio):
    with pytest.raises(sw.InvalidRequest, match="seed="):
        studio.study("animals", ARMS, ANIMALS, seeds=[2**40], **SMALL)
    assert studio.study("animals", ARMS, ANIMALS, seeds=[2**20], **SMALL).seeds == (2**20,)


def test_a_picture_that_has_changed_is_seen(studio, tmp_path):
    path = tmp_path / "fox.png"

    def make(colour):
        Image.new("RGB", (400, 400), colour).save(path)
        return studio.study("photo", {"a": "runs", "b": "sleeps"}, seeds=[1], first_frame=path, **SMALL)

    make("red")
    make("red")
    with pytest.raises(sw.InvalidStudy, match="pictures"):
        make("blue")


def test_a_definition_outlives_the_studio(tmp_path, simulator):
    seeds = []
    for _ in range(2):
        with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
            seeds.append(studio.study("animals", ARMS, ANIMALS, **SMALL).seeds)
    assert seeds[0] == seeds[1]


def test_the_same_name_may_be_another_study_for_real(tmp_path, simulator):
    with sw.Studio(tmp_path / "runs", simulate=simulator) as studio:
        studio.study("animals", ARMS, ANIMALS, **SMALL)
    with sw.Studio(tmp_path / "runs", api_key="none") as studio:
        studio.study("animals", ARMS, ANIMALS[:2], **SMALL)


def test_drawn_seeds_are_not_drawn_twice():
    drawn = [designed(seeds=4).seeds for _ in range(5)]
    assert len(set(itertools.chain(*drawn))) == 20
