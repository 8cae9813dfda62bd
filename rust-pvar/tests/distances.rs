//! Paths given by their distances, and distances gathered block by block.

use proptest::prelude::*;
use pvar::error::Flaw;
use pvar::simd::Level;
use pvar::{Distances, Error, Gatherer, Metric, PathView, Solver, distances_from_gram};

/// V_j for all j by the O(n^2) recursion.
fn plain(matrix: &[f64], len: usize, p: f64) -> Vec<f64> {
    let mut values = vec![0.0_f64; len];
    for j in 1..len {
        let best = |i: usize| values[i] + matrix[j * len + i].powf(p);
        values[j] = (0..j).map(best).fold(0.0, f64::max);
    }
    values
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * b.abs()
}

/// A symmetric matrix of `len` points whose entries need not satisfy the triangle inequality; some
/// of them are zero, and some points are repeated.
fn matrix(len: usize, entries: &[f64], kind: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; len * len];
    for i in 0..len {
        for j in 0..i {
            let entry = entries[i * (i - 1) / 2 + j];
            let entry = if kind == 1 { entry.round() } else { entry };
            matrix[i * len + j] = entry;
            matrix[j * len + i] = entry;
        }
    }
    if kind == 2 {
        for i in (1..len).filter(|i| i % 3 != 0) {
            for j in 0..len {
                let entry = if j == i { 0.0 } else { matrix[(i - 1) * len + j] };
                matrix[i * len + j] = entry;
                matrix[j * len + i] = entry;
            }
        }
    }
    matrix
}

fn any_matrix() -> impl Strategy<Value = (usize, Vec<f64>)> {
    (1_usize..90, 0_usize..3).prop_flat_map(|(len, kind)| {
        prop::collection::vec(0.0..3.0_f64, len * (len - 1) / 2)
            .prop_map(move |entries| (len, matrix(len, &entries, kind)))
    })
}

fn any_exponent() -> impl Strategy<Value = f64> {
    prop_oneof![prop::sample::select(vec![1.0, 1.5, 2.0, 3.0, 4.0, 10.0, 60.0, 80.0]), 1.0..6.0_f64]
}

fn any_points() -> impl Strategy<Value = (usize, usize, Vec<f64>)> {
    let dims = prop::sample::select(vec![1_usize, 7, 8, 30, 513, 1100]);
    (dims, 1_usize..75).prop_flat_map(|(dim, len)| {
        let len = if dim > 500 { len.min(9) } else { len };
        prop::collection::vec(-2.0..2.0_f64, dim * len).prop_map(move |data| (len, dim, data))
    })
}

fn distances_of(data: &[f64], len: usize, dim: usize) -> Vec<f64> {
    let row = |i: usize| &data[i * dim..(i + 1) * dim];
    let pairs = (0..len * len).map(|k| Metric::Euclidean.distance(row(k / len), row(k % len)));
    pairs.collect()
}

/// Miri is a thousand times slower.
const CASES: u32 = if cfg!(miri) { 3 } else { 150 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_level_finds_the_value((len, matrix) in any_matrix(), p in any_exponent()) {
        let distances = Distances::new(&matrix, len).unwrap();
        let expected = plain(&matrix, len, p);
        for level in Level::available() {
            let found = distances.solve_with(level, p, &|| true).unwrap();
            let edges = found.partition.windows(2).map(|e| matrix[e[0] * len + e[1]].powf(p));
            prop_assert!(close(found.value, expected[len - 1]), "{level:?}: {}", found.value);
            prop_assert!(close(edges.sum(), found.value));
            prop_assert_eq!(found.partition[0], 0);
            prop_assert_eq!(*found.partition.last().unwrap(), len - 1);
            prop_assert!(found.partition.is_sorted_by(|a, b| a < b));
        }
        let prefix = distances.prefix(p, &|| true).unwrap();
        prop_assert!(prefix.iter().zip(&expected).all(|(&a, &b)| close(a, b)));
        prop_assert!(prefix.is_sorted());
    }

    #[test]
    fn distances_of_a_path_give_its_value((len, dim, data) in any_points(), p in any_exponent()) {
        let matrix = distances_of(&data, len, dim);
        let distances = Distances::new(&matrix, len).unwrap();
        let view = PathView::new(&data, len, dim).unwrap();
        let expected = Solver::new().solve(&view, p, Metric::Euclidean, &|| true).unwrap();
        prop_assert!(close(distances.solve(p, &|| true).unwrap().norm, expected.norm));
    }

    #[test]
    fn blocks_add_up((len, dim, data) in any_points(), cut in 0.0..1.0_f64, far in any::<bool>()) {
        let data: Vec<f64> = if far { data.iter().map(|x| 1e9 + 1e-3 * x).collect() } else { data };
        let expected = distances_of(&data, len, dim);
        let cut = 1 + (cut * dim as f64) as usize;
        for level in Level::available() {
            let mut gatherer = Gatherer::with_level(len, level).unwrap();
            for start in (0..dim).step_by(cut) {
                let end = dim.min(start + cut);
                let rows = data.chunks_exact(dim).flat_map(|row| &row[start..end]);
                let block: Vec<f64> = rows.copied().collect();
                gatherer.add(&block, end - start, &|| true).unwrap();
            }
            let found = gatherer.distances();
            prop_assert!(found.iter().zip(&expected).all(|(&a, &b)| close(a, b)));
        }
    }

    #[test]
    fn inner_products_give_distances((len, dim, data) in any_points()) {
        let data: Vec<f64> = data.iter().map(|x| (x * 64.0).round()).collect();
        let row = |i: usize| &data[i * dim..(i + 1) * dim];
        let product = |k: usize| row(k / len).iter().zip(row(k % len)).map(|(x, y)| x * y).sum();
        let gram: Vec<f64> = (0..len * len).map(product).collect();
        let found = distances_from_gram(&gram, len).unwrap();
        // Whole numbers: the products are exact, and so are the squares.
        prop_assert!(found.iter().zip(distances_of(&data, len, dim)).all(|(&a, b)| close(a, b)));
    }
}

#[test]
fn sizes_at_the_ends_of_the_range() {
    for size in [1e-323, 1e-300, 1e-170, 1.0, 1e200, 8e307] {
        let matrix = [0.0, size, 2.0 * size, size, 0.0, size, 2.0 * size, size, 0.0];
        let distances = Distances::new(&matrix, 3).unwrap();
        for p in [1.0, 2.0, 2.5, 10.0, 64.0, 1000.0] {
            let norm = distances.solve(p, &|| true).unwrap().norm;
            assert!(close(norm, 2.0 * size), "{size:e} {p}: {norm:e}");
        }
    }
}

#[test]
fn blocks_of_other_sizes() {
    // 3, 4 and 12 of one size are at distance 13.
    for size in [1e-250, 1.0, 1e250] {
        for other in [1e-250_f64, 1.0, 1e250] {
            let mut gatherer = Gatherer::new(3).unwrap();
            for x in [3.0 * size, 0.0, 12.0 * size, 4.0 * size, other.min(size * 1e-30)] {
                gatherer.add(&[0.5, 0.5 + 0.0 * x, 0.5], 1, &|| true).unwrap();
                gatherer.add(&[0.0, x, -x], 1, &|| true).unwrap();
            }
            let distances = gatherer.distances();
            assert!(close(distances[1], 13.0 * size), "{size:e} {other:e}");
            assert!(close(distances[5], 26.0 * size), "{size:e} {other:e}");
        }
    }
}

#[test]
fn points_at_one_place() {
    for (len, partition) in [(1, vec![0]), (2, vec![0, 1]), (5, vec![0, 4])] {
        let matrix = vec![0.0_f64; len * len];
        let distances = Distances::new(&matrix, len).unwrap();
        let found = distances.solve(2.5, &|| true).unwrap();
        assert_eq!((found.value, found.norm, found.partition), (0.0, 0.0, partition));
        assert_eq!(distances.prefix(2.5, &|| true), Ok(vec![0.0; len]));
    }
}

#[test]
fn what_is_no_distance_is_refused() {
    let flawed = |at: usize, value: f64| {
        let mut matrix = [0.0, 1.0, 2.0, 1.0, 0.0, 1.5, 2.0, 1.5, 0.0];
        matrix[at] = value;
        Distances::new(&matrix, 3).map(|_| ()).unwrap_err()
    };
    let error = |row, column, value, flaw| Error::Matrix { row, column, value, flaw };
    assert_eq!(flawed(4, 0.5), error(1, 1, 0.5, Flaw::Diagonal));
    assert_eq!(flawed(5, f64::INFINITY), error(1, 2, f64::INFINITY, Flaw::NotFinite));
    assert_eq!(flawed(5, 1.25), error(1, 2, 1.25, Flaw::Asymmetric { mirrored: 1.5 }));
    assert_eq!(flawed(7, 1.25), error(1, 2, 1.5, Flaw::Asymmetric { mirrored: 1.25 }));
    let negative = Distances::new(&[0.0, -1.0, -1.0, 0.0], 2).map(|_| ());
    assert_eq!(negative, Err(error(0, 1, -1.0, Flaw::Negative)));
    assert_eq!(Distances::<f64>::new(&[], 0).map(|_| ()), Err(Error::Empty));
    assert!(matches!(Distances::new(&[0.0; 3], 2).map(|_| ()), Err(Error::Shape { .. })));
}

#[test]
fn what_is_no_gram_matrix_is_refused() {
    let error = |row, column, value, flaw| Err(Error::Matrix { row, column, value, flaw });
    let negative = Flaw::NegativeSquare;
    assert_eq!(distances_from_gram(&[1.0, 2.0, 2.0, 1.0], 2), error(0, 1, 2.0, negative));
    assert_eq!(distances_from_gram(&[1.0, 0.0, 0.0, -1.0], 2), error(0, 1, 0.0, negative));
    let other = Flaw::Asymmetric { mirrored: 0.5 };
    assert_eq!(distances_from_gram(&[1.0, 0.0, 0.5, 1.0], 2), error(0, 1, 0.0, other));
    assert!(distances_from_gram(&[1.0, f64::NAN, 0.0, 1.0], 2).is_err());
    assert!(distances_from_gram(&[1.0, 0.0, f64::NAN, 1.0], 2).is_err());
    // Rounding is forgiven.
    assert_eq!(distances_from_gram(&[1.0, 1.0 + 1e-15, 1.0 + 1e-15, 1.0], 2), Ok(vec![0.0; 4]));
    assert_eq!(distances_from_gram(&[4.0_f64, 0.0, 0.0, 0.0], 2).unwrap()[1], 2.0);
}

#[test]
fn an_interruption_stops_the_work() {
    let matrix = vec![0.0_f64; 200 * 200];
    let mut wide = matrix.clone();
    (1..200).for_each(|i| {
        wide[i] = 1.0;
        wide[200 * i] = 1.0;
    });
    let distances = Distances::new(&wide, 200).unwrap();
    // Points 1 to 199 are apart from point 0 alone: two distinct ones.
    assert_eq!(distances.solve(2.0, &|| false).unwrap().partition, [0, 199]);
    (0..200 * 200).for_each(|k| wide[k] = (k / 200).abs_diff(k % 200) as f64);
    let distances = Distances::new(&wide, 200).unwrap();
    assert_eq!(distances.solve(2.0, &|| false), Err(Error::Interrupted));
    assert_eq!(distances.prefix(2.0, &|| false), Err(Error::Interrupted));
    let block: Vec<f64> = (0..100).map(f64::from).collect();
    assert_eq!(Gatherer::new(100).unwrap().add(&block, 1, &|| false), Err(Error::Interrupted));
}
