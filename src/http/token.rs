//! One access token for many workers.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::clock::Clock;

/// A token is replaced this long before its end.
const EARLY: Duration = Duration::from_secs(300);

/// Keeps a token in memory and fetches the next one in time.
///
/// # Guarantees
/// At most one fetch goes on at any time; those who come meanwhile wait for it and share what it
/// brings.
pub struct TokenCache<T> {
    clock: Arc<dyn Clock>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The number of tokens fetched so far.
    generation: u64,
    held: Option<(T, Duration)>,
}

/// A token as it was fetched.
pub struct Fetched<T> {
    /// The token.
    pub value: T,
    /// How long it is good for, as the service says.
    pub expires_in: Duration,
}

impl<T: Clone> TokenCache<T> {
    /// Starts with no token.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::new(State { generation: 0, held: None }) }
    }

    /// Returns the token and its generation; fetches one if there is none, or if the last one
    /// ends within five minutes (or is past half of a shorter life).
    ///
    /// # Errors
    /// What `fetch` failed with; the next call tries again.
    pub async fn get<E, F, Fut>(&self, fetch: F) -> Result<(T, u64), E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Fetched<T>, E>>,
    {
        let mut state = self.state.lock().await;
        if let Some((value, until)) = &state.held
            && self.clock.monotonic() < *until
        {
            return Ok((value.clone(), state.generation));
        }
        state.held = None;
        // The life of a token counts from before the request: it cannot have begun earlier.
        let asked = self.clock.monotonic();
        let fetched = fetch().await?;
        let good_for = fetched.expires_in.saturating_sub(EARLY).max(fetched.expires_in / 2);
        state.generation += 1;
        state.held = Some((fetched.value.clone(), asked.saturating_add(good_for)));
        Ok((fetched.value, state.generation))
    }

    /// Forgets the token of generation `seen`, which the service refused. A newer one is kept: of
    /// twenty workers that hold the same dead token, only one causes a fetch.
    pub async fn invalidate(&self, seen: u64) {
        let mut state = self.state.lock().await;
        if state.generation == seen {
            state.held = None;
        }
    }
}

/// Returns whether a text can be a token: visible, and of characters that a header carries.
pub fn is_token(text: &str) -> bool {
    !text.trim().is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

impl<T> std::fmt::Debug for TokenCache<T> {
    /// Never shows the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::clock::JumpClock;

    struct Shop {
        clock: Arc<JumpClock>,
        cache: TokenCache<String>,
        fetches: AtomicU64,
        expires_in: Duration,
    }

    impl Shop {
        fn new(expires_in: u64) -> Arc<Self> {
            let clock = Arc::new(JumpClock::new(Default::default()));
            Arc::new(Self {
                cache: TokenCache::new(clock.clone()),
                clock,
                fetches: AtomicU64::new(0),
                expires_in: Duration::from_secs(expires_in),
            })
        }

        async fn get(&self) -> (String, u64) {
            let fetch = || async {
                let number = self.fetches.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::task::yield_now().await;
                let value = format!("token {number}");
                Ok::<_, Infallible>(Fetched { value, expires_in: self.expires_in })
            };
            self.cache.get(fetch).await.unwrap()
        }
    }

    #[tokio::test]
    async fn twenty_workers_cause_one_fetch_and_one_refresh() {
        let shop = Shop::new(28_800);
        for round in 1..=2u64 {
            let workers: Vec<_> = (0..20)
                .map(|_| {
                    let shop = shop.clone();
                    tokio::spawn(async move {
                        let (token, generation) = shop.get().await;
                        assert_eq!(token, format!("token {generation}"));
                        generation
                    })
                })
                .collect();
            for worker in workers {
                let seen = worker.await.unwrap();
                assert_eq!(seen, round);
            }
            // All twenty were refused with this token, and all say so, some of them late.
            for _ in 0..20 {
                shop.cache.invalidate(round).await;
            }
            assert_eq!(shop.get().await.1, round + 1);
            shop.cache.invalidate(round).await;
            assert_eq!(shop.fetches.load(Ordering::SeqCst), round + 1);
        }
    }

    #[tokio::test]
    async fn refreshes_five_minutes_early_or_at_half_life() {
        for (expires_in, still_good) in [(28_800, 28_499), (120, 59)] {
            let shop = Shop::new(expires_in);
            shop.get().await;
            shop.clock.advance(Duration::from_secs(still_good));
            assert_eq!(shop.get().await.1, 1);
            shop.clock.advance(Duration::from_secs(1));
            assert_eq!(shop.get().await.1, 2);
        }
    }

    #[tokio::test]
    async fn a_failed_fetch_is_tried_again() {
        let clock = Arc::new(JumpClock::new(Default::default()));
        let cache: TokenCache<u8> = TokenCache::new(clock);
        let refused = cache.get(|| async { Err::<Fetched<u8>, _>("refused") }).await;
        assert_eq!(refused, Err("refused"));
        let expires_in = Duration::from_secs(60);
        let good = cache.get(|| async { Ok::<_, &str>(Fetched { value: 9, expires_in }) }).await;
        assert_eq!(good, Ok((9, 1)));
    }
}
