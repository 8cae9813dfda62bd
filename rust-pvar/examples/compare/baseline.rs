//! The established recursion with block radii, written afresh from its description.
//!
//! For each j the radius of every dyadic block that holds j is updated, then sources are walked
//! down from j - 1; before each step the largest dyadic block ending there is tried, and jumped
//! over if its radius and the distance to its centre cannot beat the best value so far.

/// V_p of `path`, rows of `dim` coordinates, with distances from `distance`.
pub fn p_variation(
    path: &[f64],
    dim: usize,
    p: f64,
    distance: impl Fn(&[f64], &[f64]) -> f64,
) -> f64 {
    let len = path.len() / dim;
    let levels = usize::BITS - (len - 1).leading_zeros();
    let row = |i: usize| &path[i * dim..(i + 1) * dim];
    let centre = |level: u32, block: usize| {
        let middle = (block << level) + ((1 << level) >> 1);
        if middle < len { middle } else { block << level }
    };
    let mut radii: Vec<Vec<f64>> =
        (0..=levels).map(|level| vec![0.0; (len >> level) + 1]).collect();
    let mut value = vec![0.0_f64; len];
    for j in 0..len {
        for level in 1..=levels {
            let block = j >> level;
            let radius = distance(row(centre(level, block)), row(j));
            let entry = &mut radii[level as usize][block];
            *entry = entry.max(radius);
        }
        if j == 0 {
            continue;
        }
        let mut best = 0.0_f64;
        let mut level = 0;
        let mut at = j; // sources below `at` remain
        while at > 0 {
            // Try the largest block ending at `at` that the walk has climbed to.
            while level > 0 && (at & ((1 << level) - 1)) != 0 {
                level -= 1;
            }
            if level == 0 {
                at -= 1;
                let candidate = value[at] + raise(distance(row(at), row(j)), p);
                if candidate > best {
                    best = candidate;
                }
            } else {
                let block = (at >> level) - 1;
                let slack = root(best - value[at - 1], p);
                let radius = radii[level as usize][block];
                if slack < radius || slack < radius + distance(row(centre(level, block)), row(j)) {
                    level -= 1;
                    if level > 0 {
                        continue;
                    }
                    at -= 1;
                    let candidate = value[at] + raise(distance(row(at), row(j)), p);
                    if candidate > best {
                        best = candidate;
                    }
                } else {
                    at -= 1 << level;
                }
            }
            // Climb while the block above ends here too.
            while level < levels && at > 0 && (at & ((1 << (level + 1)) - 1)) == 0 {
                level += 1;
            }
        }
        value[j] = best;
    }
    value[len - 1]
}

#[inline]
fn raise(x: f64, p: f64) -> f64 {
    if p == 2.0 { x * x } else { x.powf(p) }
}

#[inline]
fn root(x: f64, p: f64) -> f64 {
    if p == 2.0 { x.sqrt() } else { x.powf(1.0 / p) }
}

/// A sum in the given order, as both established packages compute it.
pub fn ordered(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (x, y) in a.iter().zip(b) {
        sum += (x - y) * (x - y);
    }
    sum.sqrt()
}

/// The same method helped by eight independent sums, which a compiler turns into vectors.
pub fn reordered(a: &[f64], b: &[f64]) -> f64 {
    pvar::metric::squared_distance(a, b).sqrt()
}
