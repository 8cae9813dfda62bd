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
    let mut points = vec![path[0]];
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
}

const END: usize = usize::MAX;

impl List {
    fn new(x: Vec<f64>) -> Self {
        let len = x.len();
        let next = (0..len).map(|i| if i + 1 < len { i + 1 } else { END }).collect();
        let previous = (0..len).map(|i| i.wrapping_sub(1)).collect();
        Self { edge: vec![0.0; len], x, next, previous }
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
            let joined = raise(self.x[d] - self.x[at], p);
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
        // Running extrema to the left of v (and v), by kind, with the sum of the edges up to v.
        let left = self.running(v, a, true);
        let right = self.running(v, b, false);
        let mut best = (0.0, END, END);
        for &(low, t, lost_left) in &left {
            for &(high, s, lost_right) in &right {
                if low == high || t == s {
                    continue;
                }
                let gain = raise(self.x[s] - self.x[t], p) - lost_left - lost_right;
                if gain > best.0 {
                    best = (gain, t, s);
                }
            }
        }
        let (gain, t, s) = best;
        if gain > 0.0 {
            let joined = raise(self.x[s] - self.x[t], p);
            self.link(t, s, joined);
        }
    }

    /// (is a minimum, point, sum of edges between it and v) for the running extrema from v on.
    fn running(&self, v: usize, end: usize, left: bool) -> Vec<(bool, usize, f64)> {
        let mut records = vec![];
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut at = v;
        let mut lost = 0.0;
        loop {
            let x = self.x[at];
            if x < low {
                low = x;
                records.push((true, at, lost));
            }
            if x > high {
                high = x;
                records.push((false, at, lost));
            }
            if at == end {
                return records;
            }
            if left {
                lost += self.edge[at];
                at = self.previous[at];
            } else {
                at = self.next[at];
                lost += self.edge[at];
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
