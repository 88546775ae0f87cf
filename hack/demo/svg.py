"""SVG by a few lines: elements, one style for light and dark ground, and panels that share an axis of time."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

WIDTH, HEIGHT = 960, 566
LEFT, RIGHT = 58, 910

_STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; fill: #1f2328 }
.ground { fill: #ffffff } .title { font-size: 19px; font-weight: 600 } .heading { font-weight: 600 }
.muted, .axis { fill: #59636e } .grid { stroke: #d1d9e0 }
.halo { paint-order: stroke; stroke: #ffffff; stroke-width: 5px; stroke-linejoin: round }
.event { stroke: #59636e; stroke-dasharray: 2 3 }
.event.alarm { stroke: #cf222e; stroke-dasharray: none; stroke-width: 1.5 }
text.alarm { fill: #cf222e; font-weight: 600 } text.done { fill: #1a7f64; font-weight: 600 }
.area.first { fill: #a8b3c4 } .area.good { fill: #58a6d6 } .area.bad { fill: #e5734a }
.area.all { fill: #8c959f; opacity: .4 }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.line.first { stroke: #7d8aa0 } .line.good { stroke: #2f86bd } .line.bad { stroke: #d4522a }
.on { fill: #14202b; font-weight: 600; paint-order: stroke; stroke-width: 5px }
.on.first { stroke: #a8b3c4 } .on.good { stroke: #58a6d6 } .on.bad { stroke: #e5734a }
.rate { fill: #b8431f; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .ground { fill: #0d1117 } .muted, .axis { fill: #9198a1 } .grid { stroke: #2d343d }
.halo { stroke: #0d1117 } .event { stroke: #9198a1 } .event.alarm { stroke: #ff7b72 }
text.alarm { fill: #ff7b72 } text.done { fill: #56d4a4 }
.area.first { fill: #8390a5 } .area.good { fill: #4393c4 } .area.bad { fill: #dd6a41 } .area.all { fill: #9198a1 }
.line.first { stroke: #8390a5 } .line.good { stroke: #58a6d6 } .line.bad { stroke: #f0825a }
.on { fill: #0a0f14 } .on.first { stroke: #8390a5 } .on.good { stroke: #4393c4 } .on.bad { stroke: #dd6a41 }
.rate { fill: #f0825a }
}
"""


def canvas(title: str) -> ET.Element:
    """An empty picture with its style and ground."""
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img")
    add(root, "title", title)
    add(root, "style", _STYLE)
    add(root, "rect", width=WIDTH, height=HEIGHT, class_="ground")
    return root


def add(parent: ET.Element, tag: str, content: str = "", **attributes: object) -> None:
    """Add an element; class_ is `class`, and text_anchor `text-anchor`."""
    named = {name.rstrip("_").replace("_", "-"): str(value) for name, value in attributes.items() if value != ""}
    ET.SubElement(parent, tag, named).text = content or None


def written(root: ET.Element) -> str:
    """The text of the file."""
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


@dataclass(frozen=True)
class Panel:
    """A rectangle with the time from left to right and a percentage from 0 at the bottom to `most` at the top."""

    top: float
    bottom: float
    most: float
    begin: float
    end: float

    def x(self, at: float) -> float:
        return round(LEFT + (at - self.begin) / (self.end - self.begin) * (RIGHT - LEFT), 1)

    def y(self, percent: float) -> float:
        return round(self.bottom - min(percent, self.most) / self.most * (self.bottom - self.top), 1)

    def grid(self, root: ET.Element, parts: int) -> None:
        """Level lines that divide the height, with their percentages."""
        for part in range(parts + 1):
            tick = self.most * part / parts
            add(root, "line", x1=LEFT, x2=RIGHT, y1=self.y(tick), y2=self.y(tick), class_="grid")
            add(root, "text", f"{tick:g} %", x=LEFT - 8, y=self.y(tick) + 4, text_anchor="end", class_="axis")
