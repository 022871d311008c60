"""What tests share that build small books or run small notebooks."""

import io
import warnings

NOTEBOOK_HEADER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""


def build_book(folder, files, extensions, builder="html", *, readers=1, **settings):
    """Write `files`, texts by name, to `folder` and build it with Sphinx; return the built folder and its warnings.

    Where there are more than five files, several `readers` share them.
    """
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    out, warned = folder / "built" / builder, io.StringIO()
    settings = {"extensions": extensions, "exclude_patterns": ["built"], **settings}
    with patch_docutils(), docutils_namespace(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trees = folder / "built" / "doctrees"
        Sphinx(
            folder, None, out, trees, builder, confoverrides=settings, status=None, warning=warned, parallel=readers
        ).build()
    return out, warned.getvalue()
