"""The uniforms of many sessions at once: those of numpy's generator, without one generator a session.

``numpy.random.default_rng(key).random(n)`` costs more for its construction than for some hundred draws. Here the same
two algorithms run in compiled code, and any draw of a key is reached without those before it:

- the key is mixed into a state by numpy's ``SeedSequence``, after M. E. O'Neill, *Developing a seed_seq Alternative*,
  2015 (https://www.pcg-random.org/posts/developing-a-seed_seq-alternative.html);
- draws are PCG64's (XSL-RR, 128 bit): M. E. O'Neill, *PCG: A Family of Simple Fast Space-Efficient Statistically Good
  Algorithms for Random Number Generation*, Harvey Mudd College, HMC-CS-2014-0905. Skipping: F. B. Brown, *Random Number
  Generation with Arbitrary Strides*, Trans. Am. Nucl. Soc. 71, 1994.

Both are part of numpy's promise of stable streams for ``SeedSequence`` and ``PCG64`` (NEP 19).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from channels.wide_product import high_product

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
WordArray = NDArray[np.uint32]
StateArray = NDArray[np.uint64]

_POOL = 4
_INIT_A, _MULT_A = np.uint32(0x43B0D7E5), np.uint32(0x931E8875)
_INIT_B, _MULT_B = np.uint32(0x8B51F9DD), np.uint32(0x58F38DED)
_MIX_LEFT, _MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_HALF = np.uint32(16)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)
#: PCG64's multiplier, 0x2360ED051FC65DA44385DF649FCCF645, in two halves.
_MULT_HIGH, _MULT_LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
_UNIT = 1.0 / 9007199254740992.0  # 2**-53


@njit(cache=True)
def _hashed(value: np.uint32, const: np.uint32, mult: np.uint32) -> tuple[np.uint32, np.uint32]:
    """A word mixed with a running constant, and the constant's next value."""
    following = np.uint32(const * mult)
    mixed = np.uint32(np.uint32(value ^ const) * following)
    return np.uint32(mixed ^ (mixed >> _HALF)), following


@njit(cache=True)
def _mixed(left: np.uint32, right: np.uint32) -> np.uint32:
    both = np.uint32(np.uint32(_MIX_LEFT * left) - np.uint32(_MIX_RIGHT * right))
    return np.uint32(both ^ (both >> _HALF))


@njit(cache=True)
def _words(key: IntArray, words: WordArray) -> int:
    """Write a key's numbers as words of 32 bits, low ones first, none for leading zeros; returns how many."""
    count = 0
    for number in key:
        rest = np.uint64(number)
        words[count] = np.uint32(rest & _LOW)
        count += 1
        if rest >> _WORD:
            words[count] = np.uint32(rest >> _WORD)
            count += 1
    return count


@njit(cache=True)
def _seed(words: WordArray, state: StateArray) -> None:
    """SeedSequence's four numbers of 64 bits for a key of words."""
    pool = np.empty(_POOL, np.uint32)
    const = _INIT_A
    for i in range(_POOL):
        pool[i], const = _hashed(words[i] if i < words.size else np.uint32(0), const, _MULT_A)
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                mixed, const = _hashed(pool[source], const, _MULT_A)
                pool[target] = _mixed(pool[target], mixed)
    for source in range(_POOL, words.size):
        for target in range(_POOL):
            mixed, const = _hashed(words[source], const, _MULT_A)
            pool[target] = _mixed(pool[target], mixed)
    const = _INIT_B
    for i in range(_POOL):
        low, const = _hashed(pool[(2 * i) % _POOL], const, _MULT_B)
        high, const = _hashed(pool[(2 * i + 1) % _POOL], const, _MULT_B)
        state[i] = np.uint64(low) | (np.uint64(high) << _WORD)


@njit(cache=True, inline="always")
def _times(
    high: np.uint64, low: np.uint64, by_high: np.uint64, by_low: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Product of two numbers of 128 bits, modulo 2**128."""
    return high_product(low, by_low) + high * by_low + low * by_high, low * by_low


@njit(cache=True, inline="always")
def _plus(
    high: np.uint64, low: np.uint64, add_high: np.uint64, add_low: np.uint64
) -> tuple[np.uint64, np.uint64]:
    total = low + add_low
    return high + add_high + (_ONE if total < low else _ZERO), total


@njit(cache=True)
def _start(key: IntArray, skip: int, words: WordArray, seeds: StateArray, state: StateArray) -> None:
    """State and increment of PCG64 for a key, after ``skip`` draws: high and low half of each."""
    _seed(words[: _words(key, words)], seeds)
    inc_high = (seeds[2] << _ONE) | (seeds[3] >> np.uint64(63))
    inc_low = (seeds[3] << _ONE) | _ONE
    high, low = _plus(inc_high, inc_low, seeds[0], seeds[1])
    high, low = _times(high, low, _MULT_HIGH, _MULT_LOW)
    high, low = _plus(high, low, inc_high, inc_low)
    # One step is x -> a x + c; as many as ``skip`` says are such a step too, put together from powers of two.
    step_mult_high, step_mult_low, step_high, step_low = _MULT_HIGH, _MULT_LOW, inc_high, inc_low
    while skip > 0:
        if skip & 1:
            high, low = _times(high, low, step_mult_high, step_mult_low)
            high, low = _plus(high, low, step_high, step_low)
        more_high, more_low = _plus(step_mult_high, step_mult_low, _ZERO, _ONE)
        step_high, step_low = _times(more_high, more_low, step_high, step_low)
        step_mult_high, step_mult_low = _times(step_mult_high, step_mult_low, step_mult_high, step_mult_low)
        skip >>= 1
    state[0], state[1], state[2], state[3] = high, low, inc_high, inc_low


def keyed_uniforms(keys: IntArray, skip: int, starts: IntArray) -> FloatArray:
    """Draws of several keys, one after the other.

    Parameters
    ----------
    keys : [num_keys, num_numbers], int, >= 0. Each row is a key, as ``numpy.random.default_rng`` takes it.
    skip : int, >= 0. Draws of each key that are passed over.
    starts : [num_keys + 1], int. Where the draws of each key begin in the result, and the end.

    Returns
    -------
    [starts[-1]], float. In [0, 1), to the bit ``default_rng(key).random(skip + n)[skip:]``.
    """
    # Allocated here: numpy asks for large pages, which compiled code does not.
    uniforms = np.empty(starts[-1])
    _write_uniforms(keys, skip, starts, uniforms)
    return uniforms


@njit(cache=True)
def _write_uniforms(keys: IntArray, skip: int, starts: IntArray, uniforms: FloatArray) -> None:
    words = np.empty(2 * keys.shape[1], np.uint32)
    seeds, state = np.empty(4, np.uint64), np.empty(4, np.uint64)
    for row in range(keys.shape[0]):
        _start(keys[row], skip, words, seeds, state)
        high, low, inc_high, inc_low = state[0], state[1], state[2], state[3]
        for place in range(starts[row], starts[row + 1]):
            high, low = _times(high, low, _MULT_HIGH, _MULT_LOW)
            high, low = _plus(high, low, inc_high, inc_low)
            turn = high >> np.uint64(58)
            folded = high ^ low
            drawn = (folded >> turn) | (folded << ((np.uint64(64) - turn) & np.uint64(63)))
            uniforms[place] = np.float64(drawn >> np.uint64(11)) * _UNIT
