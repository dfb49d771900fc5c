//! Writes at the same time.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::*;

const WRITERS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_creates_succeeds() {
    for world in worlds().await {
        let world = Arc::new(world);
        for name in ["a", "b", "c", "d", "e"] {
            let mut tasks = JoinSet::new();
            for n in 0..WRITERS {
                let world = Arc::clone(&world);
                tasks.spawn(async move {
                    let write = world.write(name, &n.to_string());
                    let created = world.store.create_secret(write).await.unwrap();
                    created.map(|_| n.to_string())
                });
            }
            let created: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
            assert_eq!(created.len(), 1, "{name}");
            assert_eq!(world.read(name).await.unwrap().0, created[0]);
        }
    }
}

/// Each writer reads, and writes if no other has written since. No increment is lost.
#[tokio::test(flavor = "multi_thread")]
async fn conditional_updates_lose_nothing() {
    for world in worlds().await {
        let world = Arc::new(world);
        world.create("a", "0").await;
        let mut tasks = JoinSet::new();
        for _ in 0..WRITERS {
            let world = Arc::clone(&world);
            tasks.spawn(async move {
                for _ in 0..5 {
                    loop {
                        let (value, version) = world.read("a").await.unwrap();
                        let next = value.parse::<usize>().unwrap() + 1;
                        let write = SecretWrite {
                            versions: Some(vec![version]),
                            ..world.write("a", &next.to_string())
                        };
                        let updated = world.store.update_secret(write).await.unwrap();
                        if let Conditional::Done(_) = updated {
                            break;
                        }
                    }
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(world.read("a").await.unwrap().0, (WRITERS * 5).to_string());
    }
}

/// The version that a reader has for a list is that of no other list.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_and_its_version_are_of_one_moment() {
    for world in worlds().await {
        let world = Arc::new(world);
        let mut writers = JoinSet::new();
        for n in 0..4 {
            let world = Arc::clone(&world);
            writers.spawn(async move {
                for m in 0..20 {
                    world.create(&format!("key_{n}_{m}"), "1").await;
                }
            });
        }
        let mut seen: Vec<(ListVersion, HashSet<String>)> = Vec::new();
        while seen.last().is_none_or(|(_, names)| names.len() < 80) {
            let list = world.store.list(world.tenant).await.unwrap();
            let names = list.secrets.into_iter().map(|secret| secret.key).collect();
            for (version, earlier) in &seen {
                assert_eq!(*version == list.version, *earlier == names);
            }
            seen.push((list.version, names));
        }
        writers.join_all().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_and_deletes_at_the_same_time_all_end() {
    for world in worlds().await {
        let world = Arc::new(world);
        let mut tasks = JoinSet::new();
        for n in 0..WRITERS {
            let world = Arc::clone(&world);
            tasks.spawn(async move {
                for _ in 0..10 {
                    match n % 2 {
                        0 => drop(world.store.put_secret(world.write("a", "1")).await.unwrap()),
                        _ => drop(
                            world
                                .store
                                .delete_secret(world.grant(), key("a"), None, None)
                                .await
                                .unwrap(),
                        ),
                    }
                }
            });
        }
        tasks.join_all().await;
    }
}
