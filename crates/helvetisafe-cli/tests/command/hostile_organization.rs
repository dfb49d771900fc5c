//! The administration of an organization at a hostile vault: each attack is a switch of the vault's `faults`, and each test
//! names the check that stops it. The table is in `docs/testing.md`.

mod at_once;
mod exposed_keys;
mod interrupted_rotations;
mod long_running;
mod own_request;
mod pinned_key;
mod refused_chain;
mod refused_rotations;
mod repeated_confirmations;
mod replaced_key;
mod rotations_at_once;
mod writes_at_once;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::sync::LazyLock;

use helvetisafe::organization::SigningKey;
use helvetisafe_server::Vault;
use helvetisafe_server::faults::{Attacker, Fault, Faults, Lie, Part, Route, Version};
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::organization::{Organization, command, fails, json, ok};
use crate::world::World;

/// The keys of the vault.
fn attacker() -> &'static Attacker {
    static ATTACKER: LazyLock<Attacker> = LazyLock::new(|| Attacker::generate().unwrap());
    &ATTACKER
}

/// An organization in a vault of its own. `ada` is the folder of its founder.
struct Stage {
    organization: Organization,
    faults: Faults,
    /// It stops when it is dropped.
    _vault: Vault,
}

impl Stage {
    fn new() -> Self {
        let faults = Faults::new();
        let vault = Vault::builder().faults(faults.clone()).start().unwrap();
        let token = vault.new_bootstrap_token().unwrap();
        let (url, token) = (vault.base_url().to_owned(), token.expose_secret());
        Self {
            organization: Organization::founded(World::new(), url, token),
            faults,
            _vault: vault,
        }
    }

    fn ada(&self, line: &str) -> Output {
        self.with("ada", line)
    }

    /// Runs a command with the profile in a folder.
    fn with(&self, folder: &str, line: &str) -> Output {
        let arguments: Vec<_> = line.split(' ').collect();
        self.organization.with(folder, &arguments)
    }

    /// Runs a command with the profile in a folder on another machine, which has a trust memory of its own.
    fn elsewhere(&self, machine: &str, folder: &str, line: &str) -> Output {
        let config = format!("{folder}/config.toml");
        let arguments = ["--config", &config].into_iter().chain(line.split(' '));
        let arguments: Vec<_> = arguments.collect();
        let mut command = command(&self.organization.world, None, &arguments, "");
        let state = self.organization.path(machine);
        command
            .env("HELVETISAFE_STATE_DIR", state)
            .output()
            .unwrap()
    }

    /// Gives another machine the trust memory of this one.
    fn set_up(&self, machine: &str) {
        let folder = self.organization.path(machine);
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
        let file = format!("{machine}/known-vaults.json");
        self.organization
            .world
            .write(&file, &self.remembered(), 0o600);
    }

    /// From now on the answers to a call are lies.
    fn lies(&self, route: Route, lie: Lie) {
        self.faults.on(route).then(Fault::lie(attacker(), lie));
    }

    /// From now on the answers to a call are those from before.
    fn replays(&self, route: Route) {
        self.faults.on(route).then(Fault::replay(Version::Previous));
    }

    /// Runs an attack. It must end with this status and name this check, after an answer was changed. Nothing may be sent but
    /// requests that read, and nothing remembered. Afterwards the vault is honest again.
    fn stops(&self, status: i32, check: &str, attack: impl FnOnce() -> Output) -> String {
        let (remembered, before) = (self.remembered(), self.faults.log().len());
        let output = attack();
        let log = self.faults.log().split_off(before);
        self.faults.clear();
        let messages = fails(&output, status);
        assert!(messages.contains(check), "{check}: {messages}");
        assert!(
            log.iter().any(|seen| seen.fault.is_some()),
            "{check}: {log:?}"
        );
        let mut writes = log
            .iter()
            .filter(|seen| seen.method != "GET" && seen.path != "/oauth/token");
        assert_eq!(writes.next(), None, "{check}");
        assert_eq!(self.remembered(), remembered, "{check}");
        messages
    }

    /// Returns the trust memory.
    fn remembered(&self) -> String {
        let file = self
            .organization
            .path(".local/state/helvetisafe/known-vaults.json");
        fs::read_to_string(file).unwrap()
    }

    /// Returns the members as the command lists them.
    /// Returns the list. It ends with a failure exactly if the vault and the chain differ.
    fn members(&self) -> Vec<Value> {
        let output = self.ada("org members --json");
        let members = json(&String::from_utf8_lossy(&output.stdout));
        let members = members.as_array().unwrap().clone();
        let agrees = |it: &Value| it["state"] == "active" || it["state"] == "disabled";
        let status = if members.iter().all(agrees) { 0 } else { 8 };
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        members
    }

    /// Returns the account of a profile as the trust memory names it.
    fn account(&self, folder: &str) -> String {
        let plan = self.organization.path(&format!("{folder}/account.json"));
        let plan = json(&fs::read_to_string(plan).unwrap());
        format!("client-id {}", plan["client_id"].as_str().unwrap())
    }

    /// Returns the client id of a profile.
    fn client_id(&self, folder: &str) -> String {
        self.account(folder).replace("client-id ", "")
    }

    fn state(&self, name: &str) -> Value {
        let members = self.members();
        let member = members.iter().find(|it| it["name"] == name);
        member.unwrap()["state"].clone()
    }
}

const TAG: &str = "was not made with this invitation, or was changed";
const TERMS: &str = "the sealed secret does not fit the invitation";
const INVITER: &str = "the invitation is not signed by an administrator";
const EPOCH: &str = "the invitation is not of the present epoch";
const EXPIRED: &str = "the invitation expired at 2001-01-01T00:00:00Z";
const OLDER: &str = "the vault has returned to an earlier chain";
const OLDER_THAN_CODE: &str = "the chain is older than one that was seen before";
const FORK: &str = "the vault shows different histories";
const GAP: &str = "an entry of the chain is missing or repeated";
const SIGNER: &str = "signed by a key that was not an administrator's";
const SIGNATURE: &str = "a signature in the chain is not valid";
const ORGANIZATION: &str = "an entry of the chain is of another organization";

/// Checks: `JoinRequest::verify` (tag, inviter), `InvitationSecret::open` (terms), `confirm::open` (epoch), `check_expiry`.
#[test]
fn a_changed_invitation_or_request_is_not_confirmed() {
    let stage = Stage::new();
    for name in ["bob", "eve"] {
        let code = stage.organization.invite(name, "member");
        ok(stage.organization.join(&code, name));
    }
    for (lie, status, check) in [
        (Lie::SwapPublicKey, 8, TAG),
        (Lie::SwapRequests, 8, TAG),
        (Lie::MoreScopes, 8, TERMS),
        (Lie::LaterExpiry, 8, TERMS),
        (Lie::PastExpiry, 3, EXPIRED),
        (Lie::OtherEpoch, 8, EPOCH),
        (Lie::OtherSignature, 8, INVITER),
    ] {
        stage.lies(Route::Invitations, lie);
        stage.stops(status, check, || stage.ada("org confirm bob --yes"));
    }
    for line in ["org confirm bob --yes", "org confirm bob --dry-run"] {
        stage.lies(Route::Invitations, Lie::PastExpiry);
        let text = stage.stops(3, EXPIRED, || stage.ada(line));
        let scopes = "'secrets:read secrets:write secrets:delete secrets:list credentials:read'";
        for advice in [
            "`helvetisafe org withdraw bob --config ada/config.toml`",
            &format!("`helvetisafe org invite --scopes {scopes} bob --config ada/config.toml`"),
        ] {
            assert!(text.contains(advice), "{advice}: {text}");
        }
        assert!(!text.contains("client secret"), "{text}");
    }
    // What is shown before the question is of the same request as what is confirmed.
    let lie = Fault::lie(attacker(), Lie::SwapPublicKey);
    stage.faults.on(Route::Invitations).once().then(lie);
    let words = "the words are not those of the public key";
    stage.stops(8, words, || stage.ada("org confirm bob --yes"));
    ok(stage.ada("org confirm bob --yes"));
    ok(stage.with("bob", "set KEY --generate"));
}

/// Check: `Chain::confirm`.
#[test]
fn a_replayed_invitation_is_not_confirmed() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    stage.replays(Route::Invitations);
    let check = "it is a member or an administrator already";
    stage.stops(6, check, || stage.ada("org confirm bob --yes"));
    // Bob's key was stolen. Ada expects the request of Bob's new key.
    ok(stage.ada("org disable bob --yes"));
    stage.organization.invite("bob", "member");
    let first = Fault::replay(Version::First);
    stage.faults.on(Route::Invitations).then(first);
    stage.stops(6, "was a member before", || {
        stage.ada("org confirm bob --yes")
    });
}

/// Checks: `joining::verify` (id, expiry), `Chain::start` (organization), `Anchor::check` (head), `Chain::append`.
#[test]
fn a_code_does_not_lead_to_another_chain() {
    let stage = Stage::new();
    stage.organization.member("eve", "reader");
    stage.organization.member("joe", "reader");
    let code = stage.organization.invite("bob", "member");
    for (route, lie, status, check) in [
        (
            Route::Invitation,
            Lie::OtherId,
            8,
            "another invitation than that of the code",
        ),
        (Route::Invitation, Lie::PastExpiry, 3, EXPIRED),
        (Route::Invitation, Lie::OtherOrganization, 8, ORGANIZATION),
        (Route::JoinChain, Lie::Invent, 8, FORK),
        (Route::JoinChain, Lie::Withhold(1), 8, OLDER_THAN_CODE),
        (Route::JoinChain, Lie::Omit(1), 8, GAP),
        (Route::JoinChain, Lie::Repeat(1), 8, GAP),
        (Route::JoinChain, Lie::ConfirmItself, 8, SIGNER),
        (Route::JoinChain, Lie::ForgeSignature, 8, SIGNATURE),
    ] {
        stage.lies(route, lie);
        let text = stage.stops(status, check, || stage.organization.join(&code, "bob"));
        assert!(!text.contains("client id and secret"), "{text}");
        assert!(
            !stage.organization.path("bob").exists(),
            "{lie:?} made keys"
        );
    }
    ok(stage.organization.join(&code, "bob"));
}

/// The commands of an administrator.
const COMMANDS: [&str; 6] = [
    "org members",
    "org pending",
    "org invite carol --scopes reader",
    "org confirm joe --yes",
    "org disable eve --yes",
    "org rotate --yes",
];

/// Checks: `Anchor::check` (head), `Chain::append`, and `Trust::anchor` and `Chain::start` for the organization.
#[test]
fn no_command_is_led_to_another_chain() {
    let stage = Stage::new();
    stage.organization.member("bob", "reader");
    stage.organization.member("eve", "reader");
    let code = stage.organization.invite("joe", "reader");
    ok(stage.organization.join(&code, "joe"));
    ok(stage.ada("org disable bob --yes"));
    for (route, lie, check) in [
        (Route::Chain, Lie::Withhold(1), OLDER),
        (Route::Chain, Lie::Invent, FORK),
        (Route::Chain, Lie::Omit(1), GAP),
        (Route::Chain, Lie::Repeat(1), GAP),
        (Route::Chain, Lie::ConfirmItself, SIGNER),
        (Route::Chain, Lie::ForgeSignature, SIGNATURE),
    ] {
        for command in COMMANDS {
            stage.lies(route, lie);
            stage.stops(8, check, || stage.ada(command));
        }
    }
    for command in COMMANDS {
        // A command that follows the chain from the start notices it there.
        let check = match command.starts_with("org rotate") {
            true => ORGANIZATION,
            false => "and the vault states",
        };
        stage.lies(Route::Account, Lie::OtherOrganization);
        stage.stops(8, check, || stage.ada(command));
    }
    ok(stage.ada("org confirm joe --yes"));
}

/// The vault says that it disabled Bob, and then shows the chain as it was, or as another administrator continued it. Check:
/// `Anchor::check`, with the head that the command remembers.
#[test]
fn a_disable_that_the_vault_only_pretends_to_store_is_noticed() {
    let stage = Stage::new();
    stage.organization.member("bob", "reader");
    stage.organization.member("eve", "reader");
    stage.organization.member("grace", "administrator");
    stage.set_up("machine");
    stage
        .faults
        .on(Route::Disable)
        .once()
        .then(Fault::pretend());
    ok(stage.ada("org disable bob --yes"));
    for command in ["org members", "org rotate --yes"] {
        let messages = fails(&stage.ada(command), 8);
        assert!(messages.contains(OLDER), "{messages}");
    }
    let remembered = stage.remembered();
    // On another machine, which has not seen the entry.
    let grace = |line: &str| stage.elsewhere("machine", "grace", line);
    ok(grace("org disable eve --yes"));
    let messages = fails(&stage.ada("org members"), 8);
    assert!(messages.contains(FORK), "{messages}");
    assert_eq!(stage.remembered(), remembered);
}

/// Check: `members::compare` in `org members`, and `rotate::verified` before a rotation wraps anything.
#[test]
fn an_account_that_the_chain_does_not_have_gets_nothing() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    for (lie, states) in [
        (Lie::AddMember, vec!["active", "active", "unproven"]),
        (Lie::SwapPublicKey, vec!["other-key", "other-key"]),
        (Lie::OmitMember, vec!["active", "hidden"]),
        (Lie::SwapNames, vec!["other-name", "other-name"]),
    ] {
        stage.lies(Route::Members, lie);
        let mut found: Vec<_> = stage
            .members()
            .iter()
            .map(|it| it["state"].to_string())
            .collect();
        found.sort();
        let states: Vec<_> = states.iter().map(|it| format!("\"{it}\"")).collect();
        assert_eq!(found, states, "{lie:?}");
        let check = "the vault and the chain do not agree about";
        let text = stage.stops(8, check, || stage.ada("org rotate --yes"));
        let is_named = text.contains("about `ada` (the account `hs_")
            || text.contains("about `bob` (the account `hs_");
        assert_ne!(is_named, lie == Lie::AddMember, "{text}");
    }
    ok(stage.ada("org disable bob --yes"));
    stage.replays(Route::Members);
    assert_eq!(stage.state("bob"), "unproven");
    let check = "the vault and the chain do not agree about `bob` (the account";
    stage.stops(8, check, || stage.ada("org rotate --yes"));
}

/// The vault gives Mallory and Bob each other's name. Check: `org disable` finds the name in the chain.
#[test]
fn a_disabled_name_is_that_of_the_chain() {
    let stage = Stage::new();
    stage.organization.member("mallory", "member");
    stage.organization.member("bob", "member");
    stage.lies(Route::Members, Lie::SwapNames);
    ok(stage.ada("org disable mallory --yes"));
    stage.faults.clear();
    assert_eq!(stage.state("mallory"), "disabled");
    assert_eq!(stage.state("bob"), "active");
    ok(stage.with("bob", "list"));
    fails(&stage.with("mallory", "list"), 3);
    let messages = fails(&stage.ada("org disable mallory --yes"), 6);
    assert!(messages.contains("was disabled already"), "{messages}");
}

/// Checks: `OrgKeys::confirm_by`, when the command connects; `Anchor::check` (head) for an old chain.
#[test]
fn an_org_key_of_the_vault_and_an_old_one_are_refused() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    ok(stage.ada("set KEY --generate"));
    let commands = [
        "get KEY",
        "set KEY --generate",
        "org rotate --yes",
        "org invite carol --scopes reader",
    ];
    for command in commands {
        stage.lies(Route::OrgKey, Lie::OwnOrgKey);
        stage.stops(8, "the signed chain does not confirm it", || {
            stage.ada(command)
        });
    }
    ok(stage.ada("org rotate --yes"));
    let value = ok(stage.ada("get KEY"));
    for command in commands {
        stage.lies(Route::OrgKey, Lie::OldOrgKey);
        stage.stops(8, "the signed chain does not confirm it", || {
            stage.ada(command)
        });
        stage.replays(Route::OrgKey);
        stage.lies(Route::Chain, Lie::Withhold(1));
        stage.stops(8, OLDER, || stage.ada(command));
    }
    assert_eq!(ok(stage.ada("get KEY")), value);
    // Another number for the same key changes nothing in what is sealed and wrapped.
    stage.lies(Route::OrgKey, Lie::OtherEpoch);
    assert_eq!(ok(stage.ada("get KEY")), value);
    let code = stage.organization.invite("dora", "member");
    ok(stage.organization.join(&code, "dora"));
    ok(stage.ada("org confirm dora --yes"));
    stage.faults.clear();
    assert_eq!(ok(stage.with("dora", "get KEY")), value);
}

/// A thief of the code joins first. Check: the words.
#[test]
fn a_thief_of_the_code_is_noticed_by_the_invited_person_and_by_the_words() {
    let stage = Stage::new();
    let code = stage.organization.invite("bob", "member");
    ok(stage.organization.join(&code, "thief"));
    let messages = fails(&stage.organization.join(&code, "bob"), 6);
    assert!(
        messages.contains("another person has the code"),
        "{messages}"
    );
    assert!(
        !stage
            .organization
            .path("bob")
            .join("private-key.pem")
            .exists()
    );
    let others = "abacus abdomen abdominal abide abiding ability ablaze able";
    let by_words = ["org", "confirm", "bob", "--fingerprint", others];
    let messages = fails(&stage.organization.with("ada", &by_words), 8);
    assert!(
        messages.contains("another person may have used the code"),
        "{messages}"
    );
    assert_eq!(stage.faults.count(Route::Confirm), 0);
    ok(stage.ada("org withdraw bob"));
    let code = stage.organization.invite("bob", "member");
    ok(stage.organization.join(&code, "bob"));
    ok(stage.ada("org confirm bob --yes"));
    fails(&stage.with("thief", "list"), 3);
}

/// The head of another credential is that of a chain which the configured key did not sign. Check: `Trust::own`.
#[test]
fn a_configured_verification_key_comes_before_the_head_of_another_credential() {
    let stage = Stage::new();
    stage.organization.member("eve", "reader");
    let mut known = json(&stage.remembered());
    let vaults = known["vaults"].as_array_mut().unwrap();
    let org_key = vaults[0]["fingerprint"].as_str().unwrap().to_owned();
    vaults.retain(|it| it["account"] != stage.account("ada"));
    for vault in vaults {
        vault["organization"]["head"]["hash"] = "00".repeat(32).into();
    }
    stage.set_up("machine");
    let file = "machine/known-vaults.json";
    let world = &stage.organization.world;
    world.write(file, &known.to_string(), 0o600);
    let line = format!("org members --org-key-fingerprint {org_key}");
    ok(stage.elsewhere("machine", "ada", &line));
    // The account whose head it is notices it.
    let messages = fails(&stage.elsewhere("machine", "eve", "account show"), 8);
    assert!(messages.contains(FORK), "{messages}");
}

/// The remembered head of the same credential only extends it. Checks: `Trust::own`, `Trust::check_extends`.
#[test]
fn another_configured_verification_key_has_to_have_signed_the_chain() {
    let stage = Stage::new();
    stage.organization.member("eve", "reader");
    stage.organization.member("grace", "administrator");
    let pem = fs::read_to_string(stage.organization.path("grace/signing-key.pem")).unwrap();
    let key = SigningKey::from_pem(&pem).unwrap().verification_key();
    for command in ["org members", "org rotate --yes", "account show"] {
        let command = format!("{command} --verification-key {key}");
        let messages = fails(&stage.ada(&command), 8);
        let check = "the trusted verification key signed no entry of the chain";
        assert!(messages.contains(check), "{messages}");
    }
    ok(stage.with("grace", "org disable eve --yes"));
    ok(stage.ada("org rotate --yes"));
    // The first command with the new org key remembers its number.
    ok(stage.ada("account show"));
    let line = format!("org members --verification-key {key}");
    stage.lies(Route::Chain, Lie::Withhold(1));
    stage.stops(8, OLDER, || stage.ada(&line));
    ok(stage.ada(&line));
    // It is remembered, so its head stands for it.
    ok(stage.ada(&line));
}

/// A limit, section "What this does not stop" of `docs/organization-keys.md`. A new machine has a verification key alone.
#[test]
fn a_frozen_chain_is_accepted_at_first_contact() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    let seen = stage.state("bob");
    ok(stage.ada("org disable bob --yes"));
    let elsewhere = |line: &str| stage.elsewhere("machine", "ada", line);
    stage.lies(Route::Chain, Lie::Withhold(1));
    stage.replays(Route::Members);
    let frozen = json(&ok(elsewhere("org members --json")));
    let members = frozen.as_array().unwrap();
    let bob = members.iter().find(|it| it["name"] == "bob").unwrap();
    assert_eq!(bob["state"], seen);
    // The machine that has seen the newer entry detects it, and the new one as soon as it sees it.
    let messages = fails(&stage.ada("org members"), 8);
    assert!(messages.contains(OLDER), "{messages}");
    stage.faults.clear();
    ok(elsewhere("org members"));
    stage.lies(Route::Chain, Lie::Withhold(1));
    let messages = fails(&elsewhere("org members"), 8);
    assert!(messages.contains(OLDER), "{messages}");
}
