//! Times of a step and of an evaluation: `cargo bench --no-default-features -- [threads] [rounds]`.
//!
//! Each line: the case, the least and the median time, GFLOP/s at the least time.

use std::sync::OnceLock;
use std::time::Instant;

use _kernels::{
    Activation, Augmentation, Element, Engine, Isa, Outputs, Pool, Problem, Shape, Tables, Targets,
};

/// Numbers of a fixed linear congruential sequence, in [-scale, scale].
fn numbers<T: Element>(seed: u64, count: usize, scale: f64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            T::from_f64(scale * ((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0))
        })
        .collect()
}

/// Seconds of this thread's own work where it is the only one and Linux tells, else of the clock.
fn clock(threads: usize) -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
    if threads == 1 {
        unsafe extern "C" {
            fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
        }
        const THREAD_CPU_TIME: i32 = 3;
        let mut time = [0; 2];
        // SAFETY: on 64-bit Linux a timespec is two 64-bit integers.
        if unsafe { clock_gettime(THREAD_CPU_TIME, &mut time) } == 0 {
            return time[0] as f64 + 1e-9 * time[1] as f64;
        }
    }
    let _ = threads;
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

struct Case {
    shape: Shape,
    activation: Activation,
    augmentation: Augmentation,
    gradient: bool,
}

fn measure<T: Tables>(name: &str, case: &Case, threads: usize, rounds: usize) {
    let Shape {
        replicas,
        samples,
        depth,
        width,
        outputs,
    } = case.shape;
    let scale = 1.0 / (width as f64 * (depth as f64).sqrt());
    let h0 = numbers::<T>(1, samples * width, 1.0);
    let blocks = numbers::<T>(2, replicas * depth * width * width, scale);
    let readout = numbers::<T>(3, outputs * width, 1.0 / (width as f64).sqrt());
    let targets: Vec<i64> = (0..samples).map(|i| (i % outputs) as i64).collect();
    let problem = Problem {
        shape: case.shape,
        activation: case.activation,
        augmentation: case.augmentation,
        delta: T::from_f64((depth as f64).powf(-0.75)),
        h0: &h0,
        blocks: &blocks,
        readout: &readout,
    };
    let mut gradient = vec![T::ZERO; if case.gradient { blocks.len() } else { 0 }];
    let Ok(pool) = Pool::new(threads) else { return };
    let mut engine = Engine::<T>::new(pool, Isa::detect());
    let mut times: Vec<f64> = (0..=rounds)
        .map(|_| {
            let start = clock(threads);
            let gradient = case.gradient.then_some(&mut gradient[..]);
            let outputs = Outputs {
                prediction: None,
                gradient,
            };
            if let Err(error) = engine.evaluate(&problem, Targets::Classes(&targets), outputs) {
                println!("{error}");
            }
            clock(threads) - start
        })
        .skip(1)
        .collect();
    times.sort_by(f64::total_cmp);
    let (least, median) = (times[0], times[times.len() / 2]);
    let passes = if case.gradient { 3 } else { 1 };
    let flop = (2 * passes * replicas * samples * depth * width * width) as f64;
    println!(
        "{name:34} {:9.3} ms {:9.3} ms {:7.1} GFLOP/s",
        1e3 * least,
        1e3 * median,
        flop / least / 1e9
    );
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<usize>().ok());
    let threads = arguments.next().unwrap_or(2);
    let rounds = arguments.next().unwrap_or(10);
    // "n2048d15l1000" runs that case alone, of another network with "gelu" or "none" beside it.
    let own = std::env::args().find_map(|word| {
        let (n, rest) = word.strip_prefix('n')?.split_once('d')?;
        let (d, l) = rest.split_once('l')?;
        Some((n.parse().ok()?, d.parse().ok()?, l.parse().ok()?))
    });
    // "f32d15" runs that width alone.
    let filter = std::env::args()
        .skip(1)
        .find(|word| word.starts_with('f'))
        .unwrap_or_default();
    let step = |samples, width, depth| Case {
        shape: Shape {
            replicas: 1,
            samples,
            depth,
            width,
            outputs: 10,
        },
        activation: Activation::Tanh,
        augmentation: Augmentation::Skip,
        gradient: true,
    };
    if let Some((n, d, l)) = own {
        let name = format!("f32 N={n} d={d} L={l}");
        let mut case = step(n, d, l);
        for word in std::env::args() {
            let named = |(name, _): &&(&str, _)| *name == word;
            if let Some((_, activation)) = Activation::NAMES.iter().find(named) {
                case.activation = *activation;
            }
            let named = |(name, _): &&(&str, _)| *name == word;
            if let Some((_, augmentation)) = Augmentation::NAMES.iter().find(named) {
                case.augmentation = *augmentation;
            }
        }
        return measure::<f32>(&name, &case, threads, rounds);
    }
    for (n, d, l) in [
        (2048, 15, 20_000),
        (512, 15, 1000),
        (2048, 64, 8),
        (512, 256, 2),
        (2048, 15, 1000),
        (1437, 15, 64),
        (2048, 32, 500),
        (2048, 64, 500),
        (512, 256, 100),
    ] {
        if format!("f32d{d}L{l}").starts_with(&filter) {
            measure::<f32>(
                &format!("f32 N={n} d={d} L={l}"),
                &step(n, d, l),
                threads,
                rounds,
            );
        }
    }
    if !filter.is_empty() {
        return;
    }
    for (name, activation) in Activation::NAMES {
        let case = Case {
            activation,
            ..step(2048, 15, 1000)
        };
        measure::<f32>(&format!("f32 {name}"), &case, threads, rounds);
    }
    for (name, augmentation) in Augmentation::NAMES {
        let case = Case {
            augmentation,
            ..step(2048, 15, 1000)
        };
        measure::<f32>(&format!("f32 {name}"), &case, threads, rounds);
    }
    measure::<f64>(
        "f64 N=2048 d=15 L=1000",
        &step(2048, 15, 1000),
        threads,
        rounds,
    );
    let shape = Shape {
        replicas: 20,
        samples: 1437,
        depth: 64,
        width: 15,
        outputs: 10,
    };
    let case = Case {
        shape,
        gradient: false,
        ..step(1, 1, 1)
    };
    measure::<f32>("f32 evaluate R=20 N=1437 d=15 L=64", &case, threads, rounds);
}
