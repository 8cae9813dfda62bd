"""The five activation functions inside Triton kernels, in the kernel's own precision.

Triton's exponential of a float32 is the hardware's (2 ulp) and it has no tanh and no expm1, so both
are composed here: near zero a minimax polynomial, elsewhere the exponential. In float64, where
speed matters less, both come from expm1(x) = (u - 1) x / log u, u = exp x (Kahan; Higham, Accuracy
and Stability of Numerical Algorithms, section 1.14.1), exact to a few ulp.
"""

import triton
from triton import language as tl


@triton.jit
def _expm1_double(x):  # type: ignore[no-untyped-def]
    u = tl.exp(x)
    # u = 1: expm1(x) = x to the last bit. The denominator is kept off zero for that lane alone.
    denominator = tl.where(u == 1.0, 1.0, tl.log(u))
    quotient = (u - 1.0) * (x / denominator)
    return tl.where(u == 1.0, x, quotient)


@triton.jit
def _expm1_of_negative(x):  # type: ignore[no-untyped-def]
    """exp(x) - 1 for x <= 0."""
    if x.dtype == tl.float64:
        # exp(-40) - 1 is -1 already, and log u stays finite.
        result = _expm1_double(tl.where(x < -40.0, -40.0, x))
    else:
        # Relative error of the polynomial on [-0.5, 0]: 1.6e-9.
        series = 0.0081932943 + x * 0.0011259218
        series = 0.041632048 + x * series
        series = 0.166662888 + x * series
        series = 0.499999865 + x * series
        near = x + x * x * series
        result = tl.where(x > -0.5, near, tl.exp(x) - 1.0)
    return result


@triton.jit
def _tanh(x):  # type: ignore[no-untyped-def]
    size = tl.abs(x)
    if x.dtype == tl.float64:
        # tanh is odd, and 1 to the last bit beyond 20. A NaN passes.
        t = _expm1_double(tl.where(size > 20.0, -40.0, -2.0 * size))
        far = -t / (t + 2.0)
        result = tl.where(x < 0.0, -far, far)
    else:
        # Relative error of the polynomial on |x| < 0.55: 3.7e-8.
        y = x * x
        series = -0.0526718 + y * 0.0164375593
        series = 0.133207248 + y * series
        series = -0.333329466 + y * series
        near = x + x * (y * series)
        # 2 / ln 2; the exponent is cut where tanh is 1 to the last bit.
        exponent = size * 2.8853900817779268
        far = 1.0 - 2.0 / (tl.exp2(tl.where(exponent > 60.0, 60.0, exponent)) + 1.0)
        result = tl.where(size < 0.55, near, tl.where(x < 0.0, -far, far))
    return result


@triton.jit
def activate(z, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """sigma(z). A NaN stays one, so that a diverged network shows in its loss."""
    if ACTIVATION == "tanh":
        value = _tanh(z)
    elif ACTIVATION == "elu":
        value = tl.where(z > 0.0, z, _expm1_of_negative(z))
    elif ACTIVATION == "relu":
        value = tl.where(z < 0.0, 0.0, z)
    elif ACTIVATION == "gelu":
        value = 0.5 * z * (1.0 + tl.math.erf(z * 0.7071067811865476))
    else:
        tl.static_assert(ACTIVATION == "sigmoid")
        value = 1.0 / (1.0 + tl.exp(tl.where(z < -80.0, 80.0, -z)))
    return value


@triton.jit
def derivative(z, value, ACTIVATION: tl.constexpr):  # type: ignore[no-untyped-def]
    """sigma'(z) from sigma(z); from z for gelu alone."""
    if ACTIVATION == "gelu":
        # Phi(z) + z phi(z), the standard normal distribution and density.
        distribution = 0.5 + 0.5 * tl.math.erf(z * 0.7071067811865476)
        slope = distribution + z * tl.exp(-0.5 * z * z) * 0.3989422804014327
    elif ACTIVATION == "tanh":
        slope = 1.0 - value * value
    elif ACTIVATION == "elu":
        slope = tl.where(value > 0.0, 1.0, value + 1.0)
    elif ACTIVATION == "relu":
        slope = tl.where(value > 0.0, 1.0, 0.0).to(value.dtype)
    else:
        tl.static_assert(ACTIVATION == "sigmoid")
        slope = value * (1.0 - value)
    return slope
