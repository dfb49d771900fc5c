use helvetisafe_proto::endpoint::Page;

use super::*;

/// A collation would put "a" before "B", and "_" anywhere.
const NAMES: [&str; 6] = ["A", "B", "Z_1", "_x", "a", "z"];

#[tokio::test]
async fn a_list_is_ordered_by_bytes() {
    for world in worlds().await {
        assert_eq!(world.list().await, [""; 0]);
        for name in ["z", "a", "_x", "B", "A", "Z_1"] {
            world.create(name, "1").await;
        }
        assert_eq!(world.list().await, NAMES);
    }
}

#[tokio::test]
async fn pages_join_to_the_list() {
    for world in worlds().await {
        for name in NAMES {
            world.create(name, "1").await;
        }
        for limit in [1, 2, 5, 6, 7] {
            let (mut names, mut after): (Vec<String>, _) = (Vec::new(), None);
            loop {
                let page = Page {
                    after: after.clone(),
                    limit,
                };
                let page = world.store.list_page(world.tenant, page).await.unwrap();
                assert!(page.len() <= limit as usize);
                let Some(last) = page.last() else { break };
                after = Some(key(&last.key));
                names.extend(page.into_iter().map(|secret| secret.key));
            }
            assert_eq!(names, NAMES, "{limit}");
        }
    }
}

#[tokio::test]
async fn every_change_gives_the_list_another_version_and_a_failed_write_does_not() {
    for world in worlds().await {
        let store = &world.store;
        let version = async || store.list_version(world.tenant).await.unwrap().0;
        let mut seen = vec![version().await];
        world.create("a", "1").await;
        seen.push(version().await);
        store.update_secret(world.write("a", "2")).await.unwrap();
        seen.push(version().await);
        store.put_secret(world.write("a", "3")).await.unwrap();
        seen.push(version().await);
        store
            .delete_secret(world.grant(), key("a"), None, None)
            .await
            .unwrap();
        seen.push(version().await);
        for (index, version) in seen.iter().enumerate() {
            assert!(!seen[..index].contains(version), "{index}");
        }

        let before = version().await;
        store.update_secret(world.write("a", "2")).await.unwrap();
        store
            .delete_secret(world.grant(), key("a"), None, None)
            .await
            .unwrap();
        world.read("a").await;
        assert_eq!(version().await, before);
    }
}

#[tokio::test]
async fn the_time_of_a_list_is_the_databases() {
    for world in worlds().await {
        let (_, now) = world.store.list_version(world.tenant).await.unwrap();
        let read_at = world.store.list(world.tenant).await.unwrap().read_at;
        assert!(read_at >= now);
        let probe = world.store.probe().await.unwrap();
        assert!(probe.now >= read_at);
        let is_replicated = matches!(
            probe.replication,
            Some(Replication::On | Replication::Stuck(_))
        );
        assert!(!is_replicated, "there is no standby");
    }
}
