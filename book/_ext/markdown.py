"""Parts of a page as Markdown that Jupyter shows without any extension.

Roles and directives are resolved by then, so that numbers are those of the book. What Markdown has no word for becomes
what comes nearest: a box a block quote with a bold title, a link to another page that page's title.
"""

from __future__ import annotations

import base64
import mimetypes
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes

VOICES = {"paper": "The paper says", "holds": "What holds", "measured": "What we measured"}
"""The classes of the three kinds of boxes, and what opens their titles."""

NOTHING = ("target", "comment", "index", "substitution_definition", "system_message", "toctree", "label")
"""Nodes that leave no trace."""

SPECIAL = re.compile(r"[\\`*<$~]|(?<!\w)_|_(?!\w)|\](?=[(\[])|&(?=#?\w+;)")
BLOCK_MARK = re.compile(r"^(\s*)([-+>#=|])|^(\s*\d+)([.)])(?=\s)", flags=re.MULTILINE)


@dataclass(frozen=True)
class Markdown:
    """Writes nodes of one page as Markdown.

    `number` says which number an element of a kind ("figure", "displaymath", "theorem", ...) carries, or nothing;
    `macros` are the book's TeX macros without arguments, which Jupyter does not know; `folder` is where the paths of
    pictures begin.
    """

    number: Callable[[str, nodes.Element], str]
    macros: Mapping[str, str]
    folder: Path

    def blocks(self, parts: Iterable[nodes.Node]) -> str:
        """Write blocks, one below the other."""
        return "\n\n".join(filter(None, map(self.block, parts)))

    def block(self, node: nodes.Node) -> str:
        """Write what stands on lines of its own."""
        for kind in type(node).__mro__:
            if writer := getattr(self, f"_block_{kind.__name__.lower()}", None):
                return str(writer(node))
        return self.inline(node)

    def inline(self, node: nodes.Node) -> str:
        """Write what stands in a line."""
        for kind in type(node).__mro__:
            if kind.__name__ in NOTHING:
                return ""
            if writer := getattr(self, f"_inline_{kind.__name__.lower()}", None):
                return str(writer(node))
        return str(node.astext())

    def title(self, node: nodes.Element) -> str:
        """Write the title of a box, an exercise or a theorem, with its number where it has one."""
        if "realtype" in node:
            kind = str(node["realtype"])
            number = self.number(str(node.get("countertype", kind)), node)
            return " ".join(filter(None, [kind.title(), number])) + self._inline_children(node[0]).rstrip()
        text = self._inline_children(node[0])
        if numbered := node[0].get("title"):
            text = str(numbered).replace("%s", self.number("exercise", node)) + text
        voice = next((VOICES[name] for name in node["classes"] if name in VOICES), "")
        return text if text.startswith(voice) else f"{voice}: {text}"

    def caption(self, node: nodes.Element, kind: str, word: str) -> str:
        """Write the caption of a figure or the title of a table, with its number."""
        text = next((self._inline_children(part) for part in node if isinstance(part, nodes.caption | nodes.title)), "")
        number = self.number(kind, node)
        legend = self.blocks(part for part in node if isinstance(part, nodes.legend))
        label = f"**{word} {number}.** " if number else ""
        return "\n\n".join(filter(None, [label + text, legend]))

    def _inline_children(self, node: nodes.Node) -> str:
        return "".join(map(self.inline, node.children))

    # blocks, by the class of the node

    def _block_element(self, node: nodes.Element) -> str:
        if isinstance(node, nodes.TextElement | nodes.Inline) or type(node).__name__ in NOTHING:
            return self.inline(node)
        return self.blocks(node.children)

    def _block_title(self, node: nodes.title) -> str:
        return f"{'#' * depth(node)} {self._inline_children(node)}"

    def _block_rubric(self, node: nodes.rubric) -> str:
        return f"**{self._inline_children(node)}**"

    def _block_paragraph(self, node: nodes.paragraph) -> str:
        return BLOCK_MARK.sub(r"\1\3\\\2\4", self._inline_children(node)).strip()

    def _block_math_block(self, node: nodes.math_block) -> str:
        number = self.number("displaymath", node)
        tag = rf" \tag{{{number}}}" if number else ""
        # Jupyter takes the marks of a quote or a list for parts of a formula that spans lines
        return f"$$ {self._tex(node.astext())}{tag} $$"

    def _block_literal_block(self, node: nodes.literal_block) -> str:
        text = node.astext()
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", text))])
        language = str(node.get("language", ""))
        return f"{fence}{'' if language in ('default', 'none') else language}\n{text}\n{fence}"

    def _block_bullet_list(self, node: nodes.bullet_list) -> str:
        return self._list(node, ["- "] * len(node))

    def _block_enumerated_list(self, node: nodes.enumerated_list) -> str:
        first = int(node.get("start", 1))
        if node.get("enumtype") == "loweralpha":
            return self._list(node, [f"- **{chr(ord('a') + number)}.** " for number in range(len(node))])
        return self._list(node, [f"{first + number}. " for number in range(len(node))])

    def _list(self, node: nodes.Element, marks: list[str]) -> str:
        items = [
            indented(self.blocks(item.children), mark, 2 if mark.startswith("-") else len(mark))
            for item, mark in zip(node, marks, strict=True)
        ]
        loose = any(len(item) > 1 for item in node)
        return ("\n\n" if loose else "\n").join(items)

    def _block_definition_list_item(self, node: nodes.definition_list_item) -> str:
        terms = [self._inline_children(part) for part in node if isinstance(part, nodes.term)]
        definitions = [part for part in node if isinstance(part, nodes.definition)]
        return f"**{', '.join(terms)}**: {self.blocks(definitions)}"

    def _block_field_list(self, node: nodes.field_list) -> str:
        fields = [(self._inline_children(name), self.blocks(body.children)) for name, body in node]
        return "\n".join(
            indented(f"**{name}**: {text}" if "\n" not in text else f"**{name}**:\n\n{text}", "- ", 2)
            for name, text in fields
        )

    def _block_admonition(self, node: nodes.Element) -> str:
        if not isinstance(node[0], nodes.title):
            name = type(node).__name__.capitalize()
            return quoted(f"**{name}**\n\n{self.blocks(node.children)}")
        return quoted(f"**{self.title(node)}**\n\n{self.blocks(node.children[1:])}")

    _block_topic = _block_admonition

    def _block_proof_node(self, node: nodes.Element) -> str:
        return quoted(f"**Proof.**\n\n{self.blocks(node.children)}")

    def _block_block_quote(self, node: nodes.block_quote) -> str:
        return quoted(self.blocks(node.children))

    def _block_figure(self, node: nodes.figure) -> str:
        content = [part for part in node if not isinstance(part, nodes.caption | nodes.legend)]
        return "\n\n".join(filter(None, [self.blocks(content), self.caption(node, "figure", "Fig.")]))

    def _block_table(self, node: nodes.table) -> str:
        rows = [[self._cell(entry) for entry in row] for row in node.findall(nodes.row)]
        head, *body = rows
        lines = [head, ["---"] * len(head), *body]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        titled = any(isinstance(part, nodes.title) for part in node)
        return "\n\n".join(filter(None, [self.caption(node, "table", "Table") if titled else "", table]))

    def _cell(self, node: nodes.Element) -> str:
        """Write the cell of a table in one line."""
        formulas = re.compile(r"\$[^$]+\$")
        text = re.sub(r"\n\s*\n|\n(?=- )", "<br>", self.blocks(node.children)).replace("\n", " ")
        text = formulas.sub(lambda found: found[0].replace(r"\|", r"\Vert ").replace("|", r"\vert "), text)
        return re.sub(r"(?<!\\)\|", r"\|", text)

    def _block_transition(self, _node: nodes.transition) -> str:
        return "---"

    # parts of lines

    def _inline_text(self, node: nodes.Text) -> str:
        return SPECIAL.sub(lambda special: f"\\{special[0]}", node.astext())

    def _inline_element(self, node: nodes.Element) -> str:
        return self._inline_children(node)

    def _inline_emphasis(self, node: nodes.emphasis) -> str:
        return f"*{self._inline_children(node)}*"

    def _inline_strong(self, node: nodes.strong) -> str:
        return f"**{self._inline_children(node)}**"

    def _inline_superscript(self, node: nodes.superscript) -> str:
        return f"<sup>{self._inline_children(node)}</sup>"

    def _inline_literal(self, node: nodes.literal) -> str:
        text = node.astext()
        return f"`` {text} ``" if "`" in text else f"`{text}`"

    def _inline_math(self, node: nodes.math) -> str:
        return f"${self._tex(node.astext())}$"

    def _inline_reference(self, node: nodes.reference) -> str:
        text = self._inline_children(node)
        if node.get("internal") or "refuri" not in node:
            # a page cannot be reached from here, so it is called by its title
            return text if "#" in node.get("refuri", "#") else f"*{text}*"
        return f"[{text}]({node['refuri']})"

    def _inline_image(self, node: nodes.Element) -> str:
        file = self.folder / node["uri"]
        if not file.is_file():
            return f"*{node.get('alt', '')}*"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        data = base64.b64encode(file.read_bytes()).decode()
        alt = SPECIAL.sub(lambda special: f"\\{special[0]}", node.get("alt", "")).replace("\n", " ")
        return f"![{alt}](data:{kind};base64,{data})"

    def _inline_raw(self, node: nodes.raw) -> str:
        # a drawing that is part of a page of HTML has kept what it was made from
        return self._inline_image(node) if "uri" in node else ""

    def _tex(self, formula: str) -> str:
        """Write a formula in one line, with the book's macros spelled out."""
        for name, meaning in self.macros.items():
            formula = re.sub(rf"\\{name}(?![A-Za-z])", meaning.replace("\\", r"\\"), formula)
        return " ".join(formula.split())


def depth(node: nodes.Node) -> int:
    """Return how many sections with a title a node stands in."""
    count, parent = 0, node.parent
    while parent is not None:
        count += isinstance(parent, nodes.section) and isinstance(parent[0], nodes.title)
        parent = parent.parent
    return count


def quoted(text: str) -> str:
    """Return a text as a block quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def indented(text: str, mark: str, width: int) -> str:
    """Return a text as an item of a list."""
    first, *rest = text.split("\n")
    return "\n".join([mark + first, *(f"{' ' * width}{line}".rstrip() for line in rest)])
