"""Short names of contents, so that a folder can say what it was made from."""

import hashlib
from pathlib import Path

_DIGITS = 16  # hexadecimal


def text_hash(text: str) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def file_hash(path: str | Path | None) -> str | None:
    """First 16 hexadecimal digits of the SHA-256 of a file; None for what is no local file."""
    if path is None or not Path(path).is_file():
        return None
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:_DIGITS]
