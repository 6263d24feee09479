"""Draws figures as SVG: small, without scripts, readable on light and dark pages. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from .figures import short

_COLOURS = ("#6b7280", "#2563eb", "#d97706", "#059669", "#9333ea")  # told apart without red against green
_WIDTH, _LABELS, _BAR, _ROW_GAP, _TOP = 860, 340, 14, 12, 62
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}.a{stroke:#8884;fill:none}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}}"
)


def bars(title: str, unit: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> str:
    """Return a picture with a group of bars for each row, one for each series of it."""
    series = list(dict.fromkeys(name for _, values in rows for name in values))
    most = max((value for _, values in rows for value in values.values() if math.isfinite(value)), default=1) or 1
    scale = (_WIDTH - _LABELS - 90) / most
    parts, y = [], _TOP
    for label, values in rows:
        parts.append(_text(_LABELS - 10, y + _BAR * len(values) / 2 + 4, label, end=True))
        for name, value in values.items():
            if math.isfinite(value):
                colour = _COLOURS[series.index(name) % len(_COLOURS)]
                length = max(1.0, value * scale)
                parts.append(f'<rect x="{_LABELS}" y="{y}" width="{length:.1f}" height="{_BAR - 2}" fill="{colour}"/>')
                parts.append(_text(_LABELS + length + 6, y + _BAR - 3, short(value)))
            y += _BAR
        y += _ROW_GAP
    return _picture(f"{title} ({unit})" if unit else title, series, parts, y)


def lines(title: str, x_unit: str, y_unit: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Return a picture with a line for each series of points; both axes are logarithmic."""
    points = [point for each in series.values() for point in each if point[0] > 0 and point[1] > 0]
    if not points:
        return _picture(title, list(series), [], _TOP + 20)
    height, left, right = 260, 70, _WIDTH - 20
    x_low, x_high = _decades([x for x, _ in points])
    y_low, y_high = _decades([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - x_low) / (x_high - x_low)
        up = (math.log10(y) - y_low) / (y_high - y_low)
        return left + across * (right - left), _TOP + height - up * height

    parts = [f'<rect class="a" x="{left}" y="{_TOP}" width="{right - left}" height="{height}"/>']
    for power in range(x_low, x_high + 1):
        x, _ = place(10.0**power, 10.0**y_low)
        parts += [f'<path class="a" d="M{x:.0f} {_TOP}v{height}"/>', _text(x, _TOP + height + 18, f"{10.0**power:,g}")]
    for power in range(y_low, y_high + 1):
        _, y = place(10.0**x_low, 10.0**power)
        parts += [
            f'<path class="a" d="M{left} {y:.0f}h{right - left}"/>',
            _text(left - 6, y + 4, f"{10.0**power:,g}", end=True),
        ]
    for number, (_, each) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [place(x, y) for x, y in each if x > 0 and y > 0]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return _picture(f"{title}: {y_unit} over {x_unit}", list(series), parts, _TOP + height + 30)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _text(x: float, y: float, text: str, *, end: bool = False, kind: str = "") -> str:
    anchor = ' text-anchor="end"' if end else ""
    return f'<text{f" class={kind!r}" if kind else ""} x="{x:.0f}" y="{y:.0f}"{anchor}>{escape(text)}</text>'


def _picture(title: str, series: Sequence[str], parts: Sequence[str], height: float) -> str:
    keys, x = [], 20.0
    for number, name in enumerate(series):
        keys.append(f'<rect x="{x:.0f}" y="34" width="12" height="12" fill="{_COLOURS[number % len(_COLOURS)]}"/>')
        keys.append(_text(x + 18, 45, name))
        x += 40 + 8 * len(name)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img">'
    return "\n".join(
        [
            head,
            f"<title>{escape(title)}</title>",
            f"<style>{_STYLE}</style>",
            _text(20, 22, title, kind="t"),
            *keys,
            *parts,
            "</svg>",
            "",
        ]
    )
