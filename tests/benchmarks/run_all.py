"""Try that every benchmark works: each in turn with ``--small``, as CI does. Figures are not judged.

    python tests/benchmarks/run_all.py [NAME ...]

Ends with 1 where one of them failed, and shows what that one printed. Two run at a time, for most of them wait.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
# the same at any size
WHOLE = {"house"}
LONGEST_SECONDS = 600


def tried(script: Path) -> bool:
    """Whether a benchmark ended well; says so, with its output if not."""
    size = [] if script.stem in WHOLE else ["--small"]
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, script, *size], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        try:
            output, _ = running.communicate(timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            output = f"{running.communicate()[0]}\nnot done after {LONGEST_SECONDS} s"
    failed = running.returncode != 0
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{script.stem}: FAILED after {took}\n{output}" if failed else f"{script.stem}: {took}", flush=True)
    return not failed


def main() -> int:
    """Run those named, or all."""
    scripts = [
        path for path in sorted(HERE.glob("*.py"))
        if path != Path(__file__) and "__main__" in path.read_text(encoding="utf-8")
    ]  # fmt: skip
    wanted = sys.argv[1:] or [script.stem for script in scripts]
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(tried, [script for script in scripts if script.stem in wanted]))
    print(f"{ended.count(True)} of {len(ended)} benchmarks work")
    return 0 if all(ended) else 1


if __name__ == "__main__":
    sys.exit(main())
