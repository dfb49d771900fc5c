//! Several nodes of one vault: what their clients see is what one vault would have answered.

mod checker;
mod checker_tests;
mod history;
