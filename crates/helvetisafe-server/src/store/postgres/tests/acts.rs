//! Administrative acts whose connection is lost at any of their statements.

use super::*;
use crate::store::BootstrapAct;

/// The statements of the act below, from BEGIN to COMMIT.
const STATEMENTS: usize = 8;

fn act() -> (Hash, BootstrapAct) {
    let hash = Hash::of_text(&generate_name("").unwrap());
    (hash, BootstrapAct(hash))
}

/// A second insert of the token would fail.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_happens_once_whichever_statement_is_lost() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, grant) = (Proxy::start(port(&server)), grant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), grant).await;
    for lost in 0..STATEMENTS {
        for before in [true, false] {
            // Prepares the statements of the connection.
            store.act(act().1).await.unwrap();
            let (hash, act) = act();
            proxy.cut_after(lost, before);
            store.act(act).await.unwrap();
            assert!(proxy.has_cut(), "statement {lost}");
            assert!(store.is_bootstrap(hash).await.unwrap(), "{lost} {before}");
        }
    }
}

/// The node believes that the commit was lost. It repeats the act after the server has ended the transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_commit_has_no_effect_of_its_own() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, grant) = (Proxy::start(port(&server)), grant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), grant).await;
    store.act(act().1).await.unwrap();
    let (hash, act) = act();
    proxy.hold_after(STATEMENTS - 1);
    let start = Instant::now();
    store.act(act).await.unwrap();
    assert!(start.elapsed() > Duration::from_secs(1), "it waited");
    server.run("DELETE FROM bootstraps");
    proxy.deliver();
    assert!(!store.is_bootstrap(hash).await.unwrap());
}
