//! The server is not trusted: each attack, played by a vault that is hostile on purpose, fails; and
//! where the client has a switch for the defence, succeeds against a client without it.
//!
//! | attack | file | switch |
//! |---|---|---|
//! | the ciphertext of one secret for another; an old version | `swapped_secrets` | `allow_unbound`, `require_binding` |
//! | an org key of its own, at once or later | `own_org_key` | `pin_org_key`, `org_key_rotation` |
//! | org keys and private keys that are malformed, weak or a bomb | `bad_credentials` | none |
//! | names that could leave their path | `names` | none |
//! | line breaks, NUL and non-ASCII in tokens | `tokens` | none |
//! | base64 that a lax reader accepts | `strict_base64` | none |
//! | answers that are endless, stalled, truncated, compressed, deep or doubled | `answers` | `body_limits`, `timeouts` |
//! | informational answers without end | `informational` | none |
//! | chunked answers that are mostly framing: trailers, extensions | `framing` | none |
//! | a padding oracle on unwrap | `oracle` | none |
//! | redirects and plain `http://` | `redirects` | none |
//! | proxies | `proxies` | none |
//! | terminal escapes in values or server text | `crates/helvetisafe-cli/tests/command/terminal.rs` | none |

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails loudly, its helpers too"
)]

mod answers;
mod bad_credentials;
mod clients;
mod cost;
mod framing;
mod informational;
mod names;
mod oracle;
mod own_org_key;
mod proxies;
mod redirects;
mod strict_base64;
mod swapped_secrets;
mod tokens;
mod world;
