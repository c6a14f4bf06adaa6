"""Draw the pictures of README and docs from the demo cohort into ``figures/``: the same bytes each time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import phenotyper as ph

ROOT = Path(__file__).resolve().parents[1]
DPI = 200
"""Sharp on a page, below 200 kB a picture."""


def main() -> None:
    """Fit the demo as ``phenotyper demo`` does and save the pictures."""
    cohort = ph.read_cohort(ROOT / "data" / "demo" / "cohort.toml", quiet=True)
    found = ph.Recipe(adjust_for=["age", "site"], seed=7).fit(cohort)
    pictures = {
        "demo_map": ph.plot_map(found),
        "demo_flow": ph.plot_flow(cohort, found),
        "demo_missingness": ph.plot_missingness(cohort),
        "demo_kaplan_meier": ph.plot_kaplan_meier(ph.profile(found, cohort)),
        "demo_means": ph.plot_means(found, cohort, most=12),
        "demo_upset": ph.plot_upset(cohort, found=found),
    }
    for name, axes in pictures.items():
        path = ROOT / "figures" / f"{name}.png"
        figure: Any = axes.get_figure(root=True)
        figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
