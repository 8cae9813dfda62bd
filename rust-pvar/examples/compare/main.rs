//! Times the established methods against this crate, in one run, on one thread.
//!
//! Prints one line of comma-separated values a case; see `benchmarks/bench_pvar.py`.

mod baseline;
mod line_baseline;
mod paths;

use std::hint::black_box;

use pvar::{Metric, PathView, Solver};

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
    while runs < 3 || (runs < 200 && processor_time() - started < 0.4) {
        let start = processor_time();
        work();
        best = best.min((processor_time() - start) * 1e3);
        runs += 1;
        if processor_time() - started > 4.0 {
            break;
        }
    }
    best
}

fn main() {
    let cases = [
        ("smooth", 2000, 2.0),
        ("smooth", 2000, 1.5),
        ("brownian", 2000, 2.0),
        ("brownian", 2000, 1.5),
        ("brownian", 2000, 3.0),
        ("iid", 2000, 1.5),
        ("iid", 2000, 2.0),
        ("iid", 2000, 3.0),
        ("line", 2000, 1.0),
        ("smooth", 10000, 2.0),
        ("brownian", 10000, 2.0),
        ("brownian", 10000, 1.5),
    ];
    let mut solver = Solver::new();
    let filter = std::env::args().nth(1).unwrap_or_default();
    let quick = std::env::args().nth(2).is_some();
    for (kind, len, p) in cases {
        if !format!("{kind}{len}").contains(&filter) {
            continue;
        }
        let data = paths::path(kind, len, 225, 1);
        let view = PathView::new(&data, len, 225).unwrap();
        let mut ours = 0.0;
        let mine = best_of(|| {
            let view = PathView::new(&data, len, 225).unwrap();
            ours = solver.solve(black_box(&view), p, Metric::Euclidean, &|| true).unwrap().value;
        });
        let mut reference = 0.0;
        let ordered = if quick {
            f64::NAN
        } else {
            best_of(|| {
                reference = baseline::p_variation(black_box(&data), 225, p, baseline::ordered);
            })
        };
        let error = (ours - reference).abs() / reference;
        println!("{kind},{len},{p},{mine:.3},{ordered:.3},{:.1},{error:.1e}", ordered / mine);
        let _ = view;
    }
    for len in [2000, 100_000] {
        for kind in ["brownian", "smooth", "iid"] {
            for p in [1.25, 1.5, 2.0, 3.0] {
                if !format!("real{kind}").contains(&filter) {
                    continue;
                }
                let data = paths::path(kind, len, 1, 1);
                let mut ours = 0.0;
                let mine = best_of(|| {
                    let view = PathView::new(black_box(&data), len, 1).unwrap();
                    ours = solver.solve(&view, p, Metric::Euclidean, &|| true).unwrap().value;
                });
                let mut reference = 0.0;
                let theirs =
                    best_of(|| reference = line_baseline::p_variation(black_box(&data), p));
                let error = (ours - reference).abs() / reference;
                println!(
                    "real {kind},{len},{p},{mine:.4},{theirs:.4},{:.2},{error:.1e}",
                    theirs / mine
                );
            }
        }
    }
}
