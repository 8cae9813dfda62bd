//! The public face: threads, memory and the checks of a call.

use crate::call::Call;
use crate::curvature::Curvature;
use crate::dispatch::Isa;
use crate::element::Element;
use crate::error::Error;
use crate::memory::Memory;
use crate::network::{Problem, Question, Shape, Targets};
use crate::outputs::{Evaluation, Outputs};
use crate::pool::Pool;
use crate::table::{Table, Tables};

/// Threads and memory, both kept from call to call.
pub struct Engine<T: 'static> {
    pool: Pool,
    table: &'static Table<T>,
    memory: Memory<T>,
}

impl<T: Tables> Engine<T> {
    /// An engine on the threads of `pool`; an instruction set that this machine lacks falls back
    /// to `Portable`.
    pub fn new(pool: Pool, isa: Isa) -> Self {
        Self {
            memory: Memory::new(pool.threads()),
            pool,
            table: T::table(isa),
        }
    }
}

impl<T: Element> Engine<T> {
    /// Predictions alone.
    pub fn predict(&mut self, problem: &Problem<'_, T>, to: &mut [T]) -> Result<(), Error> {
        check(problem)?;
        let outputs = Outputs {
            prediction: Some(to),
            gradient: None,
        };
        check_outputs(problem, &outputs)?;
        self.run(problem, None, outputs);
        Ok(())
    }

    /// Loss, Omega and counts of each replica, and what `outputs` asks for.
    pub fn evaluate(
        &mut self,
        problem: &Problem<'_, T>,
        targets: Targets<'_, T>,
        outputs: Outputs<'_, T>,
    ) -> Result<Vec<Evaluation>, Error> {
        check(problem)?;
        check_outputs(problem, &outputs)?;
        check_targets(problem, targets)?;
        Ok(self.run(problem, Some(targets), outputs))
    }

    /// Writes the Hessian, or the Gauss-Newton matrix, of the mean loss times each of the
    /// `directions` (R, L, d, d) to `products`, which are as many. One replica.
    pub fn products(
        &mut self,
        problem: &Problem<'_, T>,
        question: Question<'_, T>,
        directions: &[T],
        products: &mut [T],
    ) -> Result<(), Error> {
        self.check_single(problem, question)?;
        let layers = problem.blocks.len();
        let count = (directions.len() / layers).max(1);
        length(
            "directions",
            directions.len(),
            &[(count * layers, "R L d d")],
        )?;
        length("products", products.len(), &[(directions.len(), "R L d d")])?;
        let (table, memory) = (self.table, &mut self.memory);
        self.pool.run(|| {
            Curvature::new(problem, question, Some(count), table, memory)
                .products(directions, products);
        });
        Ok(())
    }

    /// The exact traces of the diagonal blocks of the L layers. One replica.
    pub fn traces(
        &mut self,
        problem: &Problem<'_, T>,
        question: Question<'_, T>,
    ) -> Result<Vec<f64>, Error> {
        self.check_single(problem, question)?;
        let (table, memory) = (self.table, &mut self.memory);
        Ok(self
            .pool
            .run(|| Curvature::new(problem, question, None, table, memory).traces()))
    }

    fn check_single(
        &self,
        problem: &Problem<'_, T>,
        question: Question<'_, T>,
    ) -> Result<(), Error> {
        check(problem)?;
        check_targets(problem, question.targets)?;
        match problem.shape.replicas {
            1 => Ok(()),
            replicas => Err(Error::Replicas(replicas)),
        }
    }

    fn run(
        &mut self,
        problem: &Problem<'_, T>,
        targets: Option<Targets<'_, T>>,
        outputs: Outputs<'_, T>,
    ) -> Vec<Evaluation> {
        let (table, memory) = (self.table, &mut self.memory);
        self.pool
            .run(|| Call::new(problem, targets, outputs, table, memory).run())
    }
}

fn length(array: &'static str, found: usize, of: &[(usize, &str)]) -> Result<(), Error> {
    if of.iter().any(|&(expected, _)| expected == found) {
        return Ok(());
    }
    let names: Vec<String> = of.iter().map(|(n, what)| format!("{n} ({what})")).collect();
    Err(Error::Length {
        array,
        found,
        expected: names.join(" or "),
    })
}

fn check<T>(problem: &Problem<'_, T>) -> Result<(), Error> {
    let Shape {
        replicas: r,
        samples: n,
        depth: l,
        width: d,
        outputs: o,
    } = problem.shape;
    let sizes = [
        ("replicas", r),
        ("samples", n),
        ("depth", l),
        ("width", d),
        ("outputs", o),
    ];
    if let Some((name, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
        return Err(Error::Empty(name));
    }
    length(
        "h0",
        problem.h0.len(),
        &[(n * d, "N d"), (r * n * d, "R N d")],
    )?;
    length(
        "blocks",
        problem.blocks.len(),
        &[(r * l * d * d, "R L d d")],
    )?;
    length(
        "readout",
        problem.readout.len(),
        &[(o * d, "o d"), (r * o * d, "R o d")],
    )
}

fn check_outputs<T>(problem: &Problem<'_, T>, outputs: &Outputs<'_, T>) -> Result<(), Error> {
    let Shape {
        replicas: r,
        samples: n,
        depth: l,
        width: d,
        outputs: o,
    } = problem.shape;
    if let Some(prediction) = &outputs.prediction {
        length("prediction", prediction.len(), &[(r * n * o, "R N o")])?;
    }
    if let Some(gradient) = &outputs.gradient {
        length("gradient", gradient.len(), &[(r * l * d * d, "R L d d")])?;
    }
    Ok(())
}

fn check_targets<T>(problem: &Problem<'_, T>, targets: Targets<'_, T>) -> Result<(), Error> {
    let Shape {
        replicas: r,
        samples: n,
        outputs,
        ..
    } = problem.shape;
    let found = match targets {
        Targets::Classes(classes) => classes.len(),
        Targets::Values(values, _) => values.len(),
    };
    length("targets", found, &[(n, "N"), (r * n, "R N")])?;
    match targets {
        Targets::Classes(targets) => {
            let classes = outputs;
            let wrong = |&t: &i64| usize::try_from(t).map_or(true, |t| t >= classes);
            match targets.iter().position(wrong) {
                Some(sample) => Err(Error::Class {
                    target: targets[sample],
                    sample,
                    classes,
                }),
                None => Ok(()),
            }
        }
        Targets::Values(..) if outputs != 1 => Err(Error::Outputs(outputs)),
        Targets::Values(..) => Ok(()),
    }
}
