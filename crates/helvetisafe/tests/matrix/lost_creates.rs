//! A create whose answer was lost, in every way: the read-back decides. The table covers a read-back
//! that finds the own secret or none; here it finds that of another client, or is forbidden.

use std::collections::BTreeSet;

use helvetisafe::{ErrorKind, Scope};
use helvetisafe_server::NewAccount;
use helvetisafe_test_support::{AnyClient, ClientKind};

use crate::bench::Bench;
use crate::document::{Column, Rule, Table};
use crate::event::Event;
use crate::model::{Case, Course, Outcome};
use crate::verb::{By, Verb};

#[test]
fn an_existing_secret_of_another_client_is_a_conflict() {
    // Another client was faster, and the vault's 409 is lost too.
    let before = |client: &dyn AnyClient, name: &str| drop(client.create(name, "theirs").unwrap());
    for &kind in ClientKind::ALL {
        let bench = Bench::with(kind, NewAccount::default());
        play(bench, before, ErrorKind::Conflict);
    }
}

#[test]
fn a_create_that_cannot_be_read_back_is_ambiguous() {
    let scopes = [
        Scope::SecretsWrite,
        Scope::SecretsList,
        Scope::CredentialsRead,
    ];
    for &kind in ClientKind::ALL {
        let bench = Bench::with(kind, NewAccount::default().scopes(scopes));
        play(bench, |_, _| {}, ErrorKind::Ambiguous);
    }
}

/// Every event that is followed by a read-back, with both authentications.
fn play(mut bench: Bench, before: fn(&dyn AnyClient, &str), kind: ErrorKind) {
    let table = Table::of_the_document();
    let (mut number, mut rows) = (0, BTreeSet::new());
    for row in &table.rows {
        for event in Event::of_row(&row.what) {
            let rule = table.rule(row, Column::Create, &event);
            if !matches!(rule, Rule::ReadBack | Rule::ReadBackOrAmbiguous) {
                continue;
            }
            rows.insert(&row.what);
            for by in [By::ServiceAccount, By::ApiToken] {
                number += 1;
                let case = Case {
                    verb: Verb::Create,
                    by,
                    event: event.clone(),
                    rule,
                    lost: rule,
                    attempt: Some(1),
                };
                let is_new = kind != ErrorKind::Conflict;
                let expected = Course {
                    requests: 1,
                    read_backs: 1,
                    tokens: 0,
                    waits: Vec::new(),
                    outcome: Outcome::Failure {
                        kind,
                        is_retryable: false,
                        retry_after: None,
                    },
                    acts: usize::from(event.acted() && is_new),
                };
                assert_eq!(bench.play_after(number, &case, before), expected, "{case}");
            }
        }
    }
    assert_eq!(rows.len(), 4, "{rows:?}");
}
