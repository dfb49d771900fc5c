//! The conditions of faults, and their log.

use helvetisafe_server::faults::{Fault, Faults, Handled, Requests, Route, StatusCode, Verb};

use crate::support::{secret, site, site_of};

fn gone() -> Fault {
    Fault::status(StatusCode::BAD_GATEWAY)
}

#[test]
fn a_rule_applies_to_its_route_only() {
    let calls = [
        (Route::OrgKey, "GET", "/api/v1/credentials/org-key", None),
        (
            Route::PrivateKey,
            "GET",
            "/api/v1/credentials/private-key",
            None,
        ),
        (Route::List, "GET", "/api/v1/secrets", None),
        (Route::Create, "POST", "/api/v1/secrets", Some(secret("a"))),
        (Route::Read, "GET", "/api/v1/secrets/a", None),
        (Route::Update, "PUT", "/api/v1/secrets/a", Some(secret("a"))),
        (Route::Put, "POST", "/api/v1/secrets/a", Some(secret("a"))),
        (Route::Delete, "DELETE", "/api/v1/secrets/a", None),
        (Route::Token, "POST", "/oauth/token", None),
    ];
    for (broken, ..) in &calls {
        let site = site();
        site.faults.on(*broken).then(gone());
        for (route, method, path, body) in &calls {
            let status = site.call(method, path, body.as_ref()).status();
            assert_eq!(
                status == 502,
                route == broken,
                "{route:?} while {broken:?} is broken"
            );
            assert_eq!(site.faults.count(*route), 1);
        }
        let routes: Vec<_> = site.faults.log().iter().map(|seen| seen.route).collect();
        assert_eq!(routes, calls.clone().map(|(route, ..)| Some(route)));
    }
}

#[test]
fn a_rule_can_apply_to_one_secret() {
    let site = site();
    site.faults.on(Requests::about("a")).then(gone());
    site.faults.on(Verb::Read.of("b")).then(gone());
    assert_eq!(site.create("a").status(), 502);
    assert_eq!(site.create("b").status(), 201);
    assert_eq!(site.read("a").status(), 502);
    assert_eq!(site.read("b").status(), 502);
    assert_eq!(site.call("DELETE", "/api/v1/secrets/b", None).status(), 204);
    assert_eq!(site.list().status(), 200);
    let keys: Vec<_> = site.faults.log().into_iter().map(|seen| seen.key).collect();
    let (a, b) = (Some("a".to_owned()), Some("b".to_owned()));
    assert_eq!(keys, [a.clone(), b.clone(), a, b.clone(), b, None]);
}

#[test]
fn a_rule_for_any_request_includes_unknown_paths() {
    let site = site();
    site.faults.on(Requests::any()).then(gone());
    assert_eq!(
        site.call("GET", "/elsewhere?token=canary", None).status(),
        502
    );
    let log = site.faults.log();
    assert_eq!((log[0].route, log[0].path.as_str()), (None, "/elsewhere"));
    assert_eq!(
        (log[0].method.as_str(), log[0].vault),
        ("GET", Handled::Never)
    );
}

#[test]
fn a_rule_can_skip_requests_and_act_a_limited_number_of_times() {
    let site = site();
    site.faults.on(Route::List).after(2).times(2).then(gone());
    let statuses: Vec<_> = (0..6).map(|_| site.list().status()).collect();
    assert_eq!(statuses, [200, 200, 502, 502, 200, 200]);
}

#[test]
fn rules_apply_in_the_order_in_which_they_were_added() {
    let site = site();
    site.faults.on(Route::List).once().then(gone());
    site.faults
        .on(Route::List)
        .times(2)
        .then(Fault::status(StatusCode::CONFLICT));
    site.faults
        .on(Route::List)
        .after(1)
        .then(Fault::status(StatusCode::GONE));
    let statuses: Vec<_> = (0..6).map(|_| site.list().status()).collect();
    assert_eq!(statuses, [502, 409, 409, 200, 410, 410]);
    site.faults.clear();
    assert_eq!(site.list().status(), 200);
    assert_eq!(site.faults.log().len(), 7, "the log stays");
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let run = |seed| {
        let site = site_of(Faults::seeded(seed));
        site.faults.on(Route::List).percent(30).then(gone());
        (0..60).map(|_| site.list().status()).collect::<Vec<_>>()
    };
    let first = run(7);
    assert!(first.contains(&200) && first.contains(&502));
    assert_eq!(first, run(7));
    assert_ne!(first, run(8));
}

#[test]
fn the_log_has_each_action_and_no_secret() {
    let site = site();
    site.faults
        .on(Route::Create)
        .once()
        .then(Fault::reset_after_acting());
    site.create("a");
    assert_eq!(site.create("a").status(), 409);
    assert_eq!(site.read("b").status(), 404);
    let did: Vec<_> = site.faults.log().iter().map(|seen| seen.vault).collect();
    let answered = |status| Handled::Answered(StatusCode::from_u16(status).unwrap());
    assert_eq!(did, [answered(201), answered(409), answered(404)]);
    assert_eq!(
        site.faults.writes().len(),
        1,
        "a write that was refused is none"
    );
    let shown = format!("{:?} {:?}", site.faults.log(), site.faults);
    assert!(!shown.contains(&site.token) && !shown.contains(crate::support::VALUE));
}
