//! Several vectors side by side, each operation on all of them before the next.
//!
//! One vector through a long chain of operations keeps a core waiting: its scheduler cannot look
//! far enough ahead to find the next vector's. Side by side, independent operations are neighbours.

use super::Simd;
use crate::element::Element;

/// `N` vectors as one.
#[derive(Clone, Copy)]
pub(crate) struct Several<V, const N: usize>([V; N]);

impl<V: Simd, const N: usize> Several<V, N> {
    /// # Safety
    /// As for every operation of `V`.
    #[inline(always)]
    unsafe fn each(mut self, f: impl Fn(V) -> V) -> Self {
        for x in &mut self.0 {
            *x = f(*x);
        }
        self
    }

    /// # Safety
    /// As for every operation of `V`.
    #[inline(always)]
    unsafe fn both(mut self, other: Self, f: impl Fn(V, V) -> V) -> Self {
        for (x, y) in self.0.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        self
    }
}

unsafe impl<V: Simd, const N: usize> Simd for Several<V, N> {
    type Scalar = V::Scalar;
    type Mask = [V::Mask; N];
    type Halves = ();
    const LANES: usize = N * V::LANES;
    const REGISTERS: usize = V::REGISTERS / N;
    const LOOKS_UP: bool = V::LOOKS_UP;

    #[inline(always)]
    unsafe fn splat(x: V::Scalar) -> Self {
        Self([unsafe { V::splat(x) }; N])
    }

    #[inline(always)]
    unsafe fn load(from: *const V::Scalar) -> Self {
        unsafe {
            let mut all = Self::splat(V::Scalar::ZERO);
            for (n, x) in all.0.iter_mut().enumerate() {
                *x = V::load(from.add(n * V::LANES));
            }
            all
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut V::Scalar) {
        for (n, x) in self.0.into_iter().enumerate() {
            unsafe { x.store(to.add(n * V::LANES)) };
        }
    }

    #[inline(always)]
    unsafe fn prefetch(from: *const V::Scalar) {
        for n in 0..N {
            unsafe { V::prefetch(from.wrapping_add(n * V::LANES)) };
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { self.both(other, |a, b| a.add(b)) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { self.both(other, |a, b| a.sub(b)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { self.both(other, |a, b| a.mul(b)) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { self.both(other, |a, b| a.div(b)) }
    }

    #[inline(always)]
    unsafe fn ratio(self, other: Self) -> Self {
        unsafe { self.both(other, |a, b| a.ratio(b)) }
    }

    #[inline(always)]
    unsafe fn mul_add(mut self, a: Self, b: Self) -> Self {
        for (n, x) in self.0.iter_mut().enumerate() {
            *x = unsafe { x.mul_add(a.0[n], b.0[n]) };
        }
        self
    }

    #[inline(always)]
    unsafe fn neg_mul_add(mut self, a: Self, b: Self) -> Self {
        for (n, x) in self.0.iter_mut().enumerate() {
            *x = unsafe { x.neg_mul_add(a.0[n], b.0[n]) };
        }
        self
    }

    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        unsafe { self.both(bound, |a, b| a.at_most(b)) }
    }

    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        unsafe { self.both(bound, |a, b| a.at_least(b)) }
    }

    #[inline(always)]
    unsafe fn abs(self) -> Self {
        unsafe { self.each(|x| x.abs()) }
    }

    #[inline(always)]
    unsafe fn copysign(self, sign: Self) -> Self {
        unsafe { self.both(sign, |a, b| a.copysign(b)) }
    }

    #[inline(always)]
    unsafe fn ldexp(self, n: Self) -> Self {
        unsafe { self.both(n, |a, b| a.ldexp(b)) }
    }

    #[inline(always)]
    unsafe fn shifted_power(self) -> Self {
        unsafe { self.each(|x| x.shifted_power()) }
    }

    #[inline(always)]
    unsafe fn leading_bits(self) -> Self {
        unsafe { self.each(|x| x.leading_bits()) }
    }

    #[inline(always)]
    unsafe fn look_up(self, table: &[V::Scalar; 32]) -> Self {
        unsafe { self.each(|x| x.look_up(table)) }
    }

    #[inline(always)]
    unsafe fn vanished(self) -> Self {
        unsafe { self.each(|x| x.vanished()) }
    }

    #[inline(always)]
    unsafe fn upper(self) -> Self {
        unsafe { self.each(|x| x.upper()) }
    }

    #[inline(always)]
    unsafe fn gt(self, other: Self) -> Self::Mask {
        let mut masks = [unsafe { self.0[0].gt(other.0[0]) }; N];
        for (n, mask) in masks.iter_mut().enumerate().skip(1) {
            *mask = unsafe { self.0[n].gt(other.0[n]) };
        }
        masks
    }

    #[inline(always)]
    unsafe fn is_nan(self) -> Self::Mask {
        let mut masks = [unsafe { self.0[0].is_nan() }; N];
        for (n, mask) in masks.iter_mut().enumerate().skip(1) {
            *mask = unsafe { self.0[n].is_nan() };
        }
        masks
    }

    #[inline(always)]
    unsafe fn select(mask: Self::Mask, mut yes: Self, no: Self) -> Self {
        for (n, x) in yes.0.iter_mut().enumerate() {
            *x = unsafe { V::select(mask[n], *x, no.0[n]) };
        }
        yes
    }
}
