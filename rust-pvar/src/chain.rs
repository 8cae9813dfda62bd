//! The outcome of the recursion: for each point the p-variation up to it and its predecessor.

/// V_j = max over i < j of V_i + d(i, j)^p for every j, with the source i that attains it.
///
/// Among sources of equal value the latest one is kept.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// V_j, in the units of the recursion.
    pub value: Vec<f64>,
    /// d(source, j)^p, the last term of V_j.
    pub term: Vec<f64>,
    /// The source of j; 0 for the first point.
    pub source: Vec<u32>,
}

impl Chain {
    /// A chain of `len` points; nothing but the first point (value 0) is meaningful yet.
    pub fn reset(&mut self, len: usize) {
        self.value.clear();
        self.value.resize(len, 0.0);
        self.term.clear();
        self.term.resize(len, 0.0);
        self.source.clear();
        self.source.resize(len, 0);
    }

    /// The indices of one maximising partition of the whole path, first and last point included.
    #[must_use]
    pub fn partition(&self) -> Vec<usize> {
        let mut indices = vec![self.source.len() - 1];
        let mut at = self.source.len() - 1;
        while at > 0 {
            at = self.source[at] as usize;
            indices.push(at);
        }
        indices.reverse();
        indices
    }

    /// V_j with the rounding errors of the sums removed; nondecreasing, as they are.
    #[must_use]
    pub fn accurate_values(&self) -> Vec<f64> {
        let mut high = vec![0.0_f64; self.source.len()];
        let mut low = vec![0.0_f64; self.source.len()];
        for j in 1..self.source.len() {
            let i = self.source[j] as usize;
            let sum = high[i] + self.term[j];
            let rest = sum - high[i];
            low[j] = low[i] + ((high[i] - (sum - rest)) + (self.term[j] - rest));
            high[j] = sum;
        }
        // Chains of different terms to nearly equal values may still differ in their last bit.
        let mut most = 0.0_f64;
        let values = high.iter().zip(&low).map(|(h, l)| {
            most = most.max(h + l);
            most
        });
        values.collect()
    }
}

/// The partition of a path of `len` points that a partition of its distinct rows stands for.
pub(crate) fn of_rows(mut partition: Vec<usize>, rows: Option<&[u32]>, len: usize) -> Vec<usize> {
    if let Some(rows) = rows {
        partition.iter_mut().for_each(|i| *i = rows[*i] as usize);
        if let Some(last) = partition.last_mut() {
            *last = len - 1;
        }
    }
    partition
}
