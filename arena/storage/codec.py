"""Serialization of states: every array in one safetensors file, everything else in one JSON tree.

Reading never executes code (no pickle), and equal states give equal bytes. Values that JSON has (null, booleans,
small integers, finite floats, text, lists) are written as themselves. Any other value is an object with one key,
its tag: ``dict`` (pairs of key and value, in order), ``tuple``, ``int`` (hexadecimal, beyond the 53 bits that
every JSON reader keeps), ``float`` (nan and the infinities), ``text`` (hexadecimal, where lone surrogates have no
UTF-8), ``bytes`` (base64), ``scalar`` (dtype and hexadecimal), ``array`` and ``tensor`` (name and dtype; the same
name again refers to the same object), ``journal`` (capacity, total number of rows, and the dictionary of its
columns' live rows; or the journal's index in a separate list).
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import numpy as safetensors_numpy

from arena.errors import ArenaError
from arena.storage.journal import Journal

__all__ = ["Encoded", "State", "decode", "encode"]

State: TypeAlias = dict[str, Any]
"""Nested dictionaries, lists and tuples of numpy arrays, torch tensors, journals and plain values."""

_FORMAT = 1
_MAX_DEPTH, _MAX_NAME = 100, 200
_EXACT_IN_JSON = 2**53

_STORED = {"bool", "float16", "float32", "float64"}
_STORED |= {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
# Not every release of safetensors.numpy stores these as themselves: they become bytes, with one more axis.
_AS_BYTES = {"complex64": 8, "complex128": 16, "bfloat16": 2, "float8_e4m3fn": 1}
_AS_BYTES |= {"float8_e4m3fnuz": 1, "float8_e5m2": 1, "float8_e5m2fnuz": 1, "float8_e8m0fnu": 1}
_NUMPY = _STORED | {"complex64", "complex128"}

_Path: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Encoded:
    """Encoded state: the bytes of a safetensors file, and UTF-8 JSON that refers to its arrays by name."""

    arrays: bytes
    tree: bytes


def encode(state: State, journals: list[Journal] | None = None) -> Encoded:
    """Turn a state into bytes; equal states (dictionary order included) give equal bytes.

    Values are copied: arrays become C-contiguous and little-endian; tensors lose device, gradient and memory
    format. The same array object, and tensors that view the same elements of one storage, are stored once;
    views that only overlap are stored separately.

    Args:
        state: the state to encode.
        journals: list to which each journal found is appended once; their rows are then not in the bytes.

    Raises:
        ArenaError: a value has an unsupported type; the message names its place.
    """
    if type(state) not in (dict, OrderedDict):
        raise ArenaError(f"a state must be a dict, not of type {type(state).__name__}", "wrap it in a dict")
    encoder = _Encoder(journals)
    try:
        root = {"format": _FORMAT, "state": encoder.node(state, ())}
        tree = json.dumps(root, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except RecursionError as error:
        raise _too_deep(()) from error
    return Encoded(arrays=safetensors_numpy.save(encoder.arrays), tree=tree.encode())


def decode(encoded: Encoded, journals: Sequence[Journal] = ()) -> State:
    """Restore a state from the bytes of `encode`, in new memory; tensors are on the CPU and need no gradient.

    Args:
        encoded: the result of `encode`.
        journals: the journals that `encode` collected; the state refers to these very objects.

    Raises:
        ArenaError: `encode` cannot have written the bytes, or a newer arena did.
    """
    try:
        return _Decoder(safetensors_numpy.load(encoded.arrays), journals).root(encoded.tree)
    except (ArenaError, MemoryError):
        raise
    except Exception as error:
        # The bytes may be anything, so the parsers may raise anything; every failure means the same.
        raise _corrupt(f"cannot be read ({' '.join(repr(error).split())[:200]})") from error


class _Encoder:
    """One call of `encode`: the arrays found so far and who else refers to them."""

    def __init__(self, journals: list[Journal] | None) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self._leaves: dict[_Path, dict[str, Any]] = {}
        self._journals = journals
        self._copies: list[Any] = []  # kept alive, so that no later array reuses the id of one

    def node(self, value: Any, path: _Path) -> Any:
        """The JSON value that stands for `value`."""
        kind = type(value)
        if kind in (dict, OrderedDict, list, tuple):
            if len(path) >= _MAX_DEPTH:
                raise _too_deep(path)
            if kind in (dict, OrderedDict):
                return {"dict": [[_key(k, path), self.node(v, (*path, k))] for k, v in value.items()]}
            items = [self.node(item, (*path, i)) for i, item in enumerate(value)]
            return items if kind is list else {"tuple": items}
        if kind in (np.ndarray, np.memmap):
            return self._leaf("array", ("array", id(value)), value, path)
        if kind is Journal:
            return self._journal(value, path)
        torch = sys.modules.get("torch")  # where there is a tensor, torch is loaded
        if torch is not None and isinstance(value, torch.Tensor):
            return self._leaf("tensor", _identity(value, path), value, path)
        return _plain(value, path)

    def _leaf(self, tag: str, identity: _Path, value: Any, path: _Path) -> dict[str, Any]:
        if identity not in self._leaves:
            raw, dtype = (_array_bytes if tag == "array" else _tensor_bytes)(value, path)
            if dtype in _AS_BYTES:
                stored = raw.reshape(*value.shape, _AS_BYTES[dtype])
            else:
                stored = raw.view(_little(dtype)).reshape(tuple(value.shape))
            name = self._name(path)
            self.arrays[name] = stored
            self._leaves[identity] = {tag: [name, dtype]}
        return self._leaves[identity]

    def _journal(self, journal: Journal, path: _Path) -> dict[str, Any]:
        identity = ("journal", id(journal))
        if identity not in self._leaves:
            if self._journals is None:
                rows = journal.rows(journal.first, journal.total)
                self._copies.append(rows)
                body: Any = [journal.capacity, journal.total, self.node(rows, path)]
            else:
                body = len(self._journals)
                self._journals.append(journal)
            self._leaves[identity] = {"journal": body}
        return self._leaves[identity]

    def _name(self, path: _Path) -> str:
        """A unique and readable array name, for users who open the file with other tools."""
        steps = ".".join(step if type(step) is str else _show(step) for step in path)
        base = steps[:_MAX_NAME].encode("utf-8", "backslashreplace").decode()
        # "__metadata__" is the one name that safetensors reserves.
        names = (f"{base}~{copy}" if copy > 1 else base for copy in itertools.count(1))
        return next(name for name in names if name not in self.arrays and name != "__metadata__")


def _key(key: Any, path: _Path) -> Any:
    if type(key) is tuple:
        if len(path) >= _MAX_DEPTH:
            raise _too_deep(path)
        return {"tuple": [_key(item, (*path, key)) for item in key]}
    return _plain(key, path, "a key of ")


def _plain(value: Any, path: _Path, place: str = "") -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if abs(value) <= _EXACT_IN_JSON else {"int": hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return {"text": value.encode("utf-8", "surrogatepass").hex()}
        return value
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, np.generic) and value.dtype.name in _NUMPY:
        return {"scalar": [value.dtype.name, value.astype(_little(value.dtype.name)).tobytes().hex()]}
    raise _unsupported(place + _where(path), f"of type {kind.__module__}.{kind.__qualname__}")


def _array_bytes(array: NDArray[Any], path: _Path) -> tuple[NDArray[np.uint8], str]:
    name = array.dtype.name
    if name not in _NUMPY:
        raise _unsupported(_where(path), f"an array of {array.dtype}")
    # safetensors writes the memory behind a strided array as if it were contiguous, without a warning.
    return np.ascontiguousarray(array, dtype=_little(name)).reshape(-1).view(np.uint8), name


def _tensor_bytes(tensor: Any, path: _Path) -> tuple[NDArray[np.uint8], str]:
    import torch

    whole = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    # Not .numpy(): after it, the live tensor could never resize its storage again.
    raw = np.from_dlpack(whole.reshape(-1).view(torch.uint8)).view(np.uint8)
    return raw, str(tensor.dtype).removeprefix("torch.")


def _identity(tensor: Any, path: _Path) -> _Path:
    """Equal for tensors that view the same elements of one storage, as `state_dict` makes of tied weights."""
    import torch

    name, device = str(tensor.dtype).removeprefix("torch."), str(tensor.device)
    dense = tensor.layout is torch.strided and not tensor.is_nested and device != "meta"
    known = type(tensor) in (torch.Tensor, torch.nn.Parameter) and name in _STORED | _AS_BYTES.keys()
    if not (dense and known):
        what = f"a {type(tensor).__name__} of {name} ({tensor.layout}, on {device})"
        raise _unsupported(_where(path), what)
    if tensor.numel() == 0:
        return ("empty", id(tensor))  # all empty tensors share the null address
    offset, shape, flags = tensor.storage_offset(), tuple(tensor.shape), (tensor.is_conj(), tensor.is_neg())
    return (device, tensor.untyped_storage().data_ptr(), name, offset, shape, tensor.stride(), flags)


class _Decoder:
    """One call of `decode`: the stored arrays and the objects already made of them."""

    def __init__(self, arrays: dict[str, NDArray[Any]], journals: Sequence[Journal]) -> None:
        self._arrays = arrays
        self._journals = journals
        self._made: dict[_Path, Any] = {}

    def root(self, tree: bytes) -> State:
        """The whole state."""
        root = json.loads(tree.decode("utf-8"), parse_constant=int)  # int refuses NaN, which is not JSON
        if root["format"] != _FORMAT:
            remedy = "update arena-rl if a newer version saved it"
            raise ArenaError(f"a saved state has format {root['format']!r}, not {_FORMAT}", remedy)
        if type(state := self.node(root["state"], 0)) is not dict:
            raise _corrupt("is not a dictionary")
        return state

    def node(self, item: Any, depth: int) -> Any:
        """The value that a JSON value stands for."""
        if item is None or type(item) in (bool, int, float, str):
            return item
        if depth > _MAX_DEPTH:
            raise _corrupt(f"is nested more than {_MAX_DEPTH} deep")
        if type(item) is list:
            return [self.node(part, depth + 1) for part in item]
        if len(item) != 1:
            raise _corrupt("has an object without a single tag")
        [(tag, body)] = item.items()
        match tag:
            case "dict":
                result = {self.node(k, depth + 1): self.node(value, depth + 1) for k, value in body}
                if len(result) != len(body):
                    raise _corrupt("has a dictionary with a key twice")
                return result
            case "tuple":
                return tuple(self.node(part, depth + 1) for part in body)
            case "int":
                return int(body, 16)
            case "float":
                return float(body)
            case "text":
                return bytes.fromhex(body).decode("utf-8", "surrogatepass")
            case "bytes":
                return base64.b64decode(body, validate=True)
            case "scalar":
                name, digits = body
                [scalar] = np.frombuffer(bytes.fromhex(digits), dtype=_little(name))
                return scalar
            case "array" | "tensor":
                if (tag, *body) not in self._made:
                    self._made[tag, *body] = self._make(tag, *body)
                return self._made[tag, *body]
            case "journal":
                if (tag, repr(body)) not in self._made:
                    self._made[tag, repr(body)] = self._journal(body, depth)
                return self._made[tag, repr(body)]
        raise _corrupt(f"has an unknown tag {tag[:40]!r}")

    def _journal(self, body: Any, depth: int) -> Journal:
        if type(body) is int:
            if not 0 <= body < len(self._journals):
                raise _corrupt(f"refers to journal {body}, which is missing")
            return self._journals[body]
        capacity, total, columns = body
        rows = self.node(columns, depth + 1)
        fields = {name: (column.shape[1:], column.dtype) for name, column in rows.items()}
        return Journal.from_parts(capacity, fields, total, [rows])

    def _make(self, tag: str, name: str, dtype: str) -> Any:
        stored = self._arrays.get(name)
        if stored is None:
            raise _corrupt(f"refers to the array {name!r}, which is missing")
        extra = _AS_BYTES.get(dtype)
        shape = stored.shape[:-1] if extra else stored.shape
        wanted = ("uint8", (*shape, extra)) if extra else (dtype, shape)
        if (stored.dtype.name, stored.shape) != wanted:
            raise _corrupt(f"has an array {name!r} that is not of type {dtype}")
        raw = np.ascontiguousarray(stored).reshape(-1).view(np.uint8)
        # Copied into new memory: resizable, and aligned as any new array is (alignment may change how sums round).
        if tag == "array":
            return raw.view(_little(dtype)).reshape(shape).astype(dtype, copy=True)
        import torch

        tensor = torch.empty(shape, dtype=getattr(torch, dtype), device="cpu")
        tensor.reshape(-1).view(torch.uint8).copy_(torch.from_numpy(raw))
        return tensor


def _little(name: str) -> np.dtype[Any]:
    if name not in _NUMPY:
        raise _corrupt(f"has the dtype {name!r}, which numpy does not know")
    return np.dtype(name).newbyteorder("<")


def _corrupt(what: str) -> ArenaError:
    return ArenaError(f"a saved state {what}", "use an older checkpoint, or start a new run")


def _too_deep(path: _Path) -> ArenaError:
    problem = f"{_where(path[:5])} is nested more than {_MAX_DEPTH} deep"
    return ArenaError(problem, "flatten it, and remove any container that contains itself")


def _where(path: _Path) -> str:
    return "state" + "".join(f"[{_show(step)}]" for step in path)


def _show(key: object) -> str:
    try:
        return repr(key)
    except ValueError:  # Python refuses to write integers of many thousand digits
        return "…"


def _unsupported(where: str, what: str) -> ArenaError:
    remedy = "convert it to plain values, numeric arrays or dense tensors, and rebuild it in load_state_dict"
    return ArenaError(f"{where} is {what}, which a state cannot hold", remedy)
