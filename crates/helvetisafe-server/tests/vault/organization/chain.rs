use helvetisafe_proto::ErrorCode;
use serde_json::Value;

use super::world::{Person, World, check};

#[test]
fn the_chain_is_read_from_a_number_on() {
    let world = World::new();
    let mut bob = Person::new("Bob", false);
    world.enroll(&mut bob);
    let entries = |from: &str| {
        let path = format!("/api/v1/organization/chain{from}");
        let mut answer = world.get(&path, &bob.token).success(200);
        assert_eq!(answer["has_more"], false);
        answer["entries"].take()
    };
    let all = entries("");
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(entries("?from=0"), all);
    assert_eq!(entries("?from=1"), Value::from(vec![all[1].clone()]));
    for from in ["2", "99999999999999999999"] {
        assert_eq!(entries(&format!("?from={from}")), Value::Array(Vec::new()));
    }
    for from in ["", "-1", "x", "1&from=1"] {
        let path = format!("/api/v1/organization/chain?from={from}");
        check(&world.get(&path, &bob.token), ErrorCode::InvalidQuery);
    }
}

#[test]
fn an_invited_person_reads_the_chain() {
    let world = World::new();
    let invited = world.invitation("Bob", "secrets:read");
    world.invite(&invited).success(200);
    let of_member = world.get("/api/v1/organization/chain", &world.ada.token);
    let of_invited = world.get("/api/v1/join/chain?from=0", &invited.token());
    assert_eq!(of_invited.success(200), of_member.success(200));
    let refused = world.get("/api/v1/join/chain", &world.ada.token);
    check(&refused, ErrorCode::InvalidInvitation);
}
