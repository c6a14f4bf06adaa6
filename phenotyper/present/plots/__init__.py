"""Pictures: one a file, each ``plot_x(result, *, ax=None) -> Axes``; :func:`save_figure` writes any of them.

Loading this package loads matplotlib, so that callers import it when they draw.
"""

from phenotyper.present.plots.flow import plot_flow
from phenotyper.present.plots.kaplan_meier import plot_kaplan_meier
from phenotyper.present.plots.map import plot_map
from phenotyper.present.plots.missingness import plot_missingness
from phenotyper.present.plots.saving import save_figure

__all__ = ["plot_flow", "plot_kaplan_meier", "plot_map", "plot_missingness", "save_figure"]
