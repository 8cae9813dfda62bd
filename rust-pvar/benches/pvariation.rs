//! `cargo bench`: the core on Brownian paths.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use pvar::{Metric, PathView, Solver};

/// A path of partial sums of a fixed pseudo-random sequence.
fn rough(len: usize, dim: usize) -> Vec<f64> {
    let mut state = 1_u64;
    let mut data = vec![0.0; len * dim];
    for i in 0..data.len() {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        data[i] = step + if i < dim { 0.0 } else { data[i - dim] };
    }
    data
}

fn p_variation(criterion: &mut Criterion) {
    let mut solver = Solver::new();
    for (len, dim) in [(2000, 225), (10_000, 225), (2000, 3), (100_000, 1)] {
        let data = rough(len, dim);
        let mut group = criterion.benchmark_group(format!("{len} points in R^{dim}"));
        group.sample_size(20);
        for p in [1.0, 1.5, 2.0, 2.7] {
            group.bench_with_input(BenchmarkId::from_parameter(p), &p, |bencher, &p| {
                bencher.iter(|| {
                    let view = PathView::new(&data, len, dim).expect("a good path");
                    solver.solve(&view, p, Metric::Euclidean, &|| true).expect("a good exponent")
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, p_variation);
criterion_main!(benches);
