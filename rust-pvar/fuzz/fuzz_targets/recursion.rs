//! Any bytes as a path: norm and partition must be those of the plain recursion, every way of
//! asking must give the same answer, and nothing may panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pvar::scale::{exponent_of, power_of_two};
use pvar::{Metric, PathView, Solver};

/// What the plain recursion, at n^2 / 2 distances, can be asked in a moment.
const POINTS: usize = 700;
const EXPONENTS: [f64; 12] = [1.0, 1.05, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0, 64.0, 100.0, 1000.0];

/// Raw doubles, or small whole numbers (many ties), or fractions; then perhaps their partial sums,
/// moved far away, or shrunk to noise from some point on.
fn numbers(kind: u8, dim: usize, bytes: &[u8]) -> Vec<f64> {
    let mut data: Vec<f64> = match kind & 3 {
        0 => bytes.as_chunks().0.iter().map(|x| f64::from_ne_bytes(*x)).collect(),
        1 => bytes.as_chunks().0.iter().map(|x| f64::from(i16::from_ne_bytes(*x)) / 3e3).collect(),
        2 => bytes.iter().map(|&x| f64::from(x as i8)).collect(),
        _ => bytes.iter().map(|&x| f64::from(x as i8 / 50)).collect(),
    };
    data.truncate(data.len().min(POINTS * dim) / dim * dim);
    if kind & 4 != 0 {
        for i in dim..data.len() {
            data[i] += data[i - dim];
        }
    }
    if kind & 8 != 0 {
        data.iter_mut().for_each(|x| *x += 1e7);
    }
    if kind & 16 != 0 {
        let half = data.len() / 2;
        data[half..].iter_mut().for_each(|x| *x *= 1e-9);
    }
    data
}

/// Distances in units of the largest one, which the plain recursion can raise to any power.
struct Plain<'a> {
    data: &'a [f64],
    dim: usize,
    metric: Metric,
    p: f64,
    unit: f64,
}

impl Plain<'_> {
    fn power(&self, i: usize, j: usize) -> f64 {
        let row = |i: usize| &self.data[i * self.dim..(i + 1) * self.dim];
        (self.metric.distance(row(i), row(j)) / self.unit).powf(self.p)
    }

    fn value(&self) -> f64 {
        let mut values = vec![0.0_f64; self.data.len() / self.dim];
        for j in 1..values.len() {
            values[j] = (0..j).map(|i| values[i] + self.power(i, j)).fold(0.0, f64::max);
        }
        values.pop().unwrap_or(0.0)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let [dim, p, kind, metric, rest @ ..] = bytes else { return };
    let dim = if *dim < 96 { 1 } else { 1 + usize::from(dim % 40) };
    let p = EXPONENTS.get(usize::from(*p)).copied().unwrap_or(1.0 + f64::from(*p) / 32.0);
    let metric =
        if *metric < 128 { Metric::Euclidean } else { Metric::ALL[usize::from(metric % 3)] };
    let data = numbers(*kind, dim, rest);
    let len = data.len() / dim;
    let Ok(view) = PathView::new(&data, len, dim) else { return };
    let mut solver = Solver::new();
    let found = solver.solve(&view, p, metric, &|| true).expect("p is good");
    assert_eq!(found.partition.first(), Some(&0));
    assert_eq!(found.partition.last(), Some(&(len - 1)));
    assert!(found.partition.is_sorted_by(|a, b| a < b));
    let norms = solver.profile(&view, &[2.0, p], metric, &|| true).expect("p is good");
    assert_eq!(norms[1], found.norm);
    let prefix = solver.prefix(&view, p, metric, &|| true).expect("p is good");
    assert!(prefix.is_sorted() && prefix.len() == len);

    // Multiplying by a power of two is exact but for numbers that are nothing beside the largest.
    let exponent = exponent_of(data.iter().fold(0.0, |top, x| f64::max(top, x.abs()))) + 1;
    let half = power_of_two(-exponent / 2);
    let rest = power_of_two(-exponent - -exponent / 2);
    let scaled: Vec<f64> = data.iter().map(|x| x * half * rest).collect();
    let mut plain = Plain { data: &scaled, dim, metric, p: 1.0, unit: 1.0 };
    let farthest = |i: usize| (0..i).map(|j| plain.power(j, i)).fold(0.0, f64::max);
    let unit = (0..len).map(farthest).fold(0.0, f64::max);
    if unit < 1e-140 {
        return; // their squares are no longer exact
    }
    plain = Plain { p, unit, ..plain };
    let expected = plain.value();
    let kept: f64 = found.partition.windows(2).map(|edge| plain.power(edge[0], edge[1])).sum();
    assert!((kept / expected - 1.0).abs() < 1e-11, "partition: {kept} {expected}");
    let norm = found.norm * half * rest / unit;
    let close = (norm / expected.powf(p.recip()) - 1.0).abs() < 1e-12;
    assert!(close || found.norm < 1e-290 || !found.norm.is_finite(), "{norm} {expected}");
});
