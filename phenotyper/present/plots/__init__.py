"""Pictures: one a file, each ``plot_x(result, *, ax=None) -> Axes``; :func:`save_figure` writes any of them.

Loading this package loads matplotlib, so that callers import it when they draw.
"""

from phenotyper.present.plots.agreement import plot_agreement
from phenotyper.present.plots.alluvial import plot_alluvial
from phenotyper.present.plots.assigned import plot_assigned
from phenotyper.present.plots.flow import plot_flow
from phenotyper.present.plots.heatmap import plot_heatmap
from phenotyper.present.plots.kaplan_meier import plot_kaplan_meier
from phenotyper.present.plots.map import plot_map
from phenotyper.present.plots.means import plot_means
from phenotyper.present.plots.membership import plot_membership
from phenotyper.present.plots.missingness import plot_missingness
from phenotyper.present.plots.patterns import plot_missing_patterns
from phenotyper.present.plots.saving import save_figure
from phenotyper.present.plots.selection import plot_selection
from phenotyper.present.plots.settings import plot_settings
from phenotyper.present.plots.tree import plot_tree
from phenotyper.present.plots.upset import plot_upset

__all__ = [
    "plot_agreement",
    "plot_alluvial",
    "plot_assigned",
    "plot_flow",
    "plot_heatmap",
    "plot_kaplan_meier",
    "plot_map",
    "plot_means",
    "plot_membership",
    "plot_missing_patterns",
    "plot_missingness",
    "plot_selection",
    "plot_settings",
    "plot_tree",
    "plot_upset",
    "save_figure",
]
