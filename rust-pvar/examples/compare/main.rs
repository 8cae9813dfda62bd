//! Times the established methods against this crate, in one run, on one thread.
//!
//! `compare [--level portable|avx2|avx512|neon] [--data NAME FILE LEN DIM]... [--only WORD]` prints
//! lines of comma-separated values; `benchmarks/bench_pvar.py` of the repository reads them. A FILE
//! holds LEN * DIM native doubles.

mod baseline;
mod line_baseline;
mod memory;
mod paths;

use std::hint::black_box;

use pvar::simd::{LANES, Level, Line, Vector, Work};
use pvar::{Metric, PathView, Solver};

const DIM: usize = 225;
const PROFILE: [f64; 8] = [1.05, 1.3, 1.6, 1.85, 2.1, 2.4, 2.65, 2.95];

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// What training with p = 2 logs at each step.
const WEIGHTS: [f64; 3] = [2.0, 1.5, 1.0];

/// Processor time of this thread, in seconds: a busy machine does not count against anybody.
fn processor_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a valid, writable timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// The shortest of several runs, in milliseconds of processor time.
fn best_of(mut work: impl FnMut()) -> f64 {
    let started = processor_time();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 3 || (runs < 1000 && processor_time() - started < 1.0) {
        let start = processor_time();
        work();
        best = best.min((processor_time() - start) * 1e3);
        runs += 1;
    }
    best
}

/// Fused multiply-adds without memory, in Gflop/s of single precision.
struct Peak;

impl Work for Peak {
    type Output = f64;

    #[inline(always)]
    fn run<V: Vector>(self) -> f64 {
        const ROUNDS: usize = 200_000;
        let mut line = Line([1.0; LANES]);
        let (a, b) = (V::load(&line), V::load(&Line([0.5; LANES])));
        let milliseconds = best_of(|| {
            let mut sums = [a; 12];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = sum.mul_add(b, a);
                }
            }
            for sum in sums {
                sum.store(&mut line);
                black_box(&line);
            }
        });
        (2 * 12 * LANES * ROUNDS) as f64 / milliseconds * 1e-6
    }
}

/// One row of the table.
struct Row<'a> {
    kind: &'a str,
    len: usize,
    dim: usize,
    exponents: &'a [f64],
}

struct Bench {
    level: Level,
    only: String,
}

impl Bench {
    fn run(&self, row: &Row<'_>, data: &[f64]) {
        let name = format!("{},{},{}", row.kind, row.len, row.dim);
        if !name.contains(&self.only) {
            return;
        }
        let mut solver = Solver::with_level(self.level);
        let mut ours = vec![];
        let mine = best_of(|| {
            let view = PathView::new(black_box(data), row.len, row.dim).expect("a good path");
            let norms = solver.profile(&view, row.exponents, Metric::Euclidean, &|| true);
            ours = norms.expect("good exponents");
        });
        // What a first call needs beyond the path.
        let peak = memory::peak_of(|| {
            let view = PathView::new(data, row.len, row.dim).expect("a good path");
            let mut solver = Solver::with_level(self.level);
            let norms = solver.profile(&view, row.exponents, Metric::Euclidean, &|| true);
            assert_eq!(norms.as_deref(), Ok(ours.as_slice()));
        });
        let memory = peak as f64 / size_of_val(data) as f64;
        let (ordered, norms) = established(row, data, false);
        // The second baseline says what vector instructions alone would bring.
        let vector = if row.dim == 1 { f64::NAN } else { established(row, data, true).0 };
        let errors =
            ours.iter().zip(&norms).map(|(x, y)| if x == y { 0.0 } else { (x / y - 1.0).abs() });
        let error = errors.fold(0.0, f64::max);
        let exponents: Vec<String> = row.exponents.iter().map(f64::to_string).collect();
        println!(
            "{name},{},{mine:.5},{ordered:.5},{vector:.5},{:.2},{error:.1e},{memory:.2}",
            exponents.join(" "),
            ordered / mine
        );
    }
}

/// Time of the established method, summed over the exponents, and its norms.
fn established(row: &Row<'_>, data: &[f64], reordered: bool) -> (f64, Vec<f64>) {
    let mut norms = vec![];
    let mut total = 0.0;
    for &p in row.exponents {
        let mut value = 0.0;
        total += best_of(|| {
            let data = black_box(data);
            value = if row.dim == 1 {
                line_baseline::p_variation(data, p)
            } else if reordered {
                baseline::p_variation(data, row.dim, p, baseline::reordered)
            } else {
                baseline::p_variation(data, row.dim, p, baseline::ordered)
            };
        });
        norms.push(value.powf(1.0 / p));
    }
    (total, norms)
}

fn table() -> Vec<Row<'static>> {
    let row = |kind, len, exponents| Row { kind, len, dim: DIM, exponents };
    let mut rows = vec![
        row("smooth", 2000, &[2.0]),
        row("smooth", 2000, &[1.5]),
        row("smooth", 10_000, &[2.0]),
        row("brownian", 2000, &[2.0]),
        row("brownian", 10_000, &[2.0]),
        row("brownian", 2000, &[1.5]),
        row("brownian", 2000, &[3.0]),
        row("iid", 2000, &[1.5]),
        row("iid", 2000, &[2.0]),
        row("iid", 2000, &[3.0]),
        row("line", 2000, &[1.0]),
        row("smooth", 2000, &PROFILE),
        row("brownian", 2000, &PROFILE),
    ];
    for len in [2000, 100_000] {
        for kind in ["brownian", "smooth", "iid"] {
            for exponents in [&[1.25], &[1.5], &[2.0], &[3.0]] {
                rows.push(Row { kind, len, dim: 1, exponents });
            }
        }
    }
    rows
}

fn level(name: &str) -> Level {
    let known = Level::available().into_iter().find(|l| format!("{l:?}").to_lowercase() == name);
    known.unwrap_or_else(|| panic!("this processor has no {name}"))
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut bench = Bench { level: Level::detect(), only: String::new() };
    let mut files = vec![];
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("an option needs its value");
        match argument.as_str() {
            "--level" => bench.level = level(&value()),
            "--only" => bench.only = value(),
            "--data" => files.push((value(), value(), value(), value())),
            other => panic!("unknown option {other}"),
        }
    }
    let peak = bench.level.run(Peak);
    println!("# level {:?}, FMA peak {peak:.1} Gflop/s (f32, one thread)", bench.level);
    println!("path,n,d,p,ours_ms,baseline_ms,vector_baseline_ms,ratio,error,memory");
    for (name, file, len, dim) in files {
        let bytes = std::fs::read(&file).expect("a readable file");
        let data: Vec<f64> = bytes.as_chunks().0.iter().map(|x| f64::from_ne_bytes(*x)).collect();
        let (len, dim) = (len.parse().expect("a length"), dim.parse().expect("a dimension"));
        bench.run(&Row { kind: &name, len, dim, exponents: &WEIGHTS }, &data);
    }
    for row in table() {
        let data = paths::path(row.kind, row.len, row.dim, 1);
        bench.run(&row, &data);
    }
}
