"""Arrays that compiled code uses without counting references to them."""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

__all__ = ["borrowed"]


@intrinsic
def _borrowed(typing_context: Any, array: Any) -> Any:
    """The same array, owned by nobody, for use inside a driver's loop only.

    numba counts a reference wherever an array changes hands between functions or variables, and in loops with
    branches it does not see that the counting is in vain: it took three quarters of a learner's step. Without
    an owner there is nothing to count. Whoever called the driver keeps the array alive meanwhile, so a
    borrowed one must not outlive the call: never return or store it.
    """
    if not isinstance(array, types.Array):
        return None

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()

    return array(array), codegen


#: `borrowed(array)`, in compiled code; a name of its own, because an intrinsic's Python signature is another.
borrowed: Any = _borrowed
