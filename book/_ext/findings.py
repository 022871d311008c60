"""``{findings}``: what was found, as three cards on the front page, made from the errata and the recorded runs."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.parsing import nested_parse_to_nodes

from fedswitch.paper import ELEMENTS, PAPER, verdict_counts
from fedswitch.studies.claims import findings, page


def cards() -> str:
    """Three cards in MyST: what holds, what does not, and what to use instead; each is a link."""
    judged, found = verdict_counts(PAPER), findings()
    claims = page.verdict_counts(found, "corrected")
    missed = sum(any(erratum.cause == "missed" for erratum in element.errata) for element in ELEMENTS)
    checks = len({check for element in ELEMENTS for check in element.checks})
    told = {
        ("What holds", "sec-claims"): (
            f"**{judged['right']} of {sum(judged.values())}** equations, theorems and algorithms, as printed. With the "
            f"corrected formulas, **{claims['reproduced']} of {len(found)}** claims, and {claims['partly']} in part."
        ),
        ("What does not", "sec-errata"): (
            f"**{judged['wrong']}** are wrong, {judged['ambiguous']} ambiguous; **{missed}** share one mistake, below. "
            f"{claims['not reproduced']} claims are not reproduced, {claims['undecided']} undecided; "
            f"{claims['not testable as stated']} cannot be tested as stated, and {claims['not measured yet']} are not "
            "measured yet."
        ),
        ("What to use instead", "sec-bounds"): (
            "A bound that is proved and tested, and a **corrected** form of each formula. "
            f"**{checks}** checks ran when this book was built."
        ),
    }
    made = [
        f"````{{grid-item-card}} {title}\n:link: {target}\n:link-type: ref\n{text}\n````"
        for (title, target), text in told.items()
    ]
    return "\n".join(["`````{grid} 1 3 3 3", ":gutter: 2", ":class-container: findings", *made, "`````"])


class FindingsDirective(SphinxDirective):
    """The cards."""

    def run(self) -> list[nodes.Node]:
        """Return them, parsed as if they stood on the page."""
        return nested_parse_to_nodes(self.state, cards())


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("findings", FindingsDirective)
