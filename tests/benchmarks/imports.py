"""What ``import seedance_widgets`` costs, against the three libraries that a widget kit cannot do without.

Compared are whole processes, from start to end: one imports the package, the other ipywidgets, anywidget and
httpx, the floor for any kit that shows widgets and speaks HTTP. Both start the same interpreter, so its own
cost weighs on both sides and pulls the ratio towards 1, never in our favour when it is below.

The package loads its public names when they are first used, so importing it alone says little about what a
user waits for. Hence the further rows, without a limit: the names a notebook uses, and the modules each
statement leaves in ``sys.modules``.
"""

from __future__ import annotations

from functools import partial

import measure

FLOOR = "import ipywidgets, anywidget, httpx"
KIT = "import seedance_widgets"
NAMES = "import seedance_widgets as sw; sw.Studio; sw.estimate; sw.Simulator"
CLIENT = "from seedance_widgets.client import Client"
HEAVY = ("pandas", "numpy", "av", "sqlalchemy", "PIL", "starlette")
LOADED = f"import sys; print(*(name for name in {HEAVY} if name in sys.modules))"


def main() -> None:
    rounds = measure.rounds(__doc__, 15)
    statements = ("pass", FLOOR, KIT, NAMES, CLIENT)
    runs = measure.alternate(rounds, {code: partial(measure.whole, code) for code in statements})
    for name, unit in (("cpu", "ms"), ("wall", "ms"), ("peak", "MiB")):
        table = measure.Table({"cpu": "CPU time", "wall": "Wall time", "peak": "Peak memory"}[name])
        values = {code: measure.column(runs[code], name) for code in statements}
        table.row("bare interpreter", values["pass"], unit)
        table.row(FLOOR, values[FLOOR], unit)
        limit = None if name == "peak" else 1.15
        table.row(KIT, values[KIT], unit, against=values[FLOOR], at_most=limit)
        for code in (NAMES, CLIENT):
            table.row(code, values[code], unit, against=values[FLOOR])
        table.print()
    print(f"\nOf {', '.join(HEAVY)}, loaded after")
    for code in (KIT, NAMES, CLIENT):
        print(f"  {code}: {measure.whole(f'{code}; {LOADED}').said[0] or 'none'}")


if __name__ == "__main__":
    main()
