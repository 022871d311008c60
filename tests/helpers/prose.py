"""The prose of Markdown, line by line, without code, formulas, roles, addresses and names of directives."""

import re

# what is not prose, each replaced by as many lines
LEFT_OUT = [
    re.compile(r"\A---\n.*?\n---\n", re.DOTALL),
    re.compile(r"\{[\w:-]+\}`[^`<]*`"),  # a role that names its target, of which no word is ours
    re.compile(r"\{[\w:-]+\}`(?=[^`]*<)|\s<[^`<>]*>`"),  # of any other role
    re.compile(r"<!--.*?-->|<[a-zA-Z/][^<>\n]*>", re.DOTALL),
    re.compile(r"\$\$.*?\$\$(?: \([\w-]+\))?", re.DOTALL),
    re.compile(r"^( *)\.\. math::.*\n(?:\s*\n|\1 +.*\n)+|:math:`[^`]*`", re.MULTILINE),
    re.compile(r"^[ >]*:(?!alt|needs)[\w-]+:.*$", re.MULTILINE),  # an option of a directive
    re.compile(r"^\([\w-]+\)=$", re.MULTILINE),
    re.compile(r"^ *(?:`{3,}|:{3,})\{[\w:-]+\}(?: \S*[._/-]\S*$)?", re.MULTILINE),  # a directive, and its file or label
    re.compile(r"^ *functions:(?: \[.*\]|(?:\n *- .*)+)$", re.MULTILINE),  # names of code in a record
    re.compile(r"^[ -]+\w+(?=:(?: |$))", re.MULTILINE),  # an argument or a key, before what it is
    re.compile(r"\b(?:eq|thm|alg|ass|fig)-\d+[a-z]?"),  # the name of an element of a paper
    re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL),
    re.compile(r"(?<!\\)\$[^$]*\$"),
    re.compile(r"(?<=\])\([^)\s]*\)|https?://\S+|\S+@\S+|[\w.-]+/[\w./-]+|\w*[\d_]\w*|--?\w[\w-]*|%\w+|\"\w+\""),
    re.compile(r"[\w-]*\.(?:md|py|json|yml|toml|txt|lock|html|parquet|ipynb|cff|png|svg|js|css|safetensors)\b"),
]
FENCE = re.compile(r"^ *(?P<fence>`{3,}|~{3,}|:{3,}) *(?P<more>.*?) *$")
CELL = re.compile(r"^(?P<fence>`{3,})\{code-cell\}.*?^(?P=fence) *$", re.DOTALL | re.MULTILINE)
HEADER = re.compile(r"\A[^\n]*\n---\n(.*?)^---\n", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^( *)(?:caption|alt): *(.*(?:\n\1 +.*|\n(?=\n\1 ))*)", re.MULTILINE)
WORD = re.compile(r"(?<!\w)[A-Za-zÀ-ž]+(?:['\u2019][A-Za-zÀ-ž]+)*(?!\w)")


def blank(match):
    """As many lines as a match has, and nothing on them."""
    return "\n" * match.group().count("\n") or " "


def shown_by_a_cell(match):
    """Of a code cell the captions and alternative texts, on the lines where they stand."""
    cell = match.group()
    header = HEADER.match(cell)
    kept, end = [], 0
    for text in SHOWN.finditer(cell, header.start(1), header.end(1)) if header else ():
        kept += ["\n" * cell.count("\n", end, text.start(2)), text.group(2)]
        end = text.end(2)
    return "".join([*kept, "\n" * cell.count("\n", end)])


def without_listings(markdown):
    """Markdown without the lines of listings, which stand between fences that name no directive."""
    kept, fences, listing = [], [], False  # the fences that are open, and whether the last of them opened a listing
    for line in markdown.splitlines():
        fence = FENCE.match(line)
        if fence and fences and not fence["more"] and fence["fence"].startswith(fences[-1]):
            fences.pop()
            line, listing = "", False
        elif fence and not listing:
            fences.append(fence["fence"])
            listing = not fence["more"].startswith("{")
        kept.append("" if listing else line)
    return "\n".join(kept)


def prose(markdown):
    """Markdown without what is not prose, line by line."""
    text = without_listings(CELL.sub(shown_by_a_cell, markdown))
    for pattern in LEFT_OUT:
        text = pattern.sub(blank, text)
    return text.splitlines()
