//! Random paths for the comparison.

/// splitmix64: small, and the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// `len` points of `dim` coordinates, rows one after another.
pub fn path(kind: &str, len: usize, dim: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let mut data = vec![0.0; len * dim];
    match kind {
        "brownian" => {
            data.iter_mut().for_each(|x| *x = random.normal());
            for i in dim..data.len() {
                data[i] += data[i - dim];
            }
        }
        "iid" => data.iter_mut().for_each(|x| *x = random.normal()),
        "line" => {
            let slope: Vec<f64> = (0..dim).map(|_| random.normal()).collect();
            for (i, x) in data.iter_mut().enumerate() {
                *x = (i / dim) as f64 * slope[i % dim];
            }
        }
        "smooth" => {
            // One sine curve a coordinate, with noise of 1 %: like the weights of a trained net.
            let curves: Vec<[f64; 3]> = (0..dim)
                .map(|_| [random.normal(), 0.5 + random.uniform(), random.uniform()])
                .collect();
            for (i, x) in data.iter_mut().enumerate() {
                let [size, frequency, phase] = curves[i % dim];
                let t = (i / dim) as f64 / len as f64;
                let angle = std::f64::consts::TAU * (frequency * t + phase);
                *x = size * angle.sin() + 0.01 * random.normal();
            }
        }
        other => panic!("unknown kind of path {other}"),
    }
    data
}
