"""Quotations with formulas in TeX, and the text of a PDF, both as one line of the symbols that they show.

In the text of a PDF a fraction is its numerator and then its denominator, and of a symbol with both the upper index
stands before the lower one. Large sums and products are letters between their limits. White space and hyphens are
nothing.
"""

import re
import unicodedata

SYMBOLS = {
    "le": "≤", "ge": "≥", "sum": "∑", "prod": "∏", "int": "∫", "infty": "∞", "nabla": "∇", "Delta": "∆", "in": "∈",
    "forall": "∀", "top": "⊤", "preceq": "⪯", "cdots": "···", "log": "log", "ln": "ln", "exp": "exp", "min": "min",
    "max": "max", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "µ", "xi": "ξ", "pi": "π", "rho": "ρ", "varrho": "ϱ", "sigma": "σ",
    "tau": "τ", "phi": "ϕ", "varphi": "φ", "omega": "ω", "Phi": "Φ", "Omega": "Ω", "mathcal": "", "mathbf": "",
    "boldsymbol": "", "mathrm": "", "text": "", "left": "", "right": "", "bigl": "", "bigr": "",
    "Bigl": "", "Bigr": "", "quad": "", "hat": "ˆ", "bar": "¯", "frac": "", "tfrac": "", "sqrt": "", "|": "∥", "{": "{",
    "}": "}", ",": "", ";": "", "\\": "", "tilde": "˜",
    "nu": "ν", "check": "ˇ", "SINR": "SINR", "varsigma": "ς", "cdot": "", "qquad": "", "mathbb": "",
}  # fmt: skip
TOKEN = re.compile(r"\\([A-Za-z]+|.)|(\s+)|(.)", re.DOTALL)


def flat_formula(tex):
    """A formula in TeX as the symbols that it shows."""
    tokens = [match for match in TOKEN.finditer(tex) if not match[2]]
    shown, rest = _sequence(tokens, 0)
    assert rest == len(tokens), f"braces do not match in {tex}"
    return shown


def _group(tokens, at):
    """What stands at a place: a group in braces, or one token; and where it ends."""
    if tokens[at][3] == "{":
        inside, end = _sequence(tokens, at + 1)
        return inside, end + 1
    if tokens[at][1]:
        command = tokens[at][1]
        if command not in SYMBOLS:
            raise ValueError(f"\\{command} is no symbol that we know")
        shown, end = SYMBOLS[command], at + 1
        if shown in ("", "ˆ", "¯", "˜", "ˇ") and command not in (",", ";", "\\", "left", "right", "quad"):
            for _ in range(2 if "frac" in command else 1):
                if end < len(tokens) and "big" not in command.lower():
                    part, end = _group(tokens, end)
                    shown += part
        return shown, end
    return {"-": "−", "*": "∗", "'": "′"}.get(tokens[at][3], tokens[at][3]), at + 1


def _sequence(tokens, at):
    shown = ""
    while at < len(tokens) and tokens[at][3] != "}":
        if tokens[at][3] in ("^", "_"):
            indices = {"^": "", "_": ""}
            while at < len(tokens) and tokens[at][3] in ("^", "_"):
                index = tokens[at][3]
                indices[index], at = _group(tokens, at + 1)
            shown += indices["^"] + indices["_"]
        else:
            part, at = _group(tokens, at)
            shown += part
    return shown, at


def flat(text):
    """A text with formulas between dollars as one line of symbols."""
    parts = text.split("$")
    parts[1::2] = map(flat_formula, parts[1::2])
    return plain("".join(parts))


def plain(text):
    """The text of a PDF as one line of symbols."""
    text = re.sub(r"(?<=\n)(\S+)\n(?:X|∑)\n(?=\S+=)", r"∑\1", text)
    text = re.sub(r"(?<=\n)(\w+)\n?(?:Y|∏)\n(?=\S+=)", r"∏\1", text)
    return re.sub(r"[\s-]+", "", unicodedata.normalize("NFKC", text))
