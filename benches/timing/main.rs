//! Measures if the time of an operation depends on its input, with dudect (Reparaz, Balasch, Verbauwhede,
//! "Dude, is my code constant time?", DATE 2017).
//!
//! ```text
//! cargo bench -p helvetisafe-benches --bench timing -- [SAMPLES [NAME]]
//! ```
//!
//! Each comparison takes SAMPLES (100 000) measurements of two classes of input in random order and
//! prints the largest |t| of Welch's test over 100 croppings. Below 4.5 there is no evidence of a
//! difference. NAME selects the comparisons whose names contain it. The exit status is 1 if a comparison
//! without an expected difference shows one, or if the leak of the self-check is not noticed.

#![allow(clippy::unwrap_used, reason = "a measurement fails loudly")]

mod compare;
mod key;
mod server;
mod unwrap;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use compare::{Comparison, Expected, time};

/// Above it, dudect calls a difference evident.
const EVIDENT: f64 = 4.5;

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let mut arguments = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let samples = arguments
        .next()
        .map_or(100_000, |text| text.parse().unwrap());
    let wanted = arguments.next().unwrap_or_default();
    let all = [
        self_check(),
        unwrap::comparisons(),
        key::comparisons(),
        server::comparisons(),
    ];
    let mut is_fine = true;
    for comparison in all
        .into_iter()
        .flatten()
        .filter(|one| one.name.contains(&wanted))
    {
        let (name, expected) = (comparison.name, comparison.expected);
        let outcome = comparison.run(samples);
        let verdict = match (expected, outcome.t > EVIDENT) {
            (Expected::Alike, false) => "alike",
            (Expected::Alike, true) => "DIFFERENT",
            (Expected::Different, true) => "different, by design",
            (Expected::Different, false) => "not told apart",
            (Expected::Leak, true) => "noticed",
            (Expected::Leak, false) => "NOT NOTICED",
        };
        is_fine &= verdict.contains(char::is_lowercase);
        println!("{name:62} {outcome} {verdict}");
    }
    if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A comparison of bytes that ends at the first difference, as a comparison of secrets must not.
fn self_check() -> Vec<Comparison> {
    let secret = vec![7_u8; 512];
    let differing_at = |at: usize| {
        let mut guess = secret.clone();
        guess[at] ^= 1;
        guess
    };
    let guesses = [differing_at(0), differing_at(511)];
    let leaky = move |is_second: bool| {
        let guess = guesses[usize::from(is_second)].clone();
        let is_same = |(a, b): &(&u8, &u8)| black_box(a == b);
        time(|| guess.iter().zip(&secret).take_while(is_same).count())
    };
    vec![Comparison::new(
        "self-check: a leaky comparison, first or last byte",
        Expected::Leak,
        leaky,
    )]
}
