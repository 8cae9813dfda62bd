//! Random paths, also by their distances alone, against the plain recursion: `cargo run --release --example stress [CASES] [SEED]`.
//!
//! 100,000 cases take a few minutes. Prints every disagreement beyond 1e-12 and the largest one.

use pvar::simd::Level;
use pvar::{Distances, Gatherer, Metric, PathView, Solver};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A number between -1 and 1 with a rough bell shape.
    fn bell(&mut self) -> f64 {
        (0..3).map(|_| self.next() as f64 / u64::MAX as f64 * 2.0 - 1.0).sum::<f64>() / 3.0
    }
}

/// The norm by the distances alone, gathered in two blocks or, for other metrics, one by one.
fn by_distances(path: &[f64], dim: usize, p: f64, metric: Metric, level: Level) -> f64 {
    let len = path.len() / dim;
    let row = |i: usize| &path[i * dim..(i + 1) * dim];
    let matrix = if metric == Metric::Euclidean {
        let mut gatherer = Gatherer::with_level(len, level).expect("points");
        for (start, end) in [(0, dim / 3), (dim / 3, dim)] {
            let block: Vec<f64> = (0..len).flat_map(|i| &row(i)[start..end]).copied().collect();
            if !block.is_empty() {
                gatherer.add(&block, end - start, &|| true).expect("finite coordinates");
            }
        }
        gatherer.distances()
    } else {
        (0..len * len).map(|k| metric.distance(row(k / len), row(k % len))).collect()
    };
    let distances = Distances::new(&matrix, len).expect("distances");
    distances.solve_with(level, p, &|| true).expect("a good exponent").norm
}

fn plain(path: &[f64], dim: usize, p: f64, metric: Metric) -> f64 {
    let row = |i: usize| &path[i * dim..(i + 1) * dim];
    let mut values = vec![0.0_f64; path.len() / dim];
    for j in 1..values.len() {
        let best = |i: usize| values[i] + metric.distance(row(i), row(j)).powf(p);
        values[j] = (0..j).map(best).fold(0.0, f64::max);
    }
    values[values.len() - 1]
}

fn path(random: &mut Random, len: usize, dim: usize) -> Vec<f64> {
    let kind = random.below(9);
    let mut data: Vec<f64> = (0..len * dim).map(|_| random.bell()).collect();
    match kind {
        0 => {}
        1 => data.iter_mut().for_each(|x| *x = (*x * 3.0).round()),
        2 => {
            for (i, x) in data.iter_mut().enumerate() {
                *x = ((i / dim) as f64 * 0.05 + (i % dim) as f64).sin() + 1e-2 * *x;
            }
        }
        3 => {
            for (i, x) in data.iter_mut().enumerate() {
                *x = ((i / dim) % 5) as f64 + 1e-8 * *x;
            }
        }
        4 => {
            let half = data.len() / 2;
            data.iter_mut().for_each(|x| *x *= 1e-7);
            data[half..].iter_mut().for_each(|x| *x += 1.0);
        }
        _ => {
            if kind == 5 {
                data.iter_mut().for_each(|x| *x = x.round());
            }
            for i in dim..data.len() {
                data[i] += data[i - dim];
            }
            if kind == 6 {
                data.iter_mut().for_each(|x| *x += 1e6);
            }
        }
    }
    if random.below(4) == 0 {
        for i in (dim..data.len()).rev() {
            if !(i / dim).is_multiple_of(3) {
                data[i] = data[i - (i / dim) % 3 * dim];
            }
        }
    }
    data
}

fn main() {
    let mut numbers = std::env::args().skip(1).map(|x| x.parse::<u64>().expect("a whole number"));
    let cases = numbers.next().unwrap_or(100_000);
    let mut random = Random(numbers.next().unwrap_or(1));
    let levels = Level::available();
    let mut solvers: Vec<Solver> = levels.iter().map(|&level| Solver::with_level(level)).collect();
    let exponents = [1.0, 1.05, 1.3, 1.5, 1.8, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0, 40.0, 100.0];
    let (mut worst, mut wrong) = (0.0_f64, 0_u64);
    for case in 0..cases {
        let dim = [1, 1, 2, 5, 8, 9, 16, 24, 40, 225][random.below(10)];
        let len = 1 + random.below(if case % 60 == 0 { 3000 } else { 160 });
        let metric =
            if random.below(5) == 0 { Metric::ALL[random.below(3)] } else { Metric::Euclidean };
        let p = exponents[random.below(exponents.len())];
        let data = path(&mut random, len, dim);
        let view = PathView::new(&data, len, dim).expect("a good path");
        let which = random.below(solvers.len());
        let found = solvers[which].solve(&view, p, metric, &|| true).expect("a good exponent");
        let expected = plain(&data, dim, p, metric);
        let mut error =
            if found.value == expected { 0.0 } else { (found.value / expected - 1.0).abs() };
        if len <= 160 && found.norm > 0.0 {
            let norm = by_distances(&data, dim, p, metric, levels[which]);
            error = error.max((norm / found.norm - 1.0).abs());
        }
        // Where powers leave the range of numbers only the norms can be compared.
        if expected.is_finite() && expected > 1e-250 {
            worst = worst.max(error);
            if error.is_nan() || error > 1e-12 {
                wrong += 1;
                println!(
                    "case {case}: {:?} n={len} d={dim} p={p} {metric:?}: {error:e}",
                    levels[which]
                );
            }
        }
    }
    println!("{cases} cases, {wrong} wrong, largest relative error {worst:.1e}");
    std::process::exit(i32::from(wrong > 0));
}
