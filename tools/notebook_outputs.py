"""What an executed notebook keeps of its outputs: nothing of the machine, the time or third parties."""

from __future__ import annotations

import base64
import re
import struct
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

# path:line: SomeWarning: text, and the indented source line that Python prints below it
THIRD_PARTY = re.compile(r"^\S*site-packages\S*:\d+: \w*Warning: .*\n(?:[ \t]+.*\n?)*", re.MULTILINE)
CELL_FILE = re.compile(r"\S*ipykernel_\d+/\d+\.py:\d+: ")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
MACHINE = (f"{Path.home()}/", f"{tempfile.gettempdir()}/", "site-packages")
WIDGET = "application/vnd.jupyter.widget-view+json"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_WORDS = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"}


def cleaned(notebook: NotebookNode, *, root: Path, metadata: dict[str, Any]) -> NotebookNode:
    """Return the notebook with outputs that are the same on every machine."""
    notebook = nbformat.from_dict(notebook)
    notebook.metadata = nbformat.from_dict(metadata)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [
                output for output in (_output(output, root) for output in cell.outputs) if output is not None
            ]
    return notebook


def faults_of(notebook: NotebookNode) -> list[str]:
    """Return what the outputs hold that a committed notebook must not."""
    faults = []
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            faults += [f"cell {number} {fault}" for fault in _faults(output)]
    return faults


def _output(output: NotebookNode, root: Path) -> NotebookNode | None:
    if output.output_type == "stream":
        text = THIRD_PARTY.sub("", output.text) if output.name == "stderr" else output.text
        output.text = _portable(text, root)
        return output if output.text else None
    if "data" in output:
        output.data = nbformat.from_dict(
            {kind: _data(kind, value, root) for kind, value in output.data.items() if kind != WIDGET}
        )
    return output


def _data(kind: str, value: Any, root: Path) -> Any:
    if kind == "image/png":
        return base64.b64encode(without_words(base64.b64decode(value))).decode()
    return _portable(value, root) if isinstance(value, str) else value


def _portable(text: str, root: Path) -> str:
    return CELL_FILE.sub("", text).replace(f"{root}/", "").replace(str(root), ".")


def _faults(output: NotebookNode) -> list[str]:
    texts = [output.text] if output.output_type == "stream" else []
    texts += [
        value
        for kind, value in output.get("data", {}).items()
        if kind.startswith("text/") and isinstance(value, str)
    ]
    faults = []
    if output.output_type == "error":
        faults.append(f"ends with {output.ename}: {output.evalue}")
    for text in texts:
        if ADDRESS.search(text):
            faults.append(
                "shows the address of an object; end its line with a semicolon, or show something else"
            )
        if any(place in text for place in MACHINE):
            faults.append("shows a path of this machine")
    return faults


def without_words(png: bytes) -> bytes:
    """Return a PNG without its text, time and camera chunks: the picture alone."""
    if not png.startswith(PNG_START):
        return png
    parts, at = [PNG_START], len(PNG_START)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        end = at + 12 + length
        if png[at + 4 : at + 8] not in PNG_WORDS:
            parts.append(png[at:end])
        at = end
    return b"".join(parts)
