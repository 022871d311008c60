"""The layers of the module: what may import what, read from the source, imports for types and on use included."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = (
    {"arguments", "errors"},
    {"files", "palette", "streams", "symbols", "units", "yaml_records"},
    {"scenario"},
    {"encoders", "parameters"},
    {"wireless"},
    {"theory"},
    {"control"},
    {"learning", "paper"},
    {"split", "network"},
    {"studies", "figures", "network_commands"},
    {"cli"},
    {"__main__"},
)
"""From the ground up. A room imports from those below it; two side by side do not know each other."""

WITHOUT_TORCH = {name for names in LAYERS[: LAYERS.index({"learning", "paper"})] for name in names} | {"paper"}

LEARNING_STACK = {
    "accelerate",
    "datasets",
    "huggingface_hub",
    "peft",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
}


def sources():
    """All modules by name, with their files."""
    found = {}
    for path in sorted((ROOT / "fedswitch").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = sources()


def imported(module):
    """The full names of what a module imports: of modules of ours, and of whatever is not ours."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            outer = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*outer, *filter(None, [node.module])])
            names = {f"{source}.{alias.name}" for alias in node.names}
            found |= names & MODULES.keys() | ({source} if names - MODULES.keys() else set())
    return found - {module}


IMPORTED = {module: imported(module) for module in MODULES}


def room(module):
    """The first name below fedswitch, and nothing for its front door, which names what it opens to."""
    return module.split(".")[1] if "." in module else ""


def reached(module):
    """All modules of ours that a module needs, directly or not."""
    found, waiting = set(), [module]
    while waiting:
        new = (IMPORTED[waiting.pop()] & MODULES.keys()) - found
        found |= new
        waiting += new
    return found


def test_imports_are_read():
    """Of a package, of a module in it by either spelling, on use, and of other packages."""
    assert "fedswitch.control.bandwidth" in IMPORTED["fedswitch.control"]
    assert "fedswitch.wireless" in IMPORTED["fedswitch.figures.dividing"]
    assert {"fedswitch.studies.notebooks", "click"} <= IMPORTED["fedswitch.cli"]
    assert "numpy" in IMPORTED["fedswitch.units"]
    assert {"fedswitch.units", "fedswitch.control.bandwidth"} <= reached("fedswitch.cli")


@pytest.mark.parametrize("module", [module for module in MODULES if module != "fedswitch"])
def test_imports_run_one_way(module):
    floors = {name: number for number, names in enumerate(LAYERS) for name in names}
    assert room(module) in floors, f"{module} has no place yet: give it one in LAYERS"
    below = {name for name, floor in floors.items() if floor < floors[room(module)]} | {room(module), ""}
    wrong = {name for name in IMPORTED[module] & MODULES.keys() if room(name) not in below}
    assert not wrong, f"{module} stands below or beside what it imports"


def test_no_circles():
    needs = {module: reached(module) for module in MODULES}
    assert not {module for module in MODULES if module in needs[module]}


def test_no_two_modules_have_one_name():
    homes = defaultdict(set)
    for module in MODULES:
        homes[module.rpartition(".")[2]].add(module)
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def test_no_two_types_have_one_name():
    homes = defaultdict(set)
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].add(module)
    assert not {name: found for name, found in homes.items() if len(found) > 1}


@pytest.mark.parametrize("module", MODULES)
def test_the_module_does_not_know_the_book(module):
    assert not {name.partition(".")[0] for name in IMPORTED[module]} & {"book", "_ext", "noxfile", "tests"}


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in WITHOUT_TORCH])
def test_what_is_computed_with_arrays_needs_no_learning(module):
    assert not {name.partition(".")[0] for name in IMPORTED[module]} & LEARNING_STACK
