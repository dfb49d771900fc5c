use std::time::Duration;

use super::Rate;

/// A token bucket as in the generic cell rate algorithm, ITU-T I.371 annex A: it stores only the time
/// at which it will be full. A new one is full.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes a token, or returns the time until there is one. A refused request takes nothing, so it does
    /// not extend the wait.
    pub(super) fn spend(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        let full_at = self.full_at.max(now).saturating_add(rate.interval());
        let too_much = full_at.saturating_sub(now).saturating_sub(rate.period());
        if !too_much.is_zero() {
            return Err(too_much);
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_followed_by_the_steady_rate() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(4, 8 * SECOND));
        let start = 100 * SECOND;
        for _ in 0..4 {
            assert_eq!(bucket.spend(rate, start), Ok(()));
        }
        assert_eq!(bucket.spend(rate, start), Err(2 * SECOND));
        assert_eq!(bucket.spend(rate, start + SECOND), Err(SECOND));
        assert_eq!(bucket.spend(rate, start + 2 * SECOND), Ok(()));
        assert_eq!(bucket.spend(rate, start + 2 * SECOND), Err(2 * SECOND));
    }

    #[test]
    fn a_refusal_does_not_make_the_wait_longer() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(1, 10 * SECOND));
        bucket.spend(rate, Duration::ZERO).unwrap();
        for _ in 0..1000 {
            assert_eq!(bucket.spend(rate, SECOND), Err(9 * SECOND));
        }
        assert_eq!(bucket.spend(rate, 10 * SECOND), Ok(()));
    }

    #[test]
    fn an_idle_bucket_fills_up_only_to_its_size() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(3, 3 * SECOND));
        for now in [0, 1000] {
            let now = now * SECOND;
            let allowed = (0..10).filter(|_| bucket.spend(rate, now).is_ok()).count();
            assert_eq!(allowed, 3);
        }
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut bucket = Bucket::default();
        let rate = Rate::new(u32::MAX, Duration::MAX);
        assert_eq!(bucket.spend(rate, Duration::MAX), Ok(()));
        let rate = Rate::new(0, Duration::ZERO);
        assert_eq!(Bucket::default().spend(rate, Duration::ZERO), Ok(()));
    }
}
