"""Shapes and types of arrays are checked in the first calls a test makes of each function.

jaxtyping's hook looks at every call of every function, which takes a third of the time of all
tests. A call after the first few has the same shapes, but for property tests, in which every call
is checked; functions without arrays are mypy's.
"""

import dataclasses
import functools
import inspect

import jaxtyping
from hypothesis import currently_in_test_context

FIRST_CALLS = 4

_check_all_calls = jaxtyping.jaxtyped
_test_number = 0


def install():
    """Check all of the package that is imported from now on."""
    jaxtyping.jaxtyped = check_first_calls  # which the hook writes above each function and class
    jaxtyping.install_import_hook("videomae2", "beartype.beartype")


def start_test():
    """Count calls anew, so that what a test checks depends on no other test."""
    global _test_number
    _test_number += 1


def check_first_calls(function_or_class=None, *, typechecker):
    if function_or_class is None:
        return functools.partial(check_first_calls, typechecker=typechecker)
    if not inspect.isclass(function_or_class):
        return _check_function(function_or_class, typechecker)
    if dataclasses.is_dataclass(function_or_class) and "__init__" in vars(function_or_class):
        function_or_class.__init__ = _check_function(function_or_class.__init__, typechecker)
    return function_or_class


def _check_function(function, typechecker):
    if not any("jaxtyping." in repr(hint) for hint in function.__annotations__.values()):
        return function
    checked, test_number, num_calls = None, 0, 0

    @functools.wraps(function)
    def check(*args, **kwargs):
        nonlocal checked, test_number, num_calls
        if test_number != _test_number:
            test_number, num_calls = _test_number, 0
        if num_calls >= FIRST_CALLS and not currently_in_test_context():
            return function(*args, **kwargs)
        num_calls += 1
        checked = checked or _check_all_calls(function, typechecker=typechecker)
        return checked(*args, **kwargs)

    return check
