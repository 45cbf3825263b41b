"""Nothing is proved where numbers are rounded otherwise than the proofs suppose."""

import ctypes
import platform
import sys

import numpy as np
import pytest

from multigrade import construct

LIBC = sys.platform == "linux" and platform.machine() == "x86_64"

# Offset of the control register of SSE in glibc's fenv_t, and its bits: flush results to zero, take operands for zero.
REGISTER, FLUSH, ZEROS = 28, 0x8000, 0x0040
DOWNWARD, UPWARD, TOWARD_ZERO = 0x400, 0x800, 0xC00


@pytest.fixture
def libm():
    """The C library, whose floating-point modes are put back afterwards."""
    library = ctypes.CDLL("libm.so.6")
    saved = (ctypes.c_uint8 * 64)()
    library.fegetenv(saved)
    yield library
    library.fesetenv(saved)


@pytest.mark.skipif(not LIBC, reason="the modes are set through glibc on x86-64")
def test_other_floating_point_modes_are_detected(libm):
    made = construct("x^2", "x=0..1", 1e-2)
    assert made.certificate.check(made.model)

    def verdict(set_mode):
        saved = (ctypes.c_uint8 * 64)()
        libm.fegetenv(saved)
        set_mode()
        try:
            return made.certificate.check(made.model)
        finally:
            libm.fesetenv(saved)

    def flags(bits):
        environment = (ctypes.c_uint8 * 64)()
        libm.fegetenv(environment)
        control = np.frombuffer(environment, dtype=np.uint32, count=1, offset=REGISTER)
        control[0] |= bits
        libm.fesetenv(environment)

    for mode in (DOWNWARD, UPWARD, TOWARD_ZERO):
        found = verdict(lambda: libm.fesetround(mode))
        assert not found and "does not round to nearest" in found.reason
    for bits in (FLUSH, ZEROS, FLUSH | ZEROS):
        found = verdict(lambda: flags(bits))
        assert not found and "flush-to-zero" in found.reason
    assert made.certificate.check(made.model)
