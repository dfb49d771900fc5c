//! Our side of the comparison with the published Python client: see `run.sh`.
//!
//! `peer-bench vault FOLDER` serves until its input ends. `peer-bench ours` measures our client.
//! `peer-bench start PROGRAM ARGUMENTS` measures a whole process. `peer-bench bare URL AUTHORITY` is one that makes
//! a single request.

#![allow(clippy::unwrap_used, reason = "a benchmark fails loudly")]

mod bare;
mod delay;
mod envelopes;
mod keys;
mod network;
mod ours;
mod start;
mod vault;

use std::env::args;

fn main() {
    let arguments: Vec<_> = args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["vault", folder] => vault::serve(folder.as_ref()),
        ["ours"] => ours::answer(),
        ["bare", url, authority] => bare::request(url, authority.as_ref()),
        ["start", program, ref arguments @ ..] => start::measure(program, arguments),
        _ => {
            eprintln!("run benches/peer/run.sh: this program answers compare.py");
            std::process::exit(2);
        }
    }
}
