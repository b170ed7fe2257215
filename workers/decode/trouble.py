"""How decoding fails: one door for every way in which hostile or broken bytes make the parsers complain.

Promise: what a file does to a parser becomes Unprocessable with a reason; only a spool that cannot be read
is Unavailable.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.errors import BytesLengthException, InvalidDicomError

from triage.domain.errors import Unprocessable

# Everything that pydicom and the codecs were seen to raise on 21,296 mutants and on the malformed corpus
# (reliability.md 1.5), from reading and from lazy element access alike.
PARSER_TROUBLE = (
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    zlib.error,
    NotImplementedError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def too_large() -> Unprocessable:
    """Return the refusal of an image for which memory ran out."""
    return Unprocessable("too-large", "the image needs more memory than one study may have")


@contextmanager
def parsing(reason: str, what: str) -> Iterator[None]:
    """Turn any complaint of a parser inside the block into Unprocessable(reason)."""
    try:
        yield
    except MemoryError as error:
        raise too_large() from error
    except PARSER_TROUBLE as error:
        # Only the class is told: a parser's message may quote the data set.
        raise Unprocessable(reason, f"{what} ({type(error).__name__})") from error
