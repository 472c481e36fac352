"""The few pieces of HTML that the report is made of; everything is inline, nothing is fetched."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imsave

#: Resolution of figures in the page [dots per inch].
RESOLUTION = 110


def page(title: str, body: Sequence[str]) -> str:
    """A whole page with the report's style sheet."""
    style = files("raylocus.viz").joinpath("report.css").read_text()
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def image(figure: Figure, caption: str) -> str:
    """A figure as an inline PNG, with its caption, which is also its text for those who cannot see it."""
    # savefig would lay a figure out, and draw it, twice.
    figure.set_dpi(RESOLUTION)
    canvas, buffer = FigureCanvasAgg(figure), io.BytesIO()
    canvas.draw()
    imsave(buffer, np.asarray(canvas.buffer_rgba()), format="png", dpi=RESOLUTION)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = escape(caption)
    return f'<figure><img src="data:image/png;base64,{data}" alt="{text}"><figcaption>{text}</figcaption></figure>'


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[str]) -> str:
    """A table; each row has a class name, which may be empty."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "\n".join(
        f'<tr class="{escape(name)}">' + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row, name in zip(rows, classes, strict=True)
    )
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def definitions(pairs: Sequence[tuple[str, str]]) -> str:
    """A list of terms and what they are."""
    return (
        "<dl>" + "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in pairs) + "</dl>"
    )


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def heading(text: str, level: int = 2) -> str:
    """A heading of plain text."""
    return f"<h{level}>{escape(text)}</h{level}>"
