"""Run as a process of its own: a chain in a home, which says each step and waits for a word before it goes on.

python chain_child.py HOME BASE_URL DEFINITION(JSON)
"""

from __future__ import annotations

import json
import sys

import seedance_widgets as sw


def main(home: str, base_url: str, definition: str) -> None:
    """Make the chain; a failing link is tried again on a word."""
    studio = sw.Studio(home, api_key="k", base_url=base_url)

    def say(*words: object) -> None:
        print(*words, flush=True)
        sys.stdin.readline()

    while True:
        try:
            sw.run(studio.chain(**json.loads(definition), progress=lambda n, _, task: say(n, task.status)))
        except sw.ChainStopped as error:
            say("stopped", error.link, type(error.__cause__).__name__)
        else:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
