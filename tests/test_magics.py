from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import seedance_widgets as sw
from seedance_widgets.magics import complete


@pytest.fixture
def shell(studio):
    shell = InteractiveShell()
    shell.extension_manager.load_extension("seedance_widgets")
    shell.user_ns["studio"] = studio
    return shell


def test_a_cell_is_a_prompt_and_the_line_its_parameters(shell, studio):
    shell.user_ns["animal"] = "kitten"
    line = "--model seedance-1-5-pro --ratio 1:1 --resolution 480p --duration 4 --seed 11 --no-generate-audio --wait"
    task = shell.run_cell_magic("seedance", line, "A $animal yawns, worth $5 and $unknown\n")
    assert task.status == "succeeded"
    assert task.request.prompt == "A kitten yawns, worth $5 and $unknown"
    assert (task.seed, task.request.generate_audio) == (11, False)


def test_flags_in_a_cell_are_taken_and_told(shell, studio):
    sample = "The kitten is yawning at the camera --rs 480p --rt 9:16 --dur 4 --seed 11 --cf true --wm true"
    with pytest.warns(sw.LegacyFlagsWarning, match="--rs 480p") as told:
        task = shell.run_cell_magic("seedance", "--model seedance-1-5-pro --wait", sample)
    assert len(told) == 1
    row = studio.log.to_pandas().loc[task.key]
    asked = {
        "resolution": "480p",
        "ratio": "9:16",
        "duration": 4,
        "seed": 11,
        "camera_fixed": True,
        "watermark": True,
    }
    assert {name: row[name] for name in asked} == asked
    with pytest.raises(UsageError, match="pass resolution='480p'"):
        shell.run_cell_magic("seedance", "--legacy-flags refuse", sample)


def test_the_task_goes_into_a_variable(shell):
    line = "--ratio 1:1 --resolution 480p --duration 4 --out fox"
    assert shell.run_cell_magic("seedance", line, "a fox") is None
    assert sw.run(shell.user_ns["fox"]).status == "succeeded"


def test_errors_are_words(shell):
    with pytest.raises(UsageError, match="duration=99"):
        shell.run_cell_magic("seedance", "--duration 99", "a fox")
    with pytest.raises(UsageError, match=r"(?s)unrecognized.*--ratio"):
        shell.run_cell_magic("seedance", "--colour red", "a fox")
    with pytest.raises(UsageError, match="no studio called other"):
        shell.run_cell_magic("seedance", "--studio other", "a fox")
    with pytest.raises(UsageError, match="log, board, resume"):
        shell.run_line_magic("seedance", "nonsense")


def test_a_failed_task_is_its_card_and_a_line(shell, simulator, capsys):
    simulator.faults.fail_task("OutputVideoSensitiveContentDetected", message="not this fox")
    shell.run_cell(
        "%%seedance --ratio 1:1 --resolution 480p --duration 4 --wait --out fox\na fox", silent=False
    )
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "magics.py" not in said.out + said.err
    assert said.out.count("TaskFailed: task") == 1
    assert "not this fox" in said.out
    assert isinstance(shell.user_ns["fox"].error, sw.TaskFailed)
    with pytest.raises(sw.TaskFailed):
        sw.run(shell.user_ns["fox"])


def test_a_quote_that_is_not_closed_is_words(shell):
    with pytest.raises(UsageError, match="No closing quotation"):
        shell.run_cell_magic("seedance", "--model 'x", "a fox")


def test_line_actions(shell, studio):
    assert list(shell.run_line_magic("seedance", "log").index) == []
    assert shell.run_line_magic("seedance", "resume") == []
    board = shell.run_line_magic("seedance", "board")
    assert isinstance(board, sw.TaskBoard)
    board.close()


class Event:
    def __init__(self, line):
        self.line = line


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%%seedance ", "--model"),
        ("%%seedance --mo", "--model"),
        ("%%seedance --model ", "seedance-1-5-pro"),
        ("%%seedance --model seed", "seedance-1-0-pro-fast"),
        ("%%seedance --ratio ", "21:9"),
        ("%%seedance --ratio 2", "21:9"),
        ("%%seedance --legacy", "--legacy-flags"),
        ("%%seedance --legacy-flags ", "refuse"),
        ("%seedance ", "resume"),
        ("%seedance re", "resume"),
    ],
)
def test_completion(line, offered):
    assert offered in complete(None, Event(line))
