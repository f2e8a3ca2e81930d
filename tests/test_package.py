"""What importing costs and shows, and what the wheel carries."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import seedance_widgets as sw

HEAVY = (
    "pandas",
    "numpy",
    "scipy",
    "av",
    "sqlalchemy",
    "PIL",
    "starlette",
    "ipywidgets",
    "anywidget",
    "IPython",
    "httpx",
)
ROOT = Path(__file__).parent.parent


def loaded_by(code):
    script = f"import sys\n{code}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_loads_nothing_heavy():
    assert loaded_by("import seedance_widgets") == set()


def test_pure_functions_load_nothing_heavy():
    code = "import seedance_widgets as sw; sw.estimate(model='seedance-1-0-pro'); sw.center_crop(9, 9, '1:1')"
    assert loaded_by(code) == set()


def test_a_script_with_a_studio_never_loads_widgets(tmp_path):
    code = (
        "import seedance_widgets as sw\n"
        f"s = sw.Studio({str(tmp_path)!r}, simulate=sw.Simulator(speed=500))\n"
        "t = sw.run(s.generate('a fox', resolution='480p', ratio='1:1', duration=4)); repr(t); t._repr_html_()\n"
        "s.log.to_pandas(); s.close()"
    )
    assert not loaded_by(code) & {"ipywidgets", "anywidget", "IPython"}


def test_every_public_name_is_there_and_listed_in_order():
    assert sw.__all__ == sorted(sw.__all__)
    for name in sw.__all__:
        assert getattr(sw, name) is not None
    assert set(sw.__all__) <= set(dir(sw))
    with pytest.raises(AttributeError, match="nonsense"):
        sw.nonsense  # noqa: B018


def test_every_error_is_public_and_of_one_tree():
    from seedance_widgets import errors

    assert set(errors.__all__) <= set(sw.__all__)
    for name in errors.__all__:
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning):
            assert issubclass(kind, sw.SeedanceError)
            assert name in errors.__doc__


def test_nested_loops_are_opt_in():
    code = "import seedance_widgets as sw, asyncio; print(hasattr(asyncio, '_nest_patched'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    code = "import seedance_widgets as sw, asyncio; sw.allow_nested_loops(); print(hasattr(asyncio, '_nest_patched'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True\n"


def test_the_wheel_carries_data_types_and_notebooks(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= {
        "seedance_widgets/catalog/catalog.toml",
        "seedance_widgets/py.typed",
        *(f"seedance_widgets/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")),
    }
    assert not [name for name in names if "runs/" in name or name.startswith("tests/")]
