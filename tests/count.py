"""Counts the test cases of `meson test`: prints `N passed, N failed` and exits 0 if none failed.

A Catch2 program (version 2 or 3) tells its cases in its closing line; any other program is one case. A program that
failed without a failed case, because it crashed or a sanitizer complained, counts as one more.

usage: count.py testlog.json...
"""

import json
import re
import sys

ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.MULTILINE)
SOME_FAILED = re.compile(r"^test cases: .*$", re.MULTILINE)


def cases(output: str, succeeded: bool) -> tuple[int, int]:
    """Passed and failed cases of one program."""
    passed = failed = 0
    if match := ALL_PASSED.search(output):
        passed = int(match[1])
    elif match := SOME_FAILED.search(output):
        counts = {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed)\b", match[0])}
        passed, failed = counts.get("passed", 0), counts.get("failed", 0)
    elif "No tests ran" not in output:
        passed = int(succeeded)
    if not succeeded and failed == 0:
        failed = 1
    return passed, failed


def main() -> int:
    passed = failed = 0
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as log:
            for line in log:
                test = json.loads(line)
                if test["result"] == "SKIP":
                    continue
                counts = cases(test.get("stdout", ""), test["result"] == "OK")
                passed, failed = passed + counts[0], failed + counts[1]
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
