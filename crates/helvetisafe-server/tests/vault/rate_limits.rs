//! Rate limits, on a clock that the test drives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helvetisafe_server::{NewApiToken, Rate, RateLimits};
use secrecy::ExposeSecret;

use crate::support::{Answer, Site, new_account, site, site_of};
use crate::tenant::{Tenant, log_in};

const LIST: &str = "/api/v1/secrets";

/// A vault whose limits use a clock that only the test advances.
struct Timed {
    site: Site,
    millis: Arc<AtomicU64>,
}

impl Timed {
    fn new(limits: RateLimits) -> Self {
        let millis = Arc::new(AtomicU64::new(0));
        let now = Arc::clone(&millis);
        let clock = move || Duration::from_millis(now.load(Ordering::SeqCst));
        let builder = crate::support::builder()
            .rate_limits(limits)
            .rate_clock(clock);
        Self {
            site: site_of(builder),
            millis,
        }
    }

    fn advance(&self, millis: u64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    fn list(&self) -> Answer {
        self.site.call("GET", LIST, None)
    }

    fn log_in(&self, client_id: &str, secret: &str) -> Answer {
        log_in(self.site.vault.base_url(), client_id, secret)
    }

    /// Fetches a token with the right secret.
    fn right(&self) -> Answer {
        self.site.fetch_token("")
    }

    fn wrong(&self) -> Answer {
        self.log_in(&self.site.account.client_id, "guess")
    }
}

/// Returns a rate of `count` requests per period in seconds.
fn rate(count: u32, seconds: u64) -> Option<Rate> {
    Some(Rate::new(count, Duration::from_secs(seconds)))
}

#[track_caller]
fn throttled(answer: &Answer, seconds: &str) {
    answer.error(429);
    assert_eq!(answer.headers["retry-after"], seconds, "{answer:?}");
}

#[test]
fn requests_over_the_limit_are_429_until_retry_after() {
    let timed = Timed::new(RateLimits {
        requests: rate(4, 10),
        ..RateLimits::off()
    });
    for _ in 0..4 {
        timed.list().success(200);
    }
    // 2.5 s until the next one, rounded up to whole seconds.
    throttled(&timed.list(), "3");
    timed.advance(1600);
    throttled(&timed.list(), "1");
    timed.advance(900);
    timed.list().success(200);
    throttled(&timed.list(), "3");
    timed.advance(3_600_000);
    assert_eq!((0..9).filter(|_| timed.list().status == 200).count(), 4);
}

#[test]
fn all_requests_of_an_account_count_even_refused_ones() {
    let timed = Timed::new(RateLimits {
        requests: rate(6, 60),
        ..RateLimits::off()
    });
    let site = &timed.site;
    let (access, weak) = (site.access_token(), site.new_api_token([]));
    timed.list().success(200);
    site.call_as(&access, "GET", "/api/v1/credentials/org-key", None)
        .success(200);
    site.call_as(&weak, "GET", LIST, None).error(403);
    site.read("absent").error(404);
    site.call("POST", LIST, None).error(415);
    site.call("DELETE", "/api/v1/secrets/absent", None)
        .error(404);
    for token in [&site.token, &access, &weak] {
        throttled(&site.call_as(token, "GET", LIST, None), "10");
    }
    // Requests without a token, or with an unknown one, count for no account.
    site.send("GET", "/health", &[], None).success(200);
    site.call_as("invented", "GET", LIST, None).error(401);
}

#[test]
fn accounts_have_separate_request_limits() {
    let timed = Timed::new(RateLimits {
        requests: rate(1, 60),
        logins: rate(1, 60),
        failed_logins: None,
    });
    let site = &timed.site;
    let colleague = site.vault.new_account(&site.organization, new_account());
    let token = site
        .vault
        .new_api_token(&colleague.unwrap(), NewApiToken::default())
        .unwrap();
    let stranger = Tenant::new(&site.vault);
    timed.list().success(200);
    throttled(&timed.list(), "60");
    site.call_as(token.expose_secret(), "GET", LIST, None)
        .success(200);
    stranger.call("GET", LIST, None).success(200);
    timed.right().success(200);
    throttled(&timed.right(), "60");
    timed
        .log_in(&stranger.account.client_id, stranger.client_secret())
        .success(200);
}

#[test]
fn a_guesser_is_throttled_and_the_owner_is_not() {
    let timed = Timed::new(RateLimits {
        logins: rate(3, 30),
        failed_logins: rate(5, 50),
        ..RateLimits::off()
    });
    for _ in 0..5 {
        timed.wrong().error(401);
    }
    for _ in 0..100 {
        throttled(&timed.wrong(), "10");
        // A client that knows only the client id cannot lock the account out.
    }
    timed.right().success(200);
    timed.right().success(200);
    timed.right().success(200);
    throttled(&timed.right(), "10");
    timed.advance(10_000);
    timed.wrong().error(401);
    throttled(&timed.wrong(), "10");
    timed.right().success(200);
}

#[test]
fn unknown_and_known_clients_get_the_same_refusals() {
    let timed = Timed::new(RateLimits {
        failed_logins: rate(3, 30),
        ..RateLimits::off()
    });
    let known = timed.site.account.client_id.clone();
    let of = |client_id: &str| -> Vec<(u16, String)> {
        (0..6)
            .map(|_| timed.log_in(client_id, "guess"))
            .map(|answer| (answer.status, answer.body.to_string()))
            .collect()
    };
    assert_eq!(of(&known), of("hs_client_invented"));
    let statuses: Vec<u16> = of("another").iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
}

#[test]
fn invented_client_ids_do_not_lock_real_clients_out() {
    let timed = Timed::new(RateLimits {
        logins: rate(10, 10),
        failed_logins: rate(1, 3600),
        ..RateLimits::off()
    });
    for n in 0..300 {
        let status = timed.log_in(&format!("invented_{n}"), "guess").status;
        assert!([401, 429].contains(&status), "{status}");
    }
    timed.right().success(200);
}

#[test]
fn the_defaults_let_an_eager_client_through_and_stop_a_guesser() {
    let site = site();
    for _ in 0..300 {
        site.call("GET", LIST, None).success(200);
    }
    for _ in 0..60 {
        site.fetch_token("").success(200);
    }
    let base_url = site.vault.base_url();
    let wrong = || log_in(base_url, &site.account.client_id, "guess").status;
    let start = std::time::Instant::now();
    let allowed = (0..200).filter(|_| wrong() == 401).count();
    let refilled = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    assert!((20..=20 + refilled).contains(&allowed), "{allowed}");
    site.fetch_token("").success(200);
}

#[test]
fn without_limits_nothing_is_throttled() {
    let timed = Timed::new(RateLimits::off());
    for _ in 0..100 {
        timed.list().success(200);
        timed.right().success(200);
        timed.wrong().error(401);
    }
}
