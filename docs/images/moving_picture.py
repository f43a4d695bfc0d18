"""A terminal as a moving picture: frames one after another in one SVG, without a script and without foreign fonts.

Readers who want no motion, and programs that know none, see the last frame.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.terminal_theme import SVG_EXPORT_THEME as THEME

COLUMNS = 118
_WIDTH, _HEIGHT, _MARGIN, _TITLE = 8.4, 18.0, 14.0, 34.0
_STYLE = """\
text { font-family: "Fira Code", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 14px; white-space: pre; }
.frame { opacity: 0; } .frame:last-child { opacity: 1; }
@media (prefers-reduced-motion: no-preference) {
.frame, .frame:last-child { opacity: 0; animation-duration: %ss; animation-iteration-count: infinite;
animation-timing-function: step-end; }
%s
}"""


@dataclass(frozen=True)
class Frame:
    """What the terminal shows for some seconds."""

    shown: Sequence[RenderableType]
    seconds: float


def moving_picture(frames: Sequence[Frame], *, title: str) -> str:
    """Render all frames as one SVG that begins anew for ever."""
    drawn = [list(_lines(frame.shown)) for frame in frames]
    width = COLUMNS * _WIDTH + 2 * _MARGIN
    height = max(map(len, drawn)) * _HEIGHT + _TITLE + 2 * _MARGIN
    groups = "\n".join(
        f'<g class="frame" style="animation-name: f{number}">\n{_texts(lines)}\n</g>'
        for number, lines in enumerate(drawn)
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
    return f"""\
{head}
<title>{escape(title)}</title>
<style>
{_STYLE % (_seconds(frames), "".join(_key_frames(frames)))}
</style>
<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="{THEME.background_color.hex}"/>
<text x="{width / 2:.0f}" y="22" text-anchor="middle" fill="{THEME.foreground_color.hex}">{escape(title)}</text>
<g>
{groups}
</g>
</svg>
"""


def _seconds(frames: Iterable[Frame]) -> float:
    return round(sum(frame.seconds for frame in frames), 1)


def _key_frames(frames: Sequence[Frame]) -> Iterator[str]:
    """Yield a rule for each frame: hidden, shown in its time, hidden."""
    whole, begin = _seconds(frames), 0.0
    for number, frame in enumerate(frames):
        end = begin + frame.seconds
        first, last = (f"{100 * each / whole:.2f}%" for each in (begin, end))
        before = "" if number == 0 else "0% { opacity: 0; } "
        after = "" if number == len(frames) - 1 else f"{last} {{ opacity: 0; }} "
        yield f"@keyframes f{number} {{ {before}{first} {{ opacity: 1; }} {after}}}\n"
        begin = end


def _lines(shown: Sequence[RenderableType]) -> Iterator[list[Segment]]:
    console = Console(width=COLUMNS, force_terminal=True, color_system="truecolor", legacy_windows=False)
    for each in shown:
        yield from console.render_lines(each, pad=False)


def _texts(lines: Sequence[Sequence[Segment]]) -> str:
    return "\n".join(text for number, line in enumerate(lines) for text in _segments(line, number))


def _segments(line: Sequence[Segment], number: int) -> Iterator[str]:
    """Yield a text for each piece of one style, at its column."""
    column, y = 0, _TITLE + _MARGIN + number * _HEIGHT
    for segment in line:
        if segment.text.strip():
            x, wide = _MARGIN + column * _WIDTH, segment.cell_length * _WIDTH
            place = f'x="{x:.1f}" y="{y:.1f}" textLength="{wide:.1f}" xml:space="preserve"'
            yield f"<text {place} {_look(segment)}>{escape(segment.text)}</text>"
        column += segment.cell_length


def _look(segment: Segment) -> str:
    style = segment.style
    colour = style.color.get_truecolor(THEME) if style and style.color else THEME.foreground_color
    looks = [f'fill="{colour.hex}"']
    if style and style.bold:
        looks.append('font-weight="bold"')
    if style and style.dim:
        looks.append('opacity="0.6"')
    return " ".join(looks)
