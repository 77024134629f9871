"""Errors say which file or image they are about."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def named(what: object) -> Iterator[None]:
    """Put a name before what a ValueError of the block says.

    Args:
        what: File or image that the block is about.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f'{what}: {error}') from error
