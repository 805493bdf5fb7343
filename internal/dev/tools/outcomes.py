#!/usr/bin/env python3
"""usage: outcomes.py SCENARIOS OUTCOMES...

Prints how each shared scenario ended in each SDK as one table, from the lines
{"runtime", "outcomes": {name: "pass" or "fail..."}} of the files, and fails
unless every scenario passed in every runtime.
"""

import json
import sys

RUNTIMES = ["Go", "Node", "Chromium", "Swift"]


def main(scenarios: str, *files: str) -> int:
    with open(scenarios, encoding="utf-8") as f:
        names = [s["name"] for s in json.load(f)["scenarios"]]
    ended: dict[str, dict[str, str]] = {}
    for name in files:
        with open(name, encoding="utf-8") as f:
            for line in f:
                told = json.loads(line)
                ended[told["runtime"]] = told["outcomes"]
    width = max(map(len, names))
    print("scenario".ljust(width), *(r.ljust(8) for r in RUNTIMES))
    failed = []
    for name in names:
        row = [ended.get(r, {}).get(name, "missing") for r in RUNTIMES]
        print(name.ljust(width), *(o.split(":")[0].ljust(8) for o in row))
        failed += [f"{name}, {r}: {o}" for r, o in zip(RUNTIMES, row) if o != "pass"]
    unknown = [f"{n}, {r}: no such scenario" for r, o in ended.items() for n in o if n not in names]
    print(f"{len(names)} scenarios, {len(failed)} not passed")
    for problem in failed + unknown:
        print(problem, file=sys.stderr)
    return 1 if failed or unknown else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
