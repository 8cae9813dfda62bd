//! Powers of distances.

/// x -> x^p for one exponent p >= 1, with own code for the common ones.
#[derive(Clone, Copy, Debug)]
pub struct Power {
    p: f64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    One,
    ThreeHalves,
    Two,
    Three,
    Four,
    Other,
}

impl Power {
    /// The power with exponent `p`.
    #[must_use]
    pub fn new(p: f64) -> Self {
        let kind = match p {
            1.0 => Kind::One,
            1.5 => Kind::ThreeHalves,
            2.0 => Kind::Two,
            3.0 => Kind::Three,
            4.0 => Kind::Four,
            _ => Kind::Other,
        };
        Self { p, kind }
    }

    /// The exponent.
    #[must_use]
    pub fn exponent(self) -> f64 {
        self.p
    }

    /// `distance`^p.
    #[must_use]
    #[inline]
    pub fn of(self, distance: f64) -> f64 {
        match self.kind {
            Kind::One => distance,
            Kind::ThreeHalves => distance * distance.sqrt(),
            Kind::Two => distance * distance,
            Kind::Three => distance * distance * distance,
            Kind::Four => {
                let square = distance * distance;
                square * square
            }
            Kind::Other => distance.powf(self.p),
        }
    }

    /// `square`^(p/2): the power of a distance given by its square.
    #[must_use]
    #[inline]
    pub fn of_square(self, square: f64) -> f64 {
        match self.kind {
            Kind::One => square.sqrt(),
            Kind::ThreeHalves => {
                let distance = square.sqrt();
                distance * distance.sqrt()
            }
            Kind::Two => square,
            Kind::Three => square * square.sqrt(),
            Kind::Four => square * square,
            Kind::Other => square.powf(self.p * 0.5),
        }
    }

    /// `power`^(1/p): the distance that a power came from.
    #[must_use]
    #[inline]
    pub fn root(self, power: f64) -> f64 {
        match self.kind {
            Kind::One => power,
            Kind::Two => power.sqrt(),
            Kind::Four => power.sqrt().sqrt(),
            Kind::Three => power.cbrt(),
            _ => power.powf(self.p.recip()),
        }
    }
}
