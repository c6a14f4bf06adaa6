"""Lines of TOML with comments, wrapped, and the open questions among them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from phenotyper.errors import listed

MARK = "# ? "
MOST_NAMES = 6
_LONGEST = 108
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Text:
    """Lines of TOML, and the questions among them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.questions: list[str] = []

    def say(self, text: str = "", *, mark: str = "# ", indent: str = "") -> None:
        """Write a comment, wrapped; an empty one is an empty line."""
        if not text:
            self.lines.append("")
            return
        rest, first = plain(text), True
        while rest:
            room = _LONGEST - len(indent) - len(mark)
            cut = len(rest) if len(rest) <= room else max(rest.rfind(" ", 0, room), 1)
            self.lines.append(f"{indent}{mark if first else '#   '}{rest[:cut].strip()}")
            rest, first = rest[cut:].strip(), False

    def ask(self, question: str, *, about: str = "", indent: str = "") -> None:
        """Write a question."""
        self.say(question, mark=MARK, indent=indent)
        self.questions.append(f"{about}: {question}" if about else question)

    def key(self, key: str, value: object, *, off: bool = False) -> None:
        """Write a key and its value; ``off`` comments it out."""
        self.lines.append(f"{'# ' if off else ''}{key} = {toml(value)}")

    def names(
        self, key: str, names: Sequence[str], *, said: Mapping[str, str], asked: Mapping[str, str]
    ) -> None:
        """Write a list of columns, one a line where something is said of them."""
        for question in dict.fromkeys(asked[name] for name in names if asked.get(name)):
            about = listed([name for name in names if asked.get(name) == question], MOST_NAMES)
            self.ask(f"{about}: {question}", about=key)
        if not any(said.get(name) for name in names):
            plain = f"{key} = {toml(list(names))}"
            if len(plain) <= _LONGEST:
                self.lines.append(plain)
                return
        self.lines.append(f"{key} = [")
        for name in names:
            self.lines.append(f"    {toml(name)},{'  # ' + said[name] if said.get(name) else ''}")
        self.lines.append("]")


def toml(value: object) -> str:
    """Return a value as TOML.

    Examples
    --------
    >>> toml({"column": "age", "unit": "years"}), toml(["a", 1, True])
    ('{ column = "age", unit = "years" }', '["a", 1, true]')
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{bare(str(key))} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)


def bare(name: str) -> str:
    """Return a name as a key of TOML, quoted where it must be."""
    return name if _BARE.fullmatch(name) else toml(name)


def plain(text: str) -> str:
    """Return a text that can stand in a comment."""
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", text).strip()
