"""A study whose clips are there: made once, and copied for each test that votes on it."""

from __future__ import annotations

import shutil

import pytest
from study_clips import ANIMALS, ARMS, SMALL

import seedance_widgets as sw


@pytest.fixture(scope="session")
def made_home(tmp_path_factory):
    """Two arms, six items, two seeds: 24 clips, 12 pairs."""
    home = tmp_path_factory.mktemp("made") / "runs"
    with sw.Studio(home, simulate=sw.Simulator(speed=1000)) as studio:
        study = studio.study("animals", ARMS, ANIMALS, seeds=[11, 12], **SMALL)
        assert sw.run(study.run(progress=False)).complete
    return home


@pytest.fixture
def made_studio(made_home, tmp_path, simulator):
    """A studio on a copy of it."""
    home = shutil.copytree(made_home, tmp_path / "made")
    with sw.Studio(home, simulate=simulator) as studio:
        yield studio


@pytest.fixture
def made(made_studio):
    """The study itself."""
    return made_studio.study("animals", ARMS, ANIMALS, seeds=[11, 12], **SMALL)
