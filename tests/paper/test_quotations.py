"""What the errata and the chapters quote stands so in the papers, where their texts are at hand.

The paper is read in the text of its PDF; of its sibling there is only a transcription, in TeX already.
"""

import re
from pathlib import Path

import pytest
from quotations import flat, flat_formula, plain

from fedswitch.paper import PAPER, RECORDS, SIBLING

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT.parent / "shared" / "paper"
SOURCES = {PAPER: TEXTS / "2509.19306-pdf-text.txt", SIBLING: TEXTS / "2407.02924-sibling.md"}
QUOTED = [
    pytest.param(record.paper, erratum.quote, id=f"{record.paper}-{record.id}-{number}")
    for record in RECORDS
    for number, erratum in enumerate(record.errata)
]

LABELED = re.compile(r"\$\$\n((?:(?!\$\$).)*?)\$\$ \((paper|sibling)-(eq-\w+)\)", re.DOTALL)
SHOWN = [
    found for path in sorted(ROOT.glob("book/*.md")) for found in LABELED.findall(path.read_text(encoding="utf-8"))
]  # fmt: skip
EQUATIONS = {label: tex for tex, of, label in SHOWN if of == "paper"}
SIBLINGS = {label: tex for tex, of, label in SHOWN if of == "sibling"}
LAYOUT = re.compile(r"\\(?:begin|end)\{aligned\}|&|\\\\(?!\w)|\{\}|\\overset\{\(c\)\}")
ABBREVIATED = {
    "eq-2": "the definition of the noise follows at once, not in the text",
    "eq-6": "a square root is a sign of its own",
    "eq-10b": "y written out",
    "eq-12": "the limit in words",
    "eq-15": "one fraction in an exponent",
    "eq-18": "fractions inside parentheses",
    "eq-19": "S and I for signal and interference",
    "eq-20": "S and I for signal and interference",
    "eq-21": "the limits of (7e) written out",
    "eq-22": "a_n for what noise costs",
    "eq-25": "everything at the module",
    "eq-26": "everything at the module",
    "eq-28": "everything at the module",
    "eq-29": "sums of sample gradients have a name",
    "eq-31": "a square root is a sign of its own",
}
"""Equations that a chapter writes in a shorter way, and how; the Greek letters must be the paper's all the same."""


def text(paper):
    if not SOURCES[paper].is_file():
        pytest.skip(f"the text of {paper} is not at hand")
    source = SOURCES[paper].read_text(encoding="utf-8")
    return plain(source) if paper == PAPER else re.sub(r"\s+", "", source)


@pytest.mark.parametrize(("paper", "quote"), QUOTED)
def test_a_quotation_of_the_errata_stands_in_the_paper(paper, quote):
    said = flat(quote) if paper == PAPER else re.sub(r"\s+|\$", "", quote)
    assert said in (text(paper) if paper == PAPER else text(paper).replace("$", ""))


def shown(tex):
    """The symbols of an equation of a chapter, whatever its layout."""
    return plain(flat_formula(LAYOUT.sub("", tex))).rstrip(".,")


@pytest.mark.parametrize("label", EQUATIONS)
def test_an_equation_of_the_paper_stands_so_in_the_chapter(label):
    source = text(PAPER)
    if label not in ABBREVIATED:
        assert shown(EQUATIONS[label]) in source
    else:
        cited = [match.start() for match in re.finditer(re.escape(f"({label.removeprefix('eq-')})"), source)]
        nearby = "".join(source[max(0, at - 400) : at + 500] for at in cited)
        assert set(re.findall(r"[α-ω]", shown(EQUATIONS[label]))) <= set(re.findall(r"[α-ω]", nearby))


# what only sets an equation, in either text: braces around a sign of its own, fonts, spaces, limits and brackets
SETTING = re.compile(
    r"\\(?:begin|end)\{(?:aligned|cases|array)\}|\\(?:left|right|[Bb]igl|[Bb]igr|mathbf|boldsymbol|text|mathrm)(?![A-Za-z])"
    r"|\\(?:quad|qquad|nonumber|[,;!])|\\\\|[&{}\s]"
)


def set_plainly(tex):
    """A formula in TeX without what only sets it."""
    return SETTING.sub("", tex.replace(r"\tfrac", r"\frac")).rstrip(".,")


@pytest.mark.parametrize("label", SIBLINGS)
def test_an_equation_of_the_sibling_stands_so_in_the_chapter(label):
    """Symbol by symbol, since there both are TeX; a chapter may show a part of it."""
    if not SOURCES[SIBLING].is_file():
        pytest.skip("the text of the sibling is not at hand")
    assert set_plainly(SIBLINGS[label]) in set_plainly(SOURCES[SIBLING].read_text(encoding="utf-8"))


def test_only_what_is_shortened_is_excused():
    for label in ABBREVIATED:
        assert shown(EQUATIONS[label]) not in text(PAPER)


@pytest.mark.parametrize(
    ("tex", "symbols"),
    [
        (r"\beta_{n,k}^t (1 - \lambda_{n,k})", "βtn,k(1−λn,k)"),
        (r"\beta^t_{n,k}", "βtn,k"),
        (r"\frac{2\xi}{\epsilon} [1 - \frac{\epsilon}{2}]", "2ξϵ[1−ϵ2]"),
        (r"\sum_{k=1}^K \hat{Q}_k", "∑Kk=1ˆQk"),
        (r"\bigl\{ \mathbf{w}_0^\top \bigr\}", "{w⊤0}"),
    ],
)
def test_a_formula_as_the_symbols_that_it_shows(tex, symbols):
    assert flat_formula(tex) == symbols


def test_a_wrong_symbol_is_seen():
    right = flat(r"$2\xi(F(\Delta\mathbf{w}_n^t) - F(\mathbf{w}^*))$")
    assert right in text(PAPER)
    assert right.replace(plain("ξ"), plain("ζ")) not in text(PAPER)
