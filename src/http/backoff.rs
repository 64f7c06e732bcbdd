//! How long to wait when nobody said how long.

use std::time::Duration;

use rand::Rng;

const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(60);

/// Returns the wait before the attempt that follows `failed` failed ones (from 1): doubling from
/// one second up to a minute, of which a random part of up to a half is taken away, so that
/// workers that failed together do not come back together.
pub(super) fn delay(failed: u32, rng: &mut impl Rng) -> Duration {
    let doublings = failed.saturating_sub(1).min(16);
    let full = BASE.saturating_mul(1 << doublings).min(CAP);
    full.mul_f64(rng.random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn doubles_up_to_a_minute() {
        let mut rng = StdRng::seed_from_u64(7);
        for (failed, full) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (4_000_000, 60)] {
            let full = Duration::from_secs(full);
            for _ in 0..100 {
                let delay = delay(failed, &mut rng);
                assert!(delay <= full && delay >= full / 2, "{failed}: {delay:?}");
            }
        }
    }
}
