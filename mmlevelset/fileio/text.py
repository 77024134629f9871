"""Text and JSON files of the user: read right, or refused with the name of the file."""

import json
from pathlib import Path
from typing import Any


def read_text(path: str | Path) -> str:
    """Read a text file in UTF-8, or in UTF-16 where it begins with a byte order mark.

    Editors and shells of Windows write UTF-16 with a mark.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is in another encoding or no text.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'{path}: no such file; check its path')
    data = Path(path).read_bytes()
    encoding = 'utf-16' if data[:2] in (b'\xff\xfe', b'\xfe\xff') else 'utf-8-sig'
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{path}: is not text in UTF-8 (byte {error.start}: {error.reason}). Save it as UTF-8.'
        ) from error
    if '\0' in text:
        raise ValueError(
            f'{path}: holds zero bytes; it is UTF-16 without a byte order mark, or no text. Save it as UTF-8.'
        )
    return text


def read_json(path: str | Path) -> Any:
    """Read a JSON file in which no name comes twice in one object.

    Raises:
        ValueError: The file is no valid JSON, is nested too deep, or repeats a name, so that one of
            two values would be lost.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            repeated = next(name for name in found if names.count(name) > 1)
            raise ValueError(f'the name {repeated!r} comes twice')
        return found

    text = read_text(path)
    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f'{path}: not readable as JSON ({error}). Write or download the file again.'
        ) from error
