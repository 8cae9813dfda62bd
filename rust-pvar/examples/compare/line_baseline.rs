//! The established method on the real line (Butkus and Norvaisa), written afresh from its
//! description.
//!
//! Local extrema; pairs inside windows of three edges removed when the joined edge beats their
//! sum; then neighbouring optimal intervals are merged, two at a time: the best join between a
//! running extremum of the left one and one of the right one replaces what lies between.

/// V_p of a path in R.
pub fn p_variation(path: &[f64], p: f64) -> f64 {
    let mut list = List::new(extrema(path));
    list.remove_windows(p);
    list.merge_all(p);
    list.total(p)
}

fn raise(x: f64, p: f64) -> f64 {
    let x = x.abs();
    if p == 2.0 {
        x * x
    } else if p == 3.0 {
        x * x * x
    } else if p == 1.5 {
        x * x.sqrt()
    } else {
        x.powf(p)
    }
}

fn extrema(path: &[f64]) -> Vec<f64> {
    let mut points = Vec::with_capacity(path.len());
    points.push(path[0]);
    let mut direction = 0.0;
    for pair in path.windows(2) {
        let step = pair[1] - pair[0];
        if step * direction > 0.0 {
            *points.last_mut().unwrap() = pair[1];
        } else if step != 0.0 {
            points.push(pair[1]);
            direction = step;
        }
    }
    points
}

/// Points linked in both directions, with the power of the edge before each.
struct List {
    x: Vec<f64>,
    edge: Vec<f64>,
    next: Vec<usize>,
    previous: Vec<usize>,
    left: Records,
    right: Records,
}

/// Running minima and maxima on the way from a point, each with the sum of the edges up to it.
#[derive(Default)]
struct Records {
    low: Vec<(usize, f64)>,
    high: Vec<(usize, f64)>,
}

const END: usize = usize::MAX;

impl List {
    fn new(x: Vec<f64>) -> Self {
        let len = x.len();
        let next = (0..len).map(|i| if i + 1 < len { i + 1 } else { END }).collect();
        let previous = (0..len).map(|i| i.wrapping_sub(1)).collect();
        let (left, right) = (Records::default(), Records::default());
        Self { edge: vec![0.0; len], x, next, previous, left, right }
    }

    fn link(&mut self, from: usize, to: usize, edge: f64) {
        self.next[from] = to;
        self.previous[to] = from;
        self.edge[to] = edge;
    }

    fn remove_windows(&mut self, p: f64) {
        for i in 1..self.x.len() {
            self.edge[i] = raise(self.x[i] - self.x[i - 1], p);
        }
        let mut at = 0;
        // `at` is the first of four points; step back after a removal.
        loop {
            let (b, mut c, mut d) = (self.next[at], END, END);
            if b != END {
                c = self.next[b];
            }
            if c != END {
                d = self.next[c];
            }
            if d == END {
                break;
            }
            // No power is needed where the middle edge is not the shortest.
            let short = self.edge[c] < self.edge[b] && self.edge[c] < self.edge[d];
            let joined = if short { raise(self.x[d] - self.x[at], p) } else { 0.0 };
            if joined > self.edge[b] + self.edge[c] + self.edge[d] {
                self.link(at, d, joined);
                for _ in 0..2 {
                    if self.previous[at] != END {
                        at = self.previous[at];
                    }
                }
            } else {
                at = b;
            }
        }
    }

    /// Merges intervals pairwise until one is left. Intervals start as three edges, which the
    /// windows have made optimal.
    fn merge_all(&mut self, p: f64) {
        let mut bounds = vec![];
        let mut at = 0;
        let mut count = 0;
        while at != END {
            if count % 3 == 0 || self.next[at] == END {
                bounds.push(at);
            }
            count += 1;
            at = self.next[at];
        }
        while bounds.len() > 2 {
            let mut merged = vec![bounds[0]];
            let mut k = 0;
            while k + 2 < bounds.len() {
                self.merge(bounds[k], bounds[k + 1], bounds[k + 2], p);
                merged.push(bounds[k + 2]);
                k += 2;
            }
            if k + 1 < bounds.len() {
                merged.push(bounds[k + 1]);
            }
            bounds = merged;
        }
    }

    /// Makes [a, v] and [v, b], both optimal, one optimal interval.
    fn merge(&mut self, a: usize, v: usize, b: usize, p: f64) {
        let (mut left, mut right) =
            (std::mem::take(&mut self.left), std::mem::take(&mut self.right));
        self.running(v, a, true, &mut left);
        self.running(v, b, false, &mut right);
        let mut best = Join { gain: 0.0, from: END, to: END, edge: 0.0 };
        self.try_joins(&left.low, &right.high, p, &mut best);
        self.try_joins(&left.high, &right.low, p, &mut best);
        if best.gain > 0.0 {
            self.link(best.from, best.to, best.edge);
        }
        (self.left, self.right) = (left, right);
    }

    fn try_joins(&self, left: &[(usize, f64)], right: &[(usize, f64)], p: f64, best: &mut Join) {
        let (Some(&(farthest, _)), Some(&(_, least))) = (right.last(), right.first()) else {
            return;
        };
        for &(t, lost_left) in left {
            // The last record is the most extreme: no join from t is worth more.
            if raise(self.x[farthest] - self.x[t], p) - lost_left - least <= best.gain {
                continue;
            }
            for &(s, lost_right) in right {
                let edge = raise(self.x[s] - self.x[t], p);
                let gain = edge - lost_left - lost_right;
                if gain > best.gain {
                    *best = Join { gain, from: t, to: s, edge };
                }
            }
        }
    }

    /// The running extrema beyond v; joins that start or end in v itself cannot gain, since both
    /// intervals are optimal.
    fn running(&self, v: usize, end: usize, left: bool, records: &mut Records) {
        records.low.clear();
        records.high.clear();
        let (mut low, mut high) = (self.x[v], self.x[v]);
        let mut at = v;
        let mut lost = 0.0;
        while at != end {
            if left {
                lost += self.edge[at];
                at = self.previous[at];
            } else {
                at = self.next[at];
                lost += self.edge[at];
            }
            let x = self.x[at];
            if x < low {
                low = x;
                records.low.push((at, lost));
            }
            if x > high {
                high = x;
                records.high.push((at, lost));
            }
        }
    }

    fn total(&self, _p: f64) -> f64 {
        let mut at = self.next[0];
        let mut sum = 0.0;
        while at != END {
            sum += self.edge[at];
            at = self.next[at];
        }
        sum
    }
}

/// An edge that may replace what lies between two points.
struct Join {
    gain: f64,
    from: usize,
    to: usize,
    edge: f64,
}
