"""What was measured, as text."""

import dataclasses

BEGIN = "<!-- written by bench/peers/run --write: -->"
END = "<!-- end of what bench/peers/run wrote -->"


@dataclasses.dataclass
class Cell:
    """What one peer takes for one row's event, or why there is nothing."""

    nanoseconds: list = dataclasses.field(default_factory=list)
    status: str = "measured"  # or: cannot, missing, skipped, failed
    reason: str = ""

    @property
    def value(self):
        """Other load only ever adds time."""
        if self.status != "measured" or not self.nanoseconds:
            return None
        ordered = sorted(self.nanoseconds)
        return ordered[len(ordered) // 4]

    def as_json(self, floor, ours):
        value = self.value
        if value is None:
            return {"status": self.status, "reason": self.reason}
        result = {"status": "measured", "ns": value, "runs": len(self.nanoseconds)}
        if floor:
            result["to_floor"] = value / floor
        if ours:
            result["to_trapline"] = value / ours
        return result


def duration(nanoseconds):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= 0.9995 * size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def times(ratio):
    return f"{ratio:.2f}" if ratio < 1.995 else f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"


def _cell(cell, floor, ours):
    if cell.value is None:
        return {"cannot": "–", "missing": "not installed", "skipped": "skipped", "failed": "**failed**"}[cell.status]
    text = duration(cell.value)
    if floor:
        text += f" ({times(cell.value / floor)}"
        text += f", {times(cell.value / ours)})" if ours else ")"
    return text


def markdown(results, facts):
    """`results` is a list of (row, {peer's name: Cell})."""
    peers = list(results[0][1])
    lines = [
        f"{facts['date']}, {facts['cpu']} ({facts['cores']} cores), Linux {facts['kernel']}, everything on one CPU, "
        f"load average {facts['load']}. " + ", ".join(facts["versions"].values()) + ".",
        "",
        "| event | " + " | ".join(peers) + " |",
        "|---" * (len(peers) + 1) + "|",
    ]
    for row, cells in results:
        floor, ours = cells["floor"].value, cells["trapline"].value
        shown = []
        for name, cell in cells.items():
            to_floor = floor if name != "floor" else None
            shown.append(_cell(cell, to_floor, ours if name not in ("floor", "trapline") else None))
        lines.append(f"| {row.event} | " + " | ".join(shown) + " |")
    failures = [
        f"- {row.event}, {name}: {cell.reason}"
        for row, cells in results
        for name, cell in cells.items()
        if cell.status in ("failed", "skipped")
    ]
    if failures:
        lines += ["", "What is not there:", "", *failures]
    return "\n".join(lines) + "\n"


def as_json(results, facts):
    rows = []
    for row, cells in results:
        floor, ours = cells["floor"].value, cells["trapline"].value
        sides = {name: cell.as_json(floor, ours) for name, cell in cells.items()}
        rows.append({"name": row.name, "event": row.event, "peers": sides})
    return {"machine": facts, "rows": rows}


def replaced(page, text):
    """The page with the text between the marks, which must be there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"it lacks the lines\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"
