//! What a layer does to each number of a tile, forward and back.

use crate::element::Element;
use crate::math::{self, Functions};
use crate::network::Activation;
use crate::product::Store;
use crate::simd::Simd;
use crate::simd::several::Several;

/// Vectors that go through an activation function at once.
const SIDE_BY_SIDE: usize = 4;

/// What becomes of the hidden state once sigma is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hidden {
    /// Nothing.
    Keep,
    /// h = sigma.
    Replace,
    /// h += delta sigma.
    Add,
}

/// value = sigma(z), sigma'(z) where `derivative` is not null, and h as `hidden` says.
#[derive(Clone, Copy)]
pub struct Activate<T> {
    pub activation: Activation,
    /// Numbers, a multiple of the lanes.
    pub count: usize,
    pub z: *const T,
    pub value: *mut T,
    pub derivative: *mut T,
    pub hidden: Hidden,
    pub h: *mut T,
    /// What rounding took from h so far, for `Add`; null: rounding is not made good.
    pub lost: *mut T,
    pub delta: T,
}

/// u = g sigma', without what has vanished where g is nothing but the u of the layer above passed
/// down; and h -= delta value where `value` is not null.
#[derive(Clone, Copy)]
pub struct Inside<T> {
    pub activation: Activation,
    pub count: usize,
    /// sigma, or sigma' for gelu.
    pub kept: *const T,
    pub value: *const T,
    pub g: *const T,
    pub u: *mut T,
    pub vanishes: bool,
    pub h: *mut T,
    pub delta: T,
}

/// g += through sigma'.
#[derive(Clone, Copy)]
pub struct Outside<T> {
    pub activation: Activation,
    pub count: usize,
    /// sigma, or sigma' for gelu.
    pub kept: *const T,
    pub through: *const T,
    pub g: *mut T,
}

/// The tangent h of a hidden state, from that of the next one and z of the product between.
#[derive(Clone, Copy)]
pub struct Recovered<T> {
    pub z: *const T,
    pub h: *mut T,
    pub delta: T,
}

/// to (+)= sigma' first, and + sigma'' a b where there is `bent` (a, b); and h -= delta sigma' z where
/// there is `recovered`.
#[derive(Clone, Copy)]
pub struct Tangent<T> {
    pub activation: Activation,
    pub count: usize,
    /// sigma, or sigma' for gelu.
    pub kept: *const T,
    /// sigma'' for gelu, else whatever can be read.
    pub second: *const T,
    pub first: *const T,
    pub bent: Option<(*const T, *const T)>,
    pub recovered: Option<Recovered<T>>,
    pub to: *mut T,
    pub store: Store<T>,
    /// Whether what has vanished is left out.
    pub vanishes: bool,
}

/// One activation function on vectors.
trait Sigma {
    /// sigma(z), and sigma'(z) where it is not a function of sigma(z).
    unsafe fn value<V: Simd<Scalar: Functions>>(z: V) -> (V, V);
    /// sigma' from what is kept of the layer.
    unsafe fn derivative<V: Simd>(kept: V) -> V;
    /// sigma'' from what is kept and sigma'; `second` is it where that does not tell.
    unsafe fn second<V: Simd>(kept: V, slope: V, second: V) -> V;
}

macro_rules! sigma {
    (
        $name:ident,
        |$z:ident| $value:expr,
        |$kept:ident, $one:ident, $zero:ident| $derivative:expr,
        |$slope:ident, $second:ident| $bend:expr
    ) => {
        struct $name;

        impl Sigma for $name {
            #[inline(always)]
            unsafe fn value<V: Simd<Scalar: Functions>>($z: V) -> (V, V) {
                unsafe { $value }
            }

            #[inline(always)]
            unsafe fn derivative<V: Simd>($kept: V) -> V {
                unsafe {
                    let ($one, $zero) = (V::splat(V::Scalar::ONE), V::splat(V::Scalar::ZERO));
                    let _ = ($one, $zero);
                    $derivative
                }
            }

            #[inline(always)]
            unsafe fn second<V: Simd>($kept: V, $slope: V, $second: V) -> V {
                unsafe {
                    let ($one, $zero) = (V::splat(V::Scalar::ONE), V::splat(V::Scalar::ZERO));
                    let _ = ($kept, $slope, $second, $one, $zero);
                    $bend
                }
            }
        }
    };
}

sigma!(
    Tanh,
    |z| (math::tanh(z), z),
    |t, one, zero| t.neg_mul_add(t, one),
    |slope, second| zero.sub(t.add(t)).mul(slope)
);
sigma!(
    Elu,
    |z| (math::elu(z), z),
    |t, one, zero| V::select(t.gt(zero), one, t.add(one)),
    |slope, second| V::select(zero.gt(t), slope, zero)
);
sigma!(
    Relu,
    |z| (math::relu(z), z),
    |t, one, zero| V::select(t.gt(zero), one, zero),
    |slope, second| zero
);
sigma!(
    Gelu,
    |z| math::gelu(z),
    |t, one, zero| t,
    |slope, second| second
);
sigma!(
    Sigmoid,
    |z| (math::sigmoid(z), z),
    |t, one, zero| t.mul(one.sub(t)),
    |slope, second| slope.mul(one.sub(t.add(t)))
);

/// Calls a function of one activation with the activation's type.
macro_rules! by_activation {
    ($activation:expr, $function:ident::<$v:ty>($p:expr)) => {
        match $activation {
            Activation::Tanh => $function::<$v, Tanh>($p),
            Activation::Elu => $function::<$v, Elu>($p),
            Activation::Relu => $function::<$v, Relu>($p),
            Activation::Gelu => $function::<$v, Gelu>($p),
            Activation::Sigmoid => $function::<$v, Sigmoid>($p),
        }
    };
}

/// One vector, from number `i` on.
#[inline(always)]
unsafe fn activate_at<V: Simd<Scalar: Functions>, S: Sigma>(p: &Activate<V::Scalar>, i: usize) {
    unsafe {
        let delta = V::splat(p.delta);
        let (value, derivative) = S::value(V::load(p.z.add(i)));
        let value = match p.hidden {
            Hidden::Replace => value.vanished(),
            _ => value,
        };
        value.store(p.value.add(i));
        if !p.derivative.is_null() {
            derivative.store(p.derivative.add(i));
        }
        match p.hidden {
            Hidden::Keep => {}
            Hidden::Replace => value.store(p.h.add(i)),
            Hidden::Add if p.lost.is_null() => {
                value.mul_add(delta, V::load(p.h.add(i))).store(p.h.add(i));
            }
            Hidden::Add => {
                // Kahan's sum: thousands of small steps of one sign would drift otherwise.
                let h = V::load(p.h.add(i));
                let step = value.mul_add(delta, V::load(p.lost.add(i)));
                let next = h.add(step);
                step.sub(next.sub(h)).store(p.lost.add(i));
                next.store(p.h.add(i));
            }
        }
    }
}

#[inline(always)]
unsafe fn activate_with<V: Simd<Scalar: Functions>, S: Sigma>(p: &Activate<V::Scalar>) {
    unsafe {
        let mut i = 0;
        while i + SIDE_BY_SIDE * V::LANES <= p.count {
            activate_at::<Several<V, SIDE_BY_SIDE>, S>(p, i);
            i += SIDE_BY_SIDE * V::LANES;
        }
        while i < p.count {
            activate_at::<V, S>(p, i);
            i += V::LANES;
        }
    }
}

#[inline(always)]
unsafe fn inside_with<V: Simd, S: Sigma>(p: &Inside<V::Scalar>) {
    unsafe {
        let delta = V::splat(p.delta);
        for i in (0..p.count).step_by(V::LANES) {
            let derivative = S::derivative(V::load(p.kept.add(i)));
            let u = V::load(p.g.add(i)).mul(derivative);
            match p.vanishes {
                true => u.vanished().store(p.u.add(i)),
                false => u.store(p.u.add(i)),
            }
            if !p.value.is_null() {
                let value = V::load(p.value.add(i));
                value
                    .neg_mul_add(delta, V::load(p.h.add(i)))
                    .store(p.h.add(i));
            }
        }
    }
}

#[inline(always)]
unsafe fn outside_with<V: Simd, S: Sigma>(p: &Outside<V::Scalar>) {
    unsafe {
        for i in (0..p.count).step_by(V::LANES) {
            let derivative = S::derivative(V::load(p.kept.add(i)));
            derivative
                .mul_add(V::load(p.through.add(i)), V::load(p.g.add(i)))
                .store(p.g.add(i));
        }
    }
}

#[inline(always)]
unsafe fn tangent_with<V: Simd, S: Sigma>(p: &Tangent<V::Scalar>) {
    unsafe {
        for i in (0..p.count).step_by(V::LANES) {
            let kept = V::load(p.kept.add(i));
            let slope = S::derivative(kept);
            let mut sum = slope.mul(V::load(p.first.add(i)));
            if let Some((a, b)) = p.bent {
                let bend = S::second(kept, slope, V::load(p.second.add(i)));
                let turn = V::load(a.add(i)).mul(V::load(b.add(i)));
                sum = bend.mul_add(turn, sum);
            }
            if let Some(Recovered { z, h, delta }) = p.recovered {
                let step = slope.mul(V::load(z.add(i)));
                let before = step.neg_mul_add(V::splat(delta), V::load(h.add(i)));
                before.store(h.add(i));
            }
            if p.vanishes {
                sum = sum.vanished();
            }
            let to = p.to.add(i);
            match p.store {
                Store::Set => sum.store(to),
                Store::Add(factor) => sum.mul_add(V::splat(factor), V::load(to)).store(to),
            }
        }
    }
}

/// sigma'' of gelu: phi(z) (2 - z^2), phi the standard normal density.
///
/// # Safety
/// The pointers cover `count` numbers.
#[inline(always)]
pub(crate) unsafe fn second<V: Simd>(count: usize, z: *const V::Scalar, to: *mut V::Scalar) {
    unsafe {
        let number = |x: f64| V::splat(V::Scalar::from_f64(x));
        for i in (0..count).step_by(V::LANES) {
            let z = V::load(z.add(i));
            let square = z.mul(z);
            let density = math::exp(square.mul(number(-0.5)));
            let density = density.mul(V::splat(V::Scalar::DENSITY_AT_0));
            density.mul(number(2.0).sub(square)).store(to.add(i));
        }
    }
}

/// See [`Activate`].
///
/// # Safety
/// The pointers cover `count` numbers.
#[inline(always)]
pub(crate) unsafe fn activate<V: Simd<Scalar: Functions>>(p: &Activate<V::Scalar>) {
    unsafe { by_activation!(p.activation, activate_with::<V>(p)) }
}

/// See [`Inside`].
///
/// # Safety
/// The pointers cover `count` numbers.
#[inline(always)]
pub(crate) unsafe fn inside<V: Simd>(p: &Inside<V::Scalar>) {
    unsafe { by_activation!(p.activation, inside_with::<V>(p)) }
}

/// See [`Outside`].
///
/// # Safety
/// The pointers cover `count` numbers.
#[inline(always)]
pub(crate) unsafe fn outside<V: Simd>(p: &Outside<V::Scalar>) {
    unsafe { by_activation!(p.activation, outside_with::<V>(p)) }
}

/// See [`Tangent`].
///
/// # Safety
/// The pointers cover `count` numbers.
#[inline(always)]
pub(crate) unsafe fn tangent<V: Simd>(p: &Tangent<V::Scalar>) {
    unsafe { by_activation!(p.activation, tangent_with::<V>(p)) }
}
