//! The command against a real vault: transcripts, a real terminal, and forbidden outcomes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

#[cfg(unix)]
mod administration;
#[cfg(unix)]
mod advice;
mod agent;
#[cfg(unix)]
mod agent_errors;
#[cfg(unix)]
mod agent_offline;
#[cfg(unix)]
mod audit;
#[cfg(unix)]
mod changing_vault;
#[cfg(unix)]
mod clipboard;
#[cfg(unix)]
mod completion;
#[cfg(unix)]
mod connection;
mod copy_and_move;
mod doctor;
#[cfg(unix)]
mod doctor_administrator;
mod documented_options;
#[cfg(target_os = "linux")]
mod dumpable;
#[cfg(unix)]
mod edit;
#[cfg(unix)]
mod eval;
#[cfg(unix)]
mod file_permissions;
#[cfg(unix)]
mod first_contact;
#[cfg(unix)]
mod folder_settings;
#[cfg(unix)]
mod followed_rotation;
#[cfg(unix)]
mod hostile_organization;
#[cfg(unix)]
mod hostile_text;
#[cfg(unix)]
mod hostile_vault;
mod import;
mod inject;
#[cfg(unix)]
mod interrupted_administration;
mod json_value;
#[cfg(unix)]
mod keep_token;
#[cfg(unix)]
mod key_source;
mod layers;
#[cfg(unix)]
mod life;
#[cfg(unix)]
mod locks;
#[cfg(target_os = "linux")]
mod lost_results;
#[cfg(unix)]
mod neighbours;
#[cfg(unix)]
mod next_step;
#[cfg(unix)]
mod offline;
#[cfg(unix)]
mod organization;
#[cfg(unix)]
mod output_file;
#[cfg(unix)]
mod own_account;
mod prefetch;
#[cfg(unix)]
mod process_group;
#[cfg(unix)]
mod project;
mod published_agent;
#[cfg(unix)]
mod restored_vault;
#[cfg(unix)]
mod rotate;
#[cfg(unix)]
mod rotation_dry_run;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod running_first_contact;
#[cfg(unix)]
mod state_folder;
mod streams;
#[cfg(unix)]
mod suggest;
#[cfg(all(unix, feature = "kubernetes"))]
mod sync;
#[cfg(all(feature = "systemd", target_os = "linux"))]
mod systemd;
mod terminal;
#[cfg(unix)]
mod timeout;
#[cfg(unix)]
mod tour;
mod transcript;
mod trust;
#[cfg(unix)]
mod verification_key;
#[cfg(unix)]
mod watch;
mod words;
mod world;
mod write;
