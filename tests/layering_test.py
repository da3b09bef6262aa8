"""Keeps the layers of the tree: who may include whom.

    core <- ir <- ops <- transforms <- nn, optim      (inside autograd; io sees core, optim io)
    engine sees core and ir; nobody sees engine
    autograd <- render <- apps                        by installed headers only
    an installed header includes installed headers only

usage: layering_test.py SOURCE_ROOT INSTALLED_HEADER...
"""

import pathlib
import re
import sys

MAY_INCLUDE = {
    "core": {"core"},
    "ir": {"core", "ir"},
    "engine": {"core", "ir", "engine"},
    "ops": {"core", "ir", "ops"},
    "transforms": {"core", "ir", "ops", "transforms"},
    "nn": {"core", "ir", "ops", "transforms", "nn"},
    "optim": {"core", "ir", "ops", "transforms", "io", "optim"},
    "io": {"core", "io"},
}
LAYERS = ["autograd", "render", "apps"]
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def fault(includer: str, included: str, installed: set[str]) -> str:
    """What is wrong with the inclusion, or nothing."""
    layer, target = includer.split("/")[0], included.split("/")[0]
    if target not in LAYERS:
        return ""
    if LAYERS.index(target) > LAYERS.index(layer):
        return f"{layer} must not know {target}"
    if target != layer and included not in installed:
        return f"{included} is not an installed header of {target}"
    if includer in installed and included not in installed:
        return f"{includer} is installed, {included} is not"
    if layer == target == "autograd" and includer.count("/") > 1:
        folder, target_folder = includer.split("/")[1], included.split("/")[1]
        if folder not in MAY_INCLUDE:
            return f"autograd/{folder} has no place among the layers yet"
        if target_folder not in MAY_INCLUDE[folder]:
            return f"autograd/{folder} must not know autograd/{target_folder}"
    return ""


def main() -> int:
    root = pathlib.Path(sys.argv[1]).resolve()
    installed = {str(pathlib.Path(path).resolve().relative_to(root)) for path in sys.argv[2:]}
    files = sorted(path for layer in LAYERS for path in (root / layer).rglob("*") if path.suffix in (".h", ".cpp"))
    faults = 0
    for path in files:
        includer = str(path.relative_to(root))
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            included = match[1]
            if (path.parent / included).is_file():  # a neighbour, by its name alone
                included = str((path.parent / included).resolve().relative_to(root))
            if reason := fault(includer, included, installed):
                line = text.count("\n", 0, match.start(1)) + 1
                print(f"{includer}:{line}: {reason}")
                faults += 1
    print(f"{len(files)} files, {faults} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
