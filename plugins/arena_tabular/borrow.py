"""Arrays for compiled loops without reference counting."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

__all__ = ["borrowed"]


@intrinsic
def _borrowed(typing_context: Any, value: Any) -> Any:
    """The same array, or named tuple of arrays, without an owner: for use inside a driver's loop only.

    numba counts a reference wherever an array changes hands between functions or variables, and in loops with
    branches it does not see that the counts cancel: counting took three quarters of a learner's step. Without
    an owner there is nothing to count. The caller of the driver keeps the arrays alive meanwhile, so a
    borrowed one must not outlive the call: never return or store it.
    """
    if not isinstance(value, (types.Array, types.BaseNamedTuple)):
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_owner(context, builder, signature.args[0], arguments[0])

    return value(value), codegen


def _without_owner(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The compiled value with every array's owner replaced by none."""
    if isinstance(kind, types.BaseNamedTuple):
        fields: Any = kind
        parts = [
            _without_owner(context, builder, part, builder.extract_value(value, k))
            for k, part in enumerate(fields.types)
        ]
        return context.make_tuple(builder, kind, parts)
    if isinstance(kind, types.Array):
        view = context.make_array(kind)(context, builder, value)
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()
    return value


#: `borrowed(value)`, in compiled code; a name of its own, because an intrinsic's Python signature is another.
borrowed: Any = _borrowed
