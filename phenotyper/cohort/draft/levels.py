"""The order of levels: yes and no, grades, ladders of words, Roman numerals, intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from phenotyper.cohort.values import NUMBER, code_text

_PAIRS = (
    "no yes", "n y", "false true", "0 1", "nein ja", "non oui", "no si", "negative positive", "neg pos",
    "- +", "absent present", "undetected detected", "not_detected detected", "normal abnormal",
    "normal pathological", "normal amplified", "unremarkable remarkable", "intakt aufgehoben",
    "intact lost", "unauffällig auffällig", "favourable unfavourable", "favorable unfavorable",
    "benign malignant", "alive dead", "alive deceased", "living deceased", "unexposed exposed",
    "never ever", "low high", "wildtype mutant", "wt mut", "conservative surgical", "survived died",
    "censored event", "none any",
)  # fmt: skip
_LADDERS = (
    "none mild moderate severe very_severe", "no mild moderate severe", "absent mild moderate severe",
    "minimal mild moderate severe", "low medium high", "low middle high", "low moderate high",
    "low intermediate high", "very_low low medium high very_high", "small medium large",
    "never rarely sometimes often very_often always", "never seldom sometimes often always",
    "none sometimes often very_often", "never occasionally often daily",
    "never monthly weekly most_days daily", "rarely some_days most_days daily",
    "never weekly most_days daily", "none rarely sometimes often daily", "no local generalised",
    "none local generalised", "no focal diffuse", "localised regional distant", "neg + ++ +++ ++++",
    "no + ++ +++ ++++", "negative + ++ +++ ++++", "- + ++ +++ ++++", "none + ++ +++ ++++",
    "0 + ++ +++ ++++", "neg (+) + ++ +++", "neg trace + ++ +++", "poor fair good very_good excellent",
    "neither one both", "none one both", "none some all", "none one two three four", "zero one two three",
    "none one two_or_more", "none one_or_two three_or_more", "underweight normal overweight obese",
    "thin normal overweight obese", "primary secondary tertiary", "none primary secondary university",
    "improved unchanged worse", "worse unchanged improved", "non-smokers shs_smokers smokers",
    "never former current", "non-smoker ex-smoker smoker", "none outside_only indoors",
    "progressive stable partial complete", "pd sd pr cr",
    "less_than_once_a_week once_a_week (almost)_daily", "less_than_once_a_week once_a_week daily",
    "nie früher aktuell", "nie ehemals aktuell", "never ex current", "kein leicht mittel schwer",
    "leicht mittel schwer", "niedrig mittel hoch", "nie selten manchmal oft immer",
    "stage_0 stage_i stage_ii stage_iii stage_iv",
    "strongly_disagree disagree neutral agree strongly_agree",
)  # fmt: skip
_ROMAN = {"0": 0, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_GRADED = re.compile(r"^(?P<head>.*?)[ _-]?(?P<place>iv|v?i{0,3}|\d{1,2})(?P<tail>[abc]?)$", re.IGNORECASE)
_INTERVAL = re.compile(r"^[(\[]\s*(-?[\d.]+|-inf)\s*[,;]\s*(-?[\d.]+|\+?inf)\s*[)\]]$", re.IGNORECASE)
_RANGE = re.compile(
    r"^(?P<sign><=?|>=?|≤|≥|under|below|less than|over|above|more than)?\s*(?P<low>\d+(?:\.\d+)?)"
    r"(?:\s*(?:-|\u2013|to|or)\s*(?P<high>\d+(?:\.\d+)?|more))?\s*(?P<plus>\+)?\s*(?P<noun>[^\d]*)$",
    re.IGNORECASE,
)
_NOTHING = ("none", "no", "never", "neither")
_FEW = ("no", "non", "not", "un", "in", "without", "kein", "keine")


def yes_no(levels: Sequence[str]) -> tuple[str, ...]:
    """Return two levels with the no-level first, or nothing when it cannot be told.

    Examples
    --------
    >>> yes_no(["yes", "no"]), yes_no(["appendicitis", "noAppendicitis"]), yes_no(["cat", "dog"])
    (('no', 'yes'), ('noAppendicitis', 'appendicitis'), ())
    """
    if len(levels) != 2:
        return ()
    coded = {level.partition(":")[0].strip(): level for level in levels}
    if set(coded) == {"0", "1"}:
        return coded["0"], coded["1"]
    plain = {_plain(level): level for level in levels}
    for pair in _PAIRS:
        no, yes = pair.split()
        if set(plain) == {no, yes}:
            return plain[no], plain[yes]
    for one, other in (tuple(levels), tuple(reversed(levels))):
        short = re.sub(r"[\W_]+", "", other).casefold()
        if re.sub(r"[\W_]+", "", one).casefold() in {f"{prefix}{short}" for prefix in _FEW}:
            return one, other
    return ()


def in_order(levels: Sequence[str]) -> tuple[str, ...]:
    """Return levels in their order where one is known, or nothing.

    Examples
    --------
    >>> in_order(["(10.8,34.9]", "(34.9,Inf]", "(0,10.8]"])
    ('(0,10.8]', '(10.8,34.9]', '(34.9,Inf]')
    >>> in_order(["IV", "I", "III"]), in_order(["high", "low", "medium"]), in_order(["dog", "cat"])
    (('I', 'III', 'IV'), ('low', 'medium', 'high'), ())
    >>> in_order(["2 to 4 h", "over 4 h", "under 1 h", "1 to 2 h"])
    ('under 1 h', '1 to 2 h', '2 to 4 h', 'over 4 h')
    """
    for order in (_intervals, _ladder, _ranges, _graded):
        if found := order(levels):
            return found
    return ()


def stated(text: str) -> dict[str, str]:
    """Return codes and what they stand for, as "1, Male | 2, Female" or "(0: none, 1: one)" state them.

    Examples
    --------
    >>> stated("1, Male | 2, Female"), stated("BMI (1: Thinness, 2: Normal)"), stated("low | high")
    ({'1': 'Male', '2': 'Female'}, {'1': 'Thinness', '2': 'Normal'}, {'low': '', 'high': ''})
    """
    if "|" in text:
        parts = [part.strip() for part in text.split("|") if part.strip()]
        pairs = [re.match(r"^([^,=:]+?)\s*[,=:]\s*(.+)$", part) for part in parts]
        if all(pairs):
            return {code_text(pair[1]): pair[2] for pair in pairs if pair}
        return dict.fromkeys(parts, "")
    coded = re.findall(r"(?<![\w.])(-?\d+)\s*[:=]\s*([^,;:=()]+)", text)
    return {code: label.strip() for code, label in coded} if len(coded) > 1 else {}


def _plain(level: str) -> str:
    return re.sub(r"\s+", "_", level.strip()).casefold()


def _intervals(levels: Sequence[str]) -> tuple[str, ...]:
    found = {level: _INTERVAL.match(level.strip()) for level in levels}
    if len(levels) < 2 or not all(found.values()):
        return ()
    return tuple(sorted(levels, key=lambda level: [float(part) for part in found[level].groups()]))  # type: ignore[union-attr]


def _ladder(levels: Sequence[str]) -> tuple[str, ...]:
    plain = {_plain(level): level for level in levels}
    for ladder in _LADDERS:
        steps = ladder.split()
        if len(plain) > 1 and set(plain) <= set(steps):
            return tuple(plain[step] for step in steps if step in plain)
    return _after_a_stem(levels)


def _after_a_stem(levels: Sequence[str]) -> tuple[str, ...]:
    """Order levels that share a beginning, as CIMP-low, CIMP-intermediate, CIMP-high."""
    parts = [level.rpartition("-") for level in levels]
    if len({head for head, _, _ in parts}) != 1 or not parts or not parts[0][0]:
        return ()
    ends = _ladder([end for _, _, end in parts])
    return tuple(f"{parts[0][0]}-{end}" for end in ends)


def _ranges(levels: Sequence[str]) -> tuple[str, ...]:
    """Order "under 1 h", "1 to 2 h", "over 4 h"; "none" stands below them."""
    places: dict[str, tuple[float, float]] = {}
    for level in levels:
        found = _RANGE.match(level.strip())
        if found and not NUMBER.fullmatch(level.strip()):
            sign = (found["sign"] or "").casefold()
            below = -1.0 if sign in {"<", "<=", "≤", "under", "below", "less than"} else 0.0
            above = 1.0 if sign in {">", ">=", "≥", "over", "above", "more than"} or found["plus"] else 0.0
            places[level] = (float(found["low"]), below or above or (0.5 if found["high"] == "more" else 0.0))
        elif _plain(level) in _NOTHING:
            places[level] = (-1.0, 0.0)
        elif NUMBER.fullmatch(level.strip()):
            places[level] = (float(level), 0.0)
        else:
            return ()
    worded = [
        level for level in levels if not NUMBER.fullmatch(level.strip()) and _plain(level) not in _NOTHING
    ]
    nouns = {(_RANGE.match(level.strip()) or {"noun": ""})["noun"].strip().rstrip("s") for level in worded}
    if len(levels) < 2 or not worded or len(nouns - {""}) > 1 or len(set(places.values())) < len(levels):
        return ()
    return tuple(sorted(levels, key=lambda level: places[level]))


def _graded(levels: Sequence[str]) -> tuple[str, ...]:
    """Order I, II, III or t1, t2, t3; not where the numbers merely count clusters."""
    found = {level: _GRADED.match(level.strip()) for level in levels}
    if len(levels) < 2 or not all(found.values()):
        return ()
    heads = {match["head"].casefold() for match in found.values() if match}
    roman = all(match["place"].casefold() in _ROMAN for match in found.values() if match)
    if len(heads) != 1 or not (
        roman or heads <= {"t", "n", "m", "g", "r", "grade ", "grade", "stage ", "stage"}
    ):
        return ()
    places = {level: (_place(match["place"]), match["tail"]) for level, match in found.items() if match}
    if any(place < 0 for place, _ in places.values()) or len(set(places.values())) < len(levels):
        return ()
    return tuple(sorted(levels, key=lambda level: places[level]))


def _place(text: str) -> int:
    return _ROMAN.get(text.casefold(), int(text) if text.isdigit() else -1)
