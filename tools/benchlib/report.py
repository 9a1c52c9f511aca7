# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table and the picture of a report: sections, each with its rows and the subjects that are its columns."""
import statistics

COLORS = {"bare": "#dadce0", "floor": "#9aa0a6", "creel": "#1a73e8", "lxc": "#e8710a", "crun": "#188038", "runc": "#d93025",
          "podman": "#9334e6", "docker": "#188038", "skopeo": "#e8710a", "buildah": "#e8710a", "nginx": "#d93025"}
LABELS = {"lxc": "LXC", "docker": "Docker"}


def label(name):
    return LABELS.get(name, name)


def ratio(section, measure, other):
    """creel's part of OTHER's: the median of the turns' ratios where there were turns, else of the values."""
    v = section["values"][measure]
    turns = section["ratios"].get(measure, {}).get(other)
    if turns:
        return turns
    return v["creel"] / v[other] if v.get(other) else None


def text(value, unit):
    return f"{value:.{0 if unit in ('kB', '') else 2}f} {unit}".strip()


def judge(section, row):
    """(text of the goals, met or None) of one row."""
    measure, _, unit, factors, absolute = row
    v = section["values"][measure]
    goals, met = [], []
    for other, factor in factors.items():
        if other in v and "creel" in v:
            goals.append(f"≤ {factor:g} × {label(other)}")
            met.append((ratio(section, measure, other) or 0) <= factor)
    if absolute is not None and "creel" in v:
        goals.append(f"≤ {text(absolute, '')} {unit}".strip() if absolute == int(absolute) else f"≤ {absolute:g} {unit}")
        met.append(v["creel"] <= absolute)
    return " and ".join(goals), all(met) if met else None


def table(section, rows, columns, counts):
    """COLUMNS: the subjects in order; those without a single value are left out."""
    values = section["values"]
    columns = [c for c in columns if any(c in v for v in values.values())]
    others = [c for c in columns if c != "creel"] if "creel" in columns else []
    lines = [("what", *[label(c) for c in columns], *[f"creel/{label(c)}" for c in others], "goal", "")]
    for row in rows:
        measure, title, unit = row[:3]
        v = values.get(measure)
        if not v:
            continue
        goal, met = judge(section, row)
        ratios = [ratio(section, measure, o) if o in v and "creel" in v else None for o in others]
        lines.append((title.format(**counts), *[text(v[c], unit) if c in v else "-" for c in columns],
                      *[f"{r:.2f}" if r is not None else "-" for r in ratios], goal,
                      "" if met is None else "met" if met else "MISSED"))
    width = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    left = (0, len(width) - 2, len(width) - 1)
    return "\n".join("  ".join(c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(zip(line, width)))
                     .rstrip() for line in lines)


def missed(section, rows):
    return any(judge(section, row)[1] is False for row in rows if row[0] in section["values"])


def bars(section, rows, columns, counts, y):
    """One group a measure, each group scaled to its own longest."""
    out = []
    for measure, title, unit, *_ in rows:
        v = section["values"].get(measure)
        if not v or unit not in ("ms", "kB", "µs"):
            continue
        out.append(f'<text x="20" y="{y}" class="t">{title.format(**counts)}</text>')
        top = max(v.values())
        for name in columns:
            if name not in v:
                continue
            y += 18
            w = max(v[name] / top * 440, 1)
            out.append(f'<text x="68" y="{y}" class="n">{label(name)}</text>'
                       f'<rect x="76" y="{y - 10}" width="{w:.1f}" height="12" fill="{COLORS[name]}"/>'
                       f'<text x="{w + 82:.1f}" y="{y}">{text(v[name], unit)}</text>')
        y += 30
    return out, y


def dots(section, y):
    """The cost of each of many, one after the other."""
    series = section["series"]
    out = [f'<text x="20" y="{y}" class="t">{section["series_title"]}</text>']
    y += 10
    top = max(statistics.quantiles(s, n=50)[-1] for s in series.values())
    for name, s in series.items():
        for i, ms in enumerate(s):
            x = 76 + i * 540 / len(s)
            out.append(f'<circle cx="{x:.1f}" cy="{y + 120 - min(ms, top) / top * 115:.1f}" r="1.5" '
                       f'fill="{COLORS[name]}"/>')
    out.append(f'<path d="M76 {y}V{y + 120}H620" fill="none" stroke="#5f6368"/>'
               f'<text x="70" y="{y + 10}" class="n">{top:.0f}</text><text x="70" y="{y + 122}" class="n">0</text>')
    return out, y + 160


def svg(sections, counts):
    """SECTIONS: (title, section, rows, columns)."""
    out, y = [], 40
    for title, section, rows, columns in sections:
        out.append(f'<text x="20" y="{y}" class="h">{title}</text>')
        more, y = bars(section, rows, columns, counts, y + 28)
        out += more
        if section.get("series"):
            more, y = dots(section, y)
            out += more
    style = "text{font:12px sans-serif;fill:#202124}.t{font-weight:bold}.h{font-weight:bold;font-size:15px}.n{text-anchor:end}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="680" height="{y}">\n<style>{style}</style>\n'
            f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(out) + "\n</svg>\n")
