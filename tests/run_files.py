"""Files of a run folder that tests make up or edit, with the digests that the runner would have written."""

from __future__ import annotations

import hashlib
import json

from arena.storage.manifest import CHECK, sealed


def put(path, document, end=""):
    """Writes a JSON object with its digest."""
    path.write_text(json.dumps(sealed({name: document[name] for name in document if name != CHECK})) + end)


def taken(path):
    """Reads a JSON object without its digest."""
    return {name: value for name, value in json.loads(path.read_text()).items() if name != CHECK}


def noted(metrics):
    """Size and digest of metrics, as the other files note them."""
    return [len(metrics), hashlib.sha256(metrics).hexdigest()]


def put_logs(folder, metrics, timing):
    """Writes complete lines of metrics, and lines of times of which each notes all of the metrics."""
    data = b"".join(
        line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in metrics
    )
    (folder / "metrics.jsonl").write_bytes(data)
    lines = [json.dumps(sealed({**values, "metrics": noted(data)})) + "\n" for values in timing]
    (folder / "timing.jsonl").write_text("".join(lines))
    return noted(data)
