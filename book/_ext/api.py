"""The API reference: a page for each package, made from what the modules hold and what their docstrings say.

``.. api:: fedswitch.wireless`` shows all public objects of a package, in a section for each module and under the
shortest name by which each can be imported; ``.. api-overview::`` lists all modules. Autodoc does the rest. What a
docstring quotes becomes a link where the reference has it; `signatures` has types read as in the source.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Collection, Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon.docstring import GoogleDocstring
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.parsing import nested_parse_to_nodes

from .signatures import functions, make_types_readable

PACKAGES = (
    "fedswitch",
    "fedswitch.wireless",
    "fedswitch.theory",
    "fedswitch.control",
    "fedswitch.split",
    "fedswitch.learning",
    "fedswitch.learning.schemes",
    "fedswitch.network",
    "fedswitch.studies",
    "fedswitch.studies.claims",
    "fedswitch.paper",
    "fedswitch.figures",
)
"""What has a page of its own, in the order of dependence; what lies in such a package is on no page around it."""

_QUOTED = re.compile(r":[\w:]+:`[^`]*`|``.+?``|`([^`]+)`")  # a role, code, or a quoted name
_SHOWN_MEMBERS = (types.FunctionType, property, classmethod, staticmethod, functools.cached_property)


@dataclasses.dataclass(frozen=True)
class Entry:
    """A public object: the module that defines it, and the shortest one from which it can be imported by `name`."""

    module: str
    home: str
    name: str

    @property
    def path(self) -> str:
        """The full name under which the reference shows it."""
        return f"{self.home}.{self.name}"

    @property
    def value(self) -> Any:
        """The object itself."""
        return getattr(importlib.import_module(self.home), self.name)

    @property
    def directive(self) -> str:
        """The directive that shows it, autodoc's except for data, which autodoc finds in the defining module only."""
        if inspect.isclass(self.value):
            return "autoclass"
        return "autofunction" if inspect.isroutine(inspect.unwrap(self.value)) else "py:data"

    @property
    def content(self) -> list[str]:
        """What goes into the directive: for data the docstring below them."""
        if self.directive == "autoclass":
            return [":members:"]
        if self.directive == "autofunction":
            return []
        return ["", *linked(ModuleAnalyzer.for_module(self.module).attr_docs["", self.name], self.home, ())]


def modules(package: str) -> list[str]:
    """The modules of a page, by name: those of the package that are in no package within it that has a page."""
    root = importlib.import_module(package)
    within = tuple(f"{other}." for other in PACKAGES if other.startswith(f"{package}."))
    found = [info.name for info in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return [package, *(name for name in found if "._" not in name and not f"{name}.".startswith(within))]


def entries(package: str) -> Iterator[Entry]:
    """All public objects of a page: functions, classes, and data with a docstring."""
    for module in modules(package):
        defined, tags = importlib.import_module(module), ModuleAnalyzer.for_module(module)
        tags.analyze()
        data = {name for scope, name in tags.attr_docs if not scope}
        for name in sorted(tags.tagorder, key=tags.tagorder.__getitem__):
            if "." in name or name.startswith("_") or not hasattr(defined, name):
                continue
            value = getattr(defined, name)
            described = getattr(value, "__module__", None) == module and inspect.getdoc(value)
            if name in data or (callable(value) and described):
                yield Entry(module, home(module, name), name)


def home(module: str, name: str) -> str:
    """The outermost package that exports an object of `module`, or `module` itself."""
    value = getattr(importlib.import_module(module), name)
    parts = module.split(".")
    for length in range(1, len(parts)):
        package = ".".join(parts[:length])
        exporter = importlib.import_module(package)
        names = getattr(exporter, "__all__", vars(exporter))
        if name in names and getattr(exporter, name) is value:
            return package
    return module


def headline(module: str) -> str:
    """The first line of a module's docstring, which begins with one sentence."""
    return _docstring(module).partition("\n")[0]


def label(module: str) -> str:
    """The label of a module's section, or of a package's page."""
    return f"api-{module.replace('.', '-')}"


def package_source(package: str) -> str:
    """The page of a package in reStructuredText: what the package says of itself, and a section for each module."""
    members: dict[str, list[Entry]] = {}
    for entry in entries(package):
        members.setdefault(entry.module, []).append(entry)
    lines = [_docstring(package), ""]
    for module, found in members.items():
        if module != package:  # what the package defines itself stands at the top of its page
            title = module.removeprefix("fedswitch.")
            lines += [f".. _{label(module)}:", "", title, "-" * len(title), "", _docstring(module), ""]
        for entry in found:
            lines += [f".. py:currentmodule:: {entry.home}", "", f".. {entry.directive}:: {entry.name}"]
            lines += [*(f"   {line}" for line in entry.content), ""]
    return "\n".join(lines)


def overview_source() -> str:
    """The list of all modules in reStructuredText: a line for each package and, below it, for each of its modules."""
    lines = []
    for package in PACKAGES:
        shown = {entry.module for entry in entries(package)}
        lines += [f":ref:`{package} <{label(package)}>`", f"   {headline(package)}", ""]
        for module in modules(package):
            if module in shown and module != package:
                lines += [f"   - :ref:`{module.removeprefix('fedswitch.')} <{label(module)}>`: {headline(module)}"]
        lines += [""]
    return "\n".join(lines)


def _docstring(module: str) -> str:
    return "\n".join(linked((inspect.getdoc(importlib.import_module(module)) or "").splitlines(), module, set()))


def linked(lines: list[str], home: str, arguments: Collection[str]) -> list[str]:
    """Lines of a docstring in which `quoted` names are links where the reference has them, and code elsewhere.

    `home` is the module or class that names are looked up in, outwards; `arguments` are names that mean an argument.
    """
    known = documented()

    def role(match: re.Match[str]) -> str:
        name, places = match[1], home.split(".")
        if name is None:
            return match[0]
        if name not in arguments:
            for length in range(len(places), 0, -1):
                if (path := ".".join([*places[:length], name])) in known:
                    return f":py:obj:`{name} <{path}>`"
        return f"``{name}``"

    return _QUOTED.sub(role, "\n".join(lines)).split("\n")


@functools.cache
def documented() -> frozenset[str]:
    """The full names of everything that the reference shows."""
    found = [entry for package in PACKAGES for entry in entries(package)]
    members = (
        f"{entry.path}.{name}"
        for entry in found
        if inspect.isclass(entry.value)
        for name, member in vars(entry.value).items()
        if not name.startswith("_") and isinstance(member, _SHOWN_MEMBERS) and member.__doc__
    )
    return frozenset([*(entry.path for entry in found), *members])


class ApiDirective(SphinxDirective):
    """Show the public objects of the package that is named."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse what autodoc is to show."""
        package = self.arguments[0]
        for entry in entries(package):
            for function in functions(entry.value):
                make_types_readable(function, _classes())
        return nested_parse_to_nodes(self.state, package_source(package), allow_section_headings=True)


class ApiOverviewDirective(SphinxDirective):
    """List all modules."""

    def run(self) -> list[nodes.Node]:
        """Parse the list."""
        return nested_parse_to_nodes(self.state, overview_source())


@functools.cache
def _classes() -> dict[str, Any]:
    """All classes of the reference by name: what modules import for their types only is among them."""
    found = (entry for package in PACKAGES for entry in entries(package))
    return {entry.name: entry.value for entry in found if inspect.isclass(entry.value)}


def format_docstring(_app: Sphinx, what: str, name: str, obj: Any, _options: object, lines: list[str]) -> None:
    """Format the sections of a docstring, and link what it quotes (autodoc's event).

    Not for properties: napoleon takes what stands before a colon there for a type.
    """
    if what != "property":
        lines[:] = GoogleDocstring(lines, what=what, name=name, obj=obj).lines()
    arguments: Collection[str] = ()
    with contextlib.suppress(TypeError, ValueError):  # data have no signature
        arguments = inspect.signature(obj).parameters
    lines[:] = linked(lines, name if what == "class" else name.rpartition(".")[0], arguments)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.viewcode")
    app.add_directive("api", ApiDirective)
    app.add_directive("api-overview", ApiOverviewDirective)
    app.connect("autodoc-process-docstring", format_docstring)
