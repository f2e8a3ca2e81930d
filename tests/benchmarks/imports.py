"""What a user waits for at first: importing the package, and the first task that the service has accepted.

The floor is ``import ipywidgets, anywidget, httpx, sqlalchemy``, the libraries that a kit which shows widgets, speaks
HTTP and keeps a log cannot do without.

The first submit is a fresh process that imports the package, opens a studio in a new folder and submits a prompt to
a simulator in another process, until the service has accepted it: the modules that this needs, the log's
tables, the TLS context, the request and three commits on the disk. Its clock is that of the statements alone, as is the
floor's: what starting Python takes would pull the ratio towards 1.

The package loads its public names when they are first used, so importing it alone says little. It is shown as whole
processes, from start to end, beside the names that a notebook uses, and the modules that each statement leaves in
``sys.modules``.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING

import measure

if TYPE_CHECKING:
    from pathlib import Path

FLOOR = "import ipywidgets, anywidget, httpx, sqlalchemy"
KIT = "import seedance_widgets"
NAMES = "import seedance_widgets as sw; sw.Studio; sw.estimate; sw.Simulator"
CLIENT = "from seedance_widgets.modelark.client import Client"
HEAVY = ("pandas", "numpy", "av", "sqlalchemy", "PIL", "starlette")
LOADED = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
SERVER = "from seedance_widgets.cli import main; main(['simulate'])"
SUBMIT = """
import asyncio, warnings
warnings.simplefilter("ignore")
import seedance_widgets as sw

async def main():
    studio = sw.Studio(sys.argv[1], api_key="a-key", base_url=sys.argv[2])
    await studio.submit("A kitten yawns")

asyncio.run(main())
"""


def first_submit(home: Path, url: str, rounds: int) -> None:
    """Compare the first accepted task with importing what it needs."""
    number = itertools.count()
    subjects = {
        "floor": partial(measure.fresh, FLOOR, setup=""),
        "submit": lambda: measure.fresh(SUBMIT, home / str(next(number)), url, setup=""),
    }
    runs = measure.alternate(rounds, subjects)
    table = measure.Table("The first task accepted, from a fresh process on")
    for name in ("cpu", "wall"):
        values = {each: measure.column(found, name) for each, found in runs.items()}
        table.row(f"{name}: {FLOOR}", values["floor"], "ms")
        table.row(f"{name}: until accepted", values["submit"], "ms", against=values["floor"], at_most=1.5)
    table.print()


def main() -> None:
    rounds = measure.rounds(__doc__, 15)
    with measure.folder() as home, measure.process(SERVER) as url:
        first_submit(home, url, rounds)
    statements = ("pass", FLOOR, KIT, NAMES, CLIENT)
    runs = measure.alternate(rounds, {code: partial(measure.whole, code) for code in statements})
    for name, unit in (("cpu", "ms"), ("wall", "ms"), ("peak", "MiB")):
        table = measure.Table({"cpu": "CPU time", "wall": "Wall time", "peak": "Peak memory"}[name])
        values = {code: measure.column(runs[code], name) for code in statements}
        table.row("bare interpreter", values["pass"], unit)
        table.row(FLOOR, values[FLOOR], unit)
        for code in (KIT, NAMES, CLIENT):
            table.row(code, values[code], unit, against=values[FLOOR])
        table.print()
    print(f"\nOf {', '.join(HEAVY)}, loaded after")
    for code in (KIT, NAMES, CLIENT):
        print(f"  {code}: {measure.whole(f'{code}; {LOADED}').said[0] or 'none'}")


if __name__ == "__main__":
    main()
