//! Every route to a value against the plain recursion, on every instruction set of the machine.

use proptest::prelude::*;
use pvar::simd::Level;
use pvar::{Metric, PathView, Solver};

/// V_n by the O(n^2) recursion.
fn plain(path: &[f64], dim: usize, p: f64, metric: Metric) -> f64 {
    let row = |i: usize| &path[i * dim..(i + 1) * dim];
    let mut values = vec![0.0_f64; path.len() / dim];
    for j in 1..values.len() {
        let best = |i: usize| values[i] + metric.distance(row(i), row(j)).powf(p);
        values[j] = (0..j).map(best).fold(0.0, f64::max);
    }
    values[values.len() - 1]
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

/// Steps, then a path made of them: rough, bounded, on a lattice, resting, or far away.
fn path(kind: usize, dim: usize, steps: &[f64]) -> Vec<f64> {
    let mut data: Vec<f64> = match kind {
        2 => steps.iter().map(|x| x.round()).collect(),
        3 => steps
            .iter()
            .enumerate()
            .map(|(i, x)| if (i / dim).is_multiple_of(3) { *x } else { 0.0 })
            .collect(),
        _ => steps.to_vec(),
    };
    if kind != 1 {
        for i in dim..data.len() {
            data[i] += data[i - dim];
        }
    }
    if kind == 4 {
        data.iter_mut().for_each(|x| *x += 1e7);
    }
    data
}

fn any_path() -> impl Strategy<Value = (usize, Vec<f64>)> {
    let dims = prop::sample::select(vec![1_usize, 2, 7, 8, 15, 16, 17, 33]);
    (dims, 2_usize..150, 0_usize..5).prop_flat_map(|(dim, len, kind)| {
        prop::collection::vec(-2.0..2.0_f64, dim * len)
            .prop_map(move |steps| (dim, path(kind, dim, &steps)))
    })
}

fn any_exponent() -> impl Strategy<Value = f64> {
    prop_oneof![prop::sample::select(vec![1.0, 1.5, 2.0, 3.0, 4.0, 10.0, 60.0, 80.0]), 1.0..6.0_f64]
}

/// Miri is a thousand times slower.
const CASES: u32 = if cfg!(miri) { 3 } else { 150 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_level_finds_the_value((dim, data) in any_path(), p in any_exponent()) {
        let view = PathView::new(&data, data.len() / dim, dim).unwrap();
        let expected = plain(&data, dim, p, Metric::Euclidean);
        for level in Level::available() {
            let mut solver = Solver::with_level(level);
            let found = solver.solve(&view, p, Metric::Euclidean, &|| true).unwrap();
            prop_assert!(close(found.value, expected), "{level:?}: {} {expected}", found.value);
            prop_assert_eq!(found.partition[0], 0);
            prop_assert_eq!(*found.partition.last().unwrap(), view.len() - 1);
        }
    }

    #[test]
    fn other_metrics_find_the_value((dim, data) in any_path(), p in any_exponent()) {
        let view = PathView::new(&data, data.len() / dim, dim).unwrap();
        for metric in [Metric::Manhattan, Metric::Chebyshev] {
            let found = Solver::new().solve(&view, p, metric, &|| true).unwrap().value;
            prop_assert!(close(found, plain(&data, dim, p, metric)));
        }
    }

    #[test]
    fn single_precision_is_read_exactly((dim, data) in any_path(), p in any_exponent()) {
        let single: Vec<f32> = data.iter().map(|&x| x as f32).collect();
        let double: Vec<f64> = single.iter().map(|&x| f64::from(x)).collect();
        let len = data.len() / dim;
        let one = PathView::new(&single, len, dim).unwrap();
        let two = PathView::new(&double, len, dim).unwrap();
        let mut solver = Solver::new();
        let found = solver.solve(&one, p, Metric::Euclidean, &|| true).unwrap();
        prop_assert_eq!(found, solver.solve(&two, p, Metric::Euclidean, &|| true).unwrap());
    }
}

/// Steps that are nothing beside the first half of the path: many prefixes are equal to rounding.
#[test]
fn prefixes_never_fall() {
    let mut state = 1_u64;
    let mut integer = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 40) % 18) as f64 - 9.0
    };
    let far: Vec<f64> = (0..200).map(|_| 1e7 + integer() / 3.0).collect();
    let scale = |i: usize| if i < 100 { 1.0 } else { 1e-9 };
    let path: Vec<f64> = far.iter().enumerate().map(|(i, x)| x * scale(i)).collect();
    for dim in [1, 2, 20] {
        let view = PathView::new(&path, path.len() / dim, dim).unwrap();
        let prefix = Solver::new().prefix(&view, 1.05, Metric::Euclidean, &|| true).unwrap();
        assert!(prefix.is_sorted(), "{dim}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes an hour")]
fn an_interruption_stops_every_route() {
    for dim in [1, 3, 20] {
        let data: Vec<f64> = (0..20_000 * dim).map(|i| ((i * i) as f64).sin()).collect();
        let view = PathView::new(&data, 20_000, dim).unwrap();
        let stopped = Solver::new().solve(&view, 2.0, Metric::Euclidean, &|| false);
        assert_eq!(stopped, Err(pvar::Error::Interrupted));
    }
}

/// Coordinates that all points share, and that no sum of them hits: what the points are apart is
/// nothing beside the rounding of such a sum.
#[test]
fn shared_coordinates_do_not_hide_the_others() {
    let mut seed = 1_u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / 2.0_f64.powi(30) - 1.0
    };
    for size in [1e-10, 1e-20, 1e-36, 1e-54, 1e-80] {
        let apart: Vec<f64> = (0..6 * 200).map(|_| next()).collect();
        let alone: Vec<f64> = apart.chunks(6).flat_map(|x| [&[0.0; 2], x].concat()).collect();
        let path: Vec<f64> = apart
            .chunks(6)
            .flat_map(|x| [0.1, 0.7].into_iter().chain(x.iter().map(|x| size * x)))
            .collect();
        let view = PathView::new(&path, 200, 8).unwrap();
        for p in [2.0, 2.5] {
            let expected = plain(&alone, 8, p, Metric::Euclidean).powf(1.0 / p) * size;
            for level in Level::available() {
                let mut solver = Solver::with_level(level);
                let found = solver.solve(&view, p, Metric::Euclidean, &|| true).unwrap();
                assert!(close(found.norm, expected), "{size:e} {p} {level:?}: {}", found.norm);
            }
        }
    }
}
