"""pyproject.toml, environment.yml and requirements.lock name the same packages."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PYTHONS = [
    python for python in (f"3.{minor}" for minor in range(20)) if python in SpecifierSet(PROJECT["requires-python"])
]
PLATFORMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}

# conda-forge's name -> the name on PyPI, where they differ
FROM_CONDA = {"cvxpy-base": "cvxpy", "matplotlib-base": "matplotlib", "pytorch-cpu": "torch", "seaborn-base": "seaborn"}


def wanted():
    """What the project and all its extras require."""
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(line) for lines in (PROJECT["dependencies"], *extras) for line in lines]


def ranges(requirements):
    """The version range of each package, by its name on PyPI; no package may stand twice."""
    names = [canonicalize_name(FROM_CONDA.get(requirement.name, requirement.name)) for requirement in requirements]
    assert len(set(names)) == len(names), Counter(names).most_common(3)
    return dict(zip(names, (requirement.specifier for requirement in requirements), strict=True))


def pins():
    """The lines of the lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def pins_for(python, platform):
    """The version that the lock pins each package to, on one Python and one platform."""
    machine = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_system": PLATFORMS[platform],
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return ranges([pin for pin in pins() if pin.marker is None or pin.marker.evaluate(machine)])


def test_conda_environment_has_the_ranges_of_the_project():
    *packages, pip_section = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    *pip_packages, the_project = pip_section["pip"]
    found = ranges([Requirement(line) for line in (*packages, *pip_packages)])
    assert the_project == "-e ."
    assert found.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert found.pop("pip") == SpecifierSet()
    assert found == ranges(wanted())


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_lock_pins_what_the_project_requires(python, platform):
    pinned = pins_for(python, platform)
    for name, allowed in ranges(wanted()).items():
        (pin,) = pinned[name]
        assert pin.version in allowed, f"{name} is locked to {pin.version}, but pyproject.toml wants {allowed}"


def test_lock_is_plain_pins():
    for pin in pins():
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert not pin.url
        assert "+" not in specifier.version, f"{pin} is a build for one index only"


def test_lock_names_no_cuda_package():
    assert not [pin.name for pin in pins() if pin.name.startswith(("cuda", "nvidia", "triton"))]


def test_environment_can_build_the_project_without_fetching_the_backend():
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PROJECT["optional-dependencies"]["test"])
