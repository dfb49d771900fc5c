use super::*;
use AttemptFailure::{DeadConnection, Lost, NotSent, Unreadable, Untrusted};
use Verdict::{Confirm, GiveUp, NewCredential, NewerCredential, ReadBack, RetryAtOnce};
use proptest::prelude::*;

const AGAIN: Verdict = Verdict::Retry(BackOff::Normal);
const THROTTLED: Verdict = Verdict::Retry(BackOff::Throttled);
const REPEATS: [Repeat; 6] = [
    Repeat::Read,
    Repeat::Token,
    Repeat::Update,
    Repeat::Delete,
    Repeat::Create,
    Repeat::UpdateIf,
];

fn status(code: u16, has_retry_after: bool) -> AttemptFailure {
    let status = StatusCode::from_u16(code).unwrap();
    AttemptFailure::Status {
        kind: Kind::from(status),
        status,
        has_retry_after,
    }
}

/// The table of `docs/behaviour.md`, row by row: read, token, update, delete, create, update with a version.
#[test]
fn the_decision_is_the_documented_table() {
    let unless_create = |verdict| [verdict, verdict, verdict, verdict, ReadBack, ReadBack];
    let unless_token = |verdict| [verdict, GiveUp, verdict, verdict, verdict, verdict];
    let mut rows = vec![
        (NotSent, [AGAIN; 6]),
        (Untrusted, [GiveUp; 6]),
        (DeadConnection, unless_create(RetryAtOnce)),
        (Lost, unless_create(AGAIN)),
        (Unreadable, unless_create(GiveUp)),
        (status(503, true), [AGAIN; 6]),
        (status(429, false), [THROTTLED; 6]),
        (status(429, true), [THROTTLED; 6]),
        (status(401, false), unless_token(NewCredential)),
        (status(403, false), unless_token(NewerCredential)),
    ];
    for code in [408, 500, 502, 503, 504] {
        rows.push((status(code, false), unless_create(AGAIN)));
    }
    for code in [408, 500, 502, 504] {
        rows.push((status(code, true), unless_create(AGAIN)));
    }
    for code in [
        300, 301, 302, 304, 307, 308, 400, 404, 405, 409, 410, 412, 413, 415, 422, 501,
    ] {
        rows.push((status(code, false), [GiveUp; 6]));
    }
    for (failure, verdicts) in rows {
        for (repeat, expected) in REPEATS.into_iter().zip(verdicts) {
            let verdict = judge(repeat, failure.effect(), failure);
            assert_eq!(verdict, expected, "{repeat:?} after {failure:?}");
        }
    }
}

#[test]
fn reads_move_after_an_outage_and_writes_only_if_nothing_was_sent() {
    let is_read = |repeat| matches!(repeat, Repeat::Read | Repeat::Token);
    for repeat in REPEATS {
        assert!(may_move(repeat, Effect::None, NotSent));
        for failure in [Lost, status(500, false), status(503, true)] {
            let may = may_move(repeat, failure.effect(), failure);
            assert_eq!(may, is_read(repeat), "{repeat:?} after {failure:?}");
        }
        // An earlier attempt may have had its effect.
        assert_eq!(may_move(repeat, Effect::Pending, NotSent), is_read(repeat));
        for failure in [
            Untrusted,
            DeadConnection,
            Unreadable,
            status(401, false),
            status(404, false),
            status(429, true),
        ] {
            let may = may_move(repeat, failure.effect(), failure);
            assert!(!may, "{repeat:?} after {failure:?}");
        }
    }
}

#[test]
fn a_repeated_write_may_meet_its_own_effect() {
    for effect in [Effect::Possible, Effect::Pending] {
        for repeat in REPEATS {
            let confirms = |code| judge(repeat, effect, status(code, false)) == Confirm;
            assert_eq!(confirms(404), repeat == Repeat::Delete, "{repeat:?}");
            assert_eq!(confirms(409), repeat == Repeat::Create, "{repeat:?}");
            assert_eq!(confirms(412), repeat == Repeat::UpdateIf, "{repeat:?}");
        }
    }
}

#[test]
fn a_write_is_unknown_until_an_answer_settles_it() {
    let unknown = |effect, last| REPEATS.map(|repeat| is_unknown(repeat, effect, last));
    let (none, writes) = ([false; 6], [false, false, true, true, true, true]);
    let not_create = [false, false, true, true, false, false];
    for last in [None, Some(NotSent), Some(Untrusted)] {
        assert_eq!(unknown(Effect::None, last), none);
        assert_eq!(unknown(Effect::Possible, last), not_create);
        assert_eq!(unknown(Effect::Pending, last), writes);
    }
    for last in [DeadConnection, Lost, Unreadable] {
        assert_eq!(unknown(Effect::Pending, Some(last)), writes);
    }
    for code in [301, 401, 403, 408, 412, 429, 500, 501, 503] {
        let last = Some(status(code, false));
        assert_eq!(unknown(Effect::Possible, last), none, "{code}");
        assert_eq!(unknown(Effect::Pending, last), writes, "{code}");
    }
    for code in [400, 404, 409, 422] {
        assert_eq!(unknown(Effect::Pending, Some(status(code, false))), none);
    }
}

#[test]
fn the_back_off_doubles_up_to_its_bound() {
    let policy = RetryPolicy::default();
    let longest = |back_off, failures| {
        let endless = Duration::from_secs(60);
        wait(&policy, back_off, failures, None, endless, 1.0)
            .unwrap()
            .as_millis()
    };
    assert_eq!(
        [0, 1, 2, 6, 7, 40].map(|n| longest(BackOff::Normal, n)),
        [50, 100, 200, 3200, 5000, 5000]
    );
    assert_eq!(
        [0, 1, 2, 3].map(|n| longest(BackOff::Throttled, n)),
        [1000, 2000, 4000, 5000]
    );
    assert_eq!(
        wait(&policy, BackOff::Normal, 3, None, Duration::ZERO, 0.0),
        Ok(Duration::ZERO)
    );
}

#[test]
fn no_jitter_and_no_base_makes_it_panic() {
    let endless = Duration::MAX;
    let policy = RetryPolicy {
        base: endless,
        max_back_off: endless,
        ..Default::default()
    };
    for jitter in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1.0] {
        for policy in [policy, RetryPolicy::default()] {
            let _ = wait(&policy, BackOff::Normal, u32::MAX, None, endless, jitter);
        }
    }
}

#[test]
fn a_server_can_lengthen_the_wait_but_not_without_bound() {
    let policy = RetryPolicy::default();
    let seconds = Duration::from_secs;
    let wait = |asked, remaining| {
        super::wait(
            &policy,
            BackOff::Throttled,
            0,
            Some(seconds(asked)),
            seconds(remaining),
            0.5,
        )
    };
    assert_eq!(wait(7, 30), Ok(seconds(7)));
    assert_eq!(wait(0, 30), Ok(Duration::from_millis(500)));
    assert_eq!(wait(30, 30), Ok(seconds(30)));
    assert_eq!(wait(31, 60), Err(WaitTooLong { wait: seconds(31) }));
    assert_eq!(wait(8, 7), Err(WaitTooLong { wait: seconds(8) }));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let now = httpdate::parse_http_date("Mon, 23 Nov 2026 12:00:00 GMT").unwrap();
    let asked = |retry: &str, date: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers, now).map(|wait| wait.as_secs())
    };
    assert_eq!(asked("5", None), Some(5));
    assert_eq!(asked("99999999999999999999999", None), Some(u64::MAX));
    assert_eq!(asked("Mon, 23 Nov 2026 12:00:09 GMT", None), Some(9));
    assert_eq!(
        asked(
            "Mon, 23 Nov 2026 12:00:09 GMT",
            Some("Mon, 23 Nov 2026 12:00:06 GMT")
        ),
        Some(3)
    );
    assert_eq!(asked("Mon, 23 Nov 2026 11:00:00 GMT", None), Some(0));
    assert_eq!(
        ["", "-1", "1.5", "soon"].map(|text| asked(text, None)),
        [None; 4]
    );
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

#[test]
fn a_date_is_read_where_there_is_one() {
    let mut headers = HeaderMap::new();
    assert_eq!(date(&headers), None);
    headers.insert(DATE, "Thu, 01 Jan 1970 00:01:00 GMT".parse().unwrap());
    assert_eq!(
        date(&headers),
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60))
    );
    headers.insert(DATE, "yesterday".parse().unwrap());
    assert_eq!(date(&headers), None);
}

proptest! {
    #[test]
    fn no_wait_is_longer_than_what_remains(
        failures: u32, asked in proptest::option::of(0_u64..100), remaining in 0_u64..100,
        jitter in 0.0_f64..1.0, throttled: bool,
    ) {
        let back_off = if throttled { BackOff::Throttled } else { BackOff::Normal };
        let (asked, remaining) = (asked.map(Duration::from_secs), Duration::from_secs(remaining));
        match wait(&RetryPolicy::default(), back_off, failures, asked, remaining, jitter) {
            Ok(wait) => prop_assert!(wait <= remaining && Some(wait) >= asked),
            Err(WaitTooLong { wait }) => prop_assert!(wait > remaining || wait > Duration::from_secs(30)),
        }
    }
}
