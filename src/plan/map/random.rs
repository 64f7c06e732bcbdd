//! Chance that is an argument: the same seed gives the same numbers.

/// The generator xoshiro256++ of Blackman and Vigna.
pub(super) struct Random([u64; 4]);

impl Random {
    /// Starts from a seed. Every bit of it counts.
    pub fn new(seed: [u8; 32]) -> Self {
        let mut state = [0_u64; 4];
        for (word, bytes) in state.iter_mut().zip(seed.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        // All zero would stay zero. Adding a constant moves that hole to a seed nobody has.
        for (word, constant) in state.iter_mut().zip(GOLDEN) {
            *word = word.wrapping_add(constant);
        }
        let mut random = Self(state);
        // Seeds that differ in few bits part within a few steps.
        for _ in 0..16 {
            random.next();
        }
        random
    }

    /// Returns the next 64 bits.
    pub fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Returns a number below `bound`, each as likely as the others; 0 for no bound.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        if bound == 0 {
            return 0;
        }
        // What is above the last full multiple of the bound would favour small numbers.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let drawn = self.next();
            if drawn < limit {
                return (drawn % bound) as usize;
            }
        }
    }
}

/// The fraction of the golden ratio and multiples of it.
const GOLDEN: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0x3c6e_f372_fe94_f82a, 0xdaa6_6d2c_7ddf_743f, 0x78dd_e6e5_fd29_f054];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw([7; 32]), draw([7; 32]));
        assert_ne!(draw([7; 32]), draw([8; 32]));
        let mut last = [7; 32];
        last[31] = 6;
        assert_ne!(draw([7; 32]), draw(last));
    }

    #[test]
    fn numbers_stay_below_the_bound_and_reach_all() {
        let mut random = Random::new([0; 32]);
        let mut seen = [0; 7];
        for _ in 0..700 {
            seen[random.below(7)] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
