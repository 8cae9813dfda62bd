//! The engine against the network written out with scalar loops in f64.

use _kernels::{
    Activation, Augmentation, Engine, Isa, Outputs, Pool, Problem, Shape, Tables, Targets,
};
use proptest::prelude::*;

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

/// sigma and sigma' without gelu, whose reference values have a test of their own.
fn sigma(activation: Activation, z: f64) -> (f64, f64) {
    match activation {
        Activation::Tanh => (z.tanh(), 1.0 - z.tanh() * z.tanh()),
        Activation::Elu if z > 0.0 => (z, 1.0),
        Activation::Elu => (z.exp_m1(), z.exp()),
        Activation::Relu => (z.max(0.0), if z > 0.0 { 1.0 } else { 0.0 }),
        _ => {
            let s = 1.0 / (1.0 + (-z).exp());
            (s, s * (1.0 - s))
        }
    }
}

/// A case: one replica with a regression or classification target.
#[derive(Clone, Debug)]
struct Case {
    shape: Shape,
    activation: Activation,
    augmentation: Augmentation,
    delta: f64,
    h0: Vec<f64>,
    blocks: Vec<f64>,
    readout: Vec<f64>,
}

impl Case {
    /// The matrix that layer k multiplies by.
    fn matrix(&self, k: usize) -> Vec<f64> {
        let size = self.shape.width * self.shape.width;
        let block = |k: usize| &self.blocks[k * size..(k + 1) * size];
        if self.augmentation != Augmentation::IncSkip || k == 0 {
            return block(k).to_vec();
        }
        block(k)
            .iter()
            .zip(block(k - 1))
            .map(|(a, b)| a - b)
            .collect()
    }

    /// Loss of the sample `i` with gradient by its prediction, and its part of the gradient.
    fn sample(&self, i: usize, target: i64, gradient: &mut [f64]) -> f64 {
        let Shape {
            samples,
            depth,
            width: d,
            outputs,
            ..
        } = self.shape;
        let inside = matches!(self.augmentation, Augmentation::Skip | Augmentation::None);
        let times = |m: &[f64], x: &[f64]| -> Vec<f64> {
            m.chunks(d)
                .map(|row| row.iter().zip(x).map(|(a, b)| a * b).sum())
                .collect()
        };
        let mut states = vec![self.h0[i * d..(i + 1) * d].to_vec()];
        for k in 0..depth {
            let h = &states[k];
            let value = |z: &f64| sigma(self.activation, *z).0;
            let step: Vec<f64> = match inside {
                true => times(&self.matrix(k), h).iter().map(value).collect(),
                false => times(&self.matrix(k), &h.iter().map(value).collect::<Vec<_>>()),
            };
            let (keep, factor) = match self.augmentation {
                Augmentation::Skip => (1.0, self.delta),
                Augmentation::None => (0.0, 1.0),
                _ => (1.0, 1.0),
            };
            states.push(
                h.iter()
                    .zip(&step)
                    .map(|(h, s)| keep * h + factor * s)
                    .collect(),
            );
        }
        let logits = times(&self.readout, &states[depth]);
        let total: f64 = logits.iter().map(|x| x.exp()).sum();
        let own: Vec<f64> = (0..outputs)
            .map(|c| logits[c].exp() / total - if c as i64 == target { 1.0 } else { 0.0 })
            .collect();
        let mut g: Vec<f64> = (0..d)
            .map(|i| {
                (0..outputs)
                    .map(|c| own[c] * self.readout[c * d + i])
                    .sum::<f64>()
            })
            .map(|x| x / samples as f64)
            .collect();
        for k in (0..depth).rev() {
            let (matrix, h) = (self.matrix(k), &states[k]);
            let back = |u: &[f64]| -> Vec<f64> {
                (0..d)
                    .map(|i| (0..d).map(|j| u[j] * matrix[j * d + i]).sum())
                    .collect()
            };
            let (left, right) = if inside {
                let z = times(&matrix, h);
                let skip = self.augmentation == Augmentation::Skip;
                let factor = if skip { self.delta } else { 1.0 };
                let slope = |j: usize| sigma(self.activation, z[j]).1;
                let u: Vec<f64> = (0..d).map(|j| factor * g[j] * slope(j)).collect();
                let through = back(&u);
                let keep = if skip { 1.0 } else { 0.0 };
                g = g.iter().zip(through).map(|(g, t)| keep * g + t).collect();
                (u, h.clone())
            } else {
                let left = g.clone();
                let through = back(&g);
                let slope = |i: usize| sigma(self.activation, h[i]).1;
                g = (0..d).map(|i| g[i] + through[i] * slope(i)).collect();
                (
                    left,
                    h.iter().map(|h| sigma(self.activation, *h).0).collect(),
                )
            };
            for (j, left) in left.iter().enumerate() {
                for (i, right) in right.iter().enumerate() {
                    gradient[(k * d + j) * d + i] += left * right;
                    if self.augmentation == Augmentation::IncSkip && k > 0 {
                        gradient[((k - 1) * d + j) * d + i] -= left * right;
                    }
                }
            }
        }
        total.ln() - logits[target as usize]
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// A random case with weights up to `size`, and its classes.
fn case(
    shape: Shape,
    (activation, augmentation): (Activation, Augmentation),
    size: f64,
    seed: u64,
) -> (Case, Vec<i64>) {
    let Shape {
        samples,
        depth,
        width,
        outputs,
        ..
    } = shape;
    let case = Case {
        shape,
        activation,
        augmentation,
        delta: (depth as f64).powf(-0.5),
        h0: numbers(seed, samples * width, 1.0),
        blocks: numbers(seed ^ 1, depth * width * width, size),
        readout: numbers(seed ^ 2, outputs * width, 0.5),
    };
    let targets = (0..samples)
        .map(|i| ((i * 7 + 3) % outputs) as i64)
        .collect();
    (case, targets)
}

fn cases() -> impl Strategy<Value = (Case, Vec<i64>)> {
    let sizes = (1usize..70, 1usize..8, 1usize..40, 2usize..20);
    (sizes, 0usize..4, 0usize..4, any::<u64>()).prop_map(
        |((samples, depth, width, outputs), activation, augmentation, seed)| {
            let shape = Shape {
                replicas: 1,
                samples,
                depth,
                width,
                outputs,
            };
            let activation = [
                Activation::Tanh,
                Activation::Elu,
                Activation::Relu,
                Activation::Sigmoid,
            ][activation];
            let network = (activation, Augmentation::NAMES[augmentation].1);
            case(
                shape,
                network,
                1.0 / (width as f64 * depth as f64).sqrt(),
                seed,
            )
        },
    )
}

fn available() -> impl Iterator<Item = Isa> {
    Isa::NAMES
        .into_iter()
        .map(|(_, isa)| isa)
        .filter(|isa| isa.available())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn every_instruction_set_agrees_with_scalar_loops((case, targets) in cases()) {
        check(&case, &targets)?;
    }
}

/// Partitions of several tiles each, and more layers than one task adds up.
fn partitions_and_tiles_add_up(augmentation: Augmentation) -> Result<(), TestCaseError> {
    let shape = Shape {
        replicas: 1,
        samples: 1700,
        depth: 67,
        width: 5,
        outputs: 3,
    };
    // Nothing dies out on the way.
    let size = match augmentation {
        Augmentation::None => (3.0 / shape.width as f64).sqrt(),
        _ => 1.0 / (shape.width as f64 * shape.depth as f64).sqrt(),
    };
    let (case, targets) = case(shape, (Activation::Tanh, augmentation), size, 5);
    check(&case, &targets)
}

macro_rules! partitions_and_tiles_add_up {
    ($($name:ident: $augmentation:ident,)*) => {
        $(#[test]
        fn $name() -> Result<(), TestCaseError> {
            partitions_and_tiles_add_up(Augmentation::$augmentation)
        })*
    };
}

partitions_and_tiles_add_up!(
    partitions_and_tiles_add_up_skip: Skip,
    partitions_and_tiles_add_up_none: None,
    partitions_and_tiles_add_up_linear_skip: LinearSkip,
    partitions_and_tiles_add_up_inc_skip: IncSkip,
);

/// Loss and gradient on every instruction set of the machine, in f64 and in f32.
fn check(case: &Case, targets: &[i64]) -> Result<(), TestCaseError> {
    let mut gradient = vec![0.0; case.blocks.len()];
    let losses = targets.iter().enumerate();
    let loss: f64 = losses
        .map(|(i, &target)| case.sample(i, target, &mut gradient))
        .sum();
    let expected = (loss / case.shape.samples as f64, gradient);
    compare::<f64>(case, targets, &expected, 1e-11)?;
    // A number that rounds to the other side of 0 has another slope.
    match case.activation {
        Activation::Relu => Ok(()),
        _ => compare::<f32>(case, targets, &expected, 1e-4),
    }
}

fn compare<T: Tables>(
    case: &Case,
    targets: &[i64],
    (loss, expected): &(f64, Vec<f64>),
    tolerance: f64,
) -> Result<(), TestCaseError> {
    let of = |numbers: &[f64]| -> Vec<T> { numbers.iter().map(|&x| T::from_f64(x)).collect() };
    let (h0, blocks, readout) = (of(&case.h0), of(&case.blocks), of(&case.readout));
    let problem = Problem {
        shape: case.shape,
        activation: case.activation,
        augmentation: case.augmentation,
        delta: T::from_f64(case.delta),
        h0: &h0,
        blocks: &blocks,
        readout: &readout,
    };
    for isa in available() {
        let mut engine = Engine::<T>::new(Pool::new(1)?, isa);
        let mut gradient = vec![T::ZERO; blocks.len()];
        let outputs = Outputs {
            prediction: None,
            gradient: Some(&mut gradient),
        };
        let found = engine.evaluate(&problem, Targets::Classes(targets), outputs)?;
        let error = (found[0].loss - loss).abs();
        prop_assert!(
            error <= 0.1 * tolerance * loss.abs().max(1.0),
            "{isa:?}: loss off {error:e}"
        );
        let pairs = gradient.iter().zip(expected);
        let difference: Vec<f64> = pairs.map(|(a, b)| a.to_f64() - b).collect();
        let error = norm(&difference);
        prop_assert!(
            error <= tolerance * norm(expected) + 1e-300,
            "{isa:?}: gradient off {error:e}"
        );
    }
    Ok(())
}

#[test]
fn bad_calls_are_refused() -> Result<(), _kernels::Error> {
    let shape = Shape {
        replicas: 1,
        samples: 2,
        depth: 1,
        width: 2,
        outputs: 3,
    };
    let (h0, blocks, readout) = ([0.0; 4], [0.0; 4], [0.0; 6]);
    let problem = Problem {
        shape,
        activation: Activation::Tanh,
        augmentation: Augmentation::Skip,
        delta: 1.0,
        h0: &h0,
        blocks: &blocks,
        readout: &readout,
    };
    let mut engine = Engine::<f64>::new(Pool::new(1)?, Isa::detect());
    let mut message = |problem: &Problem<'_, f64>, targets: Targets<'_, f64>| {
        let done = engine.evaluate(problem, targets, Outputs::default());
        done.err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let classes = Targets::Classes(&[0, 1]);
    assert_eq!(message(&problem, classes), "");
    let short = Problem {
        h0: &h0[..3],
        ..problem
    };
    assert!(message(&short, classes).starts_with("h0: has 3 elements"));
    let empty = Problem {
        shape: Shape { depth: 0, ..shape },
        ..problem
    };
    assert_eq!(message(&empty, classes), "depth: must be at least 1");
    assert!(message(&problem, Targets::Classes(&[0, 3])).contains("class 3 of sample 1"));
    assert!(message(&problem, Targets::Classes(&[-1, 0])).contains("class -1 of sample 0"));
    assert!(message(&problem, Targets::Values(&[0.0, 1.0], 2.0)).contains("need 1 output, not 3"));
    assert!(Pool::new(0).is_err());
    Ok(())
}
