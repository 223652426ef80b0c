"""Strategies that find cells, and the loop that runs them; called, ``emonas.search(...)`` is a search."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType
from typing import Any


class _CallableModule(ModuleType):
    """emonas.search is the package and, beside emonas.train, the step."""

    def __call__(self, *given: Any, **options: Any) -> Any:
        from emonas.search.api import search

        return search(*given, **options)

    @property
    def __signature__(self) -> inspect.Signature:
        from emonas.search.api import search

        return inspect.signature(search)


sys.modules[__name__].__class__ = _CallableModule
