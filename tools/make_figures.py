"""Draw the pictures of README and docs from the demo cohort into ``figures/``."""

from __future__ import annotations

from pathlib import Path

import phenotyper as ph

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Fit the demo and save the pictures."""
    cohort = ph.read_cohort(ROOT / "data" / "demo" / "cohort.toml", quiet=True)
    found = ph.Recipe(adjust_for=["age", "site"], seed=7).fit(cohort)
    profile = ph.profile(found, cohort)
    pictures = {
        "demo_map": ph.plot_map(found),
        "demo_patient_flow": ph.plot_flow(cohort, found),
        "demo_missingness": ph.plot_missingness(cohort),
        "demo_kaplan_meier": ph.plot_kaplan_meier(profile, "time_to_exacerbation"),
    }
    for name, axes in pictures.items():
        print(ph.save_figure(axes, ROOT / "figures" / f"{name}.png").relative_to(ROOT))


if __name__ == "__main__":
    main()
