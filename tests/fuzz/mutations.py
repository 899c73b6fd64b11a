"""Damage to valid files: flipped bits, cuts, repeats, swapped blocks, extreme lengths, odd text."""

from collections.abc import Sequence
from random import Random

MAX_BYTES = 100_000

ODD_WORDS = (
    "1e999", "NaN", "nan", "-Infinity", "-1", "0", "1", "99999999999999999999", "2147483648",
    "-2147483649", "1e400", "1_000", "\u0661\u0662", "\u00b2", "0x10", "1" * 5000, "null", "true",
    "[]", "{}", "[" * 3000, '{"a":' * 3000, "(" * 3000, "\u202e", "\ufeff", "\0", "e\u0301",
    "\u00e9",
    "\x1b[31m", "\r", "\n", "\u2028", "\x85", "\x0b", '"', "'", "\\", "../", "/dev/zero", "f",
    "http://127.0.0.1:9/x", "a" * 5000, "", " ", "\t", ",", ";", ":", "*a", "&a ", "<<", "!!binary",
    "!!python/object/apply:os.system [true]", "\U0001f600", "\u0130", "\ufffe", "1:99:99", "1:2:3",
    "\u4e2d" * 2000, "{}", "%s", "{0}", "2026-11-30", "0b1", "0o7", "~", "yes", ".inf", "1:60",
)  # fmt: skip


def mutate(random: Random, data: bytes, others: Sequence[bytes], *, is_text: bool) -> bytes:
    """One to four changes to a valid file."""
    changes = _TEXT_CHANGES if is_text else _CHANGES
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        data = random.choice(changes)(random, data, others)[:MAX_BYTES]
    return data


def _flip(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[_place(random, data)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _place(random: Random, data: bytes) -> int:
    """A place in a file, half of them near its start, where lengths stand."""
    end = min(len(data), 256) if random.random() < 0.5 else len(data)
    return random.randrange(end)


def _span(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 4, 16, 100, 1000)))


def _cut_end(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _cut_out(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = _span(random, data)
    return data[:start] + data[stop:]


def _repeat(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = _span(random, data)
    return data[:start] + data[start:stop] * random.choice((2, 3, 50)) + data[stop:]


def _swap(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    a, b, c, d = sorted(random.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _splice(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


def _set_length(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    width = random.choice((1, 2, 4, 8))
    if len(data) < width:
        return data
    largest = 2 ** (8 * width)
    values = (0, 1, largest - 1, largest // 2, largest // 2 - 1, 2**24 % largest, 65_535 % largest)
    start = min(_place(random, data), len(data) - width)
    content = random.choice(values).to_bytes(width, random.choice(("little", "big")))
    return data[:start] + content + data[start + width :]


def _fill(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start, stop = _span(random, data)
    filling = random.choice((b"\0", b"\xff", random.randbytes(1)))
    return data[:start] + filling * (stop - start) + data[stop:]


def _insert_noise(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + random.randbytes(random.choice((1, 3, 40))) + data[start:]


def _insert_word(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    return data[:start] + _word(random) + data[start:]


def _word(random: Random) -> bytes:
    return random.choice(ODD_WORDS).encode()


def _replace_word(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    """Another word in the place of what stands between two separators."""
    ends = [i for i, byte in enumerate(data) if byte in b' \t\n,;:"[]{}']
    if len(ends) < 2:
        return data
    number = random.randrange(len(ends) - 1)
    return data[: ends[number] + 1] + _word(random) + data[ends[number + 1] :]


def _change_lines(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    lines = data.split(b"\n")
    a, b = random.randrange(len(lines)), random.randrange(len(lines))
    choice = random.randrange(4)
    if choice == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif choice == 1:
        lines[a:a] = [lines[b]] * random.choice((1, 2, 300))
    elif choice == 2:
        del lines[a]
    else:
        lines[a] += lines[b]
    return random.choice((b"\n", b"\n", b"\r\n", b"\r")).join(lines)


def _encode_otherwise(random: Random, data: bytes, _: Sequence[bytes]) -> bytes:
    encoding = random.choice(("utf-16", "utf-8-sig", "utf-16-le", "utf-32", "cp037"))
    return data.decode("utf-8", "replace").encode(encoding, "replace")


_CHANGES = (
    _flip, _flip, _cut_end, _cut_out, _repeat, _swap, _splice, _set_length, _set_length,
    _set_length,
    _fill, _insert_noise,
)  # fmt: skip
_TEXT_CHANGES = (
    _flip, _cut_end, _cut_out, _repeat, _swap, _splice, _fill, _insert_noise, _insert_word,
    _insert_word, _replace_word, _replace_word, _replace_word, _change_lines, _encode_otherwise,
)  # fmt: skip
