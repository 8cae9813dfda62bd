//! Any bytes as a path: the value must be that of the plain recursion, and nothing may panic.
//!
//! `cargo +nightly fuzz run recursion`

#![no_main]

use libfuzzer_sys::fuzz_target;
use pvar::{Metric, PathView, Solver};

fuzz_target!(|bytes: &[u8]| {
    let [dim, p, kind, rest @ ..] = bytes else { return };
    let dim = 1 + usize::from(dim % 40);
    let p = 1.0 + f64::from(*p) / 32.0;
    let mut data: Vec<f64> = if kind % 2 == 0 {
        rest.as_chunks().0.iter().map(|x| f64::from_ne_bytes(*x)).collect()
    } else {
        rest.iter().map(|&x| f64::from(x) - 127.0).collect()
    };
    let len = data.len() / dim;
    data.truncate(len * dim);
    let Ok(view) = PathView::new(&data, len, dim) else { return };
    let found = Solver::new().solve(&view, p, Metric::Euclidean, &|| true).expect("p is good");
    let row = |i: usize| &data[i * dim..(i + 1) * dim];
    let mut values = vec![0.0_f64; len];
    for j in 1..len {
        let best = |i: usize| values[i] + Metric::Euclidean.distance(row(i), row(j)).powf(p);
        values[j] = (0..j).map(best).fold(0.0, f64::max);
    }
    let expected = values[len - 1];
    if expected.is_finite() && expected > 1e-200 {
        assert!((found.value / expected - 1.0).abs() < 1e-11, "{} {expected}", found.value);
    }
});
