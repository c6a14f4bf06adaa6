"""All that placing a new patient needs, and no patient: what is saved holds no row of anybody."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from phenotyper.discover.anchors import Anchors
from phenotyper.discover.place import Placer
from phenotyper.discover.residuals import Residuals
from phenotyper.discover.slips import TOGETHER, Typical
from phenotyper.integrate.factors import FactorModel
from phenotyper.prepare.preparation import Preparation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from phenotyper.cohort.blocks import Blocks, Covariate
    from phenotyper.discover.fitting import Fitted

    Matrix = NDArray[np.float64]

_PARTS = {"placer": Placer, "residuals": Residuals, "anchors": Anchors}


@dataclass(frozen=True)
class Known:
    """A covariate as the fit knew it.

    Parameters
    ----------
    name : str
    levels : tuple of str
        Its levels in the order of their codes; empty for a number.
    low, high : float
        How far the numbers seen reach, by means of five patients; NaN for levels.
    adjusted : bool
        Whether its effects were taken out; else it is known for what it tells of the patients.
    """

    name: str
    levels: tuple[str, ...]
    low: float
    high: float
    adjusted: bool

    @classmethod
    def of(cls, covariate: Covariate, *, adjusted: bool) -> Known:
        """Describe a covariate of the patients of a fit."""
        seen = np.sort(covariate.values[np.isfinite(covariate.values)])
        if covariate.levels or len(seen) < 2 * TOGETHER:
            return cls(covariate.name, covariate.levels, np.nan, np.nan, adjusted)
        return cls(covariate.name, (), -_reach(-seen[::-1]), _reach(seen), adjusted)


def _reach(ascending: Matrix) -> float:
    """Return how far values reach upwards, by the means of the last five and of the five before them."""
    last, before = ascending[-TOGETHER:].mean(), ascending[-2 * TOGETHER : -TOGETHER].mean()
    return float(2 * last - before)


@dataclass(frozen=True)
class Frozen:
    """What a fit leaves for new patients.

    Parameters
    ----------
    preparation, factors, placer : Preparation, FactorModel, Placer
        Columns made comparable, their factors, the groups in the space of the scores.
    residuals : Residuals
        How large what the factors leave over usually is.
    anchors : Anchors
        Where groups of patients lie on the map.
    typical : tuple of Typical
        Features of each block, how they were spread.
    covariates : tuple of Known
        What was adjusted for, and what else is known of the patients (age).
    names : tuple of str, length k
        Names of the groups.
    """

    preparation: Preparation
    factors: FactorModel
    placer: Placer
    residuals: Residuals
    anchors: Anchors
    typical: tuple[Typical, ...]
    covariates: tuple[Known, ...]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        fitted: Fitted,
        blocks: Blocks,
        *,
        names: Sequence[str],
        seed: int,
        others: Sequence[Covariate] = (),
    ) -> Frozen:
        """Freeze a fit.

        Parameters
        ----------
        fitted : Fitted
            From ``fit_blocks``.
        blocks : Blocks
            What was fitted, n patients.
        names : sequence of str
            Names of the groups.
        seed : int
            For the grouping of patients into anchors.
        others : sequence of Covariate
            What else is to be known of the same patients: age, where it was not adjusted for.
        """
        here = fitted.measured
        scores = fitted.scores.rows(here)
        used = {part.name for part in fitted.preparation.blocks}
        return cls(
            fitted.preparation,
            fitted.factors,
            fitted.placer,
            fitted.residuals,
            Anchors.fit(scores.mean, fitted.map[here], seed=seed),
            tuple(Typical.fit(block) for block in blocks.blocks if block.name in used),
            (
                *(Known.of(covariate, adjusted=True) for covariate in blocks.covariates),
                *(Known.of(covariate, adjusted=False) for covariate in others),
            ),
            tuple(names),
        )

    @property
    def adjusted_for(self) -> tuple[str, ...]:
        """Covariates whose effects are taken out."""
        return tuple(known.name for known in self.covariates if known.adjusted)

    @property
    def whole_cov(self) -> Matrix:
        """Posterior covariance (f, f) of the scores of a patient of whom everything was observed."""
        scaled = self.factors.loadings / np.sqrt(self.factors.noise)[:, None]
        return np.asarray(np.linalg.inv(scaled.T @ scaled + np.eye(scaled.shape[1])))

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return plain types for JSON, and arrays."""
        prepared, arrays = self.preparation.to_state()
        found = {f"preparation.{name}": values for name, values in arrays.items()}
        found |= {f"factors.{name}": values for name, values in self.factors.to_arrays().items()}
        for part in _PARTS:
            here = getattr(self, part)
            found |= {f"{part}.{field.name}": getattr(here, field.name) for field in fields(here)}
        typical = []
        for number, block in enumerate(self.typical):
            said, arrays = block.to_state()
            typical.append(said)
            found |= {f"typical.{number}.{name}": values for name, values in arrays.items()}
        covariates = [
            {**asdict(one), "levels": list(one.levels), "low": _none(one.low), "high": _none(one.high)}
            for one in self.covariates
        ]
        said = {
            "preparation": prepared,
            "typical": typical,
            "covariates": covariates,
            "names": list(self.names),
        }
        return said, found

    @classmethod
    def from_state(cls, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Frozen:
        """Rebuild from :meth:`to_state`."""

        def below(part: str) -> dict[str, NDArray[Any]]:
            return {name[len(part) + 1 :]: arrays[name] for name in arrays if name.startswith(f"{part}.")}

        return cls(
            Preparation.from_state(state["preparation"], below("preparation")),
            FactorModel.from_arrays(below("factors")),
            Placer(**below("placer")),
            Residuals(**below("residuals")),
            Anchors(**below("anchors")),
            tuple(
                Typical.from_state(said, below(f"typical.{number}"))
                for number, said in enumerate(state["typical"])
            ),
            tuple(
                Known(
                    one["name"],
                    tuple(one["levels"]),
                    _number(one["low"]),
                    _number(one["high"]),
                    bool(one["adjusted"]),
                )
                for one in state["covariates"]
            ),
            tuple(state["names"]),
        )


def _none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
