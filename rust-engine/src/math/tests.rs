//! Accuracy of the vectorised functions, on every instruction set of this machine.
//!
//! f32 is compared with f64; f64 with sums and products of two f64 numbers, about 30 digits. The
//! exhaustive test takes minutes:
//! `cargo test --release --no-default-features -- --ignored every_f32`.

use rayon::prelude::*;

use crate::dispatch::Isa;
use crate::layer::{Activate, Hidden};
use crate::network::Activation;
use crate::table::Tables;

/// Numbers of a vector at most.
const LANES: usize = 16;

fn machines() -> impl Iterator<Item = Isa> {
    Isa::NAMES
        .into_iter()
        .map(|(_, isa)| isa)
        .filter(|isa| isa.available())
}

/// sigma and sigma' of every number, as a layer computes them; both buffers are of whole vectors.
fn activate<T: Tables>(isa: Isa, activation: Activation, x: &[T]) -> (Vec<T>, Vec<T>) {
    assert!(x.len().is_multiple_of(LANES));
    let (mut value, mut derivative) = (vec![T::ZERO; x.len()], vec![T::ZERO; x.len()]);
    let call = Activate {
        activation,
        count: x.len(),
        z: x.as_ptr(),
        value: value.as_mut_ptr(),
        derivative: derivative.as_mut_ptr(),
        hidden: Hidden::Keep,
        h: std::ptr::null_mut(),
        lost: std::ptr::null_mut(),
        delta: T::ONE,
    };
    // SAFETY: the pointers cover `count` numbers, and the machine has the instruction set.
    unsafe { (T::table(isa).activate)(&call) };
    (value, derivative)
}

fn exp<T: Tables>(isa: Isa, x: &[T]) -> Vec<T> {
    assert!(x.len().is_multiple_of(LANES));
    let mut out = vec![T::ZERO; x.len()];
    // SAFETY: as above.
    unsafe { (T::table(isa).exp)(x.len(), x.as_ptr(), out.as_mut_ptr()) };
    out
}

/// Spacing of f32 numbers at `x`, that of the smallest normal number below it.
fn ulp_f32(x: f64) -> f64 {
    let exponent = x.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    (exponent - 23.0).exp2()
}

/// Spacing of f64 numbers at `x`, that of the smallest normal number below it.
fn ulp_f64(x: f64) -> f64 {
    let x = x.abs().max(f64::MIN_POSITIVE);
    f64::from_bits(x.to_bits() & !((1 << 52) - 1)) * f64::EPSILON
}

/// erfc(x / sqrt 2) / 2 by its continued fraction for x >= 2, by the series of erf below.
fn normal_tail(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x < 2.0 {
        let (mut term, mut sum, mut k) = (x, x, 1.0);
        while term.abs() > 1e-20 * sum.abs() {
            term *= x * x / (2.0 * k + 1.0);
            sum += term;
            k += 1.0;
        }
        return 0.5 - density * sum;
    }
    let mut fraction = x;
    for k in (1..400).rev() {
        fraction = x + f64::from(k) / fraction;
    }
    density / fraction
}

/// The smallest results may be off by the smallest normal number.
fn allowed(normal: bool, ulp: f64) -> f64 {
    if normal {
        4.0 * ulp
    } else {
        f64::from(f32::MIN_POSITIVE)
    }
}

fn check_f32(name: &str, x: f32, found: f32, expected: f64) {
    if expected.is_nan() || found.is_nan() {
        assert!(
            expected.is_nan() && found.is_nan(),
            "{name}({x:e}) = {found:e}"
        );
        return;
    }
    if expected.abs() > f64::from(f32::MAX) * (1.0 + 2f64.powi(-25)) {
        assert!(found.is_infinite(), "{name}({x:e}) = {found:e}");
        return;
    }
    let error = (f64::from(found) - expected).abs();
    let normal = expected.abs() >= f64::from(f32::MIN_POSITIVE);
    let bound = allowed(normal, ulp_f32(expected));
    assert!(
        error <= bound,
        "{name}({x:e}) = {found:e}, expected {expected:e}: off {error:e}"
    );
}

/// Checks tanh, exp and the sigmoid on all `stride`-th bit patterns.
fn check_all_f32(stride: usize) {
    let step = stride << 12;
    (0..(1usize << 32).div_ceil(step))
        .into_par_iter()
        .for_each(|chunk| {
            let bits = chunk * step;
            let x: Vec<f32> = (0..1 << 12)
                .map(|i| f32::from_bits((bits + i * stride) as u32))
                .collect();
            let exact =
                |f: fn(f64) -> f64| -> Vec<f64> { x.iter().map(|&x| f(x.into())).collect() };
            let expected = [
                exact(f64::tanh),
                exact(|x| 1.0 / (1.0 + (-x).exp())),
                exact(f64::exp),
            ];
            for isa in machines() {
                let tanh = activate(isa, Activation::Tanh, &x).0;
                let sigmoid = activate(isa, Activation::Sigmoid, &x).0;
                for (i, &x) in x.iter().enumerate() {
                    check_f32("tanh", x, tanh[i], expected[0][i]);
                    assert!(
                        tanh[i].is_nan() || tanh[i].abs() <= 1.0,
                        "tanh({x:e}) = {:e}",
                        tanh[i]
                    );
                    check_f32("sigmoid", x, sigmoid[i], expected[1][i]);
                }
                for (i, found) in exp(isa, &x).into_iter().enumerate() {
                    check_f32("exp", x[i], found, expected[2][i]);
                }
            }
        });
}

#[test]
fn f32_is_accurate() {
    check_all_f32(4099);
}

#[test]
#[ignore = "every f32 number: minutes"]
fn every_f32_is_accurate() {
    check_all_f32(1);
}

#[test]
fn gelu_of_f32_is_accurate() {
    let x: Vec<f32> = (0..1 << 20)
        .map(|i| (i as f32 - 524_288.0) * 2f32.powi(-15))
        .collect();
    for isa in machines() {
        let (value, derivative) = activate(isa, Activation::Gelu, &x);
        for (i, &x) in x.iter().enumerate() {
            let wide = f64::from(x);
            let tail = normal_tail(wide.abs());
            let phi = if x > 0.0 { 1.0 - tail } else { tail };
            let exact = wide * phi;
            let error = (f64::from(value[i]) - exact).abs();
            let bound = 4.0 * ulp_f32(exact.abs().max(wide.abs() * 2f64.powi(-24)));
            assert!(
                error <= bound,
                "{isa:?}: gelu({x:e}) = {:e}, expected {exact:e}",
                value[i]
            );
            let density = (-0.5 * wide * wide).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let slope = phi + wide * density;
            assert!(
                (f64::from(derivative[i]) - slope).abs() <= 4.0 * ulp_f32(1.0),
                "gelu'({x:e})"
            );
        }
    }
}

/// Reference values that mpmath computed with 40 digits: x, then the function rounded to f64.
mod values;

#[test]
fn f64_is_accurate() {
    for isa in machines() {
        for &(name, rows) in &values::TABLES {
            let mut x: Vec<f64> = rows.iter().map(|row| row.0).collect();
            x.resize(x.len().next_multiple_of(LANES), 0.0);
            let found = match name {
                "exp" => exp(isa, &x),
                "tanh" => activate(isa, Activation::Tanh, &x).0,
                "sigmoid" => activate(isa, Activation::Sigmoid, &x).0,
                "elu" => activate(isa, Activation::Elu, &x).0,
                _ => activate(isa, Activation::Gelu, &x).0,
            };
            for (&(x, exact), &found) in rows.iter().zip(&found) {
                let error = (found - exact).abs();
                let bound = match name {
                    "gelu" => 4.0 * ulp_f64(exact.abs().max(x.abs() * 2f64.powi(-53))),
                    _ if exact.abs() >= f64::MIN_POSITIVE => 4.0 * ulp_f64(exact),
                    _ => f64::MIN_POSITIVE,
                };
                assert!(
                    error <= bound,
                    "{isa:?}: {name}({x:e}) = {found:e}, expected {exact:e}"
                );
            }
        }
    }
}

fn check_limits<T: Tables + std::fmt::Debug>() {
    let infinity = T::from_f64(f64::INFINITY);
    let x = [
        vec![infinity, T::ZERO - infinity, T::from_f64(f64::NAN), T::ZERO],
        vec![T::ZERO; 12],
    ];
    let x = x.concat();
    let expected = [
        (Activation::Tanh, [1.0, -1.0, f64::NAN, 0.0]),
        (Activation::Elu, [f64::INFINITY, -1.0, f64::NAN, 0.0]),
        (Activation::Relu, [f64::INFINITY, 0.0, f64::NAN, 0.0]),
        (Activation::Gelu, [f64::INFINITY, f64::NAN, f64::NAN, 0.0]),
        (Activation::Sigmoid, [1.0, 0.0, f64::NAN, 0.5]),
    ];
    let same = |found: T, expected: f64| {
        found.to_f64() == expected || (found.is_nan() && expected.is_nan())
    };
    for isa in machines() {
        for (activation, limits) in expected {
            let found = activate(isa, activation, &x).0;
            for (&found, limit) in found.iter().zip(limits) {
                assert!(
                    same(found, limit),
                    "{isa:?} {activation:?}: {found:?} for {limit:e}"
                );
            }
        }
        for (&found, limit) in exp(isa, &x).iter().zip([f64::INFINITY, 0.0, f64::NAN, 1.0]) {
            assert!(same(found, limit), "{isa:?} exp: {found:?} for {limit:e}");
        }
    }
}

#[test]
fn limits_are_right() {
    check_limits::<f32>();
    check_limits::<f64>();
}
