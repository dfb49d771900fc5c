//! A client with the addresses of three nodes, without a load balancer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use helvetisafe::ErrorKind;

use super::application::connect;
use super::nodes::Node;
use super::world::World;

#[test]
fn a_client_with_several_addresses_goes_on_when_a_node_is_killed() {
    let Some(database) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = database.url();
    let world = World::new(&url, 0);
    let mut nodes: Vec<_> = (0..3).map(|_| Node::start(&url)).collect();
    let urls: Vec<_> = nodes.iter().map(Node::url).collect();
    let client = connect(&world.account, &urls);
    client.secrets().put("read", "value", None).unwrap();

    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let mut reads = 0;
            while !is_over.load(Ordering::SeqCst) {
                // Each of them succeeds.
                assert_eq!(
                    client.secrets().get("read").unwrap().expose_secret(),
                    "value"
                );
                reads += 1;
            }
            reads
        };
        let write = || {
            let (mut last, mut unknown) = (0, 0);
            for n in 0.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                match client.secrets().put("written", n.to_string(), None) {
                    Ok(_) => last = n,
                    // A write that was on its way stays at its node.
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
                        unknown += 1;
                    }
                }
                let read = client.secrets().get("written").unwrap();
                let read: i32 = read.expose_secret().parse().unwrap();
                assert!(read == last || read == n, "{read}, not {last} or {n}");
                last = read;
            }
            (last, unknown)
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        let writer = scope.spawn(write);
        for node in &mut nodes[..2] {
            thread::sleep(Duration::from_secs(1));
            node.kill();
        }
        thread::sleep(Duration::from_secs(1));
        let list = client.secrets().list();
        let write = client.secrets().put("last", "value", None);
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(list.unwrap().len(), 2);
        write.unwrap();
        let reads: usize = readers.into_iter().map(|it| it.join().unwrap()).sum();
        let (writes, unknown) = writer.join().unwrap();
        eprintln!("{reads} reads, {writes} writes, {unknown} writes of unknown outcome");
        assert!(reads > 0 && writes > 0);
        assert!(unknown <= 2, "at most the one in flight at each kill");
    });
}
