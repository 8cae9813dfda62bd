//! The Hessian, made column by column, against itself and against the traces of its blocks.

use _kernels::{
    Activation, Augmentation, Engine, Error, Isa, Pool, Problem, Question, Shape, Targets,
};

/// Numbers of a fixed linear congruential sequence, in [-scale, scale].
fn numbers(seed: u64, count: usize, scale: f64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888);
            scale * ((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
        })
        .collect()
}

fn check(augmentation: Augmentation, activation: Activation) -> Result<(), Error> {
    let shape = Shape {
        replicas: 1,
        samples: 21,
        depth: 4,
        width: 3,
        outputs: 5,
    };
    let (h0, blocks) = (numbers(1, 21 * 3, 1.0), numbers(2, 4 * 9, 0.7));
    let readout = numbers(3, 15, 1.0);
    let classes: Vec<i64> = (0..21).map(|i| i * 7 % 5).collect();
    let problem = Problem {
        shape,
        activation,
        augmentation,
        delta: 0.6,
        h0: &h0,
        blocks: &blocks,
        readout: &readout,
    };
    let size = blocks.len();
    let mut units = vec![0.0; size * size];
    units.iter_mut().step_by(size + 1).for_each(|x| *x = 1.0);
    for (_, isa) in Isa::NAMES.into_iter().filter(|(_, isa)| isa.available()) {
        let mut engine = Engine::<f64>::new(Pool::new(2)?, isa);
        for gauss_newton in [false, true] {
            let targets = Targets::Classes(&classes);
            let question = Question {
                targets,
                gauss_newton,
            };
            let mut hessian = vec![0.0; size * size];
            engine.products(&problem, question, &units, &mut hessian)?;
            let largest = hessian.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            assert!(largest > 1e-3, "{augmentation:?}: nothing but zeros");
            for i in 0..size {
                for j in 0..i {
                    let error = (hessian[i * size + j] - hessian[j * size + i]).abs();
                    assert!(error <= 1e-13 * largest, "{isa:?}: off by {error:e}");
                }
            }
            let traces = engine.traces(&problem, question)?;
            for (layer, trace) in traces.iter().enumerate() {
                let diagonal = (layer * 9..(layer + 1) * 9).map(|i| hessian[i * (size + 1)]);
                let error = (diagonal.sum::<f64>() - trace).abs();
                assert!(error <= 1e-12 * largest, "{isa:?}: trace off by {error:e}");
            }
        }
    }
    Ok(())
}

macro_rules! symmetric_with_its_traces {
    ($($name:ident: $augmentation:ident, $activation:ident,)*) => {
        $(#[test]
        fn $name() -> Result<(), Error> {
            check(Augmentation::$augmentation, Activation::$activation)
        })*
    };
}

symmetric_with_its_traces!(
    skip: Skip, Tanh,
    skip_gelu: Skip, Gelu,
    none: None, Sigmoid,
    linear_skip: LinearSkip, Elu,
    inc_skip: IncSkip, Tanh,
    inc_skip_gelu: IncSkip, Gelu,
);

#[test]
fn bad_calls_are_refused() -> Result<(), Error> {
    let shape = Shape {
        replicas: 2,
        samples: 1,
        depth: 1,
        width: 2,
        outputs: 2,
    };
    let (h0, blocks, readout) = ([0.0; 2], [0.0; 8], [0.0; 4]);
    let problem = Problem {
        shape,
        activation: Activation::Tanh,
        augmentation: Augmentation::Skip,
        delta: 1.0,
        h0: &h0,
        blocks: &blocks,
        readout: &readout,
    };
    let question = Question {
        targets: Targets::Classes(&[0]),
        gauss_newton: false,
    };
    let mut engine = Engine::<f64>::new(Pool::new(1)?, Isa::detect());
    assert_eq!(engine.traces(&problem, question), Err(Error::Replicas(2)));
    let single = Problem {
        shape: Shape {
            replicas: 1,
            ..shape
        },
        blocks: &blocks[..4],
        ..problem
    };
    let short = engine.products(&single, question, &[0.0; 5], &mut [0.0; 5]);
    assert!(short.is_err_and(|error| error.to_string().starts_with("directions: has 5")));
    let missing = engine.products(&single, question, &[0.0; 8], &mut [0.0; 4]);
    assert!(missing.is_err_and(|error| error.to_string().starts_with("products: has 4")));
    Ok(())
}
