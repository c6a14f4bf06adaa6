"""``draft_cohort``: look at a folder and draft its ``cohort.toml``, with what could not be decided marked."""

from phenotyper.cohort.draft.result import Draft, draft_cohort

__all__ = ["Draft", "draft_cohort"]
